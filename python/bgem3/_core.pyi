# The C++ library, one to one. It checks every argument, and raises the classes of bgem3.errors.
import os
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float32]
_Ints = npt.NDArray[np.int32]
_Longs = npt.NDArray[np.int64]
_Progress = Callable[[int, int], object] | None  # (texts done, texts in all); False stops

version: str

class _Info(TypedDict):  # the fields of src/api/model_fields.cpp
    directory: str
    architecture: str
    layers: int
    hidden_size: int
    heads: int
    intermediate_size: int
    vocabulary_size: int
    max_length: int
    max_positions: int
    pooling: str
    dense: list[str]  # layers between pooling and the vector
    dense_layers: int  # how many
    dense_size: int  # components of a dense vector
    normalize: bool
    truncate_dim: int  # 0: not stated
    dimension: int  # components of a dense vector after truncate_dim
    similarity: str
    activation: str  # of a cross-encoder
    prompts: dict[str, str]
    default_prompt_name: str | None
    adapter: str | None  # its adapter_config.json
    config: str
    weight_files: list[str]
    tokenizer_file: str
    sparse_head: str | None
    has_sparse: bool
    colbert_head: str | None
    has_colbert: bool
    colbert_dim: int
    parameters: int
    weight_bytes: int
    workspace_bytes_per_token: int
    stored_dtype: str
    dtype: str
    device: str
    threads: int
    parallel_calls: int
    sources: dict[str, str]  # where a property was stated

class _Embeddings(TypedDict):
    dense: _Floats | None  # [B, D]
    sparse: tuple[_Ints, _Floats, _Longs] | None  # ids [n], weights [n], offsets [B + 1]
    colbert: list[_Floats] | None  # B of [tokens - 1, C]
    token_counts: _Longs  # [B]

class _Encoded(_Embeddings):
    hidden_states: list[_Floats] | None  # of the last layer: B of [tokens, hidden_size]

class Tokenizer:
    @staticmethod
    def load(directory: str | os.PathLike[str], pipeline: str = "auto") -> Tokenizer: ...
    def tokenize(self, texts: Sequence[str], max_length: int = 0) -> list[list[int]]: ...
    def tokenize_with_offsets(
        self, texts: Sequence[str], max_length: int = 0
    ) -> list[tuple[list[int], list[tuple[int, int]], list[int]]]: ...  # ids, (begin, end) in characters, words or -1
    def piece(self, id: int) -> str: ...
    def __len__(self) -> int: ...
    def decode_pieces(self, pieces: Sequence[str]) -> str: ...
    @property
    def model_type(self) -> str: ...  # "Unigram", "WordPiece" or "BPE"
    @property
    def special_ids(self) -> list[int]: ...  # sorted
    @property
    def unknown_id(self) -> int: ...  # -1: there is none
    @property
    def named_tokens(self) -> dict[str, str]: ...  # "cls_token" …
    @property
    def special_template(self) -> tuple[list[int], list[int], list[int], bool]: ...  # before, between, after; types

class Embedder:
    @staticmethod
    def load(
        directory: str | os.PathLike[str],
        device: str = "cpu",
        dtype: str = "auto",
        pipeline: str = "auto",
        pooling: str | None = None,
        cuda_graphs: bool = True,
        threads: int = 0,
        parallel_calls: int = 0,
        copy: bool = False,
    ) -> Embedder: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def info(self) -> _Info: ...
    def release_memory(self) -> None: ...
    def encode(
        self,
        texts: Sequence[str],
        *,
        dense: bool = True,
        sparse: bool = False,
        colbert: bool = False,
        max_length: int = 0,
        batch_size: int = 0,
        batch_tokens: int = 0,
        truncate_dim: int = 0,
        normalize: bool | None = None,
        device: str = "",
        progress: _Progress = None,
        prompt: str | None = None,
        hidden_states: bool = False,
    ) -> _Encoded: ...
    def dimension(self, truncate_dim: int = 0) -> int: ...

def processor_has(dtype: str) -> bool: ...
def is_for_cuda(dtype: str) -> bool: ...
def cuda_devices() -> list[tuple[str, int]]: ...

class Reranker:
    @staticmethod
    def load(
        directory: str | os.PathLike[str],
        device: str = "cpu",
        dtype: str = "auto",
        pipeline: str = "auto",
        pooling: str | None = None,
        cuda_graphs: bool = True,
        threads: int = 0,
        parallel_calls: int = 0,
        copy: bool = False,
    ) -> Reranker: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def info(self) -> _Info: ...
    def release_memory(self) -> None: ...
    def score(
        self,
        queries: Sequence[str],
        passages: Sequence[str],
        *,
        max_length: int = 0,
        query_max_length: int = 0,
        batch_size: int = 0,
        batch_tokens: int = 0,
        device: str = "",
        progress: _Progress = None,
        cut_longest: bool = False,
    ) -> _Floats: ...
    def activate(self, logits: Sequence[float] | _Floats) -> _Floats: ...

class Ticket:
    def cancel(self) -> None: ...

class BatchingEmbedder:
    def __init__(
        self,
        embedder: Embedder,
        *,
        batch_texts: int = 64,
        batch_tokens: int = 0,
        max_wait: float = 0.002,
        queue_texts: int = 4096,
    ) -> None: ...
    def submit(
        self,
        texts: Sequence[str],
        on_done: Callable[[_Embeddings | None, Exception | None], object],
        *,
        dense: bool = True,
        sparse: bool = False,
        colbert: bool = False,
        max_length: int = 0,
        truncate_dim: int = 0,
        normalize: bool | None = None,
        timeout: float | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
    ) -> Ticket: ...
    def close(self) -> None: ...
    def is_answering(self) -> bool: ...  # whether this thread is the one that calls on_done

class BatchingReranker:
    def __init__(
        self,
        reranker: Reranker,
        *,
        batch_texts: int = 64,
        batch_tokens: int = 0,
        max_wait: float = 0.002,
        queue_texts: int = 4096,
    ) -> None: ...
    def submit(
        self,
        queries: Sequence[str],
        passages: Sequence[str],
        on_done: Callable[[_Floats | None, Exception | None], object],
        *,
        max_length: int = 0,
        query_max_length: int = 0,
        timeout: float | None = None,
    ) -> Ticket: ...
    def close(self) -> None: ...
    def is_answering(self) -> bool: ...  # whether this thread is the one that calls on_done
