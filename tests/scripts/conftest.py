"""Puts the modules of scripts/ on the path."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "models"), str(ROOT / "scripts" / "lib")]
