"""What programs send that cannot be installed here, and how they read the answer: read in their source, and written down
field by field. The texts and the question are what a test has."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

BEARER = "Authorization: Bearer"  # the others: "api-key", or None for programs that send no key


@dataclass
class Recorded:
    """A body for texts, or for a question and texts, and the vectors or scores that the program makes of the answer."""

    path: str
    body: Callable[..., Any]
    read: Callable[..., Any]
    key: str | None = BEARER

    def headers(self, key: str) -> dict[str, str]:
        if self.key == BEARER:
            return {"Authorization": f"Bearer {key}"}
        return {} if self.key is None else {self.key: key}


# Vectors


def of_data(answer: dict) -> list:
    return [item["embedding"] for item in answer["data"]]


def of_encoded_data(answer: dict) -> list:
    return [np.frombuffer(base64.b64decode(item["embedding"]), np.float32) for item in answer["data"]]


def of_embeddings(answer: dict) -> list:
    return answer["embeddings"]


def as_it_is(answer: list) -> list:
    return answer


def counted(answer: dict) -> list:
    """RAGFlow adds up tokens, which it takes from here."""
    assert answer["usage"]["total_tokens"] > 0
    return of_data(answer)


def counted_by_ollama(answer: dict) -> list:
    assert answer["prompt_eval_count"] > 0
    return of_embeddings(answer)


WIDTH = 64  # of the model that the tests have

AZURE_PATH = "/openai/deployments/bge-m3/embeddings?api-version=2024-10-21"
EMBEDDINGS = {
    "Open WebUI, openai": Recorded("/v1/embeddings", lambda texts: {"input": texts, "model": "m"}, of_data),
    "Open WebUI, azure_openai": Recorded(AZURE_PATH, lambda texts: {"input": texts}, of_data, "api-key"),
    "Open WebUI, ollama": Recorded(
        "/api/embed", lambda texts: {"input": texts, "model": "m", "truncate": True}, of_embeddings
    ),
    "Dify, openai_api_compatible": Recorded("/v1/embeddings", lambda texts: {"model": "m", "input": texts}, of_data),
    "Dify, azure_openai": Recorded(
        AZURE_PATH,
        lambda texts: {"input": texts, "model": "m", "encoding_format": "base64"},
        of_encoded_data,
        "api-key",
    ),
    "Dify, ollama": Recorded(
        "/api/embed",
        lambda texts: {"input": texts, "model": "m", "truncate": True, "options": {"use_mmap": True}},
        of_embeddings,
    ),
    "Dify, huggingface_tei": Recorded("/v1/embeddings", lambda texts: {"input": texts}, of_data),
    "LightRAG, openai": Recorded(
        "/v1/embeddings",
        lambda texts: {"model": "m", "input": texts, "encoding_format": "float", "dimensions": WIDTH},
        of_data,
    ),
    "LightRAG, jina": Recorded(
        "/v1/embeddings",
        lambda texts: {
            "model": "m",
            "task": "retrieval.passage",
            "dimensions": WIDTH,
            "embedding_type": "base64",
            "input": texts,
        },
        of_encoded_data,
    ),
    "LightRAG, ollama": Recorded(
        "/api/embed", lambda texts: {"model": "m", "input": texts, "options": {}, "dimensions": WIDTH}, of_embeddings
    ),
    "RAGFlow, OpenAI-API-Compatible": Recorded(
        "/v1/embeddings",
        lambda texts: {"input": texts, "model": "m", "encoding_format": "float", "drop_params": True},
        counted,
    ),
    "RAGFlow, Ollama": Recorded(
        "/api/embed",
        lambda texts: {
            "model": "m",
            "input": texts,
            "truncate": True,
            "options": {"use_mmap": True},
            "keep_alive": -1,
        },
        counted_by_ollama,
    ),
    "RAGFlow, TEI": Recorded("/embed", lambda texts: {"inputs": texts}, as_it_is, None),
    "AnythingLLM, generic OpenAI": Recorded(
        "/v1/embeddings", lambda texts: {"model": "m", "input": texts, "encoding_format": "base64"}, of_encoded_data
    ),
    "AnythingLLM, LocalAI": Recorded(
        "/v1/embeddings",
        lambda texts: {"model": "m", "input": texts, "dimensions": WIDTH, "encoding_format": "float"},
        of_data,
    ),
    "AnythingLLM, ollama": Recorded(
        "/api/embed", lambda texts: {"model": "m", "input": texts, "options": {"num_ctx": 1000}}, of_embeddings
    ),
    "gpustack": Recorded("/v1/embeddings", lambda texts: {"model": "m", "input": texts}, counted),
    "Voyage": Recorded(
        "/v1/embeddings",
        lambda texts: {
            "input": texts,
            "model": "m",
            "input_type": None,
            "truncation": True,
            "output_dtype": None,
            "output_dimension": None,
            "encoding_format": "base64",
        },
        of_encoded_data,
    ),
    "SageMaker": Recorded("/invocations", lambda texts: {"inputs": texts}, as_it_is),
}


# Scores


def in_given_order(answer: dict, count: int) -> list[float]:
    """Open WebUI's: it needs one of each text."""
    results = sorted(answer["results"], key=lambda result: result["index"])
    assert len(results) == count
    return [result["relevance_score"] for result in results]


