"""Models with sentence-transformers' interface over BGE-M3's sparse and ColBERT heads."""

import os
from collections.abc import Mapping
from typing import Any

from .._model.devices import Devices
from .._model.engine import Embeddings, EncodeOptions, Engine
from .._model.progress import progress_bar
from ..errors import BadModelError
from .loading import open_model
from .prompts import DOCUMENT_NAMES, first_of, merge_prompts, prompt_of
from .text_methods import TextMethods


class HeadMethods(TextMethods):
    """A model whose vectors come from one of BGE-M3's heads beside the dense one."""

    def _open_head(
        self,
        name_or_path: str | os.PathLike[str],
        device: Devices,
        prompts: Mapping[str, str] | None,
        default_prompt_name: str | None,
        loading: Mapping[str, Any],
        head: str,
    ) -> None:
        """
        Raises:
            BadModelError: the model has no `head`, "sparse" or "colbert"
        """
        open_model(self, Engine, name_or_path, device, loading)
        if not (self.info["has_sparse"] if head == "sparse" else self.info["has_colbert"]):
            raise BadModelError(
                f"'{self.info['directory']}' has no {head} head ({head}_linear.pt), which {type(self).__name__} needs and "
                "BAAI/bge-m3 has; for dense vectors open it by EmbeddingModel"
            )
        self.prompts = merge_prompts(prompts, self.info["prompts"], self.model_name_or_path)
        self.default_prompt_name = default_prompt_name or self.info["default_prompt_name"]
        prompt_of(self.prompts, self.default_prompt_name, None)

    def _embed(
        self,
        texts: list[str],
        kind: str,
        prompt_name: str | None,
        prompt: str | None,
        batch_size: int,
        show_progress_bar: bool | None,
        device: Devices,
        pool: Any,
        chunk_size: int | None,
    ) -> Embeddings:
        """Of `kind`, "sparse" or "colbert"."""
        options = EncodeOptions(
            dense=False,
            sparse=kind == "sparse",
            colbert=kind == "colbert",
            max_length=self._check_length(self.max_seq_length),
            batch_size=batch_size,
            prompt=self._prompt(prompt_name, prompt),
        )
        engine, on = self._place(device, pool, chunk_size)
        bar = progress_bar(len(texts), batch_size, "Batches", bool(show_progress_bar))
        found: Embeddings = engine.encode(texts, options, device=on, bar=bar)
        return found

    def _prompt_of_queries(self, prompt_name: str | None, prompt: str | None) -> str | None:
        return first_of(self.prompts, "query") if prompt_name is None and prompt is None else prompt_name

    def _prompt_of_documents(self, prompt_name: str | None, prompt: str | None) -> str | None:
        return first_of(self.prompts, *DOCUMENT_NAMES) if prompt_name is None and prompt is None else prompt_name
