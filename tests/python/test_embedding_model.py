"""EmbeddingModel against sentence-transformers, and FlagModel against FlagEmbedding's, on many layouts."""

import inspect
import json
import pathlib
from collections.abc import Callable
from typing import Any

import bgem3
import FlagEmbedding
import layouts
import numpy as np
import pytest
import torch
from pair import same_array
from sentence_models import Models, same
from sentence_transformers import SentenceTransformer
from texts import translations

TEXTS = [
    "how to bake bread",
    "  spaces before, a tab\there and a line end\n",
    "東京は日本の首都です。",
    "",
    "\u3000",
    "مرحبا بالعالم",
    "word " * 200,  # beyond max_seq_length in most layouts
]
PROMPTS = {"query": "query: ", "passage": "passage: ", "lines": "Instruct: find\nQuery: "}


@pytest.fixture(scope="module")
def make(nano, tmp_path_factory) -> Callable[..., pathlib.Path]:
    """make(kind, pooling, …): a directory of that kind with a pipeline; without `pooling` it has no modules.json."""

    def make_one(kind: Callable = layouts.xlm_roberta, pooling: str | None = None, **options: Any) -> pathlib.Path:
        out = kind(nano, tmp_path_factory.mktemp("model"))
        return out if pooling is None else layouts.pipeline(out, pooling, **options)

    return make_one


@pytest.fixture(scope="module")
def models(make) -> Models:
    """With prompts, and a vector length that is not one."""
    return Models.load(make(pooling="mean", normalize=False, stated={"prompts": PROMPTS, "default_prompt_name": None}))


# Layouts


def slow(value: object) -> object:
    """A parameter whose combinations are left to the slow run."""
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.mark.parametrize("kind", [layouts.xlm_roberta, slow(layouts.masked_language_model), slow(layouts.bert)])
@pytest.mark.parametrize("pooling", [slow("cls"), "mean"])
@pytest.mark.parametrize("normalize", [slow(True), False], ids=["normalized", "raw"])
def test_layout(make, kind, pooling, normalize):
    both = Models.load(make(kind, pooling, normalize=normalize))
    both.compare(TEXTS)
    for name in ("prompts", "default_prompt_name", "max_seq_length", "truncate_dim", "similarity_fn_name"):
        assert getattr(both.ours, name) == getattr(both.theirs, name), name


@pytest.mark.parametrize(
    "kind, arguments",
    [
        (layouts.bert, {"pooling": "mean", "normalize": False, "max_seq_length": 128}),
        (layouts.xlm_roberta, {"pooling": "mean", "normalize": False, "max_seq_length": 128}),
        (layouts.masked_language_model, {"pooling": "cls", "normalize": True}),
        (
            layouts.xlm_roberta,
            {
                "pooling": "cls",
                "normalize": True,
                "max_seq_length": 8192,
                "stated": {"prompts": {"query": "query: "}, "default_prompt_name": None},
            },
        ),
    ],
    ids=["paraphrase-MiniLM-L12", "paraphrase-mpnet-base", "masked-language-model", "arctic-embed-l-v2.0"],
)
def test_family(make, kind, arguments):
    both = Models.load(make(kind, **arguments))
    for method in ("encode", "encode_query", "encode_document"):
        both.compare(TEXTS, method)


def test_no_pipeline_means_mean_pooling(make):
    both = Models.load(make(layouts.bert))
    both.compare(TEXTS)
    assert both.ours.max_seq_length == both.theirs.max_seq_length


@pytest.mark.parametrize("stated", [64, int(1e30)], ids=["64", "none"])
def test_length_of_the_tokenizer(make, nano, stated):
    directory = make()
    file = directory / "tokenizer_config.json"
    file.unlink()
    config = json.loads((nano / file.name).read_text())
    layouts.write_json(file, config | {"model_max_length": stated})
    ours = bgem3.EmbeddingModel(directory)
    assert ours.max_seq_length == min(stated, 8192)  # sentence-transformers says 8194 and fails with so many tokens
    if stated == 64:
        Models(SentenceTransformer(str(directory), device="cpu"), ours).compare(TEXTS)


def test_max_seq_length_can_be_set(make):
    both = Models.load(make(pooling="cls", normalize=True))
    before = both.compare(TEXTS)
    both.ours.max_seq_length = both.theirs.max_seq_length = 16
    assert np.abs(both.compare(TEXTS) - before)[-1].max() > 1e-3


@pytest.fixture(scope="module")
def e5(e5_small) -> Models:
    return Models(SentenceTransformer(str(e5_small), device="cpu"), bgem3.EmbeddingModel(e5_small))


def test_e5_small(e5):
    english, other = [e5.compare(texts) for texts in translations().values()][:2]
    assert (e5.ours.similarity(english, other).argmax(1).numpy() == np.arange(len(english))).mean() > 0.9


