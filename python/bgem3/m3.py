"""BGE-M3, with the interface of FlagEmbedding's BGEM3FlagModel."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Optional, Union, cast, overload

import numpy as np
import numpy.typing as npt

from ._flag.m3_scoring import M3Scoring
from ._model.arguments import refuse_unknown
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Device, Devices
from ._model.engine import Embeddings
from ._model.outputs import to_output
from ._model.texts import as_texts
from .types import Floats, TextVectors, Vectors, Weights


class BGEM3FlagModel(M3Scoring):
    """Texts in; dense, sparse (lexical weights) and multi-vector (ColBERT) embeddings out.

    Arguments, methods and results are those of FlagEmbedding 1.4.2; where they differ is told in the README's
    "Differences from FlagEmbedding". Any number of threads may use one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        normalize_embeddings: L2-normalise dense and ColBERT vectors
        use_fp16, use_bf16: taken where the device computes in them. A CPU computes in bfloat16 if that is asked for and
            it has AVX512-BF16, else in float32
        query_instruction_for_retrieval, query_instruction_format: put before queries by `encode_queries`
        devices: "cpu", "cuda:0", a number, a torch.device, or a list of these, which share the texts of a call; None: all
            GPUs, or the CPU where there is none
        pooling_method: "cls" or "mean"
        cache_dir: of huggingface_hub
        colbert_dim: what the ColBERT head should have, -1: whatever it has
        batch_size: most texts of one batch; tokens are limited on their own, so a large value costs no memory. Unset, it
            limits nothing on a GPU
        query_max_length, passage_max_length: tokens of a text, longer ones are cut
        truncate_dim: leading components of dense and ColBERT vectors to keep
        kwargs: `passage_instruction_for_retrieval`, `passage_instruction_format`, `convert_to_numpy`,
            `show_progress_bar`; `device`, in place of `devices`; `revision`, `token`, `local_files_only` (for the Hub);
            `pipeline` ("auto", "transformers-5" or "tokenizer-json", see docs/tokenizer.md); `dtype` ("float32",
            "bfloat16", "int8" …, or a torch.dtype), which comes before `use_fp16` and `use_bf16` and is refused where the
            device cannot; `cuda_graphs`: False launches small batches on a GPU kernel by kernel, at twice the latency and
            with less memory; no effect on the CPU; `threads`, `parallel_calls` and `copy`, see EmbeddingModel. What
            FlagEmbedding has for language models (`examples_for_task`, `domain_for_pseudo_moe` …) may be None

    Example:
        >>> model = BGEM3FlagModel("BAAI/bge-m3")
        >>> found = model.encode(["Hello World", "Bonjour le monde"], return_sparse=True)
        >>> found["dense_vecs"].shape
        (2, 1024)
        >>> model.compute_lexical_matching_score(*found["lexical_weights"])  # of the two texts
    """

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
        colbert_dim: int = -1,
        batch_size: int = DefaultBatchSize(256),
        query_max_length: int = 512,
        passage_max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        truncate_dim: Optional[int] = None,
        **kwargs: Any,
    ):
        self.return_dense = return_dense
        self.return_sparse = return_sparse
        self.return_colbert_vecs = return_colbert_vecs
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
            truncate_dim=truncate_dim,
            **kwargs,
        )
        self._check_colbert_dim(colbert_dim)

    def _check_colbert_dim(self, wanted: int) -> None:
        found = self.info["colbert_dim"]
        if wanted > 0 and found and wanted != found:
            raise ValueError(f"colbert_dim should be {found}, as in colbert_linear.pt, or -1; found {wanted}")

    # Encoding

    @overload
    def encode_queries(
        self,
        queries: str,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors: ...
    @overload
    def encode_queries(
        self,
        queries: Iterable[str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors: ...
    def encode_queries(
        self,
        queries: Union[Iterable[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors | Vectors:
        """encode() for queries: at most `query_max_length` tokens, and with the query instruction, if there is one."""
        return self.encode(
            queries,
            batch_size=batch_size,
            max_length=self.query_max_length if max_length is None else max_length,
            return_dense=return_dense,
            return_sparse=return_sparse,
            return_colbert_vecs=return_colbert_vecs,
            instruction=self.query_instruction_for_retrieval,
            instruction_format=self.query_instruction_format,
            **kwargs,
        )

    @overload
    def encode_corpus(
        self,
        corpus: str,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors: ...
    @overload
    def encode_corpus(
        self,
        corpus: Iterable[str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors: ...
    def encode_corpus(
        self,
        corpus: Union[Iterable[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors | Vectors:
        """encode() for passages, with the passage instruction, if there is one."""
        return self.encode(
            corpus,
            batch_size=batch_size,
            max_length=max_length,
            return_dense=return_dense,
            return_sparse=return_sparse,
            return_colbert_vecs=return_colbert_vecs,
            instruction=self.passage_instruction_for_retrieval,
            instruction_format=self.passage_instruction_format,
            **kwargs,
        )

    @overload
    def encode(
        self,
        sentences: str,
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors: ...
    @overload
    def encode(
        self,
        sentences: Iterable[str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors: ...
    def encode(
        self,
        sentences: Union[Iterable[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> TextVectors | Vectors:
        """Embeds a text, or B texts, spread over all devices of the model.

        Args:
            sentences: a str, or a list of B str
            batch_size, max_length, return_dense, return_sparse, return_colbert_vecs: as in the constructor
            kwargs: `convert_to_numpy`: False gives torch tensors over the same memory; `show_progress_bar`: None shows
                one for more than a batch; `instruction`, `instruction_format`: put before each text

        Returns:
            "dense_vecs": float32 [B, D]; "lexical_weights": B dicts from token id (a str) to weight; "colbert_vecs": B
            arrays float32 [tokens - 1, C], the `<s>` left out. None for a kind not asked for; for a single str without
            the batch axis.
        """
        instruction, instruction_format = kwargs.pop("instruction", None), kwargs.pop("instruction_format", "{}{}")
        return self._encode(
            self._instructed(sentences, instruction, instruction_format),
            self.batch_size if batch_size is None else batch_size,
            self.passage_max_length if max_length is None else max_length,
            self.return_dense if return_dense is None else return_dense,
            self.return_sparse if return_sparse is None else return_sparse,
            self.return_colbert_vecs if return_colbert_vecs is None else return_colbert_vecs,
            None,
            kwargs,
        )

    @overload
    def encode_single_device(
        self,
        sentences: str,
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> TextVectors: ...
    @overload
    def encode_single_device(
        self,
        sentences: Iterable[str],
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> Vectors: ...
    def encode_single_device(
        self,
        sentences: Union[Iterable[str], str],
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> TextVectors | Vectors:
        """encode() on one of the model's devices, the first by default."""
        device = self.target_devices[0] if device is None else device
        return self._encode(
            sentences, batch_size, max_length, return_dense, return_sparse, return_colbert_vecs, device, kwargs
        )

    @overload
    async def aencode(
        self,
        sentences: str,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> TextVectors: ...
    @overload
    async def aencode(
        self,
        sentences: Iterable[str],
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> Vectors: ...
    async def aencode(
        self,
        sentences: Union[Iterable[str], str],
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> TextVectors | Vectors:
        """encode() for asyncio: callers at the same time share batches.

        Args:
            timeout: seconds, after which it fails with DeadlineExceededError; a cancelled task cancels its work
            the others: as in encode()

        Raises:
            OverloadedError: too many texts wait already
        """
        as_numpy = kwargs.pop("convert_to_numpy", self.convert_to_numpy)
        instruction, instruction_format = kwargs.pop("instruction", None), kwargs.pop("instruction_format", "{}{}")
        refuse_unknown(kwargs, "aencode()")
        texts, single = as_texts(self._instructed(sentences, instruction, instruction_format))
        options = self._options(
            self.batch_size,
            self.passage_max_length if max_length is None else max_length,
            self.truncate_dim,
            dense=self.return_dense if return_dense is None else return_dense,
            sparse=self.return_sparse if return_sparse is None else return_sparse,
            colbert=self.return_colbert_vecs if return_colbert_vecs is None else return_colbert_vecs,
        )
        return _to_vectors(await self._aembed(texts, options, timeout), as_numpy, single)

    def _encode(
        self,
        sentences: Any,
        batch_size: int,
        max_length: int,
        dense: bool,
        sparse: bool,
        colbert: bool,
        device: Device | None,
        kwargs: dict[str, Any],
    ) -> TextVectors | Vectors:
        as_numpy = kwargs.pop("convert_to_numpy", self.convert_to_numpy)
        show = kwargs.pop("show_progress_bar", None)
        refuse_unknown(kwargs, "encode()")
        texts, single = as_texts(sentences)
        options = self._options(batch_size, max_length, self.truncate_dim, dense=dense, sparse=sparse, colbert=colbert)
        return _to_vectors(self._embed(texts, options, device, show), as_numpy, single)


def _to_vectors(found: Embeddings, as_numpy: bool, single: bool) -> TextVectors | Vectors:
    vectors: Any = {
        "dense_vecs": None if found.dense is None else to_output(found.dense, as_numpy),
        "lexical_weights": None if found.sparse is None else [_to_dict(*pair) for pair in found.sparse],
        "colbert_vecs": None if found.colbert is None else [to_output(rows, as_numpy) for rows in found.colbert],
    }
    if single:
        of_text: Any = {kind: None if v is None else v[0] for kind, v in vectors.items()}
        return cast(TextVectors, of_text)
    return cast(Vectors, vectors)


def _to_dict(ids: npt.NDArray[np.int32], weights: Floats) -> Weights:
    result: dict[str, Any] = defaultdict(int)
    result.update(zip(map(str, ids.tolist()), weights))
    return result
