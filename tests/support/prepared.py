"""What tests read and run, and what is there before them: models, and programs of the build."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def model_directory(name: str) -> pathlib.Path:
    """Of a made model; fails, saying how to make it, when it is not there."""
    root = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models"))
    directory = root / name
    if not any((directory / file).is_file() for file in ("sentencepiece.bpe.model", "tokenizer.json")):
        where = "" if root.resolve() == ROOT / "models" else f"--root {root} "
        pytest.fail(f"{directory} is missing: run .venv/bin/python scripts/models/make.py {where}{name}", pytrace=False)
    return directory


def program(variable: str) -> str:
    """The path in an environment variable, which ctest sets."""
    if not os.environ.get(variable):
        pytest.fail(f"{variable} is not set: run the tests through ctest", pytrace=False)
    return os.environ[variable]
