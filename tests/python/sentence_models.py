"""The same calls through sentence-transformers and bgem3, and what "the same result" means."""

import pathlib
from dataclasses import dataclass
from typing import Any

import bgem3
import layouts
import numpy as np
from pair import DENSE_TOLERANCE
from sentence_transformers import SentenceTransformer

TEXTS = ["how to bake bread", "東京は日本の首都です。", "", "word " * 200, "a", "b", "c"]


@dataclass
class Models:
    """One directory, loaded by sentence-transformers and by bgem3 with the same arguments."""

    theirs: SentenceTransformer
    ours: bgem3.EmbeddingModel

    @classmethod
    def load(cls, directory: pathlib.Path, **arguments: Any) -> "Models":
        return cls(
            SentenceTransformer(str(directory), device="cpu", **arguments),
            bgem3.EmbeddingModel(directory, device="cpu", **arguments),
        )

    def compare(self, sentences: Any, method: str = "encode", **options: Any) -> Any:
        """Calls both, checks that the results are the same; ours."""
        ours, theirs = (getattr(model, method)(sentences, **options) for model in (self.ours, self.theirs))
        same(ours, theirs, np.abs(np.asarray(theirs)).max())
        return ours


def same(ours: Any, theirs: Any, size: float = 1) -> None:
    """Of one type and shape, equal within the tolerance; `size` is that of vectors that are not normalised."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs):
            same(mine, other, size)
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.abs(np.asarray(ours) - np.asarray(theirs)).max() <= DENSE_TOLERANCE * max(size, 1)


def nano_pipeline(nano: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """A small model with prompts and another similarity than cosine, whose vectors are not normalised."""
    stated = {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": None}
    stated["similarity_fn_name"] = "dot"
    return layouts.pipeline(layouts.xlm_roberta(nano, out), "mean", normalize=False, stated=stated)
