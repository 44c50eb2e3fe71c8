"""Where a model computes, from the names that FlagEmbedding and sentence-transformers have for it."""

import ctypes
import warnings
from collections.abc import Sequence

from . import _core
from .errors import InvalidArgumentError


def target_devices(devices: str | int | Sequence[str] | Sequence[int] | None) -> list[str]:
    """Device names, as FlagEmbedding understands the argument `devices`; None: all GPUs, or the CPU where there is none."""
    if devices is None:
        return usable_gpus() or ["cpu"]
    several = [devices] if isinstance(devices, (str, int)) else devices
    well_formed = isinstance(several, (list, tuple)) and all(
        isinstance(device, (str, int)) and not isinstance(device, bool) for device in several
    )
    if not well_formed or not several:
        raise ValueError(f"devices should be a str, an int, or a list of these, found {devices!r}")
    return [f"cuda:{device}" if isinstance(device, int) else device for device in several]


def default_device() -> str:
    """The first GPU, or the CPU where there is none."""
    return target_devices(None)[0]


def usable_gpus() -> list[str]:
    """ "cuda:0", "cuda:1" …; where the driver has some that bgem3 cannot use, a warning says why, and there are none."""
    if not gpus_of_driver():
        return []  # without loading LibTorch's CUDA half, which takes a second
    try:
        return [f"cuda:{index}" for index in range(len(_core.cuda_devices()))]
    except InvalidArgumentError as error:
        warnings.warn(f"there is a GPU, and yet the CPU computes: {error}", RuntimeWarning, stacklevel=2)
        return []


def gpus_of_driver() -> int:
    """How many GPUs NVIDIA's driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
