"""SparseEncoder: weights against FlagEmbedding's, and shapes and arithmetic against a SparseEncoder of
sentence-transformers, of another model, for it has none with BGE-M3's head."""

import copy
import inspect
import pickle
from typing import Any

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator
from sentence_transformers.util import SimilarityFunction
from texts import golden_texts
from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForMaskedLM

TEXTS = ["how to bake bread", "bread is baked in an oven, bread", "東京は日本の首都です。", "", "word " * 50]
NAMES = ("dot", "cosine", "euclidean", "manhattan")


@pytest.fixture(scope="module")
def ours(nano) -> bgem3.SparseEncoder:
    return bgem3.SparseEncoder(nano, device="cpu")


@pytest.fixture(scope="module")
def theirs(nano, tmp_path_factory) -> SparseEncoder:
    """SPLADE with random weights and the tokenizer of `nano`."""
    directory = tmp_path_factory.mktemp("splade")
    tokenizer = AutoTokenizer.from_pretrained(nano)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=514, **sizes)
    XLMRobertaForMaskedLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return SparseEncoder(str(directory), device="cpu")


@pytest.fixture(scope="module")
def flag(nano) -> FlagEmbedding.BGEM3FlagModel:
    return FlagEmbedding.BGEM3FlagModel(str(nano), use_fp16=False, devices="cpu")


def weights_of(vector: torch.Tensor) -> dict[int, float]:
    found = vector.coalesce() if vector.is_sparse else vector.to_sparse()
    return dict(zip(found.indices()[0].tolist(), found.values().tolist(), strict=True))


def expect_weights(flag: Any, vectors: Any, texts: list[str], **options: Any) -> None:
    """As FlagEmbedding's. Its weights are above zero, and one of 0 is none."""
    expected = flag.encode(texts, return_sparse=True, return_dense=False, **options)["lexical_weights"]
    assert len(vectors) == len(expected)
    for vector, weights in zip(vectors, expected):
        assert weights_of(vector) == pytest.approx({int(token): float(w) for token, w in weights.items()}, abs=1e-5)


# encode


def test_weights(ours, flag):
    texts = [*TEXTS, *golden_texts()[::100]]
    expect_weights(flag, ours.encode(texts), texts)
    expect_weights(flag, ours.encode(texts, batch_size=3), texts)


def test_max_seq_length(nano, flag):
    model = bgem3.SparseEncoder(nano, device="cpu", tokenizer_kwargs={"model_max_length": 16})
    expect_weights(flag, model.encode(TEXTS), TEXTS, max_length=16)
    model.max_seq_length = 7
    expect_weights(flag, model.encode(TEXTS), TEXTS, max_length=7)


def test_prompts(nano, flag):
    given = {"query": "Q: ", "passage": "P: ", "document": "D: "}
    model = bgem3.SparseEncoder(nano, device="cpu", prompts=given, default_prompt_name="passage")
    for found, prompt in (
        (model.encode(TEXTS), "P: "),
        (model.encode_query(TEXTS), "Q: "),
        (model.encode_document(TEXTS), "D: "),
        (model.encode_document(TEXTS, "query"), "Q: "),
        (model.encode(TEXTS, prompt="X: "), "X: "),
        (model.encode_query(TEXTS, prompt=""), ""),
    ):
        expect_weights(flag, found, [prompt + text for text in TEXTS])


LAYOUTS = [
    {},
    {"convert_to_tensor": False},
    {"convert_to_sparse_tensor": False},
    {"convert_to_tensor": False, "convert_to_sparse_tensor": False},
    {"save_to_cpu": True, "show_progress_bar": False, "batch_size": 2, "chunk_size": 3, "task": "query"},
]


@pytest.mark.parametrize("options", LAYOUTS, ids=str)
@pytest.mark.parametrize("inputs", [TEXTS, TEXTS[:1], TEXTS[0], tuple(TEXTS), np.array(TEXTS)], ids=type)
def test_layouts(ours, theirs, inputs, options):
    mine, other = (model.encode(inputs, **options) for model in (ours, theirs))
    assert type(mine) is type(other)
    pairs = list(zip(mine, other, strict=True)) if isinstance(other, list) else [(mine, other)]
    for a, b in pairs:
        assert (a.dtype, a.layout, a.shape, a.device) == (b.dtype, b.layout, b.shape, b.device)
        assert not a.requires_grad
    assert torch.equal(torch.stack([a.to_dense() for a, _ in pairs]), _dense(ours.encode(sentences=inputs, **options)))


def _dense(found: Any) -> torch.Tensor:
    if isinstance(found, list):
        return torch.stack([vector.to_dense() for vector in found])
    return found.to_dense().unsqueeze(0)


