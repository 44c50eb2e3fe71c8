"""Dense embedding models, after the way sentence-transformers is used."""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._batch_size import DefaultBatchSize
from ._dtype import dtype_of
from ._devices import default_device, target_devices
from ._engine import EncodeOptions, Engine
from ._flag import progress_bar, to_output
from ._texts import as_texts
from .errors import listed
from .hub import resolve_model
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

    Vectors: TypeAlias = np.ndarray | torch.Tensor | list[torch.Tensor]

# What families expect before a text and their repositories do not say. From their model cards.
_FAMILY_PROMPTS = {
    r"multilingual-e5-(small|base|large)$|(^|/)e5-small$": {"query": "query: ", "document": "passage: "},
    r"multilingual-e5-large-instruct$": {
        "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "document": "",
    },
    r"snowflake-arctic-embed-[lm]-v2\.0$": {"query": "query: ", "document": ""},
}
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


class EmbeddingModel:
    """Texts in, one vector for each out: multilingual-e5, snowflake-arctic-embed-l-v2.0, paraphrase-multilingual,
    bge-m3 and others of the XLM-RoBERTa family, or of BERT with XLM-RoBERTa's vocabulary.

    Pooling, normalisation, maximal length, prompts, similarity and dimension are those that the model's directory
    states, see docs/models.md. Any number of threads may use one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device: one device; or a list of devices, which share the texts of a call; None: the first GPU, where
            there is one, else the CPU
        prompts: texts to put before an input, by name; they replace those of the same name that the model states
        default_prompt_name: the prompt that encode() uses when it is told none
        similarity_fn_name: "cosine", "dot", "euclidean" or "manhattan"; default: what the model states, else "cosine"
        truncate_dim: leading components to keep
        cache_folder, revision, local_files_only, token: for huggingface_hub
        pipeline: "auto", "transformers-5" or "tokenizer-json", see docs/tokenizer.md
        dtype: "auto", "float32", "bfloat16", "int8" …, see docs/performance.md; refused where the device cannot
        cuda_graphs: False launches small batches on a GPU kernel by kernel, at twice the latency and with less memory;
            no effect on the CPU
        threads: that compute a call on the CPU; on a GPU they tokenise only. 0: OMP_NUM_THREADS where that is set, else
            one for each processor that the process may use
        parallel_calls: calls that compute on the CPU at the same time; the others wait, and take turns. 0: 2
        copy: True reads the weights into memory of this process, so that their files may change. By default they are
            mapped; when one of them is changed, calls raise ModelChangedError
    """

    def __init__(
        self,
        model_name_or_path: str | os.PathLike,
        *,
        device: str | list[str] | None = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: str | None = None,
        truncate_dim: int | None = None,
        cache_folder: str | os.PathLike | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        pipeline: str = "auto",
        dtype: str = "auto",
        cuda_graphs: bool = True,
        threads: int = 0,
        parallel_calls: int = 0,
        copy: bool = False,
    ):
        directory = resolve_model(
            model_name_or_path,
            revision=revision,
            cache_dir=cache_folder,
            token=token,
            local_files_only=local_files_only,
        )
        self._engine = Engine(
            directory,
            target_devices(default_device(dtype) if device is None else device),
            pipeline=pipeline,
            dtype=dtype_of(dtype),
            cuda_graphs=cuda_graphs,
            threads=threads,
            parallel_calls=parallel_calls,
            copy=copy,
        )
        self.info = self._engine.info
        self.device = self._engine.devices[0]
        self.max_seq_length = self.info["max_length"]
        self.truncate_dim = truncate_dim or self.info["truncate_dim"] or None
        self.tokenizer = Tokenizer(self._engine.core.tokenizer, self.max_seq_length, os.fsdecode(model_name_or_path))
        self.prompts = _merge_prompts(prompts or {}, self.info["prompts"], os.fsdecode(model_name_or_path))
        self.default_prompt_name: str | None = default_prompt_name or self.info["default_prompt_name"]
        self._prompt(self.default_prompt_name, None)
        self.similarity_fn_name: str = similarity_fn_name or self.info["similarity"]
        if self.similarity_fn_name not in _SIMILARITIES:
            raise ValueError(f"similarity_fn_name should be one of {_SIMILARITIES}, found {self.similarity_fn_name!r}")

    def release_memory(self) -> None:
        """Gives memory that is kept for the next call back to the system: workspace on the host, and on GPUs what LibTorch
        keeps, for everybody in the process. The model can be used on; `info` has "workspace_bytes_per_token"."""
        self._engine.release_memory()

    def encode(
        self,
        sentences: str | list[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        **unknown: Any,
    ) -> "Vectors":
        """Embeds a text, or B texts.

        Args:
            sentences: a str, or a list of B str
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each text
            batch_size: most texts of one batch; tokens are limited on their own. Unset, it is 256 on the CPU and limits
                nothing on a GPU
            show_progress_bar: None and False show none
            convert_to_numpy, convert_to_tensor: an array [B, D]; a torch tensor over the same memory; neither: a list
                of tensors
            device: one of the model's devices; default: all of them
            normalize_embeddings: L2-normalise, also where the model does not do so by itself
            truncate_dim: leading components to keep; cut after the model's own normalisation

        Returns:
            float32 [B, D], also for no texts; [D] for a single str.
        """
        _refuse(unknown)
        texts, single = as_texts(sentences)
        options = self._options(prompt_name, prompt, batch_size=batch_size)
        bar = progress_bar(len(texts), batch_size, "Embedding", bool(show_progress_bar))
        vectors = self._engine.encode_dense(texts, options, device=device, bar=bar)
        vectors = _finish(vectors, truncate_dim or self.truncate_dim, normalize_embeddings)
        vectors = vectors[0] if single else vectors
        if convert_to_tensor or not convert_to_numpy:
            tensor = to_output(vectors, as_numpy=False)
            return tensor if convert_to_tensor or single else list(tensor)
        return vectors

    async def aencode(
        self,
        sentences: str | list[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        timeout: float | None = None,
    ) -> np.ndarray:
        """encode() for asyncio: callers at the same time share batches. A cancelled task cancels its work.

        Raises:
            DeadlineExceededError: `timeout` seconds have passed
            OverloadedError: too many texts wait already
        """
        texts, single = as_texts(sentences)
        found = await self._engine.aencode(texts, self._options(prompt_name, prompt), timeout)
        assert found.dense is not None  # EncodeOptions has them on
        vectors = _finish(found.dense, truncate_dim or self.truncate_dim, normalize_embeddings)
        return vectors[0] if single else vectors

    def encode_query(self, sentences: str | list[str], **options: Any) -> "Vectors":
        """encode() with the prompt "query", which is empty where the model has none."""
        return self.encode(sentences, **_with_prompt("query", options))

    def encode_document(self, sentences: str | list[str], **options: Any) -> "Vectors":
        """encode() with the prompt "document", which is empty where the model has none."""
        return self.encode(sentences, **_with_prompt("document", options))

    def similarity(
        self, embeddings1: "Vectors | list[np.ndarray]", embeddings2: "Vectors | list[np.ndarray]"
    ) -> "torch.Tensor":
        """`similarity_fn_name` of each vector of [n, D] and of [m, D]: a torch tensor [n, m], large where alike."""
        import torch

        first, second = (torch.atleast_2d(torch.as_tensor(e)) for e in (embeddings1, embeddings2))
        if self.similarity_fn_name == "cosine":
            return torch.nn.functional.normalize(first) @ torch.nn.functional.normalize(second).T
        if self.similarity_fn_name == "dot":
            return first @ second.T
        return -torch.cdist(first, second, p=1.0 if self.similarity_fn_name == "manhattan" else 2.0)

    def get_embedding_dimension(self) -> int:
        full = self.info["dense_size"]
        return min(self.truncate_dim, full) if self.truncate_dim else full

    get_sentence_embedding_dimension = get_embedding_dimension

    def get_max_seq_length(self) -> int:
        return self.max_seq_length

    def _options(self, prompt_name: str | None, prompt: str | None, **options: Any) -> EncodeOptions:
        """Whole vectors, which _finish() cuts after the model's own normalisation."""
        return EncodeOptions(
            max_length=self.max_seq_length,
            truncate_dim=self.info["dense_size"],
            prompt=self._prompt(prompt_name, prompt),
            **options,
        )

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        if prompt is not None:
            return prompt
        name = name or self.default_prompt_name
        if name is None:
            return ""
        if name not in self.prompts:
            raise ValueError(f"prompt_name should be one of {listed(self.prompts)}; found {listed([name])}")
        return self.prompts[name]


def _merge_prompts(given: Mapping[str, str], stated: Mapping[str, str], model_name: str) -> dict[str, str]:
    """What the caller gives, then what the directory states, then what the family of the model is known to expect."""
    prompts = {"query": "", "document": "", **stated, **given}
    if any(prompts.values()):
        return prompts
    known = (family for pattern, family in _FAMILY_PROMPTS.items() if re.search(pattern, model_name.rstrip("/")))
    return {**prompts, **next(known, {})}


def _with_prompt(name: str, options: dict[str, Any]) -> dict[str, Any]:
    unset = options.get("prompt") is None and options.get("prompt_name") is None
    return {**options, "prompt_name": name} if unset else options


def _finish(vectors: np.ndarray, truncate_dim: int | None, normalize: bool) -> np.ndarray:
    if truncate_dim is not None:
        vectors = np.ascontiguousarray(vectors[:, :truncate_dim])
    if normalize:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors


def _refuse(unknown: dict[str, Any]) -> None:
    # Of sentence-transformers' encode(), what would change the result.
    harmless = {"output_value": "sentence_embedding", "precision": "float32", "pool": None, "chunk_size": None}
    for name, value in unknown.items():
        if name not in harmless:
            raise TypeError(f"encode() got an unexpected keyword argument '{name}'")
        if value not in (harmless[name], None):
            raise ValueError(f"{name}={value!r} is not supported; expected {harmless[name]!r}")
