"""What reaches C++ of options that have no effect on the CPU: CUDA graphs, and sizes of batches that nobody set."""

import inspect
from typing import Any

import bgem3
import pytest
from bgem3 import _core
from bgem3._model.columns import ColumnEmbedder
from bgem3.integrations.milvus import BGEM3EmbeddingFunction

TEXTS = ["a text", "another one", "a third"]
PAIRS = [("a query", "a passage"), ("a query", "another passage")]
RERANKERS = [bgem3.FlagReranker, bgem3.FlagAutoReranker.from_finetuned, bgem3.BatchingReranker]
LOADERS = {
    bgem3.BGEM3FlagModel: "devices",
    bgem3.FlagModel: "devices",
    bgem3.FlagAutoModel.from_finetuned: "devices",
    bgem3.EmbeddingModel: "device",
    bgem3.BatchingEmbedder: "device",
    ColumnEmbedder: "device",
    **dict.fromkeys(RERANKERS, "devices"),
    bgem3.BatchingReranker: "device",
}


def spy(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> list[dict[str, Any]]:
    """The keyword arguments of all calls of a method from now on."""
    calls: list[dict[str, Any]] = []
    original = getattr(kind, name)

    def recorded(*arguments: Any, **options: Any) -> Any:
        calls.append(options)
        return original(*arguments, **options)

    monkeypatch.setattr(kind, name, staticmethod(recorded) if name == "load" else recorded)
    return calls


# CUDA graphs


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__qualname__)
def test_cuda_graphs(monkeypatch, nano, nano_reranker, load):
    kind, model = (_core.Reranker, nano_reranker) if load in RERANKERS else (_core.Embedder, nano)
    calls = spy(monkeypatch, kind, "load")
    for options in ({}, {"cuda_graphs": False}, {"cuda_graphs": True}):
        load(str(model), **{LOADERS[load]: "cpu"}, **options)
    assert [call.get("cuda_graphs", True) for call in calls] == [True, False, True]


@pytest.mark.parametrize("value", ["no", None, 0])
def test_cuda_graphs_are_on_or_off(nano, value):
    with pytest.raises(TypeError, match="cuda_graphs should be a bool"):
        bgem3.BGEM3FlagModel(str(nano), devices="cpu", cuda_graphs=value)


def test_cuda_graphs_have_no_effect_on_the_cpu(nano):
    on, off = (bgem3.FlagModel(str(nano), devices="cpu", cuda_graphs=value) for value in (True, False))
    assert (on.encode(TEXTS) == off.encode(TEXTS)).all()


# Sizes of batches


@pytest.fixture(scope="module")
def models(nano, nano_reranker) -> dict[str, Any]:
    return {
        "m3": bgem3.BGEM3FlagModel(str(nano), devices="cpu"),
        "flag": bgem3.FlagModel(str(nano), devices="cpu"),
        "st": bgem3.EmbeddingModel(nano, device="cpu"),
        "reranker": bgem3.FlagReranker(str(nano_reranker), devices="cpu"),
    }


METHODS = [
    *[(name, method) for name in ("m3", "flag") for method in ("encode", "encode_queries", "encode_corpus")],
    *[(name, "encode_single_device") for name in ("m3", "flag")],
    *[("st", method) for method in ("encode", "encode_query", "encode_document")],
    *[("m3", method) for method in ("compute_score", "compute_score_single_device")],
    *[("reranker", method) for method in ("compute_score", "compute_score_single_gpu", "predict")],
]


@pytest.mark.parametrize("name, method", METHODS)
def test_batch_size(monkeypatch, models, name, method):
    core, work = (_core.Reranker, "score") if name == "reranker" else (_core.Embedder, "encode")
    calls = spy(monkeypatch, core, work)
    run = getattr(models[name], method)
    inputs = PAIRS if name == "reranker" or "score" in method else TEXTS
    run(inputs)
    assert {call["batch_size"] for call in calls} == {0}
    calls.clear()
    # Also a number that is the default.
    for size in (2, 32, 128, 256):
        run(inputs, batch_size=size)
        assert {call["batch_size"] for call in calls} == {size}
        calls.clear()
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size should be a positive int, found {size}"):
            run(inputs, batch_size=size)
    assert not calls


@pytest.mark.parametrize("load", [bgem3.BGEM3FlagModel, bgem3.FlagModel, bgem3.FlagReranker])
def test_batch_size_of_the_model(monkeypatch, nano, nano_reranker, load):
    reranker = load is bgem3.FlagReranker
    calls = spy(monkeypatch, *((_core.Reranker, "score") if reranker else (_core.Embedder, "encode")))
    directory, default = (nano_reranker, 128) if reranker else (nano, 256)

    def run(model: Any) -> int:
        model.compute_score(PAIRS) if reranker else model.encode(TEXTS)
        return calls.pop()["batch_size"]

    unset, given = load(str(directory), devices="cpu"), load(str(directory), devices="cpu", batch_size=default)
    assert unset.batch_size == given.batch_size == default and repr(unset.batch_size) == str(default)
    assert (run(unset), run(given)) == (0, default)
    given.batch_size = 3
    assert run(given) == 3
    with pytest.raises(ValueError, match="batch_size should be a positive int, found 0"):
        load(str(directory), devices="cpu", batch_size=0)


def test_batch_size_of_columns(monkeypatch, nano):
    calls = spy(monkeypatch, _core.Embedder, "encode")
    for options in ({}, {"batch_size": 256}):
        ColumnEmbedder(nano, **options).columns(TEXTS)
    assert [call["batch_size"] for call in calls] == [0, 256]
    with pytest.raises(ValueError, match="batch_size should be a positive int, found 0"):
        ColumnEmbedder(nano, batch_size=0)


def test_batch_size_for_milvus(monkeypatch, nano):
    calls = spy(monkeypatch, _core.Embedder, "encode")
    for options in ({}, {"batch_size": 16}):
        BGEM3EmbeddingFunction(nano, device="cpu", **options).encode_documents(TEXTS)
    assert [call["batch_size"] for call in calls] == [0, 16]


def test_signatures_show_the_number():
    assert "batch_size: int = 256" in str(inspect.signature(bgem3.BGEM3FlagModel))
    assert "batch_size: int = 128" in str(inspect.signature(bgem3.FlagReranker))
    assert "batch_size: int = 32" in str(inspect.signature(bgem3.EmbeddingModel.encode))


@pytest.mark.parametrize("count, shown", [(255, False), (256, True)])
def test_progress_bar_of_a_default_is_flagembeddings(models, capsys, count, shown):
    models["flag"].encode(["a text"] * count)
    assert ("Inference Embeddings" in capsys.readouterr().err) == shown
