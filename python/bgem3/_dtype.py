"""What a model computes in, from the names that FlagEmbedding and bgem3 have for it."""

from collections.abc import Callable

from . import _core

DtypeOf = Callable[[str], str]
"""Device → dtype for _core."""


def dtype_of(dtype: str | None, *, use_fp16: bool = False, use_bf16: bool = False) -> DtypeOf:
    """`dtype` on every device; None: what FlagEmbedding's flags mean there.

    The flags are wishes: where a CPU has no bfloat16, and always instead of float16, it computes in float32.
    """
    if dtype is not None:
        return lambda _device: dtype

    def from_flags(device: str) -> str:
        if device == "cpu":
            return "bfloat16" if use_bf16 and _core.processor_has("bfloat16") else "float32"
        if use_bf16:
            return "bfloat16"
        return "float16" if use_fp16 else "float32"

    return from_flags
