"""What the tests of clients share. Each client is set up as its own documentation says; nothing but the address is ours."""

import asyncio
import os
import types

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from sample_texts import TEXTS
from vectors import assert_close

KEY = "a-key-of-a-client"
WRONG_KEY = "another-key"
QUESTION = "What is a model?"

# A vector of float32 may differ in its last digits, and with it the sign of a number near zero.
NEAR_ZERO = 1e-5


def lite_llm() -> types.ModuleType:
    """Takes seconds to import, and would ask the network for a list of prices."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def assert_bits(found: np.ndarray, vectors: np.ndarray) -> None:
    """One bit for each number, whether it is above zero, the first one the highest of its byte."""
    bits = np.unpackbits(np.asarray(found, np.uint8), axis=-1)
    is_sure = np.abs(vectors) > NEAR_ZERO
    assert bits.shape == vectors.shape and is_sure.mean() > 0.9
    np.testing.assert_array_equal(bits[is_sure], (vectors > 0)[is_sure])


def scores_by_text(ranking: list[tuple[int, float]]) -> list[float]:
    """Of a ranking, places of texts with their scores, which has each text once and the best first."""
    scores = [score for _, score in ranking]
    assert scores == sorted(scores, reverse=True)
    assert sorted(place for place, _ in ranking) == list(range(len(ranking)))
    return [score for _, score in sorted(ranking)]


def check_langchain(embeddings: Embeddings, dense: np.ndarray) -> None:
    """Documents, queries and a vector store of LangChain have the vectors of TEXTS."""
    assert_close(embeddings.embed_documents(TEXTS), dense)
    assert_close(embeddings.embed_query(TEXTS[2]), dense[2])
    assert_close(asyncio.run(embeddings.aembed_documents(TEXTS)), dense)
    store = InMemoryVectorStore(embeddings)
    store.add_texts(TEXTS[:4])
    (found,) = store.similarity_search(TEXTS[1], k=1)
    assert found.page_content == TEXTS[1]
