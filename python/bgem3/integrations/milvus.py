"""Milvus: an embedding function as pymilvus[model] has them, `pip install pymilvus scipy`.

from pymilvus import DataType, MilvusClient
from bgem3.integrations.milvus import BGEM3EmbeddingFunction

embed = BGEM3EmbeddingFunction("BAAI/bge-m3")
client = MilvusClient("milvus.db")
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("dense", DataType.FLOAT_VECTOR, dim=embed.dim["dense"])
schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
client.create_collection("texts", schema=schema)
vectors = embed.encode_documents(["a text", "another"])
rows = [{"id": i, "dense": vectors["dense"][i], "sparse": vectors["sparse"][[i], :]} for i in range(2)]
client.insert("texts", rows)
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._model.batch_size import DefaultBatchSize
from .._model.devices import Devices
from .._model.texts import as_list
from .._optional import need
from ..m3 import BGEM3FlagModel

need("scipy", "scipy")

from scipy.sparse import csr_array


class BGEM3EmbeddingFunction:
    """Dense and sparse vectors in the types that Milvus takes.

    Args:
        model_name: a directory, or a name on the Hugging Face Hub
        batch_size, normalize_embeddings, use_fp16: as BGEM3FlagModel's
        device, devices: two names of BGEM3FlagModel's `devices`; given both, they should agree
        return_dense, return_sparse, return_colbert_vecs: the kinds to compute
        options: further arguments of BGEM3FlagModel
    """

    def __init__(
        self,
        model_name: str | os.PathLike[str] = "BAAI/bge-m3",
        batch_size: int = DefaultBatchSize(16),
        device: Devices = None,
        normalize_embeddings: bool = True,
        use_fp16: bool = False,
        return_dense: bool = True,
        return_sparse: bool = True,
        return_colbert_vecs: bool = False,
        *,
        devices: Devices = None,
        **options: Any,
    ):
        self.model = BGEM3FlagModel(
            os.fspath(model_name),
            devices=devices,
            device=device,
            batch_size=batch_size,
            normalize_embeddings=normalize_embeddings,
            use_fp16=use_fp16,
            return_dense=return_dense,
            return_sparse=return_sparse,
            return_colbert_vecs=return_colbert_vecs,
            **options,
        )

    @property
    def dim(self) -> dict[str, int]:
        """Components of each kind of vector."""
        info = self.model.info
        sizes = {
            "dense": info["dense_size"] if self.model.return_dense else 0,
            "sparse": len(self.model.tokenizer) if self.model.return_sparse else 0,
            "colbert_vecs": info["colbert_dim"] if self.model.return_colbert_vecs else 0,
        }
        return {kind: size for kind, size in sizes.items() if size}

    def __call__(self, texts: Sequence[str]) -> dict[str, Any]:
        """As encode_documents()."""
        return self.encode_documents(texts)

    def encode_queries(self, queries: Sequence[str]) -> dict[str, Any]:
        """As encode_documents(), with the query instruction and length."""
        return self._convert(self.model.encode_queries(as_list(queries, "queries")))

    def encode_documents(self, documents: Sequence[str]) -> dict[str, Any]:
        """ "dense": B float32 [D]; "sparse": scipy CSR array [B, vocabulary]; "colbert_vecs": B float32 [tokens - 1, C].
        Kinds that were not asked for are left out."""
        return self._convert(self.model.encode_corpus(as_list(documents, "documents")))

    def _convert(self, found: Any) -> dict[str, Any]:
        vectors: dict[str, Any] = {}
        if found["dense_vecs"] is not None:
            vectors["dense"] = list(found["dense_vecs"])
        if found["lexical_weights"] is not None:
            vectors["sparse"] = _to_csr(found["lexical_weights"], len(self.model.tokenizer))
        if found["colbert_vecs"] is not None:
            vectors["colbert_vecs"] = found["colbert_vecs"]
        return vectors


def _to_csr(weights: list[dict[str, float]], vocabulary: int) -> csr_array:
    ids = np.array([int(token) for text in weights for token in text], np.int32)
    values = np.array([weight for text in weights for weight in text.values()], np.float32)
    ends = np.cumsum([0, *map(len, weights)])
    return csr_array((values, ids, ends), shape=(len(weights), vocabulary))
