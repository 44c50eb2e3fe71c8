"""A vector for each token, of BGE-M3, with the interface of sentence-transformers' MultiVectorEncoder."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from ._model.arguments import refuse
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Devices
from ._model.texts import as_texts
from ._sentence.head_methods import HeadMethods
from ._sentence.max_sim import max_sim, max_sim_name, max_sim_pairwise
from .errors import InvalidArgumentError, listed

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypedDict, Unpack

    from ._sentence.loading import Loading

    Tensor = torch.Tensor

    class Others(TypedDict, total=False):
        """Arguments of encode() on which the type of its result does not depend."""

        prompt_name: str | None
        prompt: str | None
        batch_size: int
        show_progress_bar: bool | None
        output_value: str | None
        device: Devices
        normalize_embeddings: bool
        pool: Any
        chunk_size: int | None
        token_pooling: None
        task: str | None


Array = npt.NDArray[np.float32]


class MultiVectorEncoder(HeadMethods):
    """Texts in, a vector for each of their tokens out: the ColBERT head of bge-m3 and of models like it.

        from bgem3 import MultiVectorEncoder

        model = MultiVectorEncoder("BAAI/bge-m3")
        scores = model.similarity(model.encode_query(["what is bge-m3"]), model.encode_document(passages))

    Vectors are those that BGEM3FlagModel gives as "colbert_vecs", and FlagEmbedding does: normalised, one for each token
    but the first, `<s>`. Arguments, methods and the shapes of results are those of
    sentence_transformers.MultiVectorEncoder, but for what would need a torch module. Any number of threads may use one
    model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device, prompts, default_prompt_name, cache_folder, trust_remote_code, revision, local_files_only, token,
            model_kwargs, processor_kwargs (also tokenizer_kwargs), config_kwargs, model_card_data, modules, backend,
            pipeline, dtype, cuda_graphs, threads, parallel_calls, copy: as of EmbeddingModel
        similarity_fn_name: "maxsim" (default), or "meanmaxsim", which divides by the number of query vectors, as
            FlagEmbedding's colbert_score()

    Raises:
        BadModelError: the model has no ColBERT head

    Attributes:
        prompts, default_prompt_name: as given, and as the model directory states
    """

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        *,
        device: Devices = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: Any = None,
        **loading: "Unpack[Loading]",
    ):
        self.similarity_fn_name = similarity_fn_name
        self._open_head(model_name_or_path, device, prompts, default_prompt_name, loading, "colbert")

    @overload
    def encode(self, inputs: str, *, convert_to_numpy: Literal[True], **others: "Unpack[Others]") -> Array: ...

    @overload
    def encode(
        self, inputs: list[str] | tuple[str, ...], *, convert_to_numpy: Literal[True], **others: "Unpack[Others]"
    ) -> list[Array]: ...

    @overload
    def encode(self, inputs: str, **others: "Unpack[Others]") -> "Tensor": ...

    @overload
    def encode(self, inputs: list[str] | tuple[str, ...], **others: "Unpack[Others]") -> "list[Tensor]": ...

    @overload
    def encode(self, inputs: Any, *more: Any, **others: Any) -> Any: ...

    def encode(
        self,
        inputs: str | Sequence[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        output_value: str | None = "token_embeddings",
        convert_to_numpy: bool = False,
        device: Devices = None,
        normalize_embeddings: bool = False,
        pool: Any = None,
        chunk_size: int | None = None,
        token_pooling: None = None,
        **unknown: Any,
    ) -> Any:
        """Vectors of a text, or of B texts.

        Args:
            inputs: a str, or a list of B str
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each text
            batch_size: most texts of one batch; tokens are limited on their own. Unset, it is 256 on the CPU and limits
                nothing on a GPU
            show_progress_bar: None and False show none
            output_value: "token_embeddings" only
            convert_to_numpy: arrays instead of torch tensors
            device: one device, to which the model moves if it is elsewhere; or several, for this call. Default: all of
                the model's
            normalize_embeddings: has no effect: vectors are of length 1
            pool: what start_multi_process_pool() gave; it goes before `device`
            chunk_size, task: have no effect
            token_pooling: None only

        Returns:
            B torch tensors float32 [tokens - 1, C]; one for a single str.
        """
        _refuse(output_value, token_pooling, unknown)
        texts, single = as_texts(inputs, "inputs")
        found = self._embed(
            texts, "colbert", prompt_name, prompt, batch_size, show_progress_bar, device, pool, chunk_size
        )
        assert found.colbert is not None  # it was asked for
        vectors = found.colbert if convert_to_numpy else _tensors(found.colbert)
        return vectors[0] if single else vectors

    def encode_query(
        self,
        inputs: str | Sequence[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        *more: Any,
        **o: Any,
    ) -> Any:
        """encode() with the prompt "query", where the model has it and no other is named."""
        return self.encode(inputs, self._prompt_of_queries(prompt_name, prompt), prompt, *more, **o)

    def encode_document(
        self,
        inputs: str | Sequence[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        *more: Any,
        **o: Any,
    ) -> Any:
        """encode() with the first of the prompts "document", "passage" and "corpus" that the model has, where no other is
        named."""
        return self.encode(inputs, self._prompt_of_documents(prompt_name, prompt), prompt, *more, **o)

    def get_embedding_dimension(self) -> int:
        """C, the components of a vector."""
        return self.info["colbert_dim"]

    # Of what encode() gave

    @property
    def similarity_fn_name(self) -> str:
        """ "maxsim" or "meanmaxsim". It can be set, also to a SimilarityFunction of sentence-transformers; None: to
        "maxsim"."""
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: Any) -> None:
        self._similarity_fn_name = max_sim_name("maxsim" if name is None else name)

    def similarity(
        self,
        embeddings1: Any,
        embeddings2: Any,
        *,
        device: Any = None,
        chunk_elements: int | None = None,
        length_normalize: bool | None = None,
    ) -> "Tensor":
        """Scores of each query and each document.

        Args:
            embeddings1, embeddings2: n queries and m documents, as encode() gives them; padded tensors [n, tokens, C] with
                rows of zeros; or a single [tokens, C]
            device: where to compute; default: where the documents are
            chunk_elements: products, at most, that are in memory at once; default: 32 million
            length_normalize: whether to divide by the number of query vectors; default: as `similarity_fn_name` says

        Returns:
            a torch tensor float32 [n, m], where the documents are; -1e9 for a document without vectors.
        """
        return max_sim(embeddings1, embeddings2, self._is_mean(length_normalize), device, chunk_elements)

    def similarity_pairwise(
        self,
        embeddings1: Any,
        embeddings2: Any,
        *,
        device: Any = None,
        chunk_elements: int | None = None,
        length_normalize: bool | None = None,
    ) -> "Tensor":
        """Scores of query i and document i: a torch tensor float32 [n]. Arguments as of similarity()."""
        return max_sim_pairwise(embeddings1, embeddings2, self._is_mean(length_normalize), device, chunk_elements)

    def _is_mean(self, length_normalize: bool | None) -> bool:
        return self.similarity_fn_name == "meanmaxsim" if length_normalize is None else bool(length_normalize)


def _tensors(arrays: list[Array]) -> "list[Tensor]":
    """Over the same memory."""
    import torch

    return [torch.from_numpy(array) for array in arrays]


def _refuse(output_value: str | None, token_pooling: Any, unknown: dict[str, Any]) -> None:
    if output_value != "token_embeddings":
        raise InvalidArgumentError(f"output_value should be 'token_embeddings', found {listed([output_value])}")
    if token_pooling is not None:
        raise InvalidArgumentError("token_pooling cannot be followed; call its pool() with what encode() gives")
    if unknown.pop("convert_to_tensor", None):
        raise InvalidArgumentError(
            "convert_to_tensor cannot be followed: texts have different numbers of vectors, so they make no one tensor; "
            "leave it out for a list of tensors, or pass convert_to_numpy=True for a list of arrays"
        )
    refuse("encode()", unknown, {"task": None})
