"""Fixtures of the tests of model directories. Environment, set by ctest:

BGEM3_CLI          path of the built bgem3
BGEM3_SERVER       path of the built bgem3-server, where it is built
BGEM3_EMBED_TEXTS  path of the built bgem3_embed_texts
"""

import json
import subprocess
from collections.abc import Iterator

import pytest
from prepared import program

pytest_plugins = ["shared_fixtures"]


class Embed:
    """bgem3_embed_texts, one process for all directories."""

    def __init__(self, process: subprocess.Popen):
        self._process = process

    def __call__(self, request: dict) -> dict:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="session")
def cpp() -> Iterator[Embed]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([program("BGEM3_EMBED_TEXTS")], text=True, **pipes) as process:
        yield Embed(process)
        process.stdin.close()
