"""Clients that rank texts: cohere, LiteLLM."""

import asyncio
from collections.abc import Callable
from typing import Any

import cohere
import numpy as np
import pytest
from clients import KEY, QUESTION, WRONG_KEY, lite_llm, scores_by_text
from cohere.errors import UnauthorizedError, UnprocessableEntityError
from sample_texts import TEXTS
from server import Server
from vectors import assert_close


@pytest.fixture(scope="module")
def wanted(relevance) -> np.ndarray:
    return relevance(QUESTION, TEXTS)


def ranking(answer) -> list[tuple[int, float]]:
    return [(result.index, result.relevance_score) for result in answer.results]


# cohere: its first interface, and its second, which does not return documents


def client_of(kind: Callable, server: Server, key: str = KEY) -> Any:
    return kind(api_key=key, base_url=server.url)


CLIENTS = pytest.mark.parametrize("kind", [cohere.Client, cohere.ClientV2])


@CLIENTS
def test_cohere(keyed, wanted, kind):
    answer = client_of(kind, keyed).rerank(model="rerank-v3.5", query=QUESTION, documents=TEXTS)
    assert_close(scores_by_text(ranking(answer)), wanted)
    assert answer.id and answer.meta.tokens.input_tokens > len(TEXTS)


@CLIENTS
@pytest.mark.parametrize("count", [1, 3, len(TEXTS), 100])
def test_cohere_best_ones(server, wanted, kind, count):
    answer = client_of(kind, server).rerank(model="m", query=QUESTION, documents=TEXTS, top_n=count)
    found = ranking(answer)
    assert [place for place, _ in found] == np.argsort(-wanted, kind="stable")[:count].tolist()
    assert_close([score for _, score in found], np.sort(wanted)[::-1][:count])


@CLIENTS
def test_cohere_equal_documents_keep_their_order(server, kind):
    answer = client_of(kind, server).rerank(model="m", query=QUESTION, documents=[TEXTS[0]] * 5)
    assert [place for place, _ in ranking(answer)] == list(range(5))


@CLIENTS
def test_cohere_keys(keyed, kind):
    with pytest.raises(UnauthorizedError):
        client_of(kind, keyed, WRONG_KEY).rerank(model="m", query=QUESTION, documents=TEXTS)


@CLIENTS
def test_cohere_without_documents(server, kind):
    assert client_of(kind, server).rerank(model="m", query=QUESTION, documents=[]).results == []


def test_cohere_field_that_is_not_served(server):
    with pytest.raises(UnprocessableEntityError, match="rank_fields"):
        client_of(cohere.Client, server).rerank(model="m", query=QUESTION, documents=TEXTS, rank_fields=["title"])


@pytest.mark.parametrize("kind", [cohere.AsyncClient, cohere.AsyncClientV2])
def test_cohere_asynchronous(server, wanted, kind):
    async def all_at_once() -> list:
        client = client_of(kind, server)
        calls = [client.rerank(model="m", query=QUESTION, documents=[text]) for text in TEXTS]
        return [answer.results[0].relevance_score for answer in await asyncio.gather(*calls)]

    assert_close(asyncio.run(all_at_once()), wanted)


@pytest.mark.parametrize("as_objects", [False, True])
def test_cohere_returns_documents(server, wanted, as_objects):
    documents = [{"text": text} for text in TEXTS] if as_objects else TEXTS
    client = client_of(cohere.Client, server)
    answer = client.rerank(model="m", query=QUESTION, documents=documents, return_documents=True)
    assert_close(scores_by_text(ranking(answer)), wanted)
    assert [result.document.text for result in answer.results] == [TEXTS[result.index] for result in answer.results]
    without = client.rerank(model="m", query=QUESTION, documents=documents)
    assert all(result.document is None for result in without.results)


def test_cohere_cuts_long_documents(server, relevance, reference):
    """To as many tokens; other text after them makes no difference."""
    tokens = 20
    ids = reference.tokenizer(TEXTS[-1], add_special_tokens=False)["input_ids"]
    beginning = reference.tokenizer.decode(ids[:tokens])
    assert reference.tokenizer(beginning, add_special_tokens=False)["input_ids"] == ids[:tokens]
    answer = client_of(cohere.ClientV2, server).rerank(
        model="m", query=QUESTION, documents=[TEXTS[-1], TEXTS[0]], max_tokens_per_doc=tokens
    )
    assert_close(scores_by_text(ranking(answer)), relevance(QUESTION, [beginning, TEXTS[0]]))


# LiteLLM, as it asks each of these services

PROVIDERS = {"cohere": "", "jina_ai": "", "hosted_vllm": "", "hosted_vllm/v1": "/v1", "huggingface": ""}


def litellm_rerank(server: Server, provider: str, path: str = "", **options):
    model = f"{provider.split('/')[0]}/m"
    return lite_llm().rerank(
        model=model, query=QUESTION, documents=TEXTS, api_base=f"{server.url}{path}", api_key=KEY, **options
    )


def litellm_ranking(answer) -> list[tuple[int, float]]:
    return [(result["index"], result["relevance_score"]) for result in answer.results]


@pytest.mark.slow  # takes long to import
@pytest.mark.parametrize("provider", PROVIDERS)
def test_litellm(keyed, wanted, provider):
    """It asks for the documents unless told otherwise."""
    answer = litellm_rerank(keyed, provider, PROVIDERS[provider])
    assert_close(scores_by_text(litellm_ranking(answer)), wanted)
    # It takes an empty text for none at some of them.
    assert all(
        result["document"]["text"] == TEXTS[result["index"]] for result in answer.results if TEXTS[result["index"]]
    )


@pytest.mark.slow
@pytest.mark.parametrize("provider", [*PROVIDERS, "infinity"])
def test_litellm_best_ones_without_documents(server, wanted, provider):
    """Infinity's answers have strings for documents where all others have objects: LiteLLM reads it without only."""
    answer = litellm_rerank(server, provider, PROVIDERS.get(provider, ""), top_n=2, return_documents=False)
    found = litellm_ranking(answer)
    assert [place for place, _ in found] == np.argsort(-wanted, kind="stable")[:2].tolist()
    assert_close([score for _, score in found], np.sort(wanted)[::-1][:2])
    assert not any(result.get("document") for result in answer.results)
