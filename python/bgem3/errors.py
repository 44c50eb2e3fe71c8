"""The exceptions of bgem3: one class for each code of the C++ library."""

import re
from collections.abc import Collection
from typing import Any

# As the C++ library has them (bgem3/detail/message.h): control characters but the line feed, what turns the direction of
# writing or ends the line, and what is no character.
_HIDDEN = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
_BYTES_MAX = 8_000  # of a message
_SHOWN_MAX = 20  # of a list
_NAME_MAX = 200


class Error(RuntimeError):
    """Base of all. `code` is the C++ library's name of the fault. Messages have no control characters but the line feed:
    names from outside are escaped."""

    code = "internal"

    def __init__(self, *arguments: Any):
        super().__init__(*(printable(each) if isinstance(each, str) else each for each in arguments))


class InvalidArgumentError(Error, ValueError):
    """The call was wrong: an option, a text, a path. Retrying without a change fails again."""

    code = "invalid_argument"


class BadModelError(Error, OSError):
    """The model directory is incomplete, damaged or of a kind that is not supported."""

    code = "bad_model"


class InputOutputError(Error, OSError):
    """The operating system refused: unreadable file, full disk."""

    code = "io_error"


class OutOfMemoryError(Error, MemoryError):
    """Memory ran out, even for one text alone; a smaller max_length may pass."""

    code = "out_of_memory"


class CancelledError(Error):
    """A progress callback asked to stop."""

    code = "cancelled"


class OverloadedError(Error):
    """Too many requests wait; try again later."""

    code = "overloaded"


class DeadlineExceededError(Error, TimeoutError):
    """The time limit of a request passed before its result was there."""

    code = "deadline_exceeded"


class ModelChangedError(Error, OSError):
    """A file of the model was changed, or can no longer be read, while it was in use. The model has to be loaded again."""

    code = "model_changed"


_KINDS = (
    Error,
    InvalidArgumentError,
    BadModelError,
    InputOutputError,
    OutOfMemoryError,
    CancelledError,
    OverloadedError,
    DeadlineExceededError,
    ModelChangedError,
)
_BY_CODE = {kind.code: kind for kind in _KINDS}


def make_error(code: str, message: str) -> Error:
    """The exception for an error of the C++ library, which calls this."""
    return _BY_CODE.get(code, Error)(message)


def printable(text: str) -> str:
    """As a terminal may show it, and any encoding can write: with "\\x1b" or "\\u202e" for what it should not see."""
    shown = _HIDDEN.sub(_escape, text)
    encoded = shown.encode("utf-8")
    if len(encoded) <= _BYTES_MAX:
        return shown
    return f"{encoded[: _BYTES_MAX - 64].decode('utf-8', 'ignore')}… ({len(encoded) - _BYTES_MAX + 64} bytes more)"


def listed(names: Collection[Any]) -> str:
    """Names in a message: the first 20, each of 200 characters at most."""
    shown = [_shorten(repr(name)) for _, name in zip(range(_SHOWN_MAX), names)]
    rest = f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else ""
    return ", ".join(shown) + rest


def _shorten(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX // 2]}…{name[1 - _NAME_MAX // 2 :]}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
