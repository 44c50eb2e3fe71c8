"""Fixtures of the command line tests. Environment, set by ctest:

BGEM3_CLI  path of the built bgem3
"""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from command import Command
from prepared import program

pytest_plugins = ["shared_fixtures"]
NOBODY = 65534


@pytest.fixture(scope="session")
def bgem3(nano) -> Command:
    return Command(program("BGEM3_CLI"), nano)


@pytest.fixture
def copied(bgem3, nano, tmp_path) -> Command:
    """The program without its libraries."""
    return Command(shutil.copy(bgem3.program, tmp_path), nano)


@pytest.fixture
def public_folder() -> Iterator[pathlib.Path]:
    """pytest's own folders can only be entered by the user who runs it."""
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        try:
            yield path
        finally:
            for folder in path.iterdir():
                folder.chmod(0o755)


@pytest.fixture
def unprivileged(bgem3) -> dict:
    """Options of a run as a user who may not read and write everything."""
    if os.getuid() != 0:
        return {}
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        works = bgem3.attempt("--version", **options).status == 0
    except OSError:
        works = False
    if not works:
        pytest.skip(f"runs as root, and user {NOBODY} cannot execute {bgem3.program}")
    return options
