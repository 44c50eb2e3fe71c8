"""Where a model computes, from the names that FlagEmbedding and sentence-transformers have for it."""

import ctypes
import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, TypeAlias, Union

from .. import _core
from .._torch import is_of_torch
from ..errors import InvalidArgumentError
from .dtype import Dtype, dtype_name

if TYPE_CHECKING:
    import torch

Device: TypeAlias = Union[str, int, "torch.device"]
Devices: TypeAlias = Union[Device, Sequence[str], Sequence[int], Sequence["torch.device"], None]

_OLDEST = 75  # compute capability that the CUDA part has code for
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def target_devices(devices: Devices, dtype: Dtype = None) -> list[str]:
    """Device names, as FlagEmbedding understands the argument `devices`; None: all GPUs, or the CPU where there is none,
    or for a `dtype` that only a CPU has."""
    if devices is None:
        return (usable_gpus() if dtype is None or _core.is_for_cuda(dtype_name(dtype)) else []) or ["cpu"]
    if isinstance(devices, str):
        return [device_name(device) for device in devices.split(",")]
    several = devices if isinstance(devices, (list, tuple)) else [devices]
    if not several:
        raise ValueError(f"devices should name at least one device, found {devices!r}")
    return [device_name(device) for device in several]


def device_name(device: object) -> str:
    """ "cpu", "cuda:0" …; of a number the GPU that has it."""
    if is_of_torch(device, "device"):
        device = str(device)
    if isinstance(device, str) and device:
        return "cpu" if device == "cpu:0" else device  # torch has both names
    if isinstance(device, Integral) and not isinstance(device, bool):
        return f"cuda:{device}"
    raise ValueError(f"device should be a str, an int or a torch.device, found {device!r:.200}")


def same_devices(first: Sequence[str], second: Sequence[str]) -> bool:
    return {_plain(name) for name in first} == {_plain(name) for name in second}


def find_device(wanted: str, devices: Sequence[str]) -> str | None:
    """The name that `devices` has for that device; None: it is not among them."""
    return next((name for name in devices if _plain(name) == _plain(wanted)), None)


def _plain(name: str) -> str:
    return "cuda:0" if name == "cuda" else name


def default_device(dtype: Dtype = None) -> str:
    """The first GPU, or the CPU where target_devices() takes it."""
    return target_devices(None, dtype)[0]


def usable_gpus() -> list[str]:
    """ "cuda:0", "cuda:1" …; where the driver has some that bgem3 cannot use, a warning says why."""
    if not gpus_of_driver():
        return []  # without loading LibTorch's CUDA half, which takes a second
    try:
        gpus = _core.cuda_devices()
    except InvalidArgumentError as error:
        _warn(f"there is a GPU, and yet the CPU computes: {error}")
        return []
    for name, capability in gpus:
        if capability < _OLDEST:
            _warn(f"{name} is not used: bgem3 has code for compute capability 7.5 (Turing) and later")
    return [f"cuda:{index}" for index, (_name, capability) in enumerate(gpus) if capability >= _OLDEST]


def gpus_of_driver() -> int:
    """How many GPUs NVIDIA's driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status not in (0, _NO_DEVICE):
        _warn(
            f"NVIDIA's driver fails with status {status}, so the CPU computes; nvidia-smi may tell more. A process that "
            "was forked after its parent had used CUDA (status 3) has to be spawned instead"
        )
    return count.value if status == 0 else 0


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)
