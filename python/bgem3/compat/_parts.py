"""Modules of FlagEmbedding that bgem3.compat.FlagEmbedding does not have: its evaluation is found in FlagEmbedding itself, and
then calls the classes of bgem3; the others are refused."""

import pathlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

NAME = "FlagEmbedding"
OURS = f"{__package__}.{NAME}"
CHILDREN = str(pathlib.Path(__file__).parent / "_children")

# What is below these, Python finds by their own __path__.
_EVALUATION = ("evaluation", "abc.evaluation")
_TRAINING = ("finetune", "abc.finetune")


class Finder:
    """An entry of sys.meta_path, for names below `root`: that of the alias, or the alias's own. sys.modules has what
    bgem3.compat.FlagEmbedding consists of, so that all else comes here."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """
        Raises:
            ModuleNotFoundError: bgem3 does not have it, or it is of the evaluation, and FlagEmbedding is not installed
        """
        part = name.removeprefix(f"{self._root}.")
        if part == name or part.startswith(tuple(f"{parent}." for parent in _EVALUATION)):
            return None
        found = _real_spec(name) if part in _EVALUATION and self._root == NAME else None
        if found is None:
            # Its name is not that of the module, or else `from FlagEmbedding import utils` would hide the message.
            raise ModuleNotFoundError(self._refusal(part), name=NAME)
        return found

    def _refusal(self, part: str) -> str:
        name = f"{NAME}.{part}"
        if part in _TRAINING:
            return (
                f"{name}: bgem3 does not train models: run training with FlagEmbedding itself, without bgem3.compat; "
                "bgem3 reads what it saves"
            )
        if part not in _EVALUATION:
            return f"bgem3 does not have {name}: run what needs it with FlagEmbedding itself, without bgem3.compat"
        itself = f"{name} is a part of FlagEmbedding that bgem3 does not have"
        if self._root == NAME:
            return f"{itself}: pip install FlagEmbedding"
        return f"{itself}: call bgem3.compat.install(), then import {name}"


def _real_spec(name: str) -> ModuleSpec | None:
    package, *folders = name.split(".")
    found = PathFinder.find_spec(package, [entry for entry in sys.path if entry != CHILDREN])
    if found is None:
        return None
    directories = [str(pathlib.Path(place, *folders[:-1])) for place in found.submodule_search_locations or []]
    return PathFinder.find_spec(name, directories)
