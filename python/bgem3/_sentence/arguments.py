"""What the constructors of sentence-transformers' classes take: followed, passed over where it changes nothing, or
refused by name."""

import os
import re
from collections.abc import Mapping
from typing import Any

from .._model.arguments import Harmless, Kwargs, as_kwargs, refuse
from .._model.devices import Devices
from .._model.dtype import Dtype, dtype_name
from ..errors import InvalidArgumentError, listed
from ..hub import known_organisation

_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")

# bgem3 has one attention, reads whichever weights are there, and runs no code of a repository.
_MODEL: Harmless = {
    "attn_implementation": _ATTENTION,
    "trust_remote_code": None,
    "low_cpu_mem_usage": None,
    "use_safetensors": None,
    "add_pooling_layer": None,  # no embedding is computed from it
    "output_hidden_states": (False,),
    "output_attentions": (False,),
}
_PROCESSOR: Harmless = {
    "trust_remote_code": None,
    "use_fast": None,  # both give the same ids
    "padding_side": ("right",),
    "clean_up_tokenization_spaces": (True,),
}
_CONFIG: Harmless = {
    "trust_remote_code": None,
    "attn_implementation": _ATTENTION,
    "use_cache": None,  # of decoders
    "hidden_dropout_prob": None,  # of training, as are the next two
    "attention_probs_dropout_prob": None,
    "classifier_dropout": None,
    "output_hidden_states": (False,),
    "output_attentions": (False,),
}
_ORGANISATION = "sentence-transformers"
_WITHOUT_ORGANISATION = ("xlm-roberta-base", "xlm-roberta-large")  # older than organisations
_SPLIT = ("balanced", "balanced_low_0", "sequential")


def check_loading(modules: Any, backend: str, model_kwargs: Kwargs, config_kwargs: Kwargs) -> None:
    """Refuses what would make another model than that of the directory."""
    if modules is not None:
        raise InvalidArgumentError(
            "modules cannot be given: bgem3 computes those of modules.json itself; save the modules as a directory by "
            "sentence-transformers, and open that"
        )
    check_backend(backend)
    check_model_kwargs(model_kwargs)
    check_config_kwargs(config_kwargs)


def check_backend(backend: str) -> None:
    """Only "torch" is there: what it computes is what bgem3 computes."""
    if backend in ("onnx", "openvino"):
        raise InvalidArgumentError(
            f"backend={backend!r} is not supported: bgem3 reads the weights of the directory itself, model.safetensors or "
            "pytorch_model.bin, and computes with LibTorch; leave backend out, and pass dtype='int8' for a smaller model"
        )
    if backend != "torch":
        raise InvalidArgumentError(f"backend should be 'torch', found {listed([backend])}")


def check_model_kwargs(model_kwargs: Kwargs) -> None:
    """Refuses what is neither followed by dtype_from() and device_from() nor without effect."""
    _refuse_but(("dtype", "torch_dtype", "device_map"), "model_kwargs", model_kwargs, _MODEL)


def check_config_kwargs(config_kwargs: Kwargs) -> None:
    """Refuses what would change the model: it is that of config.json."""
    refuse("config_kwargs", config_kwargs, _CONFIG)


def dtype_from(model_kwargs: Kwargs, dtype: Dtype) -> Dtype:
    """What to compute in: `dtype`, unless that is unset ("auto", None) and "dtype" or "torch_dtype" of `model_kwargs` is
    not."""
    kwargs = model_kwargs or {}
    given = [dtype, kwargs.get("dtype"), kwargs.get("torch_dtype")]
    names = {dtype_name(each) for each in given if each is not None} - {"auto"}
    if len(names) > 1:
        raise InvalidArgumentError(f"dtype should be one, found {listed(sorted(names))}")
    return names.pop() if names else dtype


def device_from(model_kwargs: Kwargs, device: Devices) -> Devices:
    """Where to compute: "device_map" of `model_kwargs`, which sentence-transformers prefers, or `device`. None: by
    default."""
    found = (model_kwargs or {}).get("device_map")
    if isinstance(found, Mapping) and list(found) == [""]:  # the whole model
        found = found[""]
    if found is None:
        return device
    if isinstance(found, Mapping) or found in _SPLIT:
        raise InvalidArgumentError(
            f"device_map={found!r:.200} would split the model over devices; each has a whole one here: pass device="
        )
    return None if found == "auto" else found


def max_length_from(processor_kwargs: Kwargs, truncation_side: str = "right") -> int | None:
    """ "model_max_length" of `processor_kwargs`; None: not given. Refuses what is neither that nor without effect.
    `truncation_side` is that of the model."""
    harmless = {**_PROCESSOR, "truncation_side": (truncation_side,)}
    _refuse_but(("model_max_length",), "processor_kwargs", processor_kwargs, harmless)
    return (processor_kwargs or {}).get("model_max_length")


def hub_cache(cache_folder: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    """Where huggingface_hub shall keep what it fetches; None: where it does so anyway."""
    return cache_folder or os.environ.get("SENTENCE_TRANSFORMERS_HOME")


def hub_name(name_or_path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The name with "sentence-transformers/" in front, where it is one without an organisation, and no directory."""
    name = os.fsdecode(name_or_path)
    if os.path.exists(name) or not re.fullmatch(r"\w[\w.-]*", name):
        return name_or_path
    # "bge-m3" stays, so that the message says whose it is.
    others = name.lower() in _WITHOUT_ORGANISATION or known_organisation(name) not in (None, _ORGANISATION)
    return name if others else f"{_ORGANISATION}/{name}"


def _refuse_but(followed: tuple[str, ...], where: str, given: Kwargs, harmless: Harmless) -> None:
    refuse(where, {name: value for name, value in as_kwargs(where, given).items() if name not in followed}, harmless)