def test_no_texts(ours, theirs):
    assert ours.encode([]).shape == (0, ours.get_embedding_dimension())
    assert ours.encode([], convert_to_tensor=False) == theirs.encode([], convert_to_tensor=False) == []
    assert ours.encode([]).layout == theirs.encode([]).layout


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_max_active_dims(nano, ours, most):
    everything = ours.encode(TEXTS, convert_to_sparse_tensor=False)
    expected = torch.zeros_like(everything)
    largest = torch.topk(everything, min(most, everything.shape[1]), dim=1)
    expected.scatter_(1, largest.indices, largest.values)
    model = bgem3.SparseEncoder(nano, device="cpu", max_active_dims=most)
    for found in (ours.encode(TEXTS, max_active_dims=most), model.encode(TEXTS)):
        assert torch.equal(found.to_dense(), expected)
    assert torch.equal(model.encode(TEXTS, max_active_dims=2000).to_dense(), everything)


# What encode() gave


def forms(vectors: torch.Tensor) -> dict[str, Any]:
    """One matrix in the layouts and types that a program may have it in."""
    rows = [vectors[i] for i in range(len(vectors))]
    dense = vectors.to_dense()
    return {"sparse": vectors, "list": rows, "dense": dense, "array": dense.numpy(), "arrays": list(dense.numpy())}


@pytest.mark.parametrize("name", NAMES)
def test_similarity(ours, theirs, name, monkeypatch):
    for model in (ours, theirs):
        monkeypatch.setattr(model, "similarity_fn_name", name)
    vectors = ours.encode(TEXTS)
    for first in forms(vectors).values():
        for second in forms(vectors).values():
            for method in ("similarity", "similarity_pairwise"):
                mine, other = (getattr(model, method)(first, second) for model in (ours, theirs))
                assert (mine.dtype, mine.layout, mine.shape) == (other.dtype, other.layout, other.shape)
                assert torch.allclose(mine, other, atol=2e-3 if name == "euclidean" else 1e-5)
    for method, shape in (("similarity", (1, len(TEXTS))), ("similarity_pairwise", ())):
        second = vectors if shape else vectors[1]
        mine, other = (getattr(model, method)(vectors[0], second) for model in (ours, theirs))
        assert mine.shape == other.shape == shape and torch.allclose(mine, other, atol=2e-3)


def test_similarity_of_flagembedding(ours, flag):
    found = ours.similarity(ours.encode_query(TEXTS[:1]), ours.encode_document(TEXTS))
    weights = flag.encode(TEXTS, return_sparse=True, return_dense=False)["lexical_weights"]
    expected = [flag.compute_lexical_matching_score(weights[0], each) for each in weights]
    assert found[0].tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_manhattan_in_parts(ours, monkeypatch):
    vectors = ours.encode(TEXTS)
    dense = vectors.to_dense()
    monkeypatch.setattr("bgem3._sentence.sparse_similarity._CELLS_MAX", 30)
    monkeypatch.setattr(ours, "similarity_fn_name", "manhattan")
    assert torch.allclose(ours.similarity(vectors, vectors), -torch.cdist(dense, dense, p=1.0), atol=1e-5)


def test_sparsity(ours, theirs):
    vectors = ours.encode(TEXTS)
    for given in (vectors, vectors[0], vectors.to_dense(), vectors[3], torch.zeros(0, 5), torch.zeros(3, 5)):
        assert ours.sparsity(given) == pytest.approx(theirs.sparsity(given))


def test_intersection(ours, theirs):
    vectors = ours.encode(TEXTS)
    for second in (vectors, vectors[1], vectors.to_dense(), -vectors.to_dense()[1]):
        mine, other = (model.intersection(vectors[0], second) for model in (ours, theirs))
        assert mine.layout == other.layout and mine.shape == other.shape
        assert torch.equal(mine.to_dense(), other.to_dense())
        assert (mine.coalesce().values() > 0).all()


@pytest.mark.parametrize("top_k", [None, 1, 3, 10_000])
def test_decode(ours, theirs, top_k):
    vectors = ours.encode(TEXTS)
    for given in (vectors, vectors[0], vectors.to_dense(), vectors[3], vectors.to_dense()[3:4]):
        mine, other = (model.decode(given, top_k) for model in (ours, theirs))
        assert mine == other


def test_similarity_fn_name(ours, theirs):
    for value in (None, "cosine", SimilarityFunction.DOT, SimilarityFunction.EUCLIDEAN, None):
        ours.similarity_fn_name = theirs.similarity_fn_name = value
        assert ours.similarity_fn_name == theirs.similarity_fn_name


