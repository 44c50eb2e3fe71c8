"""Devices for the texts of one call, under sentence-transformers' name for processes."""

from typing import Any, Generic

from .._model.devices import same_devices, target_devices
from .._model.open_model import Loaded


class Pool(dict[str, Any], Generic[Loaded]):
    """A model on the devices of a pool. There are no processes: threads of this one compute on each device.

    "processes" has the names of the devices; "input" and "output" are None.
    """

    def __init__(self, engine: Loaded):
        super().__init__(input=None, output=None, processes=list(engine.devices))
        self._engine: Loaded | None = engine

    def engine(self) -> Loaded:
        if self._engine is None:
            raise RuntimeError("this pool was stopped; start one by start_multi_process_pool()")
        return self._engine

    def stop(self) -> None:
        """Releases what memory the pool has of its own."""
        self._engine = None
        self["processes"] = []


def open_pool(engine: Loaded, devices: Any, dtype: str | None) -> Pool[Loaded]:
    """On each of the devices once, however often it is named; None: on all GPUs that can compute in the model's dtype, or
    the CPU. Devices of `engine` alone need no memory."""
    names = list(dict.fromkeys(target_devices(devices, engine.info["dtype"])))
    return Pool(engine if same_devices(names, engine.devices) else engine.opened_again(names, dtype))


def as_pool(value: Any) -> Pool[Any]:
    if not isinstance(value, Pool):
        raise TypeError(
            f"pool should be what start_multi_process_pool() of a bgem3 model gave, found {type(value).__name__}"
        )
    return value
