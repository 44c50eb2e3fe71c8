"""LibTorch is loaded for the commands that need it only; messages when the library with these is missing or another."""

import pathlib
import re

import pytest

MODEL_LIBRARY = "libbgem3_cli_model.so"


def loaded_libraries(bgem3, tmp_path, *arguments, status=0) -> set[str]:
    """Names of the shared libraries in a run, as the dynamic linker tells them."""
    environment = {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(tmp_path / "linker")}
    result = bgem3.attempt(*arguments, stdin="text\n", environment=environment)
    assert result.status == status, result.stderr
    (report,) = tmp_path.glob("linker.*")  # ends with the number of the process
    return {pathlib.Path(name).name for name in re.findall(r"file=(\S+) .*generating link map", report.read_text())}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["encode", "--help"], 0),
        (["similarity", "--help"], 0),
        (["rerank", "--help"], 0),
        (["rerank"], 2),
        (["info", "--help"], 0),
        (["compress"], 2),
        (["encode", "--dtype", "int3"], 2),
        (["info", "--densest"], 2),
        (["tokenize"], 0),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_starts_without_libtorch(bgem3, tmp_path, arguments, status):
    libraries = loaded_libraries(bgem3, tmp_path, *arguments, status=status)
    assert "libc.so.6" in libraries
    assert {name for name in libraries if name.startswith(("libbgem3", "libtorch", "libc10", "libgomp"))} == set()


@pytest.mark.parametrize("arguments", [["encode"], ["similarity", "a", "b"], ["info"]], ids=lambda value: value[0])
def test_commands_that_need_libtorch(bgem3, tmp_path, arguments):
    assert {MODEL_LIBRARY, "libtorch_cpu.so"} <= loaded_libraries(bgem3, tmp_path, *arguments)


@pytest.mark.parametrize(
    "arguments", [["encode"], ["similarity", "a", "b"], ["rerank", "a", "b"], ["info"]], ids=lambda value: value[0]
)
def test_missing_library(copied, arguments):
    message = copied.fail(*arguments, stdin="text\n")
    assert f"this command needs {MODEL_LIBRARY}" in message and "No such file" in message
    assert "copy the program together with its libraries" in message


def test_tokenize_needs_no_library(copied):
    assert len(copied("tokenize", stdin="text\n").lines) == 1


def test_library_of_another_version(bgem3, copied):
    version = bgem3("--version").stdout.split()[1]
    library = pathlib.Path(bgem3.program).with_name(MODEL_LIBRARY).read_bytes()
    pathlib.Path(copied.program).with_name(MODEL_LIBRARY).write_bytes(library.replace(version + b"\0", b"9.9.9\0"))
    message = copied.fail("info")
    assert f"{MODEL_LIBRARY} is of another bgem3 (9.9.9) than this program ({version.decode()})" in message
