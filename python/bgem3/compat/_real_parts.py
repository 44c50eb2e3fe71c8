"""What programs find in FlagEmbedding itself: its evaluation, which then calls the classes of bgem3."""

import pathlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# Found below the alias's FlagEmbedding; what is below these, Python finds by their own __path__.
_PARTS = ("FlagEmbedding.evaluation", "FlagEmbedding.abc.evaluation")

CHILDREN = str(pathlib.Path(__file__).parent / "_children")


class Finder:
    """An entry of sys.meta_path."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return _real_spec(name) if name in _PARTS else None


def _real_spec(name: str) -> ModuleSpec | None:
    """
    Raises:
        ModuleNotFoundError: FlagEmbedding is not installed
    """
    package, *folders = name.split(".")
    found = PathFinder.find_spec(package, [entry for entry in sys.path if entry != CHILDREN])
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            f"{name} is a part of FlagEmbedding that bgem3 does not have: pip install FlagEmbedding", name=name
        )
    directories = [str(pathlib.Path(place, *folders[:-1])) for place in found.submodule_search_locations]
    return PathFinder.find_spec(name, directories)
