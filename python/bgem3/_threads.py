"""How many threads compute, as the caller says it."""

from .errors import InvalidArgumentError

_MOST = 1024


def check_threads(threads: int, parallel_calls: int) -> None:
    """Both are counts, and 0 stands for the default."""
    for name, value, most in (("threads", threads, _MOST), ("parallel_calls", parallel_calls, 2**32 - 1)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise InvalidArgumentError(f"{name} should be an int of 0 to {most}, found {value!r}")
