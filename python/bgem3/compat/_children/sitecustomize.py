"""Runs at the start of the processes that a program under `python -m bgem3.compat` starts; their PYTHONPATH has this
directory. FlagEmbedding.py beside this file then comes before a folder of that name in the current directory or in that of
a script. Then the sitecustomize that the process would have without this one runs."""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from typing import Any

_HERE = os.path.dirname(__file__)


class _Finder:
    """An entry of sys.meta_path. Nothing of bgem3 is imported before FlagEmbedding is."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [_HERE]) if name == "FlagEmbedding" else None


def _run_next() -> None:
    # Later entries alone: with two installations of bgem3 on the path, each would find the other's file otherwise.
    found = PathFinder.find_spec(__name__, sys.path[sys.path.index(_HERE) + 1 :])
    if found is not None and found.loader is not None:
        sys.modules[__name__] = module_from_spec(found)
        found.loader.exec_module(sys.modules[__name__])


sys.meta_path.insert(0, _Finder())
_run_next()
