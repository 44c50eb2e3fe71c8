"""Adapters go to other processes, with their options, and give the same results there."""

import concurrent.futures
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from haystack import Document as HaystackDocument
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from samples import QUERY, TEXTS

from bgem3.integrations import chroma, haystack, langchain, langchain_qdrant, llama_index, milvus, mteb

MADE = [HaystackDocument(content=text) for text in TEXTS]
SMALL = {"truncate_dim": 8}
RAW = {"normalize": False, "query_instruction_for_rerank": "Q: "}
# What to make of a model and of a cross-encoder, and what to ask it.
ADAPTERS: dict[str, tuple[Callable[[str, str], Any], Callable[[Any], Any]]] = {
    "chroma.BGEM3EmbeddingFunction": (lambda m, _: chroma.BGEM3EmbeddingFunction(m, **SMALL), lambda a: a(TEXTS)),
    "chroma.BGEM3SparseEmbeddingFunction": (
        lambda m, _: chroma.BGEM3SparseEmbeddingFunction(m, passage_max_length=5),
        lambda a: [vector.to_dict() for vector in a(TEXTS)],
    ),
    "haystack.BGEM3TextEmbedder": (
        lambda m, _: haystack.BGEM3TextEmbedder(m, options=SMALL),
        lambda a: a.run(QUERY)["embedding"],
    ),
    "haystack.BGEM3DocumentEmbedder": (
        lambda m, _: haystack.BGEM3DocumentEmbedder(m, options=SMALL),
        lambda a: [document.embedding for document in a.run(MADE)["documents"]],
    ),
    "haystack.BGEM3Reranker": (
        lambda _, r: haystack.BGEM3Reranker(r, top_k=2, options={"query_instruction_for_rerank": "Q: "}),
        lambda a: [document.score for document in a.run(QUERY, MADE)["documents"]],
    ),
    "langchain.BGEM3Embeddings": (
        lambda m, _: langchain.BGEM3Embeddings(m, **SMALL),
        lambda a: a.embed_documents(TEXTS),
    ),
    "langchain.BGEM3Reranker": (
        lambda _, r: langchain.BGEM3Reranker(r, top_n=2, **RAW),
        lambda a: [document.metadata for document in a.compress_documents([Document(text) for text in TEXTS], QUERY)],
    ),
    "langchain_qdrant.BGEM3SparseEmbeddings": (
        lambda m, _: langchain_qdrant.BGEM3SparseEmbeddings(m, query_max_length=5),
        lambda a: a.embed_query(QUERY).model_dump(),
    ),
    "llama_index.BGEM3Embedding": (
        lambda m, _: llama_index.BGEM3Embedding(m, **SMALL),
        lambda a: a.get_text_embedding(QUERY),
    ),
    "llama_index.BGEM3Reranker": (
        lambda _, r: llama_index.BGEM3Reranker(r, top_n=1, **RAW),
        lambda a: [
            node.score
            for node in a.postprocess_nodes(
                [NodeWithScore(node=TextNode(text=text)) for text in TEXTS], query_str=QUERY
            )
        ],
    ),
    "milvus.BGEM3EmbeddingFunction": (
        lambda m, _: milvus.BGEM3EmbeddingFunction(m, return_sparse=False, **SMALL),
        lambda a: np.stack(a(TEXTS)["dense"]),
    ),
    "mteb.BGEM3Encoder": (lambda m, _: mteb.BGEM3Encoder(m, **SMALL), lambda a: a.encode([{"text": TEXTS}])),
}


def ask(name: str, pickled: bytes) -> Any:
    return ADAPTERS[name][1](pickle.loads(pickled))


@pytest.fixture(scope="module")
def another_process():
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", ADAPTERS)
def test_same_results_in_another_process(name, another_process, tiny, tiny_reranker):
    make, question = ADAPTERS[name]
    adapter = make(tiny, tiny_reranker)
    fresh = pickle.dumps(adapter)
    expected = question(adapter)
    for pickled in (fresh, pickle.dumps(adapter)):
        assert len(pickled) < 10_000  # no weights
        assert same(another_process.submit(ask, name, pickled).result(), expected)


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, str):
        return found == expected
    return np.shape(found) == np.shape(expected) and np.allclose(found, expected, atol=1e-6)


def test_every_adapter_is_tested():
    modules = (chroma, haystack, langchain, langchain_qdrant, llama_index, milvus, mteb)
    names = {f"{module.__name__.rpartition('.')[2]}.{name}" for module in modules for name in vars(module)}
    assert ADAPTERS.keys() == {name for name in names if ".BGEM3" in name and not name.endswith(".BGEM3FlagModel")}
