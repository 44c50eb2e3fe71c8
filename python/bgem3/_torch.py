"""Makes the installed LibTorch ready for the C++ library, or says exactly what to do."""

import ctypes
import importlib.metadata
import importlib.util
import pathlib
import sys
from typing import Any

from . import _build


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _installed_version() -> str | None:
    if "torch" in sys.modules:
        return sys.modules["torch"].__version__
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None


def check() -> None:
    """LibTorch keeps its binary interface within a minor version only."""
    wanted, found = _minor(_build.torch_version), _installed_version()
    if found is None:
        raise ImportError(f"bgem3 needs torch {wanted}, and none is installed: pip install 'torch=={wanted}.*'")
    if _minor(found) != wanted:
        raise ImportError(
            f"this bgem3 was built for torch {wanted} and found torch {found}. Either build it anew for that torch:\n"
            "    pip install --force-reinstall --no-deps --no-cache-dir --no-build-isolation DIRECTORY_OF_ITS_SOURCE\n"
            f"or install the torch it was built for:\n    pip install 'torch=={wanted}.*'"
        )


def preload() -> None:
    """Loads LibTorch from where this Python has it, which need not be beside bgem3. torch itself is not imported."""
    if "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    assert spec is not None and spec.submodule_search_locations  # check() found it installed
    directory = pathlib.Path(spec.submodule_search_locations[0]) / "lib"
    for name in ("libc10.so", "libtorch_cpu.so"):
        ctypes.CDLL(str(directory / name))


def is_of_torch(value: Any, name: str) -> bool:
    """Whether `value` is a torch.device, for "device", or the like; without importing torch, which takes seconds."""
    return (type(value).__module__, type(value).__name__) == ("torch", name)
