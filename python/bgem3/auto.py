"""FlagAutoModel and FlagAutoReranker: the class that a model needs, chosen by what its directory holds."""

import os
import re
from typing import TYPE_CHECKING, Any, Optional

from ._flag.arguments import HUB_OPTIONS
from ._flag.base import FlagBase
from ._model.devices import Devices
from .flag_model import FlagModel
from .hub import resolve_model
from .m3 import BGEM3FlagModel

if TYPE_CHECKING:
    from .reranker import FlagReranker

_EMBEDDERS = {"encoder-only-base": FlagModel, "encoder-only-m3": BGEM3FlagModel}
_INSTRUCT_FORMATS = {r"multilingual-e5-.*-instruct": "Instruct: {}\nQuery: {}"}


def _class_name(model_class: Any) -> Any:
    """The value of FlagEmbedding's enumeration, or what it is itself."""
    return getattr(model_class, "value", model_class)


class FlagAutoModel:
    """Loads BGEM3FlagModel or FlagModel, whichever the model needs. Call `from_finetuned`."""

    def __init__(self) -> None:
        raise OSError("FlagAutoModel has no instances: call FlagAutoModel.from_finetuned(model_name_or_path)")

    @classmethod
    def from_finetuned(
        cls,
        model_name_or_path: str,
        model_class: Optional[str] = None,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: Optional[str] = None,
        devices: Devices = None,
        pooling_method: Optional[str] = None,
        trust_remote_code: Optional[bool] = None,
        query_instruction_format: Optional[str] = None,
        truncate_dim: Optional[int] = None,
        **kwargs: Any,
    ) -> Any:
        """The model in a directory or on the Hub, of any name.

        Args:
            model_class: "encoder-only-m3" (BGEM3FlagModel), "encoder-only-base" (FlagModel), or None: the first if the
                directory has the sparse or the ColBERT head of BGE-M3
            pooling_method: "cls", "mean", or None: "cls" where `model_class` is given, as FlagEmbedding has it, else what
                `1_Pooling/config.json` says
            query_instruction_format: None: the format the model was trained with, where it is known, else "{}{}"
            trust_remote_code: taken for FlagEmbedding's sake; no code of models is ever run
            kwargs: as for the class

        Returns:
            a BGEM3FlagModel or a FlagModel, which type checkers cannot know
        """
        hub_options = {name: kwargs[name] for name in ("cache_dir", *HUB_OPTIONS) if name in kwargs}
        directory = resolve_model(model_name_or_path, **hub_options)
        name = _class_name(model_class)
        if name is not None and pooling_method is None:
            pooling_method = FlagBase.DEFAULT_POOLING_METHOD
        if name is None:
            heads = ("sparse_linear.pt", "colbert_linear.pt")
            name = "encoder-only-m3" if any((directory / head).is_file() for head in heads) else "encoder-only-base"
        if name not in _EMBEDDERS:
            raise ValueError(f"model_class should be one of {sorted(_EMBEDDERS)} or None, found {name!r}")
        if query_instruction_format is None:
            known = (
                form
                for pattern, form in _INSTRUCT_FORMATS.items()
                if re.search(pattern, os.fsdecode(model_name_or_path))
            )
            query_instruction_format = next(known, "{}{}")
        return _EMBEDDERS[name](
            model_name_or_path,
            normalize_embeddings=normalize_embeddings,
            use_fp16=use_fp16,
            use_bf16=use_bf16,
            query_instruction_for_retrieval=query_instruction_for_retrieval,
            query_instruction_format=query_instruction_format,
            devices=devices,
            pooling_method=pooling_method,
            truncate_dim=truncate_dim,
            **kwargs,
        )


class FlagAutoReranker:
    """Loads FlagReranker. Call `from_finetuned`."""

    def __init__(self) -> None:
        raise OSError("FlagAutoReranker has no instances: call FlagAutoReranker.from_finetuned(model_name_or_path)")

    @classmethod
    def from_finetuned(
        cls,
        model_name_or_path: str,
        model_class: Optional[str] = None,
        use_fp16: bool = False,
        trust_remote_code: Optional[bool] = None,
        **kwargs: Any,
    ) -> "FlagReranker":
        """The cross-encoder in a directory or on the Hub; `model_class` is "encoder-only-base" or None."""
        from .reranker import FlagReranker

        if _class_name(model_class) not in (None, "encoder-only-base"):
            raise ValueError(f"model_class should be 'encoder-only-base' or None, found {_class_name(model_class)!r}")
        return FlagReranker(model_name_or_path, use_fp16=use_fp16, **kwargs)
