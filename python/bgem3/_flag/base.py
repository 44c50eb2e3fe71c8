"""What the classes with FlagEmbedding's interface share."""

import os
from collections.abc import Iterable
from typing import Any, Union

from .._model.arguments import as_count, as_count_or_none
from .._model.devices import Device, Devices, target_devices
from .._model.dtype import Dtype, dtype_of
from .._model.engine import Embeddings, EncodeOptions, Engine
from .._model.progress import progress_bar
from .._model.texts import as_texts
from ..errors import BadModelError, InvalidArgumentError
from ..hub import resolve_model
from ..tokenizer import Tokenizer
from .arguments import devices_of, take_loading_options
from .names import FlagClass

Texts = Union[Iterable[str], str]

_DESC = "Inference Embeddings"


class FlagBase(FlagClass[Engine]):
    """An embedding model in a directory or on the Hub, on some devices, with FlagEmbedding's names for all of it."""

    DEFAULT_POOLING_METHOD = "cls"

    def __init__(
        self,
        model_name_or_path: str,
        *,
        normalize_embeddings: bool,
        use_fp16: bool,
        use_bf16: bool,
        query_instruction_for_retrieval: str | None,
        query_instruction_format: str,
        devices: Devices,
        pooling_method: str | None,
        cache_dir: str | None,
        batch_size: int,
        query_max_length: int,
        passage_max_length: int,
        truncate_dim: int | None,
        convert_to_numpy: bool = True,
        passage_instruction_for_retrieval: str | None = None,
        passage_instruction_format: str = "{}{}",
        show_progress_bar: bool | None = None,
        device: Device | None = None,
        dtype: Dtype = None,
        **options: Any,
    ):
        loading = take_loading_options(options, type(self).__name__)
        if pooling_method not in ("cls", "mean", None):  # None: the model directory's own
            raise InvalidArgumentError(f"pooling_method should be 'cls' or 'mean', found {pooling_method!r}")
        as_count("batch_size", batch_size)
        as_count("query_max_length", query_max_length)
        as_count("passage_max_length", passage_max_length)
        self.model_name_or_path = model_name_or_path
        self.normalize_embeddings = normalize_embeddings
        self.use_fp16 = use_fp16
        self.use_bf16 = use_bf16
        self.query_instruction_for_retrieval = query_instruction_for_retrieval
        self.query_instruction_format = query_instruction_format
        self.passage_instruction_for_retrieval = passage_instruction_for_retrieval
        self.passage_instruction_format = passage_instruction_format
        self.target_devices = target_devices(devices_of(devices, device), dtype)
        self.batch_size = batch_size
        self.query_max_length = query_max_length
        self.passage_max_length = passage_max_length
        self.convert_to_numpy = convert_to_numpy
        self.truncate_dim = as_count_or_none("truncate_dim", truncate_dim)
        self.show_progress_bar = show_progress_bar

        directory = resolve_model(model_name_or_path, cache_dir=cache_dir, **loading.hub)
        self._engine = Engine(
            directory,
            self.target_devices,
            dtype=dtype_of(dtype, use_fp16=use_fp16, use_bf16=use_bf16),
            pooling=pooling_method,
            **loading.engine,
        )
        self.info = self._engine.info.copy()
        if self.info["dense_layers"]:
            raise BadModelError(
                f"'{directory}' has a Dense module, which FlagEmbedding would pass over; open it by EmbeddingModel"
            )
        self.pooling_method = pooling_method or self.info["pooling"]
        self.tokenizer = Tokenizer(
            self._engine.tokenizer, self.info["max_length"], os.fsdecode(model_name_or_path), is_of_model=True
        )

    # For the classes built on this one

    def _instructed(self, sentences: Texts, instruction: str | None, instruction_format: str) -> Texts:
        if instruction is None:
            return sentences
        texts, single = as_texts(sentences)
        texts = [self.get_detailed_instruct(instruction_format, instruction, text) for text in texts]
        return texts[0] if single else texts

    def _options(self, batch_size: int, max_length: int, truncate_dim: int | None, **kinds: bool) -> EncodeOptions:
        whole = self.info["dense_size"] if self.info["truncate_dim"] else 0
        return EncodeOptions(
            batch_size=batch_size,
            max_length=as_count("max_length", max_length),
            truncate_dim=whole if truncate_dim is None else as_count("truncate_dim", truncate_dim),
            normalize=self.normalize_embeddings,
            prompt="",  # FlagEmbedding passes over those of the directory
            **kinds,
        )

    async def _aembed(self, texts: list[str], options: EncodeOptions, timeout: float | None) -> Embeddings:
        """In batches shared with other callers."""
        return await self._open_engine().aencode(texts, options, timeout)

    def _embed(
        self,
        texts: list[str],
        options: EncodeOptions,
        device: Device | None,
        show: bool | None = None,
        desc: str = _DESC,
    ) -> Embeddings:
        """On `device`, or spread over all (None)."""
        engine = self._open_engine()
        bar = progress_bar(len(texts), options.batch_size, desc, self.show_progress_bar if show is None else show)
        return engine.encode(texts, options, device=device, bar=bar)
