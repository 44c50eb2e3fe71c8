"""Fixtures of the C interface's tests. Environment, set by ctest:

BGEM3_LIBRARY  path of the built libbgem3
BGEM3_CLI      path of the built bgem3
"""

import ctypes
import pathlib

import pytest
from command import Command
from interface import declare
from prepared import program

pytest_plugins = ["shared_fixtures"]


@pytest.fixture(scope="session")
def c() -> ctypes.CDLL:
    return declare(ctypes.CDLL(program("BGEM3_LIBRARY")))


@pytest.fixture(scope="session")
def bgem3(nano: pathlib.Path) -> Command:
    return Command(program("BGEM3_CLI"), nano)
