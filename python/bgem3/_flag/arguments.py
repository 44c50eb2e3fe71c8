"""Arguments that FlagEmbedding's classes take for every model, and that mean something for some."""

from typing import Any, NamedTuple

from .._model.arguments import refuse_unknown
from .._model.devices import Device, Devices, target_devices
from ..errors import InvalidArgumentError

_ANY = object()

# The value, beside None, that asks for nothing; and what to do instead of asking.
_OF_LANGUAGE_MODELS: dict[str, tuple[Any, str]] = {
    "examples_for_task": ([], "put the task into query_instruction_for_retrieval"),
    "examples_instruction_format": (_ANY, ""),  # there are no examples to format
    "domain_for_pseudo_moe": (None, "leave it out"),
    "peft_path": (None, "merge the adapter into the model, and open that"),
    "prompt": (None, "put it into an instruction, such as query_instruction_for_rerank"),
    "cutoff_layers": (None, "leave it out"),
    "compress_layers": (None, "leave it out"),
    "compress_ratio": (1, "leave it out"),
}


HUB_OPTIONS = ("revision", "token", "local_files_only")
_ENGINE_OPTIONS = ("pipeline", "cuda_graphs", "threads", "parallel_calls", "copy")


class LoadingOptions(NamedTuple):
    """Keyword arguments of a constructor that FlagEmbedding does not have."""

    hub: dict[str, Any]  # of resolve_model()
    engine: dict[str, Any]  # of Engine and RerankEngine


def take_loading_options(options: dict[str, Any], where: str) -> LoadingOptions:
    """All of `options`.

    Raises:
        TypeError: there is an unknown one
        InvalidArgumentError: one is for language models
    """
    _check_language_model_options(options, where)
    known = {*HUB_OPTIONS, *_ENGINE_OPTIONS, *_OF_LANGUAGE_MODELS}
    refuse_unknown({name: value for name, value in options.items() if name not in known}, where)
    hub, engine = ({n: options[n] for n in names if n in options} for names in (HUB_OPTIONS, _ENGINE_OPTIONS))
    return LoadingOptions(hub, engine)


def _check_language_model_options(options: dict[str, Any], where: str) -> None:
    """FlagEmbedding would keep them without effect."""
    for name in _OF_LANGUAGE_MODELS.keys() & options.keys():
        nothing, instead = _OF_LANGUAGE_MODELS[name]
        value = options[name]
        asks = value is not None and not (isinstance(value, type(nothing)) and value == nothing)
        if asks and nothing is not _ANY:
            raise InvalidArgumentError(
                f"{name} is for FlagEmbedding's language models and has no effect on the encoder that {where} opens; "
                f"found {value!r:.200}, {instead}"
            )


def devices_of(devices: Devices, device: "Device | None") -> Devices:
    """`devices`, or `device`, which programs written for other packages pass.

    Raises:
        InvalidArgumentError: both are given, and differ
    """
    if device is None:
        return devices
    if devices is not None and target_devices(devices) != target_devices(device):
        raise InvalidArgumentError(f"devices={devices!r} and device={device!r} contradict each other; pass one of them")
    return device
