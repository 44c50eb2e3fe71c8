"""`python -m bgem3 --cmake-dir` and the like; any other argument goes to the bgem3 command."""

import os
import pathlib
import sys

from . import _core

_HERE = pathlib.Path(_core.__file__).resolve().parent  # of the installed files, also for an editable install
_DIRECTORIES = {
    "--cmake-dir": _HERE / "lib" / "cmake" / "bgem3",
    "--include-dir": _HERE / "include",
    "--library-dir": _HERE / "lib",
}


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 1 and arguments[0] in _DIRECTORIES:
        print(_DIRECTORIES[arguments[0]])
        return
    program = str(_HERE / "bin" / "bgem3")
    os.execve(program, [program, *arguments], _environment())


def _environment() -> dict[str, str]:
    """With torch's directory for the dynamic linker, in case it is not beside bgem3."""
    import importlib.util

    torch = importlib.util.find_spec("torch")
    if torch is None or not torch.submodule_search_locations or (_HERE.parent / "torch" / "lib").is_dir():
        return dict(os.environ)
    paths = [os.path.join(torch.submodule_search_locations[0], "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, paths))}


if __name__ == "__main__":
    main()
