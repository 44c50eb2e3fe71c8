"""What models with sentence-transformers' interface share."""

import os
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .._model.arguments import as_count, as_count_or_none
from .._model.devices import Devices, device_name, find_device, same_devices, target_devices
from .._model.dtype import dtype_name
from .._model.open_model import Loaded, OpenModel
from .._torch import is_of_torch
from ..errors import InvalidArgumentError, listed
from ..tokenizer import Tokenizer
from .missing import ModelCard, no_attribute, no_item
from .pools import Pool, as_pool, open_pool

if TYPE_CHECKING:
    import torch

    from .. import _core

Self = TypeVar("Self", bound="SentenceClass[Any]")


class Place(NamedTuple):
    """Where a call computes."""

    engine: Any
    device: str | None  # one of the engine's; None: all of them


class SentenceClass(OpenModel[Loaded]):
    """sentence-transformers' names for what a model is and where it computes. Call _begin() first."""

    info: "_core._Info"
    backend = "torch"
    training = False
    model_card_data: Any

    def _begin(self, name_or_path: str | os.PathLike[str], engine: Loaded, model_card_data: Any = None) -> None:
        self.model_name_or_path = os.fsdecode(name_or_path)
        self._engine = engine
        self._dtype: str | None = None  # what to() was told
        self.info = engine.info.copy()
        self._tokenizer = Tokenizer(
            engine.tokenizer, self.info["max_length"], self.model_name_or_path, is_of_model=True
        )
        self.model_card_data = ModelCard(self.model_name_or_path) if model_card_data is None else model_card_data

    # What it is

    @property
    def device(self) -> "torch.device":
        """The first device of the model."""
        import torch

        return torch.device(self._open_engine().devices[0])

    @property
    def dtype(self) -> "torch.dtype":
        """What the large matrices are held and multiplied in; results are float32."""
        import torch

        name = self._open_engine().info["dtype"]
        return torch.float8_e4m3fn if name.startswith("float8") else getattr(torch, name)

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, _value: Any) -> None:
        raise AttributeError(
            "the tokenizer is part of the model, and another would have no effect; set `max_seq_length`"
        )

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text, special tokens included, beyond which it is cut. It can be set, up to what the model has
        positions for."""
        return self._tokenizer.model_max_length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self._tokenizer.model_max_length = self._check_length(value)

    def get_max_seq_length(self) -> int:
        return self.max_seq_length

    def get_backend(self) -> str:
        return self.backend

    @property
    def modalities(self) -> list[str]:
        return ["text"]

    def supports(self, modality: Any) -> bool:
        return modality == "text"

    def get_model_kwargs(self) -> list[str]:
        """Names of further arguments of encode(): there are none."""
        return []

    def evaluate(self, evaluator: Any, output_path: str | None = None) -> Any:
        """What an evaluator of sentence-transformers finds; it may write files to `output_path`."""
        if output_path is not None:
            os.makedirs(output_path, exist_ok=True)
        return evaluator(self, output_path)

    # Where it computes, and in what

    def to(self: Self, *where: Any, **options: Any) -> Self:
        """This model, opened again if it computes elsewhere or in something else so far. Where no dtype was ever named, it
        is then what "auto" means on the new device. Calls of other threads that are under way end as they began.

        Args:
            where, options: a device (also several), a dtype, or a tensor that has both, as of torch.nn.Module.to()

        Raises:
            InvalidArgumentError: the device is not there, or cannot compute in that dtype; the model stays as it is
        """
        devices, dtype = _wish(where, options)
        engine = self._open_engine()
        elsewhere = devices is not None and not same_devices(devices, engine.devices)
        if elsewhere or dtype not in (None, engine.info["dtype"]):
            self._engine = engine.opened_again(devices or engine.devices, dtype or self._dtype)
            self.info = self._engine.info.copy()
        self._dtype = dtype or self._dtype
        return self

    def cpu(self: Self) -> Self:
        return self.to("cpu")

    def cuda(self: Self, device: Devices = None) -> Self:
        return self.to("cuda" if device is None else device)

    def half(self: Self) -> Self:
        """to(dtype="float16"), which takes a GPU."""
        return self.to(dtype="float16")

    def bfloat16(self: Self) -> Self:
        return self.to(dtype="bfloat16")

    def eval(self: Self) -> Self:
        """This model: it never trains."""
        return self

    def train(self: Self, mode: bool = True) -> Self:
        if mode:
            raise InvalidArgumentError("bgem3 does not train models; take sentence-transformers' own class for that")
        return self

    def compile(self, *_arguments: Any, **_options: Any) -> None:
        """Does nothing: kernels are compiled already."""

    def start_multi_process_pool(self, target_devices: Devices = None) -> Pool[Any]:
        """For `pool` of encode(): this model on some devices. No process is started: threads of this one compute.

        Args:
            target_devices: devices, such as ["cuda:0", "cuda:1"]; one that is named twice counts once. None: all GPUs, or
                the CPU
        """
        return open_pool(self._open_engine(), target_devices, self._dtype)

    @staticmethod
    def stop_multi_process_pool(pool: Pool[Any]) -> None:
        """Releases the memory that a pool has of its own."""
        as_pool(pool).stop()

    def _place(self, device: Any, pool: Any, chunk_size: int | None) -> Place:
        """As sentence-transformers: a pool first; several devices for this call; or one device, to which the model moves
        where it is elsewhere."""
        as_count_or_none("chunk_size", chunk_size)  # of texts that a process would take at a time: without an effect
        if pool is not None:
            return Place(as_pool(pool).engine(), None)
        engine = self._open_engine()
        if device is None:
            return Place(engine, None)
        if isinstance(device, (list, tuple)) and len(device) != 1:
            return Place(open_pool(engine, device, self._dtype).engine(), None)
        name = device_name(device[0] if isinstance(device, (list, tuple)) else device)
        found = find_device(name, engine.devices)
        return Place(engine, found) if found is not None else Place(self.to(name)._open_engine(), None)

    def _check_length(self, value: Any) -> int:
        limit = self.info["max_positions"]
        return as_count("max_seq_length", value, 2, limit)

    if not TYPE_CHECKING:  # which would take any attribute for known

        def __getattr__(self, name):
            raise no_attribute(type(self).__name__, name)

        def __getitem__(self, _index):
            raise no_item(type(self).__name__)

    # The last one, for its name hides the type within this class.
    def float(self: Self) -> Self:
        return self.to(dtype="float32")


def _wish(where: tuple[Any, ...], options: dict[str, Any]) -> tuple[list[str] | None, str | None]:
    """The devices and the dtype that arguments of torch.nn.Module.to() name."""
    unknown = options.keys() - {"device", "dtype", "tensor", "non_blocking"}
    if unknown:
        raise TypeError(f"to() got unexpected keyword argument(s) {listed(sorted(unknown))}")
    device, dtype = options.get("device"), options.get("dtype")
    for value in (*where, options.get("tensor")):
        if is_of_torch(value, "dtype"):
            dtype = value
        elif is_of_torch(value, "Tensor"):
            device, dtype = value.device, value.dtype
        elif value is not None and not isinstance(value, bool):  # a bool is non_blocking
            device = value
    return (None if device is None else target_devices(device)), (None if dtype is None else dtype_name(dtype))
