"""Programs of installed packages, with FlagEmbedding and with bgem3 in its place. Those of FlagEmbedding's repository need a
clone of it: field/run.py."""

import pathlib
import subprocess
import sys

import pytest

FIELD = pathlib.Path(__file__).resolve().parents[1] / "field"


def test_results_agree(tiny):
    arguments = [sys.executable, FIELD / "run.py", "--models", pathlib.Path(tiny).parent]
    ended = subprocess.run(arguments, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(f"FlagEmbedding.evaluation.custom, {kind}" in ended.stdout for kind in ("m3 and re-ranker", "base"))
    assert all(f"milvus-model, {name}" in ended.stdout for name in ("BGEM3EmbeddingFunction", "BGERerankFunction"))


def test_comparison(monkeypatch):
    monkeypatch.syspath_prepend(str(FIELD))
    import outputs

    assert outputs.difference({"a": [1, "x", 20.0]}, {"a": [1.5, "x", 10.0]}) == (3, 1.0)
    for ours, theirs in [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1.0], [1.0, 2.0]),
        (["x"], ["y"]),
        ([float("nan")], [1.0]),
        ([None], [1.0]),
    ]:
        with pytest.raises(outputs.Differs):
            outputs.difference(ours, theirs)
