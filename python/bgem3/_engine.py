"""One model on one or several devices: what the public classes share."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from tqdm.auto import tqdm

from . import _core
from .errors import InvalidArgumentError

Model = TypeVar("Model")
Result = TypeVar("Result")


@dataclass(frozen=True)
class EncodeOptions:
    """As the C++ EncodeOptions; 0 stands for the model's own."""

    dense: bool = True
    sparse: bool = False
    colbert: bool = False
    max_length: int = 0
    batch_size: int = 12
    truncate_dim: int = 0
    normalize: bool | None = None


@dataclass
class Embeddings:
    """Of B texts; kinds that were not asked for are None."""

    dense: np.ndarray | None  # float32 [B, D]
    sparse: list[tuple[np.ndarray, np.ndarray]] | None  # B pairs (ids int32 [n], weights float32 [n]), ids ascending
    colbert: list[np.ndarray] | None  # B arrays float32 [tokens - 1, C]
    token_counts: np.ndarray  # int64 [B]


def target_devices(devices: str | int | Sequence[str] | Sequence[int] | None) -> list[str]:
    """Device names, as FlagEmbedding understands the argument `devices`; None: all there are."""
    if devices is None:
        return ["cpu"]
    several = [devices] if isinstance(devices, (str, int)) else devices
    well_formed = isinstance(several, (list, tuple)) and all(
        isinstance(device, (str, int)) and not isinstance(device, bool) for device in several
    )
    if not well_formed or not several:
        raise ValueError(f"devices should be a str, an int, or a list of these, found {devices!r}")
    return [f"cuda:{device}" if isinstance(device, int) else device for device in several]


class DeviceModels(Generic[Model]):
    """A model on some devices; one that is named more than once shares its weights."""

    def __init__(self, devices: Sequence[str], load: Callable[[str], Model]):
        self.devices = list(devices)
        loaded = {device: load(device) for device in dict.fromkeys(self.devices)}
        self._models = [loaded[device] for device in self.devices]
        self.first = self._models[0]

    def on(self, device: str | None) -> list[Model]:
        """That of one device, or all (None)."""
        if device is None:
            return self._models
        if device not in self.devices:
            raise InvalidArgumentError(f"device '{device}' is not among this model's devices, {self.devices}")
        return [self._models[self.devices.index(device)]]


class Engine:
    """A loaded model. Its methods may be called from many threads at once."""

    def __init__(
        self,
        directory: str | os.PathLike,
        devices: Sequence[str],
        *,
        pipeline: str = "classic",
        pooling: str | None = None,
    ):
        path = os.fspath(directory)
        self._embedders = DeviceModels(
            devices, lambda device: _core.Embedder.load(path, device=device, pipeline=pipeline, pooling=pooling)
        )
        self.devices = self._embedders.devices
        self.info = self.core.info

    def tokenize(self, texts: Sequence[str], max_length: int = 0) -> list[list[int]]:
        return self.core.tokenizer.tokenize(texts, max_length)

    @property
    def core(self) -> "_core.Embedder":
        return self._embedders.first

    def encode(
        self, texts: Sequence[str], options: EncodeOptions, *, device: str | None = None, bar: tqdm | None = None
    ) -> Embeddings:
        """Embeds texts on `device`, or spread over all devices of this engine. `bar` is moved on and closed."""
        embedders = self._embedders.on(device)
        progress = BarProgress(bar, len(embedders))
        try:
            if len(embedders) == 1 or len(texts) < 2:
                return _run(embedders[0], texts, options, progress.of_part(0))
            return _spread(embedders, texts, options, progress)
        finally:
            progress.close()

    def encode_dense(
        self, texts: Sequence[str], options: EncodeOptions, *, device: str | None = None, bar: tqdm | None = None
    ) -> np.ndarray:
        """The dense vectors of encode(), float32 [B, D]."""
        dense = self.encode(texts, options, device=device, bar=bar).dense
        assert dense is not None  # EncodeOptions has them on
        return dense


class BarProgress:
    """Adds up what the parts report, and tells them to stop."""

    def __init__(self, bar: tqdm | None, parts: int):
        self._bar = bar
        self._lock = threading.Lock()
        self._done = [0] * parts
        self.stop = False

    def of_part(self, part: int) -> Callable[[int, int], bool]:
        def report(done: int, _total: int) -> bool:
            with self._lock:
                self._done[part] = done
                self._show(sum(self._done))
            return not self.stop

        return report

    def _show(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _run(
    embedder: "_core.Embedder", texts: Sequence[str], options: EncodeOptions, report: Callable[[int, int], bool]
) -> Embeddings:
    result = embedder.encode(
        texts,
        dense=options.dense,
        sparse=options.sparse,
        colbert=options.colbert,
        max_length=options.max_length,
        batch_size=options.batch_size,
        truncate_dim=options.truncate_dim,
        normalize=options.normalize,
        progress=report,
    )
    report(len(texts), len(texts))
    sparse = None if result["sparse"] is None else _split(*result["sparse"])
    return Embeddings(result["dense"], sparse, result["colbert"], result["token_counts"])


def _split(ids: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(ids[a:b], weights[a:b]) for a, b in zip(offsets[:-1], offsets[1:])]


def _spread(
    embedders: Sequence["_core.Embedder"], texts: Sequence[str], options: EncodeOptions, progress: BarProgress
) -> Embeddings:
    parts = deal_out([len(text) for text in texts], len(embedders))

    def encode(k: int) -> Embeddings:
        return _run(embedders[k], [texts[i] for i in parts[k]], options, progress.of_part(k))

    return _merge(parts, side_by_side(encode, len(parts), progress), len(texts))


def deal_out(sizes: Sequence[int], count: int) -> list[list[int]]:
    """The indices of `sizes` in `count` parts of about the same work."""
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    return [order[k::count] for k in range(count)]


def side_by_side(work: Callable[[int], Result], count: int, progress: BarProgress) -> list[Result]:
    """work(0) … work(count - 1), each in a thread of its own. When one fails, the others are told to stop."""
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(work, k) for k in range(count)]
        try:
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C, too
            progress.stop = True
            raise


def _merge(parts: list[list[int]], results: list[Embeddings], count: int) -> Embeddings:
    def gather(kind: str) -> list | None:
        if getattr(results[0], kind) is None:
            return None
        merged: list = [None] * count
        for part, result in zip(parts, results):
            for i, value in zip(part, getattr(result, kind)):
                merged[i] = value
        return merged

    dense = None
    if results[0].dense is not None:
        dense = np.empty((count, results[0].dense.shape[1]), np.float32)
        for part, result in zip(parts, results):
            dense[part] = result.dense
    return Embeddings(dense, gather("sparse"), gather("colbert"), np.array(gather("token_counts"), np.int64))
