"""The same calls through FlagEmbedding and bgem3, and what "the same result" means."""

import inspect
import pathlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

DENSE_TOLERANCE = 5e-6
# fp32 leaves about this much in a weight near zero, whatever computes it; elsewhere the relative limit holds.
SPARSE_RELATIVE, SPARSE_ABSOLUTE = 1e-5, 1e-5


@dataclass
class Pair:
    """One model directory, loaded by both packages with the same arguments."""

    theirs: Any
    ours: Any

    @classmethod
    def load(cls, directory: pathlib.Path, **arguments: Any) -> "Pair":
        import bgem3
        import FlagEmbedding

        arguments = {"use_fp16": False, "devices": "cpu", **arguments}
        theirs = FlagEmbedding.BGEM3FlagModel(str(directory), **arguments)
        return cls(theirs, bgem3.BGEM3FlagModel(str(directory), **arguments))

    def compare(self, method: str, *arguments: Any, **options: Any) -> dict:
        """Calls both, checks that the results are the same; ours."""
        theirs = getattr(self.theirs, method)(*arguments, **options)
        ours = getattr(self.ours, method)(*arguments, **options)
        same_vectors(ours, theirs)
        return ours


def same_vectors(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    same_array(ours["dense_vecs"], theirs["dense_vecs"])
    same_kind(ours["lexical_weights"], theirs["lexical_weights"], same_weights)
    same_kind(ours["colbert_vecs"], theirs["colbert_vecs"], same_array)


def same_kind(ours: Any, theirs: Any, same: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            same(a, b)
    else:
        same(ours, theirs)


def same_array(ours: np.ndarray | None, theirs: np.ndarray | None) -> None:
    assert type(ours) is type(theirs)
    if theirs is None:
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.abs(ours - theirs).max(initial=0) <= DENSE_TOLERANCE


def same_weights(ours: dict[str, float] | None, theirs: dict[str, float] | None) -> None:
    assert type(ours) is type(theirs)
    if theirs is None:
        return
    assert isinstance(ours, defaultdict) and ours.default_factory is theirs.default_factory
    assert ours["not a token"] == theirs["not a token"] == 0
    assert near_zero_apart(ours, theirs)
    for token in ours.keys() & theirs.keys():
        assert type(token) is str and type(ours[token]) is type(theirs[token])
        assert abs(ours[token] - theirs[token]) <= SPARSE_RELATIVE * abs(theirs[token]) + SPARSE_ABSOLUTE


def near_zero_apart(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """The same tokens, but for weights at which the ReLU may fall to either side."""
    return all(max(ours.get(t, 0), theirs.get(t, 0)) <= SPARSE_ABSOLUTE for t in ours.keys() ^ theirs.keys())


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """What a caller may pass: names, kinds and defaults. Types may be wider in one package; `self` is no argument."""
    given = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in given if p.name != "self"]
