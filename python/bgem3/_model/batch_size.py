"""How many texts a batch may have: the caller's number, or C++'s choice."""


class DefaultBatchSize(int):
    """A `batch_size` that the caller did not set.

    It has the number of the package whose signature it is in, which also decides about progress bars, but it limits
    nothing: C++ takes 256 texts on the CPU and on a GPU as many as a batch has tokens for.
    """


def batch_limit(batch_size: int) -> int:
    """For C++, where 0 stands for its own choice."""
    return 0 if isinstance(batch_size, DefaultBatchSize) else batch_size