# What it is


def test_signatures():
    for name in ("encode", "similarity", "similarity_pairwise", "sparsity", "intersection", "decode"):
        mine, other = (
            [each for each in inspect.signature(getattr(kind, name)).parameters if each != "kwargs"]
            for kind in (bgem3.SparseEncoder, SparseEncoder)
        )
        assert mine[: len(other)] == other


def test_attributes(ours, theirs):
    assert ours.get_embedding_dimension() == theirs.get_embedding_dimension()
    assert ours.get_sentence_embedding_dimension() == theirs.get_sentence_embedding_dimension()
    assert ours.prompts == theirs.prompts
    assert ours.max_active_dims is theirs.max_active_dims is None
    features = [model.tokenize(TEXTS) for model in (ours, theirs)]
    assert all(torch.equal(features[0][key], features[1][key]) for key in ("input_ids", "attention_mask"))


def test_calls_that_programs_make(nano, ours):
    expected = ours.encode(TEXTS).to_dense()
    with bgem3.SparseEncoder(nano, device="cpu") as model:
        pool = model.start_multi_process_pool(["cpu", "cpu"])
        for found in (
            model.eval().to("cpu").encode(TEXTS, pool=pool),
            model.encode(TEXTS, device=["cpu", "cpu"]),
            pickle.loads(pickle.dumps(model)).encode(TEXTS),
            copy.copy(model).encode(TEXTS),
        ):
            assert torch.allclose(found.to_dense(), expected, atol=1e-5)
    with pytest.raises(RuntimeError, match="closed"):
        model.encode(TEXTS)


def test_evaluator(ours):
    evaluator = SparseInformationRetrievalEvaluator(
        {"q": TEXTS[1], "r": TEXTS[2]},
        {str(i): text for i, text in enumerate(TEXTS)},
        {"q": {"1"}, "r": {"2"}},
        accuracy_at_k=[1],
        precision_recall_at_k=[1],
        mrr_at_k=[1],
        ndcg_at_k=[1],
        map_at_k=[1],
        write_csv=False,
    )
    metrics = ours.evaluate(evaluator)
    assert metrics["dot_accuracy@1"] == 1.0 and metrics["corpus_active_dims"] > 1


# What is refused


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda m: m.encode(5), TypeError, "inputs should be a str or a list of str"),
        (lambda m: m.encode({"a": "b"}), TypeError, "dict"),
        (lambda m: m.encode(TEXTS, sentences=TEXTS), TypeError, "names of one argument"),
        (lambda m: m.encode(TEXTS, convert_to_numpy=True), TypeError, "'convert_to_numpy'"),
        (lambda m: m.encode(TEXTS, max_active_dims=0), ValueError, "max_active_dims .*0"),
        (lambda m: m.encode(TEXTS, batch_size=0), ValueError, "batch_size .*0"),
        (lambda m: m.encode(TEXTS, prompt_name="nope"), ValueError, "'nope'"),
        (lambda m: m.decode([1.0]), TypeError, "list"),
        (lambda m: m.decode(torch.zeros(5), top_k=0), ValueError, "top_k .*0"),
        (lambda m: m.decode(torch.zeros(1, 2, 3)), ValueError, r"\[1, 2, 3\]"),
        (lambda m: m.sparsity(np.zeros(3)), TypeError, "ndarray"),
        (lambda m: m.intersection(torch.zeros(2, 3), torch.zeros(3)), ValueError, r"\[2, 3\]"),
        (lambda m: m.intersection(torch.zeros(3), torch.zeros(4)), ValueError, r"\[3\] and \[4\]"),
        (lambda m: setattr(m, "similarity_fn_name", "maxsim"), ValueError, "'maxsim'"),
    ],
)
def test_refused_calls(ours, call, error, message):
    with pytest.raises(error, match=message):
        call(ours)


def test_refused_arguments(nano, e5_small, nano_reranker):
    with pytest.raises(bgem3.BadModelError, match=r"no sparse head .*SparseEncoder .*EmbeddingModel"):
        bgem3.SparseEncoder(e5_small, device="cpu")
    with pytest.raises(bgem3.BadModelError, match="Reranker"):
        bgem3.SparseEncoder(nano_reranker, device="cpu")
    with pytest.raises(ValueError, match="max_active_dims .*-1"):
        bgem3.SparseEncoder(nano, max_active_dims=-1)
    with pytest.raises(TypeError, match="SparseEncoder .*'truncate_dim'"):
        bgem3.SparseEncoder(nano, truncate_dim=3)
