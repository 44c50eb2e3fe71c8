"""Runs programs that import FlagEmbedding, unchanged, with the model classes of bgem3.

    python -m bgem3.compat PROGRAM [ARGUMENT...]
    python -m bgem3.compat -m FlagEmbedding.evaluation.custom [ARGUMENT...]

Processes that the program starts have them too, by PYTHONPATH: those that are started with Python's options -E, -I or -S, or
without this variable, import FlagEmbedding itself. Within a program, `install()` does the same from there on, for its
process; `import bgem3.compat.FlagEmbedding as FlagEmbedding` is for one import alone.

FlagEmbedding's evaluation is used from where FlagEmbedding is installed. Its training is refused, and so are its classes for
language models, when one is constructed.
"""

import importlib
import sys

from . import _parts


def install() -> None:
    """Makes `import FlagEmbedding`, and of its submodules, in this process give bgem3.compat.FlagEmbedding.

    Raises:
        RuntimeError: FlagEmbedding itself is imported already
    """
    alias = importlib.import_module(_parts.OURS)
    if sys.modules.get(_parts.NAME) is alias:
        return
    if any(_is_within(name, _parts.NAME) for name in sys.modules):
        raise RuntimeError(
            f"{_parts.NAME} is imported already, and who imported it holds its classes; call bgem3.compat.install() before "
            "that, or start the program with `python -m bgem3.compat`"
        )
    ours = {name: module for name, module in sys.modules.items() if _is_within(name, _parts.OURS)}
    sys.modules.update({name.removeprefix(f"{__name__}."): module for name, module in ours.items()})
    sys.meta_path.insert(0, _parts.Finder(_parts.NAME))


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


# Last, so that what is there is found before.
sys.meta_path.append(_parts.Finder(_parts.OURS))
