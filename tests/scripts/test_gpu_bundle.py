"""What scripts/gpu_check --bundle packs for a machine without a network, and that it serves in a fresh tree."""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
MISSING_THERE = ("FlagEmbedding", "datasets", "dill", "multiprocess", "httptools", "orjson")
PROGRAMS = ("bgem3", "bgem3-server", "bgem3_cuda_tests", "bgem3_gpu_tests", "bgem3_bench_cuda")
LIBRARIES = ("libbgem3.so.0", "libbgem3_cuda.so", "libbgem3_cli_model.so")
ARCHITECTURES = {80, 90, 100}  # at least
FATBIN_MAGIC, DEVICE_CODE = 0xBA55ED50, 2


@pytest.fixture(scope="module")
def archive() -> pathlib.Path:
    """Made for the Python that runs this."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [ROOT / "scripts/gpu_check", "--bundle", "--python", version]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"at least GLIBC_2\.\d+ GLIBCXX_3\.4\.\d+", done.stderr)
    return ROOT / "build/gpu_bundle.tar.xz"


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("bundle")
    shutil.unpack_archive(archive, folder)
    return folder


def test_it_is_small_enough_to_be_carried(archive):
    assert archive.stat().st_size < 30e6


def test_libraries_and_tokenizer_are_in_it(unpacked):
    headers = ("benchmark/benchmark.h", "CLI/CLI.hpp", "doctest/doctest.h", "fmt/format.h", "nlohmann/json.hpp")
    assert all((unpacked / "debian/usr/include" / header).is_file() for header in headers)
    assert (unpacked / "models/xlm-r-tokenizer/sentencepiece.bpe.model").is_file()


@pytest.mark.parametrize("name", [*PROGRAMS, *LIBRARIES])
def test_programs_are_in_it_and_name_no_folder_of_the_builder(unpacked, name):
    listed = subprocess.run(["readelf", "-d", unpacked / "bin" / name], check=True, capture_output=True, text=True)
    assert "NEEDED" in listed.stdout
    assert "PATH" not in listed.stdout
    assert str(ROOT).encode() not in (unpacked / "bin" / name).read_bytes()


def test_programs_need_nothing_that_is_not_in_it_or_in_every_linux(unpacked):
    everywhere = re.compile(r"(ld-linux|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+)[-.].*")
    torch = re.compile(r"lib(torch|c10|gomp)\w*\.so.*")
    for file in (unpacked / "bin").glob("*"):
        listed = subprocess.run(["readelf", "-d", file], capture_output=True, text=True).stdout
        for name in re.findall(r"NEEDED.*\[(.*)\]", listed):
            assert (unpacked / "bin" / name).is_file() or everywhere.match(name) or torch.match(name), (file, name)


def architectures(library: pathlib.Path) -> set[int]:
    """Compute capabilities that a library has machine code for, from the headers of its fat binaries."""
    data, found, at = library.read_bytes(), set(), 0
    magic = struct.pack("<I", FATBIN_MAGIC)
    while (at := data.find(magic, at)) >= 0:
        _, _, header, size = struct.unpack_from("<IHHQ", data, at)
        entry, end = at + header, at + header + size
        while entry < end:
            kind, _, header, size = struct.unpack_from("<HHIQ", data, entry)
            if kind == DEVICE_CODE:
                found.add(struct.unpack_from("<I", data, entry + 28)[0])
            entry += header + size
        at = end
    return found


def test_kernels_are_compiled_for_the_gpus_of_data_centres(unpacked):
    assert architectures(unpacked / "bin/libbgem3_cuda.so") >= ARCHITECTURES


def test_python_comes_with_what_the_machine_lacks(unpacked):
    names = ", ".join(MISSING_THERE)
    code = f"import {names}; print(*(module.__file__ for module in ({names})), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(unpacked / "python")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(pathlib.Path(line).is_relative_to(unpacked) for line in done.stdout.splitlines())


def test_a_dry_run_in_a_fresh_tree_reaches_all_that_needs_no_gpu(archive, tmp_path):
    tree, output = tmp_path / "tree", tmp_path / "output"
    shutil.copytree(ROOT / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bench", "tests/data"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    (tree / "build").mkdir()
    shutil.copy(archive, tree / "build")
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    parts = "tests,bench,peers,program,load"
    command = [tree / "scripts/gpu_check", "--dry-run", "--only", parts, "--output", output]
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    log = (output / "log.txt").read_text()
    assert "programs: carried; commit " in log
    assert re.search(r"test cases: +\d+ \| +(\d+) passed \| 0 failed", log)
    assert len(re.findall(r"^(SKIPPED \[1\] CUDA cannot be used|on \w)", log, re.MULTILINE)) == 6  # on a GPU, they run
    assert "12 x 8192/" in log and "attention 12 x 512, flash/" in log
    assert {file.name for file in output.iterdir()} == {
        "gpu_check.json",
        "load.json",
        "log.txt",
        "peers.json",
        "program.json",
    }
