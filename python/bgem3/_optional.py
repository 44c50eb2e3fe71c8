"""Packages that only some users need."""

import importlib
from types import ModuleType


def need(module: str, install: str) -> ModuleType:
    """`module`, imported.

    Raises:
        ImportError: it is not installed; says what is to be installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise ImportError(f"this part of bgem3 needs {install}: pip install '{install}'") from error
