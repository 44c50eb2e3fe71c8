"""Dense embedding models, after the way sentence-transformers is used."""

import os
from typing import TYPE_CHECKING, Any

from ._model.arguments import Kwargs, as_count_or_none, one_of
from ._model.devices import Devices
from ._model.dtype import Dtype
from ._model.engine import Engine
from ._sentence.arguments import hub_name
from ._sentence.dense_methods import DenseMethods
from ._sentence.loading import open_model
from ._sentence.prompts import merge_prompts, prompt_of
from ._sentence.similarity import similarity, similarity_name, similarity_pairwise

if TYPE_CHECKING:
    import torch

    from ._sentence.similarity import Vectors


class EmbeddingModel(DenseMethods):
    """Texts in, one vector for each out: multilingual-e5, all-MiniLM-L6-v2, bge-base-en-v1.5, all-mpnet-base-v2, bge-m3
    and others of XLM-RoBERTa, BERT, DistilBERT and MPNet.

        from bgem3 import EmbeddingModel

        model = EmbeddingModel("intfloat/multilingual-e5-small")
        similarities = model.similarity(model.encode_query(["what is bge-m3"]), model.encode_document(passages))

    Pooling, normalisation, maximal length, prompts, similarity and dimension are those that the model's directory
    states, see docs/models.md. Any number of threads may use one model at once. Arguments and methods are those of
    sentence_transformers.SentenceTransformer, in the order that they had up to version 5.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device: one device; or a list of devices, which share the texts of a call; None: the first GPU, where there
            is one, else the CPU
        prompts: texts to put before an input, by name; they replace those of the same name that the model states
        default_prompt_name: the prompt that encode() uses when it is told none
        similarity_fn_name: "cosine", "dot", "euclidean" or "manhattan"; default: what the model states, else "cosine"
        cache_folder, revision, local_files_only, token, use_auth_token: for huggingface_hub
        trust_remote_code: has no effect: no code of a repository is run
        truncate_dim: leading components to keep
        model_kwargs: "dtype" or "torch_dtype" is as dtype, "device_map" as device; "attn_implementation" and others that
            change no result have no effect; what else there is, is refused, as in the next two
        tokenizer_kwargs, processor_kwargs: "model_max_length" is the first `max_seq_length`
        config_kwargs: nothing in it is followed
        model_card_data: is kept for evaluators
        modules, backend: None and "torch" only
        pipeline: "auto", "transformers-5" or "tokenizer-json", see docs/tokenizer.md
        dtype: "auto", "float32", "bfloat16", "int8" …, or a torch.dtype, see docs/performance.md; refused where the
            device cannot
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
        model_name_or_path: str | os.PathLike[str],
        modules: None = None,
        device: Devices = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: Any = None,
        cache_folder: str | os.PathLike[str] | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        use_auth_token: str | bool | None = None,
        truncate_dim: int | None = None,
        model_kwargs: Kwargs = None,
        tokenizer_kwargs: Kwargs = None,
        config_kwargs: Kwargs = None,
        model_card_data: Any = None,
        backend: str = "torch",
        *,
        processor_kwargs: Kwargs = None,
        pipeline: str = "auto",
        dtype: Dtype = "auto",
        cuda_graphs: bool = True,
        threads: int = 0,
        parallel_calls: int = 0,
        copy: bool = False,
    ):
        loading = {
            "modules": modules,
            "cache_folder": cache_folder,
            "revision": revision,
            "local_files_only": local_files_only,
            "token": one_of("token", token, "use_auth_token", use_auth_token),
            "model_kwargs": model_kwargs,
            "tokenizer_kwargs": tokenizer_kwargs,
            "processor_kwargs": processor_kwargs,
            "config_kwargs": config_kwargs,
            "model_card_data": model_card_data,
            "backend": backend,
            "pipeline": pipeline,
            "dtype": dtype,
            "cuda_graphs": cuda_graphs,
            "threads": threads,
            "parallel_calls": parallel_calls,
            "copy": copy,
        }
        open_model(self, Engine, hub_name(model_name_or_path), device, loading)
        self.truncate_dim = as_count_or_none("truncate_dim", truncate_dim) or self.info["truncate_dim"] or None
        self.prompts = merge_prompts(prompts, self.info["prompts"], self.model_name_or_path)
        self.default_prompt_name: str | None = default_prompt_name or self.info["default_prompt_name"]
        prompt_of(self.prompts, self.default_prompt_name, None)
        self.similarity_fn_name = similarity_fn_name

    # Similarity

    @property
    def similarity_fn_name(self) -> str:
        """ "cosine", "dot", "euclidean" or "manhattan". It can be set, also to a SimilarityFunction of
        sentence-transformers; None: to what the model states, else "cosine"."""
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: Any) -> None:
        self._similarity_fn_name = similarity_name(self.info["similarity"] if name is None else name)

    def similarity(self, embeddings1: "Vectors", embeddings2: "Vectors") -> "torch.Tensor":
        """`similarity_fn_name` of each vector of [n, D] and of [m, D]: a torch tensor [n, m], large where alike. A vector
        [D] counts as [1, D]. Raises TypeError for vectors of integers."""
        return similarity(self.similarity_fn_name, embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: "Vectors", embeddings2: "Vectors") -> "torch.Tensor":
        """`similarity_fn_name` of vector i of [n, D] and vector i of [n, D]: a torch tensor [n]."""
        return similarity_pairwise(self.similarity_fn_name, embeddings1, embeddings2)
