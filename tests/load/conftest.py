"""Fixtures of the tests of bench/load. Environment, set by ctest:

BGEM3_SERVER  path of the built bgem3-server; its folder is the build's
"""

import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from prepared import ROOT, program

pytest_plugins = ["shared_fixtures"]

LOAD = ROOT / "bench" / "load"
SMALL = ("--clients", 4, "--calls", 30)


@dataclass
class Finished:
    """The load program after its end."""

    status: int
    output: str
    result: dict[str, Any]  # what it wrote as JSON
    picture: pathlib.Path


@pytest.fixture(scope="session")
def build() -> pathlib.Path:
    return pathlib.Path(program("BGEM3_SERVER")).parent


@pytest.fixture
def load(nano, build, tmp_path) -> Callable[..., Finished]:
    """Runs bench/load/load.py."""

    def run(*arguments: object) -> Finished:
        out = tmp_path / "result"
        options = ["--model", nano, "--build", build, "--logs", tmp_path / "logs", "--output", out]
        options += ["--inference-server", build / "deploy" / "bin" / "azmlinfsrv", "--warm-up", 2, "--threads", 1]
        done = run_program("load.py", *options, *arguments)
        file = out.with_suffix(".json")
        result = json.loads(file.read_text()) if file.is_file() else {}
        return Finished(done.returncode, done.stdout + done.stderr, result, out.with_suffix(".png"))

    return run


def run_program(name: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(LOAD / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)