def test_e5_small_knows_its_prompts(e5):
    assert e5.ours.prompts == {"query": "query: ", "document": "passage: "}
    same(e5.ours.encode_query(TEXTS), e5.theirs.encode(TEXTS, prompt="query: "))
    same(e5.ours.encode_document(TEXTS), e5.theirs.encode(TEXTS, prompt="passage: "))
    same(e5.ours.encode(TEXTS), e5.theirs.encode(TEXTS))


# What is given and what comes back


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("form", ["str", "list"])
def test_one_text(models, text, form):
    models.compare(text if form == "str" else [text])


@pytest.mark.parametrize("form", [tuple, np.array], ids=["tuple", "array"])
def test_other_sequences(models, form):
    texts = form([text for text in TEXTS if text.strip()])
    models.compare(texts)


def test_no_texts(models):
    """sentence-transformers gives shape [0] and, in NumPy, float64; here it can be stacked with other results."""
    assert models.ours.encode([]).shape == (0, layouts.WIDTH)
    assert models.ours.encode([]).dtype == np.float32
    assert models.ours.encode([], convert_to_tensor=True).shape == (0, layouts.WIDTH)
    assert models.ours.encode([], convert_to_numpy=False) == models.theirs.encode([], convert_to_numpy=False) == []
    assert models.theirs.encode([]).shape == (0,)


@pytest.mark.parametrize("sentences", ["a text", ["a text"], TEXTS], ids=["str", "one", "many"])
@pytest.mark.parametrize("options", [{"convert_to_tensor": True}, {"convert_to_numpy": False}], ids=["tensor", "list"])
def test_torch(models, sentences, options):
    models.compare(sentences, **options)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("truncate_dim", [None, 1, 16, 64, 1000])
def test_normalize_and_truncate(models, normalize, truncate_dim):
    models.compare(TEXTS, normalize_embeddings=normalize, truncate_dim=truncate_dim)


def test_release_memory_leaves_the_model_usable(models):
    before = models.compare(TEXTS)
    models.ours.release_memory()
    same_array(models.compare(TEXTS), before)


def test_truncating_after_the_models_own_normalisation(make):
    both = Models.load(make(pooling="cls", normalize=True), truncate_dim=16)
    assert (np.linalg.norm(both.compare(TEXTS), axis=1) < 0.9).all()
    assert np.allclose(np.linalg.norm(both.compare(TEXTS, normalize_embeddings=True), axis=1), 1)
    both.compare(TEXTS, truncate_dim=8)
    assert both.ours.get_embedding_dimension() == both.theirs.get_embedding_dimension() == 16
    assert both.ours.get_sentence_embedding_dimension() == 16


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batch_size(models, batch_size):
    models.compare(TEXTS, batch_size=batch_size)


# Prompts


@pytest.mark.parametrize("method", ["encode", "encode_query", "encode_document"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prompt_name": "query"},
        {"prompt_name": "lines"},
        {"prompt": "as given: "},
        {"prompt": ""},
        {"prompt": "this one ", "prompt_name": "query"},
    ],
    ids=str,
)
def test_prompts(models, method, options):
    models.compare(TEXTS, method, **options)


