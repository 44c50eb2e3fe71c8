"""A model in memory, which its copies share and other processes load again."""

import os
import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from .. import _core
from .arguments import as_count
from .core_tokenizers import remember_tokenizer
from .devices import Device, device_name, find_device
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
        _check_types({"pipeline": pipeline, **options})
        options |= {
            "threads": as_count("threads", threads, 0, _MOST_THREADS),
            "parallel_calls": as_count("parallel_calls", parallel_calls, 0, 2**32 - 1),
            "pipeline": pipeline,
        }
        name = dtype(devices[0])
        path = os.path.abspath(directory)
        self.core = load(path, device=",".join(devices), dtype=name, **options)
        self.devices = list(devices)
        self.info = self.core.info
        self.tokenizer = remember_tokenizer(self.core.tokenizer, path, pipeline)
        self._reload: dict[str, Any] = {"directory": path, "devices": self.devices, "dtype": name, **options}
        self._identity = uuid.uuid4().hex
        _living[self._identity] = self

    def name_of(self, device: Device | None) -> str:
        """What C++ calls one of this model's devices; "" for None, which stands for all of them."""
        if device is None:
            return ""
        name = device_name(device)
        return find_device(name, self.devices) or name  # C++ refuses those that the model is not on

    def release_memory(self) -> None:
        """See EmbeddingModel.release_memory."""
        self.core.release_memory()

    def let_go(self) -> None:
        """Keeps it no longer for pickles to come."""
        with _reading:
            _kept.pop(self._identity, None)

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
_KEPT_MAX = 4
_kept: "OrderedDict[str, LoadedModel[Any]]" = OrderedDict()
_reading = threading.Lock()


def _renew_lock() -> None:
    global _reading
    _reading = threading.Lock()  # another thread may have held the old one at the fork


os.register_at_fork(after_in_child=_renew_lock)


def _load_again(kind: Callable[..., LoadedModel[Any]], identity: str, options: dict[str, Any]) -> LoadedModel[Any]:
    """The model of a pickle. The last few stay loaded until they are closed: workers of joblib and multiprocessing get
    them with each task, and drop them after each."""
    with _reading:
        model = _living.get(identity)
        if model is None:
            model = kind(**{**options, "dtype": dtype_of(options["dtype"])})
            model._identity = identity
            _living[identity] = _kept[identity] = model
            if len(_kept) > _KEPT_MAX:
                _kept.popitem(last=False)
        elif identity in _kept:
            _kept.move_to_end(identity)
        return model


def _check_types(options: dict[str, Any]) -> None:
    for name, kind in _TYPES.items():
        if name in options and not isinstance(options[name], kind):
            raise TypeError(f"{name} should be a {kind.__name__}, found {options[name]!r:.200}")
