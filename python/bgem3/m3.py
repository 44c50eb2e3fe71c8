"""BGE-M3, with the interface of FlagEmbedding's BGEM3FlagModel."""

from collections import defaultdict
from typing import Any, Dict, List, Literal, Optional, Tuple, Union

import numpy as np

from ._batch_size import DefaultBatchSize
from ._engine import Embeddings
from ._flag import FlagBase, Texts, refuse_unknown, to_output
from ._texts import as_texts
from ._m3_scores import lexical_matching_score, pair_scores

Vectors = Dict[
    Literal["dense_vecs", "lexical_weights", "colbert_vecs"],
    Union[np.ndarray, List[Dict[str, float]], List[np.ndarray]],
]
Pairs = Union[List[Tuple[str, str]], Tuple[str, str]]
PairScores = Dict[Literal["colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense"], List[float]]
Weights = Dict[str, float]


class BGEM3FlagModel(FlagBase):
    """Texts in; dense, sparse (lexical weights) and multi-vector (ColBERT) embeddings out.

    Arguments, methods and results are those of FlagEmbedding 1.4.2; where they differ is told in the README's
    "Differences from FlagEmbedding". Any number of threads may use one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        normalize_embeddings: L2-normalise dense and ColBERT vectors
        use_fp16, use_bf16: taken where the device computes in them. A CPU computes in bfloat16 if that is asked for and
            it has AVX512-BF16, else in float32
        query_instruction_for_retrieval, query_instruction_format: put before queries by `encode_queries`
        devices: "cpu", "cuda:0" …, or a list of devices, which share the texts of a call; None: all GPUs, or
            the CPU where there is none
        pooling_method: "cls" or "mean"
        cache_dir: of huggingface_hub
        colbert_dim: what the ColBERT head should have, -1: whatever it has
        batch_size: most texts of one batch; tokens are limited on their own, so a large value costs no memory. Unset, it
            limits nothing on a GPU
        query_max_length, passage_max_length: tokens of a text, longer ones are cut
        truncate_dim: leading components of dense and ColBERT vectors to keep
        kwargs: `passage_instruction_for_retrieval`, `passage_instruction_format`, `convert_to_numpy`,
            `show_progress_bar`; `revision`, `token`, `local_files_only` (for the Hub); `pipeline` ("auto",
            "transformers-5" or "tokenizer-json", see docs/tokenizer.md); `dtype` ("float32", "bfloat16", "int8" …), which comes before `use_fp16`
            and `use_bf16` and is refused where the device cannot; `cuda_graphs`: False launches small batches on a GPU
            kernel by kernel, at twice the latency and with less memory; no effect on the CPU; `threads`,
            `parallel_calls` and `copy`, see EmbeddingModel
    """

    def __init__(
        self,
        model_name_or_path: str,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: Optional[str] = None,
        query_instruction_format: str = "{}{}",
        devices: Optional[Union[str, List[str]]] = None,
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

    def encode_queries(
        self,
        queries: Union[List[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors:
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

    def encode_corpus(
        self,
        corpus: Union[List[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors:
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

    def encode(
        self,
        sentences: Union[List[str], str],
        batch_size: Optional[int] = None,
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        **kwargs: Any,
    ) -> Vectors:
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

    def encode_single_device(
        self,
        sentences: Union[List[str], str],
        batch_size: int = DefaultBatchSize(256),
        max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        device: Optional[str] = None,
        **kwargs: Any,
    ):
        """encode() on one of the model's devices, the first by default."""
        device = self.target_devices[0] if device is None else device
        return self._encode(
            sentences, batch_size, max_length, return_dense, return_sparse, return_colbert_vecs, device, kwargs
        )

    async def aencode(
        self,
        sentences: Union[List[str], str],
        max_length: Optional[int] = None,
        return_dense: Optional[bool] = None,
        return_sparse: Optional[bool] = None,
        return_colbert_vecs: Optional[bool] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> Vectors:
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

    def _encode(self, sentences: Texts, batch_size, max_length, dense, sparse, colbert, device, kwargs) -> Vectors:
        as_numpy = kwargs.pop("convert_to_numpy", self.convert_to_numpy)
        show = kwargs.pop("show_progress_bar", None)
        refuse_unknown(kwargs, "encode()")
        texts, single = as_texts(sentences)
        options = self._options(batch_size, max_length, self.truncate_dim, dense=dense, sparse=sparse, colbert=colbert)
        return _to_vectors(self._embed(texts, options, device, show), as_numpy, single)

    # Scores

    def compute_score(
        self,
        sentence_pairs: Pairs,
        batch_size: Optional[int] = None,
        max_query_length: Optional[int] = None,
        max_passage_length: Optional[int] = None,
        weights_for_different_modes: Optional[List[float]] = None,
        **kwargs: Any,
    ) -> PairScores:
        """Relevance of the passage to the query of each pair, in five kinds.

        Args:
            sentence_pairs: a pair (query, passage), or a list of pairs
            batch_size: most pairs of one batch
            max_query_length, max_passage_length: tokens, longer texts are cut
            weights_for_different_modes: of dense, sparse and ColBERT score in the two means; default: 1, 1, 1

        Returns:
            "dense", "sparse", "colbert", "sparse+dense", "colbert+sparse+dense": a list of floats, one for each pair;
            for a single pair a float.
        """
        return self._compute_score(
            sentence_pairs,
            self.batch_size if batch_size is None else batch_size,
            self.query_max_length if max_query_length is None else max_query_length,
            self.passage_max_length if max_passage_length is None else max_passage_length,
            weights_for_different_modes,
            None,
            kwargs,
        )

    def compute_score_single_device(
        self,
        sentence_pairs: Pairs,
        batch_size: int = DefaultBatchSize(256),
        max_query_length: int = 512,
        max_passage_length: int = 512,
        weights_for_different_modes: Optional[List[float]] = None,
        device: Optional[str] = None,
        **kwargs: Any,
    ) -> PairScores:
        """compute_score() on one of the model's devices, the first by default."""
        device = self.target_devices[0] if device is None else device
        return self._compute_score(
            sentence_pairs,
            batch_size,
            max_query_length,
            max_passage_length,
            weights_for_different_modes,
            device,
            kwargs,
        )

    def _compute_score(self, sentence_pairs, batch_size, max_query_length, max_passage_length, weights, device, kwargs):
        show = kwargs.pop("show_progress_bar", None)
        refuse_unknown(kwargs, "compute_score()")
        if isinstance(sentence_pairs, list) and not sentence_pairs:
            return []
        single = isinstance(sentence_pairs[0], str)
        kinds = {"dense": True, "sparse": True, "colbert": True}
        query_options = self._options(batch_size, max_query_length, None, **kinds)
        passage_options = self._options(batch_size, max_passage_length, None, **kinds)
        scores = pair_scores(
            [sentence_pairs] if single else sentence_pairs,
            lambda texts: self._embed(texts, query_options, device, show=False),
            lambda texts: self._embed(texts, passage_options, device, show=False),
            weights,
            batch_size,
            self.show_progress_bar if show is None else show,
        )
        return {kind: values[0] for kind, values in scores.items()} if single else scores

    def compute_lexical_matching_score(
        self,
        lexical_weights_1: Union[Dict[str, float], List[Dict[str, float]]],
        lexical_weights_2: Union[Dict[str, float], List[Dict[str, float]]],
    ) -> Union[np.ndarray, float]:
        """Sum over common tokens of the product of their weights: a number for two dicts, [n, m] for two lists."""
        if isinstance(lexical_weights_1, dict) and isinstance(lexical_weights_2, dict):
            return lexical_matching_score(lexical_weights_1, lexical_weights_2)
        if isinstance(lexical_weights_1, list) and isinstance(lexical_weights_2, list):
            return np.array([[lexical_matching_score(a, b) for b in lexical_weights_2] for a in lexical_weights_1])
        raise ValueError("lexical weights should be two dicts or two lists of dicts, as encode() gives them")

    def colbert_score(self, q_reps, p_reps):
        """Late interaction of query vectors [nq, C] and passage vectors [np, C]: a torch tensor without axes."""
        import torch

        q_reps, p_reps = torch.as_tensor(q_reps), torch.as_tensor(p_reps)
        return (q_reps @ p_reps.T).max(-1).values.sum() / q_reps.size(0)

    def convert_id_to_token(self, lexical_weights: List[Dict]):
        """Lexical weights with the text of each token in place of its id; one dict for one."""
        given = [lexical_weights] if isinstance(lexical_weights, dict) else lexical_weights
        named = [{self.tokenizer.decode([int(i)]): weight for i, weight in item.items()} for item in given]
        return named[0] if len(named) == 1 else named


def _to_vectors(found: Embeddings, as_numpy: bool, single: bool) -> Vectors:
    vectors: Any = {
        "dense_vecs": None if found.dense is None else to_output(found.dense, as_numpy),
        "lexical_weights": None if found.sparse is None else [_to_dict(*pair) for pair in found.sparse],
        "colbert_vecs": None if found.colbert is None else [to_output(rows, as_numpy) for rows in found.colbert],
    }
    if single:
        vectors = {kind: None if v is None else v[0] for kind, v in vectors.items()}
    return vectors


def _to_dict(ids: np.ndarray, weights: np.ndarray) -> Weights:
    result: dict[str, Any] = defaultdict(int)
    result.update(zip(map(str, ids.tolist()), weights))
    return result
