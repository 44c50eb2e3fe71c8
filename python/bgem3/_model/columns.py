"""Embeddings as columns of Arrow tables: what Ray, Spark and Parquet files have in common."""

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidArgumentError
from ..hub import resolve_model
from .batch_size import DefaultBatchSize
from .devices import target_devices
from .engine import Embeddings, EncodeOptions, Engine
from .texts import as_list

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("dense", "sparse", "colbert")


class ColumnEmbedder:
    """A model that turns a column of texts into columns of embeddings.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        kinds: which of "dense", "sparse" and "colbert" to compute
        device: "cpu", "cuda:0" …
        max_length, truncate_dim: 0: the model's own
        batch_size: most texts of one batch; default: 256 on the CPU, no limit on a GPU
        prompt: put before each text; None: the model directory's default
        cuda_graphs: False launches small batches on a GPU kernel by kernel; no effect on the CPU
        threads, copy: as of EmbeddingModel
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        kinds: Sequence[str] = ("dense",),
        *,
        device: str = "cpu",
        max_length: int = 0,
        truncate_dim: int = 0,
        batch_size: int = DefaultBatchSize(256),
        prompt: str | None = None,
        cuda_graphs: bool = True,
        threads: int = 0,
        copy: bool = False,
    ):
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or not kinds:
            raise InvalidArgumentError(f"kinds should be some of {', '.join(KINDS)}, found {list(kinds)}")
        self.kinds = list(kinds)
        self._options = EncodeOptions(
            **{kind: kind in kinds for kind in KINDS},
            max_length=max_length,
            truncate_dim=truncate_dim,
            batch_size=batch_size,
            prompt=prompt,
        )
        self._engine = Engine(
            resolve_model(model), target_devices(device), cuda_graphs=cuda_graphs, threads=threads, copy=copy
        )
        self._colbert_size = min(filter(None, (truncate_dim, self._engine.info["colbert_dim"])), default=0)

    def columns(self, texts: Sequence[str | None]) -> dict[str, "pa.Array"]:
        """Of B texts, in Arrow's types: "dense": fixed_size_list<float>[D]; "sparse": map<int32, float>, from token id
        to weight; "colbert": list<fixed_size_list<float>[C]>. None becomes null."""
        import pyarrow as pa

        texts = as_list(texts, "texts")
        found = self._engine.encode([text for text in texts if text is not None], self._options)
        columns = {kind: self._to_arrow(kind, found) for kind in self.kinds}
        if None not in texts:
            return columns
        present = iter(range(len(texts)))
        positions = pa.array([None if text is None else next(present) for text in texts], pa.int64())
        return {kind: column.take(positions) for kind, column in columns.items()}

    def _to_arrow(self, kind: str, found: Embeddings) -> "pa.Array":
        if kind == "dense" and found.dense is not None:
            return _dense(found.dense)
        if kind == "sparse" and found.sparse is not None:
            return _sparse(found.sparse)
        assert found.colbert is not None
        return _colbert(found.colbert, self._colbert_size)


@functools.cache
def shared_embedder(model: str, kinds: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> ColumnEmbedder:
    """One for all calls of this process that want the same."""
    return ColumnEmbedder(model, kinds, **dict(options))


def _dense(vectors: np.ndarray) -> "pa.Array":
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def _sparse(weights: list[tuple[np.ndarray, np.ndarray]]) -> "pa.Array":
    import pyarrow as pa

    ids = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in weights)])
    values = np.concatenate([np.empty(0, np.float32), *(values for _, values in weights)])
    return pa.MapArray.from_arrays(_offsets([len(ids) for ids, _ in weights]), pa.array(ids), pa.array(values))


def _colbert(vectors: list[np.ndarray], size: int) -> "pa.Array":
    import pyarrow as pa

    rows = np.concatenate([np.empty((0, size), np.float32), *vectors])
    return pa.ListArray.from_arrays(_offsets([len(text) for text in vectors]), _dense(rows))


def _offsets(lengths: list[int]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32))
