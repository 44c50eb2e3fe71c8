"""Cross-encoders such as bge-reranker-v2-m3, with the interface of FlagEmbedding's FlagReranker."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, List, Optional, Tuple, Union, cast

import numpy as np
import numpy.typing as npt

from ._flag.arguments import devices_of, take_loading_options
from ._flag.names import FlagClass
from ._model.arguments import as_count, as_count_or_none, refuse_unknown
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Device, Devices, target_devices
from ._model.dtype import dtype_of
from ._model.pairs import TextPair, as_pairs, check_pair_length
from ._model.progress import progress_bar
from ._model.rerank_engine import RerankEngine, RerankOptions
from ._model.texts import as_list
from ._sentence.predict import activated, as_output, ranked
from .hub import resolve_model
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

    from ._sentence.predict import Activation

Pairs = Union[Sequence[Sequence[str]], Sequence[str]]  # B pairs (query, passage), or one


class _DefaultLength(int):
    """A `max_length` that the caller did not set: FlagEmbedding's for compute_score(), none for predict()."""


class FlagReranker(FlagClass[RerankEngine]):
    """Judges how relevant a passage is to a query by reading both together: slower and more exact than embeddings.

    Arguments, methods and results are those of FlagEmbedding 1.4.2, but for this: no pairs give no scores instead of an
    IndexError, a query that leaves no room in a small `max_length` is cut, unknown arguments are refused, and token ids
    are used as they are (FlagEmbedding with transformers 5 turns them to text and back, which loses a space before an
    unknown character, and the place of an empty passage). Any number of threads may use one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        use_fp16: taken where the device computes in it; the CPU computes in float32
        query_instruction_for_rerank, query_instruction_format: put before queries
        passage_instruction_for_rerank, passage_instruction_format: put before passages
        trust_remote_code: taken for FlagEmbedding's sake; no code of models is ever run
        cache_dir: of huggingface_hub
        devices: "cpu", "cuda:0" …, or a list of devices, which share the pairs of a call; None: all GPUs, or
            the CPU where there is none
        batch_size: most pairs of one batch; tokens are limited on their own, so a large value costs no memory. Unset, it
            is 256 on the CPU and limits nothing on a GPU
        query_max_length: tokens of a query; default: three quarters of `max_length`
        max_length: tokens of a pair with its four special tokens, beyond which the passage is cut. predict() and rank()
            take the model's own where it is not given
        normalize: scores in 0 … 1, by the logistic function, instead of logits
        kwargs: `show_progress_bar`; `revision`, `token`, `local_files_only` (for the Hub); `pipeline` ("auto",
            "transformers-5" or "tokenizer-json", see docs/tokenizer.md); `dtype` ("float32", "bfloat16", "int8" …),
            or a torch.dtype, which comes before `use_fp16` and `use_bf16`; `device`, in place of `devices`;
            `cuda_graphs`: False launches small batches on a GPU kernel by kernel, at twice the latency and with less
            memory; no effect on the CPU; `threads`, `parallel_calls` and `copy`, see EmbeddingModel. What FlagEmbedding
            has for language models (`cutoff_layers`, `prompt` …) may be None

    Example:
        >>> reranker = FlagReranker("BAAI/bge-reranker-v2-m3")
        >>> reranker.compute_score([("how to bake bread", "Knead the dough."), ("how to bake bread", "Raise the rates.")])
    """

    def __init__(
        self,
        model_name_or_path: str,
        use_fp16: bool = False,
        query_instruction_for_rerank: Optional[str] = None,
        query_instruction_format: str = "{}{}",
        passage_instruction_for_rerank: Optional[str] = None,
        passage_instruction_format: str = "{}{}",
        trust_remote_code: bool = False,
        cache_dir: Optional[str] = None,
        devices: Devices = None,
        batch_size: int = DefaultBatchSize(128),
        query_max_length: Optional[int] = None,
        max_length: int = _DefaultLength(512),
        normalize: bool = False,
        **kwargs: Any,
    ):
        self.show_progress_bar: bool | None = kwargs.pop("show_progress_bar", None)
        devices = devices_of(devices, kwargs.pop("device", None))
        dtype, use_bf16 = kwargs.pop("dtype", None), kwargs.pop("use_bf16", False)
        loading = take_loading_options(kwargs, type(self).__name__)
        as_count("batch_size", batch_size)
        as_count_or_none("query_max_length", query_max_length)
        as_count("max_length", max_length)
        self.model_name_or_path = model_name_or_path
        self.use_fp16 = use_fp16
        self.use_bf16 = use_bf16
        self.query_instruction_for_rerank = query_instruction_for_rerank
        self.query_instruction_format = query_instruction_format
        self.passage_instruction_for_rerank = passage_instruction_for_rerank
        self.passage_instruction_format = passage_instruction_format
        self.target_devices = target_devices(devices, dtype)
        self.batch_size = batch_size
        self.query_max_length = query_max_length
        self.max_length = max_length
        self.normalize = normalize

        directory = resolve_model(model_name_or_path, cache_dir=cache_dir, **loading.hub)
        named = dtype_of(dtype, use_fp16=use_fp16, use_bf16=use_bf16)
        self._engine = RerankEngine(directory, self.target_devices, dtype=named, **loading.engine)
        self.info = self._engine.info.copy()
        self.tokenizer = Tokenizer(
            self._engine.tokenizer, self.info["max_length"], os.fsdecode(model_name_or_path), is_of_model=True
        )

    # FlagEmbedding

    def compute_score(self, sentence_pairs: Pairs, **kwargs: Any) -> List[float]:
        """Relevance of the passage to the query of each pair, with the instructions put before both.

        Args:
            sentence_pairs: a pair (query, passage), or a list of B pairs
            kwargs: `batch_size`, `query_max_length`, `max_length`, `normalize` as in the constructor;
                `show_progress_bar`: None shows one for more than a batch

        Returns:
            B floats, a list also for a single pair; a NumPy array float64 [B] where the model is on several devices,
            which type checkers are not told.
        """
        several = len(self.target_devices) > 1
        device = None if several else self.target_devices[0]
        scores = self._compute_score(self._instructed(as_pairs(sentence_pairs)[0]), device, **kwargs)
        found: Any = np.array(scores) if several else scores
        return cast(List[float], found)

    def compute_score_single_gpu(
        self,
        sentence_pairs: Pairs,
        batch_size: Optional[int] = None,
        query_max_length: Optional[int] = None,
        max_length: Optional[int] = None,
        normalize: Optional[bool] = None,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> List[float]:
        """compute_score() without instructions, on one of the model's devices, the first by default."""
        return self._compute_score(
            as_pairs(sentence_pairs)[0],
            self.target_devices[0] if device is None else device,
            batch_size,
            query_max_length,
            max_length,
            normalize,
            **kwargs,
        )

    def get_detailed_inputs(self, sentence_pairs: Pairs) -> List[List[str]]:
        """The pairs with the instructions of this model, as lists [query, passage]."""
        return [list(pair) for pair in self._instructed(as_pairs(sentence_pairs)[0])]

    # sentence-transformers

    def predict(
        self,
        inputs: Union[Sequence[Tuple[str, str]], Tuple[str, str]],
        batch_size: Optional[int] = None,
        show_progress_bar: Optional[bool] = None,
        activation_fn: "Optional[Activation]" = None,
        convert_to_tensor: bool = False,
    ) -> "npt.NDArray[np.float32] | np.float32 | torch.Tensor":
        """Scores as those of CrossEncoder.predict in sentence-transformers; the class CrossEncoder has all of its arguments.

        Logits go through `activation_fn`, as a torch tensor [B, 1]; without one, through the activation that the model
        directory states, or the logistic function. Pairs longer than the directory's own maximal length, or than a
        `max_length` that was given to the constructor, are cut at whichever text is longer.

        Returns:
            float32 [B], for a single pair a number; a torch tensor for `convert_to_tensor`.
        """
        pairs, single = as_pairs(inputs)
        options = RerankOptions(
            max_length=0 if isinstance(self.max_length, _DefaultLength) else self.max_length,
            batch_size=self.batch_size if batch_size is None else batch_size,
            cut_longest=True,
        )
        logits = self._logits(self._instructed(pairs), options, None, bool(show_progress_bar))
        scores = activated(logits, activation_fn, self._open_engine().activate)
        return as_output(scores, single, True, convert_to_tensor)

    def rank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: Optional[int] = None,
        return_documents: bool = False,
        **options: Any,
    ) -> "list[dict[str, Any]]":
        """The documents in order of relevance to `query`, the best first, as CrossEncoder.rank gives them.

        Args:
            top_k: how many to return at most; default: all
            return_documents: put the documents into the result
            options: of predict()

        Returns:
            dicts with "corpus_id" (index in `documents`), "score" and, if asked for, "text".
        """
        documents = as_list(documents, "documents")
        predicted: Any = self.predict([(query, document) for document in documents], **options)
        return ranked(predicted.tolist(), documents, top_k, return_documents)

    # Below both

    def _instructed(self, pairs: Sequence[TextPair]) -> list[TextPair]:
        def instructed(form: str, instruction: Optional[str], text: str) -> str:
            return text if instruction is None else self.get_detailed_instruct(form, instruction, text)

        return [
            (
                instructed(self.query_instruction_format, self.query_instruction_for_rerank, query),
                instructed(self.passage_instruction_format, self.passage_instruction_for_rerank, passage),
            )
            for query, passage in pairs
        ]

    def _compute_score(
        self,
        pairs: Sequence[TextPair],
        device: Optional[Device],
        batch_size: Optional[int] = None,
        query_max_length: Optional[int] = None,
        max_length: Optional[int] = None,
        normalize: Optional[bool] = None,
        show_progress_bar: Optional[bool] = None,
        **unknown: Any,
    ) -> List[float]:
        refuse_unknown(unknown, "compute_score()")
        options = self._options(batch_size, query_max_length, max_length)
        show = self.show_progress_bar if show_progress_bar is None else show_progress_bar
        scores = self._logits(pairs, options, device, show).astype(np.float64)
        if self.normalize if normalize is None else normalize:
            scores = 1 / (1 + np.exp(-scores))
        return cast(List[float], scores.tolist())

    def _options(
        self, batch_size: Optional[int], query_max_length: Optional[int], max_length: Optional[int]
    ) -> RerankOptions:
        batch_size = self.batch_size if batch_size is None else batch_size
        max_length = self.max_length if max_length is None else max_length
        query_max_length = self.query_max_length if query_max_length is None else query_max_length
        if query_max_length is None:
            query_max_length = max_length * 3 // 4
        as_count("query_max_length", query_max_length)
        special_tokens = self.tokenizer.num_special_tokens_to_add(pair=True)
        check_pair_length(as_count("max_length", max_length), special_tokens)
        return RerankOptions(max_length, query_max_length, batch_size)

    def _logits(
        self, pairs: Sequence[TextPair], options: RerankOptions, device: Optional[Device], show: Optional[bool]
    ) -> np.ndarray:
        """float32 [B], on `device`, or spread over all (None)."""
        engine = self._open_engine()
        bar = progress_bar(len(pairs), options.batch_size, "Compute Scores", show)
        return engine.score(pairs, options, device=device, bar=bar)
