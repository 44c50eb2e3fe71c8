"""Puts the modules of scripts/ and bench/ on the path."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts/models", "scripts/lib", "tests/support", "bench")]

pytest_plugins = ["shared_fixtures"]
