"""Programs of installed packages, with FlagEmbedding and with bgem3 in its place. Those of FlagEmbedding's repository need a
clone of it: field/run.py."""

import pathlib
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).resolve().parents[1] / "field" / "run.py"


@pytest.mark.parametrize(
    "program",
    [
        "FlagEmbedding.evaluation.custom, m3 and re-ranker",
        "FlagEmbedding.evaluation.custom, base",
        "milvus-model, BGEM3EmbeddingFunction",
        "milvus-model, BGERerankFunction",
    ],
)
def test_results_agree(program, tiny):
    models = pathlib.Path(tiny).parent
    arguments = [sys.executable, RUN, "--only", program, "--models", models]
    ended = subprocess.run(arguments, capture_output=True, text=True)
    assert ended.returncode == 0 and "1 of 1 agree to 1e-06" in ended.stdout, ended.stdout + ended.stderr