@pytest.mark.parametrize(
    "stated",
    [
        slow({"prompts": {}}),
        slow({"prompts": {"query": "q: ", "document": "d: "}, "default_prompt_name": "document"}),
        {"prompts": {"query": "q: ", "passage": "p: "}, "default_prompt_name": "query"},
        slow({"prompts": {"query": "q: ", "other": "o: "}, "default_prompt_name": "other"}),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "given", [{}, slow({"prompts": {"query": "given: "}}), slow({"default_prompt_name": "query"})], ids=str
)
def test_stated_and_given_prompts(make, stated, given):
    both = Models.load(make(pooling="mean", normalize=True, stated=stated), **given)
    assert (both.ours.prompts, both.ours.default_prompt_name) == (both.theirs.prompts, both.theirs.default_prompt_name)
    for method in ("encode", "encode_query", "encode_document"):
        both.compare(TEXTS[:3], method)


def test_unknown_prompts(models, make):
    for model in (models.ours, models.theirs):
        with pytest.raises(ValueError, match="'nix'"):
            model.encode("a", prompt_name="nix")
    with pytest.raises(ValueError, match="'nix'"):
        bgem3.EmbeddingModel(make(pooling="cls", normalize=True), default_prompt_name="nix")


# Similarity


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarity(models, monkeypatch, name):
    for model in (models.ours, models.theirs):
        monkeypatch.setattr(model, "similarity_fn_name", name)
    vectors = models.compare(TEXTS)
    for first, second in ((vectors, vectors[:2]), (vectors[0], vectors), (vectors[0], torch.from_numpy(vectors[1]))):
        ours, theirs = (model.similarity(first, second) for model in (models.ours, models.theirs))
        same(ours, theirs, theirs.abs().max().item())


def test_stated_and_given_similarity(make):
    directory = make(pooling="mean", normalize=False, stated={"similarity_fn_name": "dot"})
    both = Models.load(directory)
    assert both.ours.similarity_fn_name == both.theirs.similarity_fn_name == "dot"
    assert bgem3.EmbeddingModel(directory, similarity_fn_name="euclidean").similarity_fn_name == "euclidean"


def test_unknown_similarity(nano):
    with pytest.raises(ValueError, match="'jaccard'"):
        bgem3.EmbeddingModel(nano, similarity_fn_name="jaccard")


# Refusals


@pytest.mark.parametrize("sentences", [3, None, b"bytes", {"a": 1}, [3], ["a", None]])
def test_not_texts(models, sentences):
    with pytest.raises(TypeError):
        models.ours.encode(sentences)


@pytest.mark.parametrize(
    "options, kind, message",
    [
        ({"batch_size": 0}, ValueError, "positive int, found 0"),
        ({"precision": "int8"}, ValueError, "there is one"),
        ({"precision": "int4"}, ValueError, "'ubinary', found 'int4'"),
        ({"output_value": "sentence"}, ValueError, "'sentence_embedding', .* or None, found 'sentence'"),
        ({"normalise_embeddings": True}, TypeError, "normalise_embeddings"),
        ({"truncate_dim": 0}, ValueError, "positive int, found 0"),
        ({"truncate_dim": -1}, ValueError, "positive int, found -1"),
        ({"prompt": 3}, TypeError, "prompt should be a str, found int"),
        ({"device": "cuda:7"}, ValueError, "CUDA"),
        ({"device": "mps"}, ValueError, "'mps' is not known"),
        ({"chunk_size": 0}, ValueError, "chunk_size should be a positive int, found 0"),
        ({"pool": {"processes": []}}, TypeError, "start_multi_process_pool"),
        ({"sentences": ["b"]}, TypeError, "inputs and sentences"),
        ({"processing_kwargs": {"text": {}}}, TypeError, "processing_kwargs"),
    ],
)
def test_bad_options(models, options, kind, message):
    with pytest.raises(kind, match=message):
        models.ours.encode("a", **options)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_statement(make, text):
    directory = make(pooling="cls", normalize=True)
    (directory / "config_sentence_transformers.json").write_text(text)
    with pytest.raises(bgem3.BadModelError, match="config_sentence_transformers.json"):
        bgem3.EmbeddingModel(directory)


def test_cross_encoder_is_refused(nano_reranker):
    with pytest.raises(bgem3.BadModelError, match="unexpected: classifier"):
        bgem3.EmbeddingModel(nano_reranker)


# FlagModel


def load_flag_models(directory: pathlib.Path, **arguments: Any) -> tuple[Any, bgem3.FlagModel]:
    arguments = {"use_fp16": False, "devices": "cpu", **arguments}
    return tuple(package.FlagModel(str(directory), **arguments) for package in (FlagEmbedding, bgem3))


FLAG_ARGUMENTS = [
    {},
    {"pooling_method": "mean"},
    {"pooling_method": "mean", "normalize_embeddings": False},
    {"truncate_dim": 16, "batch_size": 2},
    {"query_instruction_for_retrieval": "Query", "query_instruction_format": "{}:\\n{}", "query_max_length": 20},
    {"passage_instruction_for_retrieval": "P: ", "passage_max_length": 20, "convert_to_numpy": False},
]


def compare_flag_models(directory: pathlib.Path, arguments: dict[str, Any]) -> None:
    theirs, ours = load_flag_models(directory, **arguments)
    for method in ("encode", "encode_queries", "encode_corpus", "encode_single_device"):
        for sentences in (TEXTS, TEXTS[0]):
            expected = getattr(theirs, method)(sentences)
            same(getattr(ours, method)(sentences), expected, np.abs(np.asarray(expected)).max())


@pytest.mark.parametrize("arguments", FLAG_ARGUMENTS[-2:], ids=["query", "passage"])
def test_flag_model(make, arguments):
    compare_flag_models(make(), arguments)


@pytest.fixture(scope="module", params=[layouts.xlm_roberta, layouts.masked_language_model, layouts.bert])
def bare(request, make):
    return make(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", FLAG_ARGUMENTS, ids=lambda arguments: ",".join(arguments) or "defaults")
def test_flag_model_on_layouts(bare, arguments):
    compare_flag_models(bare, arguments)


@pytest.mark.slow
def test_flag_model_on_e5_small(e5_small):
    theirs, ours = load_flag_models(e5_small, pooling_method="mean", query_instruction_for_retrieval="query: ")
    same_array(ours.encode_queries(TEXTS), theirs.encode_queries(TEXTS))
    same_array(ours.encode(TEXTS), theirs.encode(TEXTS))


@pytest.mark.parametrize("name", ["__init__", "encode", "encode_queries", "encode_corpus", "encode_single_device"])
def test_flag_model_signature(name):
    ours, theirs = (inspect.signature(getattr(package.FlagModel, name)) for package in (bgem3, FlagEmbedding))
    assert [*ours.parameters] == [*theirs.parameters]
    for parameter in theirs.parameters.values():
        assert ours.parameters[parameter.name].default == parameter.default
