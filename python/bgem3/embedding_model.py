"""Dense embedding models, after the way sentence-transformers is used."""

import json
import os
import pathlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ._engine import EncodeOptions, Engine, target_devices
from ._flag import as_texts, progress_bar, to_output
from .hub import resolve_model
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

# What families expect before a text and their repositories do not say. From their model cards.
_FAMILY_PROMPTS = {
    r"multilingual-e5-(small|base|large)$|(^|/)e5-small$": {"query": "query: ", "document": "passage: "},
    r"multilingual-e5-large-instruct$": {
        "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "document": "",
    },
    r"snowflake-arctic-embed-[lm]-v2\.0$": {"query": "query: ", "document": ""},
}
_DOCUMENT_NAMES = ("document", "passage", "corpus")


class EmbeddingModel:
    """Texts in, one vector for each out: multilingual-e5, snowflake-arctic-embed-l-v2.0, paraphrase-multilingual, bge-m3
    and others of the XLM-RoBERTa family, or of BERT with XLM-RoBERTa's vocabulary.

    Pooling, normalisation and maximal length are those that the model's directory states. Any number of threads may use
    one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device: one device; or a list of devices, over which the texts of a call are spread
        prompts: texts to put before an input, by name; default: the model's own (see `prompts`)
        default_prompt_name: the prompt that encode() uses when it is told none
        truncate_dim: leading components to keep
        cache_folder, revision, local_files_only, token: for huggingface_hub
        pipeline: "classic" or "replace", see docs/tokenizer.md
    """

    def __init__(
        self,
        model_name_or_path: str | os.PathLike,
        *,
        device: str | list[str] | None = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        truncate_dim: int | None = None,
        cache_folder: str | os.PathLike | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        pipeline: str = "classic",
    ):
        directory = resolve_model(
            model_name_or_path,
            revision=revision,
            cache_dir=cache_folder,
            token=token,
            local_files_only=local_files_only,
        )
        self._engine = Engine(directory, target_devices(device), pipeline=pipeline)
        self.info = self._engine.info
        self.device = self._engine.devices[0]
        self.max_seq_length: int = self.info["max_length"]
        self.truncate_dim = truncate_dim
        self.tokenizer = Tokenizer(self._engine.core.tokenizer, self.max_seq_length, os.fspath(model_name_or_path))
        own, own_default = _read_prompts(directory, os.fspath(model_name_or_path))
        self.prompts: dict[str, str] = own if prompts is None else dict(prompts)
        self.default_prompt_name = default_prompt_name or own_default
        if self.default_prompt_name is not None:
            self._prompt(self.default_prompt_name, None)

    def encode(
        self,
        sentences: str | list[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        **unknown: Any,
    ) -> "np.ndarray | torch.Tensor | list[torch.Tensor]":
        """Embeds a text, or B texts.

        Args:
            sentences: a str, or a list of B str
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each text
            batch_size: most texts of one batch; tokens are limited on their own
            show_progress_bar: None and False show none
            convert_to_numpy, convert_to_tensor: an array [B, D]; a torch tensor over the same memory; neither: a list of
                tensors
            device: one of the model's devices; default: all of them
            normalize_embeddings: L2-normalise, also where the model does not do so by itself
            truncate_dim: leading components to keep; cut after the model's own normalisation

        Returns:
            float32 [B, D], or [D] for a single str.
        """
        _refuse(unknown)
        texts, single = as_texts(sentences)
        prefix = self._prompt(prompt_name, prompt)
        texts = [prefix + text for text in texts] if prefix else texts
        options = EncodeOptions(batch_size=batch_size, max_length=self.max_seq_length)
        bar = progress_bar(len(texts), batch_size, "Embedding", bool(show_progress_bar))
        vectors = self._engine.encode(texts, options, device=device, bar=bar).dense
        vectors = _finish(vectors, truncate_dim or self.truncate_dim, normalize_embeddings)
        vectors = vectors[0] if single else vectors
        if convert_to_tensor or not convert_to_numpy:
            tensor = to_output(vectors, as_numpy=False)
            return tensor if convert_to_tensor or single else list(tensor)
        return vectors

    def encode_query(self, sentences: str | list[str], **options: Any):
        """encode() with the prompt "query", if the model has one."""
        return self.encode(sentences, **self._with_prompt(("query",), options))

    def encode_document(self, sentences: str | list[str], **options: Any):
        """encode() with the prompt "document", "passage" or "corpus", whichever the model has."""
        return self.encode(sentences, **self._with_prompt(_DOCUMENT_NAMES, options))

    def similarity(self, embeddings1, embeddings2) -> "torch.Tensor":
        """Cosine of each vector of [n, D] and each of [m, D]: a torch tensor [n, m]."""
        import torch

        first, second = (torch.atleast_2d(torch.as_tensor(e)) for e in (embeddings1, embeddings2))
        return torch.nn.functional.normalize(first) @ torch.nn.functional.normalize(second).T

    def get_embedding_dimension(self) -> int:
        return self.truncate_dim or self.info["hidden_size"]

    get_sentence_embedding_dimension = get_embedding_dimension

    def get_max_seq_length(self) -> int:
        return self.max_seq_length

    def _with_prompt(self, names: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
        if options.get("prompt") is None and options.get("prompt_name") is None:
            name = next((name for name in names if name in self.prompts), None)
            return {**options, "prompt_name": name}
        return options

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        if prompt is not None:
            return prompt
        name = name or self.default_prompt_name
        if name is None:
            return ""
        if name not in self.prompts:
            raise ValueError(f"prompt_name should be one of {list(self.prompts)}, found {name!r}")
        return self.prompts[name]


def _read_prompts(directory: pathlib.Path, name: str) -> tuple[dict[str, str], str | None]:
    """The prompts that the directory states, or those its family is known to expect; and the default one's name."""
    file = directory / "config_sentence_transformers.json"
    stated = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    prompts = stated.get("prompts") or {}
    if any(prompts.values()):
        return prompts, stated.get("default_prompt_name")
    family = next((known for pattern, known in _FAMILY_PROMPTS.items() if re.search(pattern, name.rstrip("/"))), {})
    return {"query": "", "document": "", **family}, stated.get("default_prompt_name")


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
