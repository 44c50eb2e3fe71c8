"""What stands where FlagEmbedding's models have a torch module."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .._torch import is_of_torch
from ..errors import InvalidArgumentError
from .dtype import dtype_name

if TYPE_CHECKING:
    import torch

    from .. import _core


class ModelStandIn:
    """`model.model` of a BGEM3FlagModel, FlagModel or FlagReranker: tells sizes, and cannot compute.

    Attributes:
        config: `hidden_size`, `num_hidden_layers`, `vocab_size`, `_name_or_path`; what is written into it has no effect
            on the model
        colbert_linear, sparse_linear: `in_features`, `out_features`, where the model has that head
        model: the encoder below the heads, here the same again
    """

    training = False

    def __init__(self, info: "_core._Info", name_or_path: str, vocabulary: int):
        heads = {"colbert_linear": info["colbert_dim"], "sparse_linear": 1 if info["has_sparse"] else 0}
        vars(self).update(
            {
                name: SimpleNamespace(in_features=info["hidden_size"], out_features=size)
                for name, size in heads.items()
                if size
            },
            config=SimpleNamespace(
                hidden_size=info["hidden_size"],
                num_hidden_layers=info["layers"],
                vocab_size=vocabulary,
                _name_or_path=name_or_path,
            ),
            _dtype=info["dtype"],
            _device=info["device"],
        )

    @property
    def model(self) -> "ModelStandIn":
        return self

    @property
    def dtype(self) -> "torch.dtype":
        import torch

        return getattr(torch, self._dtype, torch.float32)

    @property
    def device(self) -> "torch.device":
        import torch

        return torch.device(self._device.split(",")[0])

    def eval(self) -> "ModelStandIn":
        return self

    def train(self, mode: bool = True) -> "ModelStandIn":
        if mode:
            raise InvalidArgumentError("bgem3 does not train models; for that take FlagEmbedding's own class")
        return self

    def to(self, *where: Any, **options: Any) -> "ModelStandIn":
        """Itself. FlagEmbedding moves its module to the model's devices with each call, so a device has no effect there
        either; of a dtype the same as half()."""
        for value in (*where, options.get("dtype")):
            if is_of_torch(value, "dtype"):
                self._check_dtype(dtype_name(value))
        return self

    def cpu(self) -> "ModelStandIn":
        return self

    def cuda(self, _device: Any = None) -> "ModelStandIn":
        return self

    def half(self) -> "ModelStandIn":
        """Itself, where the model computes in float16, or on a CPU, which `use_fp16` has no effect on either."""
        return self._check_dtype("float16")

    def bfloat16(self) -> "ModelStandIn":
        return self._check_dtype("bfloat16")

    def float(self) -> "ModelStandIn":
        return self._check_dtype("float32")

    def _check_dtype(self, wanted: str) -> "ModelStandIn":
        if wanted != self._dtype and not (wanted == "float16" and self._device == "cpu"):
            raise InvalidArgumentError(
                f"this model was opened to compute in {self._dtype}; pass dtype='{wanted}' when it is opened"
            )
        return self

    def forward(self, *_arguments: Any, **_options: Any) -> None:
        """
        Raises:
            TypeError: always
        """
        raise TypeError(
            "there is no torch module that could be called: bgem3 computes in C++. Call encode() or compute_score() of the "
            "model; EmbeddingModel.encode(output_value='token_embeddings') gives hidden states of the last layer"
        )

    __call__ = forward

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"bgem3 has no torch module here, only a stand-in that tells sizes; it has no '{name}'. Its config has "
            "hidden_size; what else is known of the model is in `info` of the model itself"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"cannot set '{name}': bgem3 has no torch module here, and setting it would have no effect"
        )

    def __repr__(self) -> str:
        return f"ModelStandIn({self.config._name_or_path!r}, hidden_size={self.config.hidden_size})"
