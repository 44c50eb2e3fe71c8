"""deploy/docker/Dockerfile, as far as it can be checked without building it: its commands, and the names in them."""

import io
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import cmake
import ninja
import pytest
from conftest import DEPLOY
from prepared import ROOT
from dockerfile_parse import DockerfileParser

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
# Of each base image, or of what it cannot be without.
BASE_PACKAGES = {"libc6", "libgcc-s1", "libstdc++6"}


def stages() -> list[list[tuple[str, str]]]:
    """Instructions and their values, for each image that is made."""
    found: list[list[tuple[str, str]]] = []
    for line in DockerfileParser(fileobj=io.BytesIO(DOCKERFILE.read_bytes())).structure:
        if line["instruction"] == "FROM":
            found.append([])
        if found and line["instruction"] != "COMMENT":
            found[-1].append((line["instruction"], line["value"]))
    return found


TORCH, BUILD, IMAGE = stages()


def base_image() -> str:
    """What DEBIAN is unless the build is told another."""
    text = DOCKERFILE.read_text("utf-8")
    (given,) = re.findall(r"^ARG DEBIAN=(.+)$", text[: text.index("\nFROM ")], re.M)
    return given


def values(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def commands(stage: list[tuple[str, str]]) -> list[list[str]]:
    """What RUN executes, in words."""
    return [shlex.split(command) for run in values(stage, "RUN") for command in run.split("&&")]


def debian_packages(stage: list[tuple[str, str]]) -> set[str]:
    (install,) = (words[2:] for words in commands(stage) if words[:2] == ["apt-get", "install"])
    return {word for word in install if not word.startswith("-")}


def sources() -> list[str]:
    return [value.split()[0] for value in values(BUILD, "COPY")]


def test_hadolint():
    # DL3008 wants versions of Debian's packages: then the image would miss Debian's security fixes.
    program = pathlib.Path(sys.executable).parent / "hadolint"
    result = subprocess.run(
        [program, "--ignore", "DL3008", "--format", "json", DOCKERFILE], capture_output=True, text=True
    )
    assert json.loads(result.stdout) == []
    assert result.returncode == 0


def test_only_what_is_copied_is_sent():
    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    ignored, *kept = [line for line in lines if not line.startswith("#")]
    assert ignored == "*"
    assert kept == [f"!{source}" for source in sources()]


def test_build_configures(tmp_path):
    """With the files that are copied and the options that are given; one that nobody reads is told by CMake."""
    for source in sources():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)
    (configure,) = (words for words in commands(BUILD) if words[:2] == ["cmake", "-S"])
    tools = {"cmake": pathlib.Path(cmake.CMAKE_BIN_DIR) / "cmake", "ninja": pathlib.Path(ninja.BIN_DIR) / "ninja"}
    (torch,) = (word for word in configure if word.startswith("-DBGEM3_TORCH_DIR="))
    assert torch.startswith(f"-DBGEM3_TORCH_DIR={libraries_of_torch()}/")
    here = [
        f"-DBGEM3_TORCH_DIR={pathlib.Path(cmake.__file__).parents[1] / 'torch'}",
        f"-DCMAKE_MAKE_PROGRAM={tools['ninja']}",
    ]
    result = subprocess.run(
        [tools["cmake"], *(word for word in configure[1:] if word != torch), *here],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "not used by the project" not in result.stderr
    assert "bgem3-server: not built" not in result.stdout


def libraries_of_torch() -> str:
    """Where the server is linked with them, and finds them again in the image."""
    (directory,) = values(TORCH, "WORKDIR")
    assert f"--from=torch /opt/libraries {directory}" in values(IMAGE, "COPY")
    return directory


def test_installed_where_it_is_copied_from():
    (configure,) = (words for words in commands(BUILD) if words[:2] == ["cmake", "-S"])
    (prefix,) = (word.removeprefix("-DCMAKE_INSTALL_PREFIX=") for word in configure if "INSTALL_PREFIX" in word)
    assert f"--from=build {prefix} {prefix}" in values(IMAGE, "COPY")
    assert any(f'PATH="{prefix}/bin:$PATH"' in value for value in values(IMAGE, "ENV"))


def test_packages_of_the_build():
    """Those that scripts/test installs, but for what only the command and a second build need."""
    script = (ROOT / "scripts" / "lib" / "packages.sh").read_text("utf-8")
    needed = set(re.search(r"BUILD_PACKAGES=\((.*?)\)", script, re.S)[1].split())
    assert debian_packages(BUILD) == needed - {"ccache", "libutf8proc-dev"}


def test_packages_of_the_image(server_program):
    """They hold the libraries that the server is linked with."""
    if 'VERSION_ID="12"' not in pathlib.Path("/etc/os-release").read_text("utf-8") or not shutil.which("dpkg-query"):
        pytest.skip("names of libraries in the packages of Debian 12, and this is another system")
    linked = subprocess.run(["ldd", server_program], capture_output=True, text=True, check=True).stdout
    paths = re.findall(r"=> (/(?:usr/)?lib/\S+)", linked)
    wanted = {package_of(path) for path in paths}
    assert wanted - BASE_PACKAGES == debian_packages(IMAGE) - {"curl"}  # which HEALTHCHECK uses


def package_of(library: str) -> str:
    """Debian's package, which knows the library below /lib or below /usr/lib: one is a link to the other."""
    path = library.removeprefix("/usr")
    found = subprocess.run(["dpkg-query", "--search", path, f"/usr{path}"], capture_output=True, text=True).stdout
    return found.split(":")[0]


@pytest.mark.parametrize("stage", [TORCH, IMAGE], ids=["torch", "image"])
def test_system(stage):
    """The same Debian in all images, pinned by digest; its Python is that of the path of torch's libraries."""
    assert values(stage, "FROM")[0].split()[0] == "${DEBIAN}"
    assert re.fullmatch(r"debian:12-slim@sha256:[0-9a-f]{64}", base_image())
    assert "/python3.11/" in libraries_of_torch()
