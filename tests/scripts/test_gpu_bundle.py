"""What scripts/gpu_check --bundle packs for a machine without a network."""

import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
MISSING_THERE = ("FlagEmbedding", "datasets", "dill", "multiprocess")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("bundle")
    libraries = "".join(f"source scripts/lib/{name}.sh; " for name in ("common", "packages", "gpu_bundle"))
    make = f"{libraries} make_bundle {folder}/bundle.tar.gz {sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run(["bash", "-euo", "pipefail", "-c", make], cwd=ROOT, check=True)
    assert (folder / "bundle.tar.gz").stat().st_size < 60e6
    subprocess.run(["tar", "-C", folder, "-xzf", folder / "bundle.tar.gz"], check=True)
    return folder


def test_libraries_and_tokenizer_are_in_it(unpacked):
    headers = ("benchmark/benchmark.h", "CLI/CLI.hpp", "doctest/doctest.h", "fmt/format.h", "nlohmann/json.hpp")
    assert all((unpacked / "root/usr/include" / header).is_file() for header in headers)
    assert (unpacked / "models/xlm-r-tokenizer/sentencepiece.bpe.model").is_file()


def test_flagembedding_comes_with_what_the_machine_lacks(unpacked):
    names = ", ".join(MISSING_THERE)
    code = f"import {names}; print(*(module.__file__ for module in ({names})), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(unpacked / "python")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(pathlib.Path(line).is_relative_to(unpacked) for line in done.stdout.splitlines())
