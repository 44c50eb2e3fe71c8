"""From texts to dense vectors, under sentence-transformers' names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from .._model.arguments import as_count_or_none, one_of, refuse
from .._model.batch_size import DefaultBatchSize
from .._model.devices import Devices
from .._model.engine import Embeddings, EncodeOptions
from .._model.outputs import to_output
from .._model.progress import progress_bar
from .._model.texts import as_texts
from .dense_types import Array, Inputs, Name, TokenValue
from .precision import check_precision, quantize
from .prompts import DOCUMENT_NAMES, first_of
from .text_methods import TextMethods
from .token_values import SENTENCE, TOKENS, as_features, as_tensors, check_output_value

if TYPE_CHECKING:
    import torch
    from typing_extensions import Unpack

    from .dense_types import AsArray, AsEither, AsTensor, OfTokens
    from .similarity import Vectors


class DenseMethods(TextMethods):
    """What EmbeddingModel does with texts."""

    truncate_dim: int | None

    @overload
    def encode(
        self, inputs: Inputs = ..., prompt_name: Name = ..., *, output_value: TokenValue, **options: "Unpack[OfTokens]"
    ) -> Any: ...

    @overload
    def encode(
        self,
        inputs: Inputs = ...,
        prompt_name: Name = ...,
        *,
        convert_to_tensor: Literal[True],
        **options: "Unpack[AsTensor]",
    ) -> "torch.Tensor": ...

    @overload
    def encode(self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsArray]") -> Array: ...

    @overload
    def encode(self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsEither]") -> "Vectors": ...

    def encode(
        self,
        inputs: Inputs = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        output_value: str | None = SENTENCE,
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Devices = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        sentences: Inputs = None,
        **unknown: Any,
    ) -> Any:
        """Embeds a text, or B texts.

        Args:
            inputs, sentences: a str, or a list of B str; two names of one argument
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each text
            batch_size: most texts of one batch; tokens are limited on their own. Unset, it is 256 on the CPU and limits
                nothing on a GPU
            show_progress_bar: None and False show none
            output_value: "sentence_embedding"; or "token_embeddings", the states of the last layer; or None for both
            precision: "float32", or "int8", "uint8", "binary", "ubinary". The first two of these take the range of each
                component from the vectors of this call: two texts at least, and better 100
            convert_to_numpy, convert_to_tensor: an array [B, D]; a torch tensor over the same memory; neither: a list
                of tensors
            device: one device, to which the model moves if it is elsewhere; or several, for this call. Default: all of
                the model's
            normalize_embeddings: L2-normalise, also where the model does not do so by itself
            truncate_dim: leading components to keep; cut after the model's own normalisation
            pool: what start_multi_process_pool() gave; it goes before `device`
            chunk_size, task: have no effect

        Returns:
            float32 [B, D], also for no texts; [D] for a single str. With `precision` int8 or uint8 [B, D], or, a bit for
            a component, [B, D / 8]. For "token_embeddings" B torch tensors float32 [tokens, hidden size], one for a single
            str, special tokens included; for None B dicts with "input_ids" and "attention_mask" [tokens],
            "token_embeddings" and "sentence_embedding" [D]. They are on the CPU, and none is padded. One device computes
            them, also where several are named.

        Raises:
            InvalidArgumentError: among others `precision` or `normalize_embeddings` beside another `output_value` than
                "sentence_embedding", or `truncate_dim` beside "token_embeddings"
        """
        refuse("encode()", unknown, {"task": None})
        check_precision(precision)
        check_output_value(output_value, precision, normalize_embeddings, truncate_dim)
        texts, single = as_texts(one_of("inputs", inputs, "sentences", sentences), "inputs")
        options = self._options(prompt_name, prompt, batch_size=batch_size)
        engine, on = self._place(device, pool, chunk_size)
        bar = progress_bar(len(texts), batch_size, "Embedding", bool(show_progress_bar))
        if output_value != SENTENCE:
            found = engine.encode(texts, replace(options, hidden_states=True), device=on, bar=bar)
            values = (
                as_tensors(found) if output_value == TOKENS else self._features_of(texts, options, found, truncate_dim)
            )
            return values[0] if single else values
        vectors = engine.encode_dense(texts, options, device=on, bar=bar)
        vectors = quantize(self._finish(vectors, truncate_dim, normalize_embeddings), precision)
        vectors = vectors[0] if single else vectors
        if convert_to_tensor or not convert_to_numpy:
            tensor = to_output(vectors, as_numpy=False)
            return tensor if convert_to_tensor or single else list(tensor)
        return vectors

    async def aencode(
        self,
        sentences: str | Sequence[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        timeout: float | None = None,
    ) -> Array:
        """encode() for asyncio: callers at the same time share batches. A cancelled task cancels its work.

        Raises:
            DeadlineExceededError: `timeout` seconds have passed
            OverloadedError: too many texts wait already
        """
        texts, single = as_texts(sentences)
        found = await self._open_engine().aencode(texts, self._options(prompt_name, prompt), timeout)
        assert found.dense is not None  # EncodeOptions has them on
        vectors = self._finish(found.dense, truncate_dim, normalize_embeddings)
        return vectors[0] if single else vectors

    @overload
    def encode_query(
        self, inputs: Inputs = ..., prompt_name: Name = ..., *, output_value: TokenValue, **options: "Unpack[OfTokens]"
    ) -> Any: ...

    @overload
    def encode_query(
        self,
        inputs: Inputs = ...,
        prompt_name: Name = ...,
        *,
        convert_to_tensor: Literal[True],
        **options: "Unpack[AsTensor]",
    ) -> "torch.Tensor": ...

    @overload
    def encode_query(self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsArray]") -> Array: ...

    @overload
    def encode_query(
        self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsEither]"
    ) -> "Vectors": ...

    def encode_query(
        self, inputs: Inputs = None, prompt_name: Name = None, prompt: Name = None, *more: Any, **options: Any
    ) -> "Vectors":
        """encode() with the prompt "query", where the model has it and no other is named."""
        if prompt_name is None and prompt is None:
            prompt_name = first_of(self.prompts, "query")
        encode: Callable[..., Vectors] = self.encode
        return encode(inputs, prompt_name, prompt, *more, **options)

    @overload
    def encode_document(
        self, inputs: Inputs = ..., prompt_name: Name = ..., *, output_value: TokenValue, **options: "Unpack[OfTokens]"
    ) -> Any: ...

    @overload
    def encode_document(
        self,
        inputs: Inputs = ...,
        prompt_name: Name = ...,
        *,
        convert_to_tensor: Literal[True],
        **options: "Unpack[AsTensor]",
    ) -> "torch.Tensor": ...

    @overload
    def encode_document(self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsArray]") -> Array: ...

    @overload
    def encode_document(
        self, inputs: Inputs = ..., prompt_name: Name = ..., **options: "Unpack[AsEither]"
    ) -> "Vectors": ...

    def encode_document(
        self, inputs: Inputs = None, prompt_name: Name = None, prompt: Name = None, *more: Any, **options: Any
    ) -> "Vectors":
        """encode() with the first of the prompts "document", "passage" and "corpus" that the model has, where no other is
        named."""
        if prompt_name is None and prompt is None:
            prompt_name = first_of(self.prompts, *DOCUMENT_NAMES)
        encode: Callable[..., Vectors] = self.encode
        return encode(inputs, prompt_name, prompt, *more, **options)

    def encode_multi_process(
        self,
        sentences: Inputs,
        pool: Any,
        prompt_name: Name = None,
        prompt: Name = None,
        batch_size: int = DefaultBatchSize(32),
        chunk_size: int | None = None,
        show_progress_bar: bool | None = None,
        precision: str | None = "float32",
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
    ) -> Array:
        """encode() with `pool`, under its name of years ago."""
        return self.encode(
            sentences,
            prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            precision=precision,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            pool=pool,
            chunk_size=chunk_size,
        )

    # Dimension

    def get_embedding_dimension(self) -> int:
        full = self.info["dense_size"]
        return min(self.truncate_dim, full) if self.truncate_dim else full

    get_sentence_embedding_dimension = get_embedding_dimension

    @contextmanager
    def truncate_embeddings(self, truncate_dim: int | None) -> Iterator[None]:
        """Within this context encode() keeps `truncate_dim` leading components; None: all. For one thread at a time: the
        model is changed."""
        before, self.truncate_dim = self.truncate_dim, as_count_or_none("truncate_dim", truncate_dim)
        try:
            yield
        finally:
            self.truncate_dim = before

    truncate_sentence_embeddings = truncate_embeddings

    # For the methods above

    def _options(self, prompt_name: str | None, prompt: str | None, **options: Any) -> EncodeOptions:
        """Whole vectors, which _finish() cuts after the model's own normalisation."""
        return EncodeOptions(
            max_length=self._check_length(self.max_seq_length),
            truncate_dim=self.info["dense_size"],
            prompt=self._prompt(prompt_name, prompt),
            **options,
        )

    def _features_of(
        self, texts: Sequence[str], options: EncodeOptions, found: Embeddings, truncate_dim: int | None
    ) -> list[dict[str, Any]]:
        prompt = options.prompt or ""
        assert found.dense is not None  # EncodeOptions has them on
        vectors = self._finish(found.dense, truncate_dim, normalize=False)
        ids = self._ids([prompt + text for text in texts])
        return as_features(ids, found, vectors, self._prompt_length(prompt) if prompt else None)

    def _finish(self, vectors: Array, truncate_dim: int | None, normalize: bool) -> Array:
        size = as_count_or_none("truncate_dim", self.truncate_dim if truncate_dim is None else truncate_dim)
        if size is not None:
            vectors = np.ascontiguousarray(vectors[:, :size])
        if normalize:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors
