"""What all adapters have in common: options reach the model or are refused, and pickles work in other processes."""

import concurrent.futures
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from haystack import Document as HaystackDocument
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from samples import QUERY, TEXTS

from bgem3.integrations import chroma, haystack, langchain, langchain_qdrant, llama_index, milvus, mteb


class Adapter(NamedTuple):
    make: Callable[..., Any]  # of the name of a model, and options
    options: dict[str, Any]  # which change the answer
    ask: Callable[[Any], Any]


def in_haystack(kind: Any) -> Callable[..., Any]:
    """Haystack's components have their options in a dict, and load the model when they are told to."""

    def make(model: str, **options: Any) -> Any:
        made = kind(model, options=options)
        made.warm_up()
        return made

    return make


MADE = [HaystackDocument(content=text) for text in TEXTS]
NODES = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
SMALL = {"truncate_dim": 8}
ASKED = {"query_instruction_for_rerank": "Q: "}
ADAPTERS = {
    "chroma.BGEM3EmbeddingFunction": Adapter(chroma.BGEM3EmbeddingFunction, SMALL, lambda a: a(TEXTS)),
    "chroma.BGEM3SparseEmbeddingFunction": Adapter(
        chroma.BGEM3SparseEmbeddingFunction, {"passage_max_length": 5}, lambda a: [v.to_dict() for v in a(TEXTS)]
    ),
    "haystack.BGEM3TextEmbedder": Adapter(
        in_haystack(haystack.BGEM3TextEmbedder), SMALL, lambda a: a.run(QUERY)["embedding"]
    ),
    "haystack.BGEM3DocumentEmbedder": Adapter(
        in_haystack(haystack.BGEM3DocumentEmbedder), SMALL, lambda a: [d.embedding for d in a.run(MADE)["documents"]]
    ),
    "haystack.BGEM3Reranker": Adapter(
        in_haystack(haystack.BGEM3Reranker), ASKED, lambda a: [d.score for d in a.run(QUERY, MADE)["documents"]]
    ),
    "langchain.BGEM3Embeddings": Adapter(langchain.BGEM3Embeddings, SMALL, lambda a: a.embed_documents(TEXTS)),
    "langchain.BGEM3Reranker": Adapter(
        langchain.BGEM3Reranker,
        {"normalize": False},
        lambda a: [d.metadata for d in a.compress_documents([Document(text) for text in TEXTS], QUERY)],
    ),
    "langchain_qdrant.BGEM3SparseEmbeddings": Adapter(
        langchain_qdrant.BGEM3SparseEmbeddings, {"query_max_length": 5}, lambda a: a.embed_query(QUERY).model_dump()
    ),
    "llama_index.BGEM3Embedding": Adapter(llama_index.BGEM3Embedding, SMALL, lambda a: a.get_text_embedding(QUERY)),
    "llama_index.BGEM3Reranker": Adapter(
        llama_index.BGEM3Reranker, ASKED, lambda a: [n.score for n in a.postprocess_nodes(NODES, query_str=QUERY)]
    ),
    "milvus.BGEM3EmbeddingFunction": Adapter(
        milvus.BGEM3EmbeddingFunction, SMALL, lambda a: np.stack(a(TEXTS)["dense"])
    ),
    "mteb.BGEM3Encoder": Adapter(mteb.BGEM3Encoder, SMALL, lambda a: a.encode([{"text": TEXTS}])),
}


def test_every_adapter_is_here():
    modules = (chroma, haystack, langchain, langchain_qdrant, llama_index, milvus, mteb)
    names = {f"{module.__name__.rpartition('.')[2]}.{name}" for module in modules for name in vars(module)}
    assert ADAPTERS.keys() == {name for name in names if ".BGEM3" in name and not name.endswith(".BGEM3FlagModel")}


@pytest.fixture
def adapter(request, tiny, tiny_reranker) -> tuple[Adapter, str]:
    """And the model for it."""
    return ADAPTERS[request.param], tiny_reranker if "Reranker" in request.param else tiny


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, str):
        return bool(found == expected)
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list) and isinstance(expected[0], dict):
        return len(found) == len(expected) and all(map(same, found, expected))
    return np.shape(found) == np.shape(expected) and np.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("adapter", ADAPTERS, indirect=True)
def test_options_are_followed_or_refused(adapter):
    (make, options, ask), model = adapter
    plain = ask(make(model))
    assert not same(ask(make(model, **options)), plain)
    assert same(ask(make(model, device="cpu")), plain)
    with pytest.raises(TypeError, match="nonsense"):
        ask(make(model, nonsense=1))
    with pytest.raises((ValueError, RuntimeError), match="cuda:99|CUDA"):
        ask(make(model, device="cuda:99"))
    if "chroma" not in str(make):  # which keeps options, as JSON
        assert same(ask(make(model, device=torch.device("cpu"))), plain)


def unpickle_and_ask(name: str, pickled: bytes) -> Any:
    return ADAPTERS[name].ask(pickle.loads(pickled))


@pytest.fixture(scope="module")
def another_process():
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("adapter", ADAPTERS, indirect=True)
def test_pickles_give_the_same_in_another_process(adapter, another_process, request):
    (make, options, ask), model = adapter
    made = make(model, **options)
    fresh = pickle.dumps(made)
    expected = ask(made)
    for pickled in (fresh, pickle.dumps(made)):
        assert len(pickled) < 10_000  # no weights
        found = another_process.submit(unpickle_and_ask, request.node.callspec.params["adapter"], pickled).result()
        assert same(found, expected)