def by_index(answer: dict, count: int) -> list[float]:
    """RAGFlow's, LightRAG's: no number for a text that is not there."""
    scores = [float("nan")] * count
    for result in answer["results"]:
        scores[result["index"]] = float(result["relevance_score"])
    return scores


def counted_by_index(answer: dict, count: int) -> list[float]:
    assert answer["usage"]["total_tokens"] > 0
    return by_index(answer, count)


def with_text_if_any(answer: dict, count: int) -> list[float]:
    """Dify's for LocalAI and gpustack: what is named a document has a text."""
    assert all(result["document"]["text"] for result in answer["results"] if "document" in result)
    return by_index(answer, count)


def with_document(answer: dict, count: int) -> list[float]:
    """gpustack's own, Dify's for Xinference, vLLM's: each result has its document."""
    assert all(isinstance(result["document"]["text"], str) for result in answer["results"])
    return by_index(answer, count)


def of_ranks(answer: list, count: int) -> list[float]:
    scores = [float("nan")] * count
    for rank in answer:
        scores[rank["index"]] = rank["score"]
    return scores


def of_ranks_with_text(answer: list, count: int) -> list[float]:
    assert all(isinstance(rank["text"], str) for rank in answer)
    return of_ranks(answer, count)


def of_scores(answer: dict, count: int) -> list[float]:
    """vLLM's, in the order of the texts."""
    assert answer["object"] == "list" and answer["usage"]["total_tokens"] > 0
    assert [(item["object"], item["index"]) for item in answer["data"]] == [("score", i) for i in range(count)]
    return [item["score"] for item in answer["data"]]


def ranking(**more: Any) -> Callable[[str, list[str]], dict]:
    return lambda question, texts: {"model": "m", "query": question, "documents": texts, **more}


def ranking_of_all(**more: Any) -> Callable[[str, list[str]], dict]:
    return lambda question, texts: {**ranking(**more)(question, texts), "top_n": len(texts)}


RANKINGS = {
    "Open WebUI, external": Recorded("/v1/rerank", ranking_of_all(), in_given_order),
    "LightRAG, cohere": Recorded("/v2/rerank", ranking_of_all(), by_index),
    "LightRAG, jina": Recorded("/v1/rerank", ranking(return_documents=False), by_index),
    "RAGFlow, Jina": Recorded("/v1/rerank", ranking_of_all(), counted_by_index),
    "RAGFlow, Xinference": Recorded("/v1/rerank", ranking(return_documents="true", return_len="true"), by_index),
    "RAGFlow, LocalAI": Recorded("/rerank", ranking_of_all(), by_index),
    "RAGFlow, OpenAI-API-Compatible": Recorded("/v1/rerank", ranking_of_all(), by_index),
    "RAGFlow, VLLM": Recorded("/v1/rerank", ranking_of_all(return_documents=False), by_index),
    "RAGFlow, TEI": Recorded(
        "/rerank",
        lambda question, texts: {"query": question, "texts": texts, "raw_scores": False, "truncate": True},
        of_ranks,
        None,
    ),
    "Dify, openai_api_compatible": Recorded("/v1/rerank", ranking_of_all(), by_index),
    "Dify, jina": Recorded("/v1/rerank", ranking(top_n=None, return_documents=False), by_index),
    "Dify, localai": Recorded("/rerank", ranking(top_n=None), with_text_if_any),
    "Dify, gpustack": Recorded("/v1/rerank", ranking_of_all(), with_text_if_any),
    "Dify, xinference": Recorded(
        "/v1/rerank",
        ranking(top_n=None, max_chunks_per_doc=None, return_documents=True, return_len=None, kwargs="{}"),
        with_document,
    ),
    "Dify, huggingface_tei": Recorded(
        "/rerank",
        lambda question, texts: {"query": question, "texts": texts, "return_text": True},
        of_ranks_with_text,
    ),
    "gpustack": Recorded("/v1/rerank", ranking_of_all(return_documents=True), with_document),
    "vLLM, rerank": Recorded("/v1/rerank", ranking(truncate_prompt_tokens=-1), by_index),
    "vLLM, score": Recorded(
        "/v1/score", lambda question, texts: {"model": "m", "text_1": question, "text_2": texts}, of_scores
    ),
    "vLLM, score of pairs": Recorded(
        "/score",
        lambda question, texts: {"model": "m", "text_1": [question] * len(texts), "text_2": texts},
        of_scores,
    ),
    "vLLM, score of queries and documents": Recorded(
        "/v1/score", lambda question, texts: {"model": "m", "queries": question, "documents": texts}, of_scores
    ),
}
