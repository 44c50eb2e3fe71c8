"""Pickles of C++ tokenizers: the place that one was read from, where another process reads it again."""

import copyreg
import os
import weakref
from typing import Any

from .. import _core

_by_place: "weakref.WeakValueDictionary[tuple[str, str], _core.Tokenizer]" = weakref.WeakValueDictionary()
_places: "weakref.WeakKeyDictionary[_core.Tokenizer, tuple[str, str]]" = weakref.WeakKeyDictionary()


def remember_tokenizer(core: _core.Tokenizer, directory: str | os.PathLike[str], pipeline: str) -> _core.Tokenizer:
    """`core` itself; what is unpickled from now on shares it."""
    place = os.path.abspath(directory), pipeline
    _by_place[place] = core
    _places[core] = place
    return core


def read_tokenizer(directory: str | os.PathLike[str], pipeline: str) -> _core.Tokenizer:
    """Of the directory of a model."""
    return remember_tokenizer(_core.Tokenizer.load(directory, pipeline), directory, pipeline)


def directory_of(core: _core.Tokenizer) -> str | None:
    """Where it was read from; None: not by this package."""
    return _places[core][0] if core in _places else None


def _unpickle(directory: str, pipeline: str) -> _core.Tokenizer:
    return _by_place.get((directory, pipeline)) or read_tokenizer(directory, pipeline)


def _pickle(core: _core.Tokenizer) -> tuple[Any, ...]:
    return _unpickle, _places[core]


copyreg.pickle(_core.Tokenizer, _pickle)
