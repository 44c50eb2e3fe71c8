"""The Massive Text Embedding Benchmark: `pip install mteb`.

import mteb
from bgem3.integrations.mteb import BGEM3Encoder

results = mteb.evaluate(BGEM3Encoder("BAAI/bge-m3"), mteb.get_tasks(["STS22.v2"]))
"""

import os
from typing import Any

import numpy as np

from .._model.batch_size import DefaultBatchSize
from .._model.texts import as_list
from .._optional import need
from . import _models

need("mteb", "mteb")

from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta
from mteb.types import PromptType


class BGEM3Encoder(AbsEncoder):
    """Dense embeddings for mteb. Queries and documents get the model's own prompts; other inputs get none.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded EmbeddingModel, FlagModel or BGEM3FlagModel
        revision, device, options: for EmbeddingModel, where `model` is not loaded
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | _models.Model,
        revision: str | None = None,
        *,
        device: str | None = None,
        **options: Any,
    ):
        given = {name: value for name, value in {"revision": revision, "device": device}.items() if value is not None}
        self.model = _models.load(model, {**options, **given})
        name = "/".join(_models.name_of(self.model).rstrip("/").split("/")[-2:])  # mteb wants owner/name
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": name,
                "revision": revision or "no_revision_available",
                "loader": type(self),
                "max_tokens": self.model.info["max_length"],
                "embed_dim": self.model.truncate_dim or self.model.info["dense_size"],
            }
        )

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str | None = None,
        hf_subset: str | None = None,
        prompt_type: PromptType | None = None,
        batch_size: int = DefaultBatchSize(256),
        **options: Any,
    ) -> np.ndarray:
        """float32 [B, D] of the texts in `inputs`, batches with a list "text" each.

        Args:
            task_metadata, hf_split, hf_subset: of the task, which is none of the model's business
            batch_size, options: for the model's encode()
        """
        texts = [text for batch in inputs for text in as_list(batch["text"], 'inputs["text"]')]
        if prompt_type == PromptType.query:
            return _models.encode_queries(self.model, texts, batch_size=batch_size, **options)
        if prompt_type == PromptType.document:
            return _models.encode_documents(self.model, texts, batch_size=batch_size, **options)
        return _models.encode(self.model, texts, batch_size=batch_size, **options)
