"""The load on a GPU, here on the CPU, with a stub in place of nvidia-smi."""

import importlib.util
import json
import os

import matplotlib.image
import pytest
from conftest import run_program
from workload import load_tokenizer

NVIDIA_SMI = """#!/bin/sh
echo 2026/01/01 00:00:00.000, 0, 90.5, 100
while :; do
  echo "$(date +'%Y/%m/%d %H:%M:%S.%3N'), 97, 300.5, 2000"
  sleep 0.1
done
"""


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch) -> None:
    (tmp_path / "nvidia-smi").write_text(NVIDIA_SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_load_with_samples_of_the_gpu(nano, build, tmp_path, nvidia_smi):
    file = tmp_path / "load.json"
    options = ["--device", "cpu", "--clients", 2, "--seconds", 4, "--length", 30]
    done = run_program("gpu_load.py", build, nano, file, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())
    (server,) = found["targets"].values()
    assert list(server["statuses"]) == ["200"] and server["calls"] == server["calls_wanted"] > 2
    assert 3.5 < server["seconds"] < 10
    assert found["gpu"]["mean_utilization_percent"] == 97 and found["gpu"]["largest_memory_mib"] == 2000
    assert 5 < found["gpu"]["samples"] == len(found["gpu_samples"]) < 90
    done = run_program("gpu_utilization.py", file, tmp_path / "load.png")
    assert done.returncode == 0, done.stderr
    assert matplotlib.image.imread(tmp_path / "load.png").shape[0] > 500


@pytest.mark.parametrize("samples", [True, False])
def test_a_server_that_does_not_start_is_told(nano, tmp_path, request, samples):
    if samples:
        request.getfixturevalue("nvidia_smi")
    done = run_program("gpu_load.py", tmp_path, nano, tmp_path / "load.json", "--device", "cpu", "--seconds", 2)
    assert done.returncode == 1
    found = json.loads((tmp_path / "load.json").read_text())
    assert "bgem3-server is missing" in found["problems"][0]
    assert found["gpu"] is None


def test_the_tokenizer_of_transformers_serves_as_well(nano, monkeypatch):
    ours = load_tokenizer(nano)
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if name == "bgem3" else find(name, *more))
    theirs = load_tokenizer(nano)
    assert type(theirs).__module__.startswith("transformers")
    ids = ours("A house by the river")["input_ids"]
    assert theirs("A house by the river")["input_ids"] == ids
    assert theirs.decode(ids[1:-1]) == ours.decode(ids[1:-1])
