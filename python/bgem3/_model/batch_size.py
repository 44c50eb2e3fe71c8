"""How many texts a batch may have: the caller's number, or C++'s choice."""

from ..errors import InvalidArgumentError


class DefaultBatchSize(int):
    """A `batch_size` that the caller did not set.

    It has the number of the package whose signature it is in, which also decides about progress bars, but it limits
    nothing: C++ takes 256 texts on the CPU and on a GPU as many as a batch has tokens for.
    """


def check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise InvalidArgumentError(f"batch_size should be positive, found {batch_size}")


def batch_limit(batch_size: int) -> int:
    """For C++, where 0 stands for its own choice."""
    return 0 if isinstance(batch_size, DefaultBatchSize) else batch_size
