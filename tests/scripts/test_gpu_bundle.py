"""What scripts/gpu_check --bundle packs for a machine without a network."""

import os
import pathlib
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MISSING_THERE = ("datasets", "ir_datasets")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("bundle")
    libraries = "".join(f"source scripts/lib/{name}.sh; " for name in ("common", "packages", "gpu_bundle"))
    make = f"{libraries} make_bundle {folder}/bundle.tar.gz"
    subprocess.run(["bash", "-euo", "pipefail", "-c", make], cwd=ROOT, check=True)
    assert (folder / "bundle.tar.gz").stat().st_size < 60e6
    with tarfile.open(folder / "bundle.tar.gz") as archive:
        archive.extractall(folder, filter="tar")
    return folder


def test_libraries_and_tokenizer_are_in_it(unpacked):
    headers = ("benchmark/benchmark.h", "CLI/CLI.hpp", "doctest/doctest.h", "fmt/format.h", "nlohmann/json.hpp")
    assert all((unpacked / "root/usr/include" / header).is_file() for header in headers)
    assert (unpacked / "models/xlm-r-tokenizer/sentencepiece.bpe.model").is_file()


def test_flagembedding_works_without_what_the_machine_lacks(unpacked):
    hidden = "".join(f"sys.modules['{name}'] = None; " for name in MISSING_THERE)
    code = f"import sys; {hidden} import FlagEmbedding; print(FlagEmbedding.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(unpacked / "python")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert pathlib.Path(done.stdout.strip()).is_relative_to(unpacked)
