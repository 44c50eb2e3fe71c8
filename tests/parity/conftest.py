"""Fixtures of the parity tests. Environment, set by ctest:

BGEM3_DUMP_LAYERS  path of the built bgem3_dump_layers
BGEM3_MODEL_DIR    optional: a real BGE-M3 directory to test as well
"""

import pathlib
import shutil
from collections.abc import Callable

import ours
import prepared
import pytest

pytest_plugins = ["shared_fixtures"]

FIGURES = "figures"


@pytest.fixture(scope="session")
def model_directory() -> Callable[[str], pathlib.Path]:
    """Directory of a made model by its name; fails, saying how to make it, when it is not there."""
    return prepared.model_directory


@pytest.fixture(scope="session")
def embed(tmp_path_factory) -> Callable[..., ours.Ours]:
    """embed(model, texts, *options of bgem3_dump_layers) -> Ours"""
    tool = prepared.program("BGEM3_DUMP_LAYERS")

    def run(model: pathlib.Path, texts: list[str], *options: str) -> ours.Ours:
        out = tmp_path_factory.mktemp("embed")
        try:
            return ours.run(tool, model, texts, out, *options)
        finally:
            shutil.rmtree(out)  # hidden states of long texts are large

    return run


@pytest.fixture
def figure(record_property) -> Callable[..., None]:
    """figure(name=value, ...) puts measured figures into the report, for runs that pass too."""

    def add(**values: float) -> None:
        record_property(FIGURES, ", ".join(f"{name} {value:.9g}" for name, value in values.items()))

    return add


def pytest_terminal_summary(terminalreporter) -> None:
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == FIGURES and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
