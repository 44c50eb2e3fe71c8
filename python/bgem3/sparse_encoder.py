"""Token weights of BGE-M3, with the interface of sentence-transformers' SparseEncoder."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._model.arguments import as_count_or_none, one_of, refuse
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Devices
from ._model.texts import as_texts
from ._sentence.head_methods import HeadMethods
from ._sentence.similarity import similarity_name
from ._sentence.sparse_similarity import similarity, similarity_pairwise
from ._sentence.sparse_tensors import decoded, intersection, sparsity, strongest, to_tensor, to_tensors

if TYPE_CHECKING:
    import torch
    from typing_extensions import Unpack

    from ._sentence.loading import Loading


class SparseEncoder(HeadMethods):
    """Texts in, a weight for each of their tokens out: the sparse head of bge-m3 and of models like it.

        from bgem3 import SparseEncoder

        model = SparseEncoder("BAAI/bge-m3")
        weights = model.encode_document(passages)
        similarities = model.similarity(model.encode_query(["what is bge-m3"]), weights)

    Weights are those that BGEM3FlagModel gives as "lexical_weights", and FlagEmbedding does. Arguments, methods and the
    shapes of results are those of sentence_transformers.SparseEncoder, but for what would need a torch module. Any number
    of threads may use one model at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device, prompts, default_prompt_name, cache_folder, trust_remote_code, revision, local_files_only, token,
            model_kwargs, processor_kwargs (also tokenizer_kwargs), config_kwargs, model_card_data, modules, backend,
            pipeline, dtype, cuda_graphs, threads, parallel_calls, copy: as of EmbeddingModel
        similarity_fn_name: "dot" (default), "cosine", "euclidean" or "manhattan"
        max_active_dims: most weights of a text, of which the largest are kept; None: all

    Raises:
        BadModelError: the model has no sparse head

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
        max_active_dims: int | None = None,
        **loading: "Unpack[Loading]",
    ):
        self.similarity_fn_name = similarity_fn_name
        self.max_active_dims = as_count_or_none("max_active_dims", max_active_dims)
        self._open_head(model_name_or_path, device, prompts, default_prompt_name, loading, "sparse")

    def encode(
        self,
        inputs: str | Sequence[str] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Devices = None,
        max_active_dims: int | None = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        sentences: str | Sequence[str] | None = None,
        **unknown: Any,
    ) -> Any:
        """Weights of a text, or of B texts, in columns for all V tokens of the vocabulary.

        Args:
            inputs, sentences: a str, or a list of B str; two names of one argument
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each text
            batch_size: most texts of one batch; tokens are limited on their own. Unset, it is 256 on the CPU and limits
                nothing on a GPU
            show_progress_bar: None and False show none
            convert_to_tensor: False gives a list of B tensors
            convert_to_sparse_tensor: False gives dense tensors, of 1 MB for a text
            save_to_cpu: has no effect: results are on the CPU
            device: one device, to which the model moves if it is elsewhere; or several, for this call. Default: all of
                the model's
            max_active_dims: most weights of a text; default: `max_active_dims` of the model
            pool: what start_multi_process_pool() gave; it goes before `device`
            chunk_size, task: have no effect

        Returns:
            a torch tensor float32 [B, V], sparse_coo and coalesced, also for no texts; [V] for a single str.
        """
        refuse("encode()", unknown, {"task": None})
        texts, single = as_texts(one_of("inputs", inputs, "sentences", sentences), "inputs")
        most = as_count_or_none("max_active_dims", self.max_active_dims if max_active_dims is None else max_active_dims)
        found = self._embed(
            texts, "sparse", prompt_name, prompt, batch_size, show_progress_bar, device, pool, chunk_size
        )
        assert found.sparse is not None  # it was asked for
        rows = [strongest(weights, most) for weights in found.sparse]
        if convert_to_tensor and not single:
            return to_tensor(rows, self.get_embedding_dimension(), convert_to_sparse_tensor)
        tensors = to_tensors(rows, self.get_embedding_dimension(), convert_to_sparse_tensor)
        return tensors[0] if single else tensors

    def encode_query(
        self,
        inputs: str | Sequence[str] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        *more: Any,
        **options: Any,
    ) -> Any:
        """encode() with the prompt "query", where the model has it and no other is named."""
        return self.encode(inputs, self._prompt_of_queries(prompt_name, prompt), prompt, *more, **options)

    def encode_document(
        self,
        inputs: str | Sequence[str] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        *more: Any,
        **options: Any,
    ) -> Any:
        """encode() with the first of the prompts "document", "passage" and "corpus" that the model has, where no other is
        named."""
        return self.encode(inputs, self._prompt_of_documents(prompt_name, prompt), prompt, *more, **options)

    def get_embedding_dimension(self) -> int:
        """V, the tokens of the vocabulary."""
        return len(self.tokenizer)

    get_sentence_embedding_dimension = get_embedding_dimension

    # Of what encode() gave

    @property
    def similarity_fn_name(self) -> str:
        """ "dot", "cosine", "euclidean" or "manhattan". It can be set, also to a SimilarityFunction of
        sentence-transformers; None: to "dot"."""
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: Any) -> None:
        self._similarity_fn_name = similarity_name("dot" if name is None else name)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> "torch.Tensor":
        """`similarity_fn_name` of each vector of [n, V] and of [m, V]: a dense torch tensor [n, m], large where alike.
        Vectors may be tensors of any layout, arrays, or lists of them; a vector [V] counts as [1, V]."""
        return similarity(self.similarity_fn_name, embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> "torch.Tensor":
        """`similarity_fn_name` of vector i of [n, V] and vector i of [n, V]: a dense torch tensor [n]."""
        return similarity_pairwise(self.similarity_fn_name, embeddings1, embeddings2)

    @staticmethod
    def sparsity(embeddings: "torch.Tensor") -> dict[str, float]:
        """Of a vector [V], or means over [B, V]: "active_dims", the columns other than 0, and "sparsity_ratio", the share
        of all others."""
        return sparsity(embeddings)

    @staticmethod
    def intersection(embeddings_1: "torch.Tensor", embeddings_2: "torch.Tensor") -> "torch.Tensor":
        """What the tokens that both have add to the dot product.

        Args:
            embeddings_1: a vector [V]
            embeddings_2: a vector [V], or [B, V]

        Returns:
            a sparse torch tensor of the shape of `embeddings_2`.
        """
        return intersection(embeddings_1, embeddings_2)

    def decode(self, embeddings: "torch.Tensor", top_k: int | None = None) -> Any:
        """Tokens and their weights, the largest first: a list of (token, weight) for a vector [V], a list of such lists
        for [B, V]. `top_k`: how many at most."""
        return decoded(embeddings, self.tokenizer.convert_ids_to_tokens, top_k)
