"""Fixtures of the command line tests. Environment, set by ctest:

BGEM3_CLI  path of the built bgem3
"""

import pytest
from command import Command
from prepared import program

pytest_plugins = ["shared_fixtures"]


@pytest.fixture(scope="session")
def bgem3(nano) -> Command:
    return Command(program("BGEM3_CLI"), nano)
