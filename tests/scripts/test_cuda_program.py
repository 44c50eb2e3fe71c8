"""bench/cuda_program.py, on the CPU: what it measures on a GPU is measured right."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
NANO = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / "nano"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    output = tmp_path_factory.mktemp("program") / "program.json"
    command = [sys.executable, ROOT / "bench" / "cuda_program.py", os.environ["BGEM3_CLI"], NANO, output]
    options = ["--device", "cpu", "--dtypes", "float32", "float16", "--longest", "512"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


def test_vectors_are_those_of_transformers(report):
    assert report["reference"].startswith("transformers")
    assert report["cosines"]["float32"]["lowest"] > 0.999999
    assert report["peers_cosines"]["FlagEmbedding"]["lowest"] > 0.999999


def test_a_dtype_that_is_not_there_is_told(report):
    assert report["cosines"]["float16"].startswith("failed:")


def test_each_start_is_timed(report):
    assert len(report["first_vector_seconds"]) == 3
    assert all(0 < seconds < 60 for seconds in report["first_vector_seconds"])
