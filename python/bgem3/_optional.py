"""Packages that only some users need."""

import importlib.util


def need(module: str, install: str) -> None:
    """Makes sure that `module` is there.

    Raises:
        ImportError: it is not; says what is to be installed.
    """
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"this part of bgem3 needs {install}: pip install '{install}'", name=module)
