"""Dense embedding models, with the interface of FlagEmbedding's FlagModel."""

from typing import TYPE_CHECKING, Any, Literal, Optional, overload

from ._flag.base import FlagBase, Texts
from ._model.arguments import refuse_unknown
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Device, Devices
from ._model.outputs import to_output
from ._model.texts import as_texts
from .types import Floats, Vector

if TYPE_CHECKING:
    import torch


class FlagModel(FlagBase):
    """Dense embeddings, with the interface of FlagEmbedding's FlagModel. See BGEM3FlagModel for the arguments."""

    def __init__(
        self,
        model_name_or_path: str,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: Optional[str] = None,
        query_instruction_format: str = "{}{}",
        devices: Devices = None,
        pooling_method: str = "cls",
        trust_remote_code: bool = False,
        cache_dir: Optional[str] = None,
        batch_size: int = DefaultBatchSize(256),
        query_max_length: int = 512,
        passage_max_length: int = 512,
        convert_to_numpy: bool = True,
        truncate_dim: Optional[int] = None,
        **kwargs: Any,
    ):
        super().__init__(
            model_name_or_path,
            normalize_embeddings=normalize_embeddings,
            use_fp16=use_fp16,
            use_bf16=use_bf16,
            query_instruction_for_retrieval=query_instruction_for_retrieval,
            query_instruction_format=query_instruction_format,
            devices=devices,
            pooling_method=pooling_method,
            cache_dir=cache_dir,
            batch_size=batch_size,
            query_max_length=query_max_length,
            passage_max_length=passage_max_length,
            convert_to_numpy=convert_to_numpy,
            truncate_dim=truncate_dim,
            **kwargs,
        )

    @overload
    def encode_queries(
        self,
        queries: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        *,
        convert_to_numpy: Literal[False],
        **kwargs: Any,
    ) -> "torch.Tensor": ...
    @overload
    def encode_queries(
        self,
        queries: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Floats: ...
    def encode_queries(
        self,
        queries: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vector:
        """encode() for queries: at most `query_max_length` tokens, and with the query instruction, if there is one."""
        return self.encode(
            queries,
            batch_size=batch_size,
            max_length=self.query_max_length if max_length is None else max_length,
            convert_to_numpy=convert_to_numpy,
            instruction=self.query_instruction_for_retrieval,
            instruction_format=self.query_instruction_format,
            **kwargs,
        )

    @overload
    def encode_corpus(
        self,
        corpus: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        *,
        convert_to_numpy: Literal[False],
        **kwargs: Any,
    ) -> "torch.Tensor": ...
    @overload
    def encode_corpus(
        self,
        corpus: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Floats: ...
    def encode_corpus(
        self,
        corpus: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vector:
        """encode() for passages, with the passage instruction, if there is one."""
        return self.encode(
            corpus,
            batch_size=batch_size,
            max_length=max_length,
            convert_to_numpy=convert_to_numpy,
            instruction=self.passage_instruction_for_retrieval,
            instruction_format=self.passage_instruction_format,
            **kwargs,
        )

    @overload
    def encode(
        self,
        sentences: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        *,
        convert_to_numpy: Literal[False],
        **kwargs: Any,
    ) -> "torch.Tensor": ...
    @overload
    def encode(
        self,
        sentences: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Floats: ...
    def encode(
        self,
        sentences: Texts,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vector:
        """float32 [B, D] for B texts, [D] for a single str; a torch tensor for convert_to_numpy=False."""
        instruction, instruction_format = kwargs.pop("instruction", None), kwargs.pop("instruction_format", "{}{}")
        return self._encode(
            self._instructed(sentences, instruction, instruction_format),
            self.batch_size if batch_size is None else batch_size,
            self.passage_max_length if max_length is None else max_length,
            self.convert_to_numpy if convert_to_numpy is None else convert_to_numpy,
            None,
            kwargs,
        )

    @overload
    def encode_single_device(
        self,
        sentences: Texts,
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        *,
        convert_to_numpy: Literal[False],
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> "torch.Tensor": ...
    @overload
    def encode_single_device(
        self,
        sentences: Texts,
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        convert_to_numpy: bool = True,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> Floats: ...
    def encode_single_device(
        self,
        sentences: Texts,
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        convert_to_numpy: bool = True,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> Vector:
        """encode() on one of the model's devices, the first by default."""
        device = self.target_devices[0] if device is None else device
        return self._encode(sentences, batch_size, max_length, convert_to_numpy, device, kwargs)

    @overload
    async def aencode(
        self,
        sentences: Texts,
        max_length: Optional[int] = None,
        *,
        convert_to_numpy: Literal[False],
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> "torch.Tensor": ...
    @overload
    async def aencode(
        self,
        sentences: Texts,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> Floats: ...
    async def aencode(
        self,
        sentences: Texts,
        max_length: Optional[int] = None,
        convert_to_numpy: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> Vector:
        """encode() for asyncio: callers at the same time share batches. A cancelled task cancels its work.

        Raises:
            DeadlineExceededError: `timeout` seconds have passed
            OverloadedError: too many texts wait already
        """
        instruction, instruction_format = kwargs.pop("instruction", None), kwargs.pop("instruction_format", "{}{}")
        refuse_unknown(kwargs, "aencode()")
        texts, single = as_texts(self._instructed(sentences, instruction, instruction_format))
        length = self.passage_max_length if max_length is None else max_length
        dense = (await self._aembed(texts, self._options(self.batch_size, length, self.truncate_dim), timeout)).dense
        assert dense is not None  # it was asked for
        as_numpy = self.convert_to_numpy if convert_to_numpy is None else convert_to_numpy
        vectors: Vector = to_output(dense[0] if single else dense, as_numpy)
        return vectors

    def _encode(
        self,
        sentences: Texts,
        batch_size: int,
        max_length: int,
        as_numpy: bool,
        device: Device | None,
        kwargs: dict[str, Any],
    ) -> Any:
        show = kwargs.pop("show_progress_bar", None)
        refuse_unknown(kwargs, "encode()")
        texts, single = as_texts(sentences)
        dense = self._embed(texts, self._options(batch_size, max_length, self.truncate_dim), device, show).dense
        assert dense is not None  # it was asked for
        return to_output(dense[0] if single else dense, as_numpy)
