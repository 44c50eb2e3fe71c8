"""Results as arrays or as torch tensors."""

from typing import Any

from ..types import Floats


def to_output(array: Floats, as_numpy: bool) -> Any:
    """The array, or a torch tensor over the same memory."""
    if as_numpy:
        return array
    import torch

    return torch.from_numpy(array)
