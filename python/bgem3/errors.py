"""The exceptions of bgem3: one class for each code of the C++ library."""


class Error(RuntimeError):
    """Base of all. `code` is the C++ library's name of the fault."""

    code = "internal"


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


_KINDS = (
    Error,
    InvalidArgumentError,
    BadModelError,
    InputOutputError,
    OutOfMemoryError,
    CancelledError,
    OverloadedError,
    DeadlineExceededError,
)
_BY_CODE = {kind.code: kind for kind in _KINDS}


def make_error(code: str, message: str) -> Error:
    """The exception for an error of the C++ library, which calls this."""
    return _BY_CODE.get(code, Error)(message)
