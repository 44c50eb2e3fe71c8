"""`python -m bgem3.compat PROGRAM`: as `python PROGRAM`, with bgem3 in the place of FlagEmbedding."""

import builtins
import io
import os
import pkgutil
import runpy
import sys
from types import CodeType, ModuleType
from typing import Any

from . import _parts, install

_USAGE = """usage: python -m bgem3.compat PROGRAM [ARGUMENT...]
       python -m bgem3.compat -m MODULE [ARGUMENT...]
       python -m bgem3.compat -c CODE [ARGUMENT...]

Runs a program as python would, with the model classes of bgem3 in the place of FlagEmbedding's."""

_NOT_INHERITED = """python -m bgem3.compat: under Python's options -E and -S, processes that the program starts could import \
FlagEmbedding itself; start it without them, or with -I"""


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(_USAGE)
        return
    kind = arguments.pop(0) if arguments[:1] in (["-m"], ["-c"]) else ""
    if not arguments or (not kind and arguments[0].startswith("-")):
        sys.exit(_USAGE)
    if (sys.flags.ignore_environment or sys.flags.no_site) and not _is_path_safe():
        sys.exit(_NOT_INHERITED)
    sys.argv[:] = arguments
    {"-m": _run_module, "-c": _run_text, "": _run_file}[kind](arguments[0])


def _run_module(name: str) -> None:
    _prepare(_current_directory())
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_text(text: str) -> None:
    sys.argv[0] = "-c"
    _prepare([""])
    _run(compile(text, "<string>", "exec"))


def _run_file(path: str) -> None:
    if pkgutil.get_importer(path) is not None or path.endswith(".pyc"):
        _prepare([])
        runpy.run_path(os.path.abspath(path), run_name="__main__")  # of a directory or an archive, which it puts first
        return
    try:
        with io.open_code(os.path.abspath(path)) as source:
            code = compile(source.read(), path, "exec")
    except OSError as error:
        sys.exit(f"python -m bgem3.compat: cannot open '{path}': {error.strerror}")
    _prepare([os.path.dirname(os.path.realpath(path))])
    _run(code, __file__=os.path.abspath(path))


def _prepare(first: list[str]) -> None:
    """Python's path for the program, whose own place comes first, and the alias, here and in processes that it starts."""
    given = sys.path[len(_current_directory()) :]
    sys.path[:] = [*([] if _is_path_safe() else first), _parts.CHILDREN, *given]
    inherited = os.environ.get("PYTHONPATH", "")
    if inherited.split(os.pathsep)[0] != _parts.CHILDREN:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_parts.CHILDREN, inherited]))
    install()


def _current_directory() -> list[str]:
    """What `python -m` put before the rest of sys.path."""
    return [] if _is_path_safe() else sys.path[:1]


def _is_path_safe() -> bool:
    return bool(getattr(sys.flags, "safe_path", sys.flags.isolated))


def _run(code: CodeType, **attributes: Any) -> None:
    program = ModuleType("__main__")
    vars(program).update(attributes, __builtins__=builtins)
    sys.modules["__main__"] = program
    exec(code, vars(program))


if __name__ == "__main__":
    main()
