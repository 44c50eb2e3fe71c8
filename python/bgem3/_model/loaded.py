"""A model in memory, which its copies share and other processes load again."""

import os
import uuid
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from .. import _core
from ..errors import InvalidArgumentError
from .core_tokenizers import remember_tokenizer
from .dtype import DtypeOf, dtype_of

Core = TypeVar("Core", bound="_core.Embedder | _core.Reranker")

_MOST_THREADS = 1024
_TYPES = {"pipeline": str, "cuda_graphs": bool, "copy": bool}
Self = TypeVar("Self", bound="LoadedModel[Any]")


class LoadedModel(Generic[Core]):
    """A model on some devices.

    It never changes, so copy() and deepcopy() give the model itself. Its pickle holds the path of the directory and the
    options, and no weights: the process that reads it maps them again.

    Args:
        load: that of _core.Embedder or _core.Reranker; it gets the other arguments
    """

    def __init__(
        self,
        load: Callable[..., Core],
        directory: str | os.PathLike[str],
        devices: Sequence[str],
        *,
        dtype: DtypeOf = dtype_of("auto"),
        threads: int = 0,
        parallel_calls: int = 0,
        pipeline: str = "auto",
        **options: Any,
    ):
        _check_count("threads", threads, _MOST_THREADS)
        _check_count("parallel_calls", parallel_calls, 2**32 - 1)
        _check_types({"pipeline": pipeline, **options})
        options |= {"threads": threads, "parallel_calls": parallel_calls, "pipeline": pipeline}
        name = dtype(devices[0])
        path = os.path.abspath(directory)
        self.core = load(path, device=",".join(devices), dtype=name, **options)
        self.devices = list(devices)
        self.info = self.core.info
        self.tokenizer = remember_tokenizer(self.core.tokenizer, path, pipeline)
        self._reload: dict[str, Any] = {"directory": path, "devices": self.devices, "dtype": name, **options}
        self._identity = uuid.uuid4().hex
        _living[self._identity] = self

    def release_memory(self) -> None:
        """See EmbeddingModel.release_memory."""
        self.core.release_memory()

    def opened_again(self: Self, devices: Sequence[str], dtype: str | None) -> Self:
        """The same model on `devices`, computing in `dtype`; None: as this one was opened to."""
        options = {**self._reload, "devices": devices, "dtype": dtype_of(dtype or self._reload["dtype"])}
        return type(self)(**options)

    def __copy__(self) -> "LoadedModel[Core]":
        return self

    def __deepcopy__(self, _memo: object) -> "LoadedModel[Core]":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_again, (type(self), self._identity, self._reload)


_living: "weakref.WeakValueDictionary[str, LoadedModel[Any]]" = weakref.WeakValueDictionary()
_last_read: list[LoadedModel[Any]] = []


def _load_again(kind: Callable[..., LoadedModel[Any]], identity: str, options: dict[str, Any]) -> LoadedModel[Any]:
    """The model of a pickle. The last one stays loaded: workers of joblib and multiprocessing get it with each task, and
    drop it after each."""
    model = _living.get(identity)
    if model is None:
        _last_read.clear()  # before the next one is loaded
        model = kind(**{**options, "dtype": dtype_of(options["dtype"])})
        model._identity = identity
        _living[identity] = model
    _last_read[:] = [model]
    return model


def _check_count(name: str, value: object, most: int) -> None:
    """0 stands for the default."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidArgumentError(f"{name} should be an int of 0 to {most}, found {value!r}")


def _check_types(options: dict[str, Any]) -> None:
    for name, kind in _TYPES.items():
        if name in options and not isinstance(options[name], kind):
            raise TypeError(f"{name} should be a {kind.__name__}, found {options[name]!r:.200}")
