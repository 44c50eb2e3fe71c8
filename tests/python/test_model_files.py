"""What becomes of a model whose files are changed, and of a copy."""

import os
import pathlib
import shutil

import bgem3
import pytest
from bgem3 import _core
from test_core_arguments import LOADERS, RERANKERS, spy

TEXTS = ["a text", "another one"]


@pytest.fixture
def own(nano, tmp_path) -> pathlib.Path:
    """A model directory that may be changed."""
    return pathlib.Path(shutil.copytree(nano, tmp_path / "model", copy_function=shutil.copyfile))


def test_a_change_has_an_exception_of_its_own(own):
    model = bgem3.EmbeddingModel(own, device="cpu")
    model.encode(TEXTS)
    os.truncate(own / "model.safetensors", 1000)
    with pytest.raises(bgem3.ModelChangedError, match=r"model\.safetensors' was changed .* now it has 1000") as found:
        model.encode(TEXTS)
    assert found.value.code == "model_changed" and isinstance(found.value, OSError)


def test_a_change_is_logged_as_an_error(own, caplog):
    model = bgem3.EmbeddingModel(own, device="cpu")
    (own / "model.safetensors").touch()
    for _ in range(2):
        with pytest.raises(bgem3.ModelChangedError):
            model.encode(TEXTS)
    (line,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert line.name == "bgem3" and "model.safetensors" in line.message


def test_callers_of_shared_batches_get_it_too(own):
    with bgem3.BatchingEmbedder(own, device="cpu") as batching:
        batching.encode(TEXTS)
        os.truncate(own / "model.safetensors", 1000)
        with pytest.raises(bgem3.ModelChangedError):
            batching.encode(TEXTS)


def test_a_copy_goes_on(own):
    model = bgem3.EmbeddingModel(own, device="cpu", copy=True)
    before = model.encode(TEXTS)
    os.truncate(own / "model.safetensors", 0)
    assert (model.encode(TEXTS) == before).all()


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__qualname__)
def test_all_loaders_take_copy(monkeypatch, nano, nano_reranker, load):
    kind, model = (_core.Reranker, nano_reranker) if load in RERANKERS else (_core.Embedder, nano)
    calls = spy(monkeypatch, kind, "load")
    for options in ({}, {"copy": False}, {"copy": True}):
        load(str(model), **{LOADERS[load]: "cpu"}, **options)
    assert [call.get("copy", False) for call in calls] == [False, False, True]


@pytest.mark.parametrize("value", ["no", None, 0])
def test_copy_is_on_or_off(nano, value):
    with pytest.raises(TypeError, match="copy should be a bool"):
        bgem3.BGEM3FlagModel(str(nano), devices="cpu", copy=value)
