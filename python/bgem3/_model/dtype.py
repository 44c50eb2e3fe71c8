"""What a model computes in, from the names that FlagEmbedding and bgem3 have for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, Union

from .. import _core
from .._torch import is_of_torch
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    import torch

Dtype: TypeAlias = Union[str, "torch.dtype", None]
DtypeOf = Callable[[str], str]
"""Device → dtype for _core."""


def dtype_name(dtype: Union[str, "torch.dtype"]) -> str:
    """ "float16" for torch.float16, and a str as it is: _core knows the names."""
    if isinstance(dtype, str):
        return dtype
    if is_of_torch(dtype, "dtype"):
        return str(dtype).removeprefix("torch.")
    raise InvalidArgumentError(f"dtype should be a str such as 'float32', or a torch.dtype, found {dtype!r:.200}")


def dtype_of(dtype: Dtype, *, use_fp16: bool = False, use_bf16: bool = False) -> DtypeOf:
    """`dtype` on every device; None: what FlagEmbedding's flags mean there.

    The flags are wishes: where a CPU has no bfloat16, and always instead of float16, it computes in float32.
    """
    if dtype is not None:
        name = dtype_name(dtype)
        return lambda _device: name

    def from_flags(device: str) -> str:
        if device == "cpu":
            return "bfloat16" if use_bf16 and _core.processor_has("bfloat16") else "float32"
        if use_bf16:
            return "bfloat16"
        return "float16" if use_fp16 else "float32"

    return from_flags
