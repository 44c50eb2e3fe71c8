"""The wheel: what is in it, and what a user with their own torch, in another environment, can do with it."""

import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass

import bgem3
import pytest
from bgem3 import _build
from prepared import ROOT

MEGABYTE = 1 << 20
WANTED = ".".join(_build.torch_version.split(".")[:2])


def run(*command: object, **options) -> str:
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    # Where scripts/test compiled the installed package, so that there is nothing left to compile.
    settings = ("build-dir=build/python", "cmake.define.BGEM3_WARNINGS_AS_ERRORS=ON")
    options = ["--no-deps", "--no-build-isolation", *(f"--config-settings={each}" for each in settings)]
    options += ["--wheel-dir", directory]
    run(*pip, "wheel", ROOT, *options, env={**os.environ, "CXX": "c++"})
    (file,) = directory.glob("*.whl")
    return file


@dataclass
class Environment:
    """A virtual environment outside the source tree, run from outside it."""

    directory: pathlib.Path

    @property
    def python(self) -> pathlib.Path:
        return self.directory / "bin" / "python"

    @property
    def packages(self) -> pathlib.Path:
        return next((self.directory / "lib").glob("python*/site-packages"))

    def run(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess:
        known = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
        return subprocess.run(
            [*map(str, arguments)], capture_output=True, text=True, cwd=self.directory, env={**known, **settings}
        )

    def succeed(self, *arguments: object) -> str:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()


def environment_with(wheel: pathlib.Path, directory: pathlib.Path) -> Environment:
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    environment = Environment(directory)
    pip = [sys.executable, "-m", "pip", "--python", environment.python, "--disable-pip-version-check"]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    return environment


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Environment:
    """bgem3 and nothing else."""
    return environment_with(wheel, tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="module")
def user(wheel, tmp_path_factory) -> Environment:
    """bgem3, with torch and the others elsewhere: not beside it, where the linker would find them."""
    environment = environment_with(wheel, tmp_path_factory.mktemp("user") / "venv")
    (environment.packages / "elsewhere.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


# Contents


@pytest.fixture(scope="module")
def contents(wheel) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


def test_torch_is_not_bundled(wheel, contents):
    libraries = [name for name in contents if ".so" in name]
    names = {pathlib.Path(name).name.split(".")[0] for name in libraries}
    where_there_is_a_cuda_compiler = {"libbgem3_cuda"}
    assert names - where_there_is_a_cuda_compiler == {"_core", "libbgem3", "libbgem3_cli_model"}
    assert wheel.stat().st_size < 10 * MEGABYTE


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "_core.pyi",
        "_build.py",
        "ray.py",
        "integrations/langchain.py",
        "bin/bgem3",
        "lib/libbgem3.so",
        "lib/libbgem3_cli_model.so",
        "lib/cmake/bgem3/bgem3Config.cmake",
        "include/bgem3/bgem3.h",
        "include/bgem3/families/bert.h",
    ],
)
def test_contents(contents, name):
    assert f"bgem3/{name}" in contents


def test_nothing_of_the_development_is_in_it(contents):
    strangers = ("tests/", "bench/", ".ci", "__pycache__", ".pyc", ".cpp", ".venv", "models/")
    assert [name for name in contents if any(part in name for part in strangers)] == []


def test_libraries_are_hardened(wheel, contents, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    libraries = [tmp_path / name for name in contents if ".so" in name]
    run(sys.executable, ROOT / "tests/compile/check_hardening.py", "--libraries", *libraries,
        "--programs", tmp_path / "bgem3/bin/bgem3")  # fmt: skip


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    assert f"\nVersion: {bgem3.__version__}\n" in metadata
    assert "\nRequires-Dist: torch>=2.9\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata


# Use


def test_vectors_are_those_of_this_build(user, nano):
    program = f"""
import bgem3
assert bgem3.__file__.startswith({str(user.directory)!r}), bgem3.__file__
print(bgem3.BGEM3FlagModel({str(nano)!r}).encode("text")["dense_vecs"].tolist())
"""
    assert eval(user.succeed(user.python, "-c", program)) == pytest.approx(
        bgem3.BGEM3FlagModel(str(nano)).encode("text")["dense_vecs"].tolist(), abs=1e-6
    )


@pytest.mark.parametrize("command", [["bin/bgem3"], ["bin/python", "-m", "bgem3"]])
def test_command(user, nano, command):
    program = [user.directory / command[0], *command[1:]]
    assert bgem3.__version__ in user.succeed(*program, "--version")
    assert json.loads(user.succeed(*program, "info", "--model", nano, "--json"))["hidden_size"] == 64


@pytest.mark.parametrize("option, file", [("--include-dir", "bgem3/bgem3.h"), ("--library-dir", "libbgem3.so")])
def test_directories(user, option, file):
    directory = pathlib.Path(user.succeed(user.python, "-m", "bgem3", option))
    assert directory.is_relative_to(user.directory) and (directory / file).is_file()


@pytest.mark.slow
def test_cpp_program_finds_the_package(user, nano, tmp_path):
    cmake_dir = user.succeed(user.python, "-m", "bgem3", "--cmake-dir")
    examples, build = tmp_path / "examples", tmp_path / "build"
    run(sys.executable, ROOT / "tests" / "compile" / "extract_examples.py", ROOT / "README.md", examples)
    options = [f"-Dbgem3_DIR={cmake_dir}", f"-DPython3_EXECUTABLE={user.python}", "-DCMAKE_BUILD_TYPE=Release"]
    options.append(f"-DEXAMPLES={examples}")
    run("cmake", "-G", "Ninja", "-S", ROOT / "tests" / "install" / "find_package", "-B", build, *options)
    run("cmake", "--build", build)
    assert "cosine" in run(build / "consumer", nano)


# Without the right torch


def test_without_torch(bare):
    result = bare.run(bare.python, "-c", "import bgem3")
    assert result.returncode == 1
    assert f"ImportError: bgem3 needs torch {WANTED}, and none is installed" in result.stderr
    assert f"pip install 'torch=={WANTED}.*'" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.7.1", "2.12.0+cpu", "3.0.0"])
def test_with_another_torch(user, tmp_path, version):
    information = tmp_path / f"torch-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    result = user.run(user.python, "-c", "import bgem3", PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert f"was built for torch {WANTED} and found torch {version}" in result.stderr
    assert "pip install --force-reinstall --no-deps" in result.stderr
    assert f"pip install 'torch=={WANTED}.*'" in result.stderr
