"""How lists go to C++ and results come back: at once, without a copy; or, long ones, in windows."""

from typing import Any

import bgem3
import numpy as np
import pytest
from bgem3._model import parts

TEXTS = ["one", "a longer text of some words", "two", "one", "and another one", "", "three words here"]
PAIRS = [("query", text) for text in TEXTS]
ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}


class Watched:
    """Of _core, and keeps what each call got and gave."""

    def __init__(self, core: Any):
        self.core = core
        self.calls: list[tuple[Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def encode(self, texts: Any, **options: Any) -> Any:
        return self._keep(texts, self.core.encode(texts, **options))

    def score(self, queries: Any, passages: Any, **options: Any) -> Any:
        return self._keep(passages, self.core.score(queries, passages, **options))

    def _keep(self, texts: Any, result: Any) -> Any:
        self.calls.append((texts, result))
        return result


@pytest.fixture
def watch(monkeypatch):
    def watch(model: Any) -> Watched:
        watched = Watched(model._engine.core)
        monkeypatch.setattr(model._engine, "core", watched)
        return watched

    return watch


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "AT_ONCE_TEXTS", 3)
    monkeypatch.setattr(parts, "WINDOW_TEXTS", 2)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def same(found: Any, expected: Any) -> None:
    for key in ("dense_vecs", "colbert_vecs"):
        for mine, other in zip(found[key], expected[key], strict=True):
            assert np.abs(mine - other).max(initial=0) < 1e-5
    for mine, other in zip(found["lexical_weights"], expected["lexical_weights"], strict=True):
        assert mine == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("devices", ["cpu", ["cpu", "cpu"]], ids=str)
@pytest.mark.parametrize("texts", [TEXTS, sorted(set(TEXTS)), []], ids=["repeated", "distinct", "none"])
def test_dense_vectors_lie_where_cpp_stored_them(nano, watch, devices, texts):
    for model in (
        bgem3.EmbeddingModel(str(nano), device=devices),
        bgem3.FlagModel(str(nano), devices=devices),
        bgem3.BGEM3FlagModel(str(nano), devices=devices),
    ):
        core = watch(model)
        found = model.encode(texts)
        vectors = found["dense_vecs"] if isinstance(found, dict) else found
        [(passed, result)] = core.calls
        assert passed is texts
        assert vectors.dtype == np.float32 and vectors.shape == (len(texts), model.info["dense_size"])
        assert address(vectors) == address(result["dense"])


def test_all_kinds_lie_where_cpp_stored_them(nano, watch):
    model = bgem3.BGEM3FlagModel(str(nano), devices="cpu")
    core = watch(model)
    found = model.encode(TEXTS, **ALL)
    [(_, result)] = core.calls
    assert address(found["dense_vecs"]) == address(result["dense"])
    for mine, other in zip(found["colbert_vecs"], result["colbert"], strict=True):
        assert address(mine) == address(other)
    tensors = model.encode(TEXTS, convert_to_numpy=False)["dense_vecs"]
    assert tensors.data_ptr() == address(core.calls[1][1]["dense"])


def test_scores_are_those_of_cpp(nano_reranker, watch):
    model = bgem3.FlagReranker(str(nano_reranker), devices="cpu")
    core = watch(model)
    model.compute_score(PAIRS)
    [(passed, result)] = core.calls
    assert passed == TEXTS and result.shape == (len(TEXTS),)


@pytest.mark.parametrize("devices", ["cpu", ["cpu", "cpu"]], ids=str)
def test_windows_give_what_one_call_gives(nano, watch, small_parts, devices, monkeypatch):
    model = bgem3.BGEM3FlagModel(str(nano), devices=devices)
    core = watch(model)
    found = model.encode(TEXTS, **ALL)
    assert [len(passed) for passed, _ in core.calls] == [2, 2, 2, 1]
    monkeypatch.setattr(parts, "AT_ONCE_TEXTS", len(TEXTS))
    same(found, model.encode(TEXTS, **ALL))
    assert len(core.calls) == 5


def test_pairs_in_windows(nano_reranker, watch, small_parts, monkeypatch):
    model = bgem3.FlagReranker(str(nano_reranker), devices="cpu")
    core = watch(model)
    found = model.compute_score(PAIRS)
    assert [len(passed) for passed, _ in core.calls] == [2, 2, 2, 1]
    monkeypatch.setattr(parts, "AT_ONCE_TEXTS", len(PAIRS))
    assert model.compute_score(PAIRS) == pytest.approx(found, abs=1e-5)
    assert len(core.calls) == 5


def test_many_characters_are_many_windows(nano, watch, monkeypatch):
    monkeypatch.setattr(parts, "CHARACTERS", sum(map(len, TEXTS)))
    model = bgem3.EmbeddingModel(str(nano), device="cpu")
    core = watch(model)
    model.encode(TEXTS)
    assert len(core.calls) == 1
    monkeypatch.setattr(parts, "CHARACTERS", 20)
    model.encode(TEXTS)
    assert [sum(map(len, passed)) for passed, _ in core.calls[1:]] == [27, 16, 18, 6]


def test_equal_texts_are_computed_once_in_windows(nano, watch, monkeypatch):
    monkeypatch.setattr(parts, "AT_ONCE_TEXTS", 1)
    monkeypatch.setattr(parts, "WINDOW_TEXTS", 4)
    model = bgem3.EmbeddingModel(str(nano), device="cpu")
    core = watch(model)
    model.encode(["a long text", "short"] * 4)
    assert [passed for passed, _ in core.calls] == [["a long text"] * 4, ["short"] * 4]


@pytest.mark.parametrize("bad", [7, None, ["a", "b"], b"bytes"], ids=repr)
def test_what_is_no_text_is_named_by_its_place_in_the_call(nano, bad, monkeypatch):
    model = bgem3.EmbeddingModel(str(nano), device="cpu")
    for at_once in (parts.AT_ONCE_TEXTS, 1):
        monkeypatch.setattr(parts, "AT_ONCE_TEXTS", at_once)
        with pytest.raises(TypeError, match=f"^text 2 should be a str, found {type(bad).__name__}$"):
            model.encode(["a", "longer", bad, "text"])


def test_bar_counts_all_windows(nano, small_parts, capsys):
    bgem3.BGEM3FlagModel(str(nano), devices="cpu", show_progress_bar=True).encode(TEXTS)
    assert "100%" in (err := capsys.readouterr().err) and f"{len(TEXTS)}/{len(TEXTS)}" in err
