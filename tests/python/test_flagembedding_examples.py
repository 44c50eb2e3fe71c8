"""What FlagEmbedding's inference examples and tests for M3 do, through both packages: the import is all that differs.

After examples/inference/embedder/encoder_only/{m3,auto_m3,base}_*.py and tests/test_infer_*_basic.py of its repository;
devices are "cpu", and models are those at hand.
"""

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch

QUERIES = ["What is BGE M3?", "Defination of BM25"]
PASSAGES = [
    "BGE M3 is an embedding model supporting dense retrieval, lexical matching and multi-vector interaction.",
    "BM25 is a bag-of-words retrieval function that ranks documents by the query terms that appear in each of them.",
]
MANY = 20  # of each: several batches
TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}


def both(program, *arguments, **options) -> tuple:
    return tuple(program(package, *arguments, **options) for package in (bgem3, FlagEmbedding))


def cross_scores(model) -> dict[str, np.ndarray]:
    """Every query with every passage, by dense vectors and by lexical weights."""
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": False}
    queries, passages = model.encode_queries(QUERIES * MANY, **kinds), model.encode_corpus(PASSAGES * MANY, **kinds)
    return {
        "dense": queries["dense_vecs"] @ passages["dense_vecs"].T,
        "sparse": model.compute_lexical_matching_score(queries["lexical_weights"], passages["lexical_weights"]),
    }


def check_scores(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    for kind in theirs:
        assert type(ours[kind]) is type(theirs[kind])
        assert np.shape(ours[kind]) == np.shape(theirs[kind])
        np.testing.assert_allclose(ours[kind], theirs[kind], **TOLERANCE)


def m3(package, directory, **options):
    return package.BGEM3FlagModel(
        str(directory), normalize_embeddings=True, use_fp16=False, devices="cpu", pooling_method="cls", **options
    )


def test_m3_single_device(nano):
    check_scores(*both(lambda package: cross_scores(m3(package, nano))))


def test_m3_loaded_by_its_kind(nano):
    def program(package):
        return cross_scores(
            package.FlagAutoModel.from_finetuned(
                str(nano), model_class="encoder-only-m3", use_fp16=False, devices="cpu", cache_dir=None
            )
        )

    check_scores(*both(program))


def test_m3_loaded_by_its_name(nano, tmp_path):
    directory = tmp_path / "bge-m3"
    directory.symlink_to(nano)
    check_scores(
        *both(
            lambda package: cross_scores(
                package.FlagAutoModel.from_finetuned(str(directory), use_fp16=False, devices="cpu")
            )
        )
    )


def test_m3_compute_score(nano):
    def program(package):
        model = m3(package, nano)
        # One length in a batch: FlagEmbedding's ColBERT score takes padding into account otherwise.
        pairs = [(QUERIES[0], PASSAGES[0])] * MANY
        crossed = [(QUERIES[1], PASSAGES[0])] * MANY
        weights = [1.0, 0.3, 1.0]
        first = model.compute_score(pairs, weights_for_different_modes=weights)
        second = model.compute_score(crossed, weights_for_different_modes=weights)
        return {**first, **{f"crossed {kind}": values for kind, values in second.items()}}

    check_scores(*both(program))


def pad(vectors: list[np.ndarray]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(rows, dtype=torch.float) for rows in vectors], batch_first=True
    )


def test_m3_ensemble(nano):
    """All three kinds, taken apart by hand."""

    def program(package):
        model = m3(package, nano)
        kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
        queries, passages = model.encode_queries(QUERIES * MANY, **kinds), model.encode_corpus(PASSAGES * MANY, **kinds)
        dense = torch.tensor(queries["dense_vecs"]) @ torch.tensor(passages["dense_vecs"]).T
        sparse = model.compute_lexical_matching_score(queries["lexical_weights"], passages["lexical_weights"])
        tokens = torch.einsum("qrd,pcd->qprc", pad(queries["colbert_vecs"]), pad(passages["colbert_vecs"]))
        colbert = tokens.max(dim=3).values.sum(dim=2)
        mixed = 0.45 * dense + 0.45 * torch.tensor(sparse, dtype=torch.float) + 0.1 * colbert
        return {"dense": dense, "colbert": colbert, "mixed": mixed}

    check_scores(*both(program))


@pytest.mark.slow
def test_m3_multi_devices(nano):
    """FlagEmbedding starts a process for each device, bgem3 does not."""

    def load(package):
        return package.BGEM3FlagModel(str(nano), use_fp16=False, devices=["cpu", "cpu"], pooling_method="cls")

    def vectors(package):
        model = load(package)
        scores = cross_scores(model)
        model.stop_self_pool()
        return scores

    def pair_scores(package):
        # A model of its own: after encode(), FlagEmbedding's cannot be sent to processes again.
        scores = load(package).compute_score(list(zip(QUERIES * MANY, PASSAGES * MANY)))
        return {kind: scores[kind] for kind in ("dense", "sparse")}

    check_scores(*both(vectors))
    check_scores(*both(pair_scores))


def base_scores(model) -> dict[str, np.ndarray]:
    queries = ["What is the capital of France?", "What is the population of China?"]
    passages = ["Paris is the capital of France.", "The population of China is over 1.4 billion people."]
    return {"dense": model.encode_queries(queries * MANY) @ model.encode_corpus(passages * MANY).T}


def test_base_single_device(e5_small):
    def program(package):
        return base_scores(
            package.FlagModel(
                str(e5_small),
                query_instruction_for_retrieval="query: ",
                query_instruction_format="{}{}",
                use_fp16=False,
                devices="cpu",
                pooling_method="mean",
            )
        )

    ours, theirs = both(program)
    check_scores(ours, theirs)
    assert ours["dense"][:2, :2].argmax(1).tolist() == [0, 1]


def test_base_loaded_by_its_name(e5_small, tmp_path):
    directory = tmp_path / "multilingual-e5-small"
    directory.symlink_to(e5_small)
    check_scores(
        *both(
            lambda package: base_scores(
                package.FlagAutoModel.from_finetuned(str(directory), use_fp16=False, devices="cpu")
            )
        )
    )


def test_embedder_basic(e5_small):
    def program(package):
        model = package.FlagModel(str(e5_small), use_fp16=False, devices="cpu", pooling_method="mean")
        one, other = model.encode(PASSAGES[0]), model.encode(QUERIES[0])
        return {"one": one, "other": other, "both": model.encode([PASSAGES[0], QUERIES[0]]), "cosine": [one @ other]}

    ours, theirs = both(program)
    check_scores(ours, theirs)
    assert ours["one"].ndim == 1 and ours["both"].ndim == 2
    assert 0.5 < ours["cosine"][0] <= 1


def test_model_class_that_is_no_encoder(nano):
    with pytest.raises(ValueError, match="decoder-only-base"):
        bgem3.FlagAutoModel.from_finetuned(str(nano), model_class="decoder-only-base")
    with pytest.raises(OSError, match="from_finetuned"):
        bgem3.FlagAutoModel()
