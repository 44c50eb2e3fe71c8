"""Opening a model with the arguments that sentence-transformers' constructors share."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .._model.arguments import Kwargs, one_of, refuse_unknown
from .._model.devices import Devices, default_device, target_devices
from .._model.dtype import dtype_of
from .._model.engine import Engine
from .._model.rerank_engine import RerankEngine
from ..hub import resolve_model
from .arguments import check_loading, device_from, dtype_from, hub_cache, max_length_from
from .base import SentenceClass

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    from .._model.dtype import Dtype

    class Loading(TypedDict, total=False):
        """Arguments of the constructors; EmbeddingModel says what they mean."""

        modules: None
        cache_folder: str | os.PathLike[str] | None
        trust_remote_code: bool
        revision: str | None
        local_files_only: bool
        token: str | bool | None
        model_kwargs: Kwargs
        processor_kwargs: Kwargs
        tokenizer_kwargs: Kwargs
        config_kwargs: Kwargs
        model_card_data: Any
        backend: str
        pipeline: str
        dtype: Dtype
        cuda_graphs: bool
        threads: int
        parallel_calls: int
        copy: bool


Loaded = TypeVar("Loaded", Engine, RerankEngine)

_OF_ENGINE = ("pipeline", "cuda_graphs", "threads", "parallel_calls", "copy")
_KWARGS = ("model_kwargs", "processor_kwargs", "tokenizer_kwargs", "config_kwargs")
_OF_HUB = ("cache_folder", "revision", "local_files_only", "token")
_KNOWN = {*_OF_ENGINE, *_KWARGS, *_OF_HUB, "modules", "trust_remote_code", "model_card_data", "backend", "dtype"}


def open_model(
    model: SentenceClass[Loaded],
    kind: Callable[..., Loaded],
    name_or_path: str | os.PathLike[str],
    device: Devices,
    loading: Mapping[str, Any],
) -> None:
    """Opens `name_or_path` for `model`, by an engine of `kind`."""
    refuse_unknown({name: value for name, value in loading.items() if name not in _KNOWN}, type(model).__name__)
    model_kwargs = loading.get("model_kwargs")
    check_loading(loading.get("modules"), loading.get("backend", "torch"), model_kwargs, loading.get("config_kwargs"))
    dtype = dtype_from(model_kwargs, loading.get("dtype", "auto"))
    device = device_from(model_kwargs, device)
    directory = resolve_model(
        name_or_path,
        revision=loading.get("revision"),
        cache_dir=hub_cache(loading.get("cache_folder")),
        token=loading.get("token"),
        local_files_only=loading.get("local_files_only", False),
    )
    devices = target_devices(default_device(dtype) if device is None else device)
    options = {name: loading[name] for name in _OF_ENGINE if name in loading}
    model._begin(
        name_or_path, kind(directory, devices, dtype=dtype_of(dtype), **options), loading.get("model_card_data")
    )
    processor_kwargs = (loading.get(name) for name in ("processor_kwargs", "tokenizer_kwargs"))
    given = one_of("processor_kwargs", next(processor_kwargs), "tokenizer_kwargs", next(processor_kwargs))
    max_length = max_length_from(given, model.tokenizer.truncation_side)
    if max_length is not None:
        model.max_seq_length = max_length
