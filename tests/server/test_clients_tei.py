"""Clients of text-embeddings-inference: huggingface_hub, LangChain."""

import asyncio
import json
from collections.abc import Iterator

import numpy as np
import pytest
from clients import KEY, QUESTION, WRONG_KEY, check_langchain
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from langchain_huggingface import HuggingFaceEndpointEmbeddings
from sample_texts import TEXTS
from server import Server
from vectors import assert_close

PROMPT = "Find: "


@pytest.mark.parametrize("path", ["/embed", "", "/"])
def test_feature_extraction(server, dense, path):
    """The address of the server itself is what text-embeddings-inference is used with."""
    client = InferenceClient(model=f"{server.url}{path}")
    assert_close(client.feature_extraction(TEXTS), dense)
    assert_close(client.feature_extraction(TEXTS[0], normalize=True, truncate=True), dense[:1])


@pytest.mark.parametrize("side", ["left", "right"])
def test_feature_extraction_cuts_where_it_is_told_to(start_server, reference, side):
    length = 14  # where a word begins on both sides
    ids = reference.tokenizer(TEXTS[-1])["input_ids"]
    kept = ids[1 : length - 1] if side == "right" else ids[1 - length : -1]
    text = reference.tokenizer.decode(kept)
    assert reference.tokenizer(text)["input_ids"][1:-1] == kept
    with start_server("--max-length", length) as server:
        found = InferenceClient(server.url).feature_extraction(TEXTS[-1], truncate=True, truncation_direction=side)
    assert_close(found, reference.encode([text])["dense_vecs"])


@pytest.fixture(scope="module")
def prompting(server_program, tiny, tmp_path_factory) -> Iterator[Server]:
    """With a model that has a prompt."""
    directory = tmp_path_factory.mktemp("models") / "prompting"
    directory.mkdir()
    for file in tiny.iterdir():
        (directory / file.name).symlink_to(file)
    (directory / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": PROMPT}}))
    with Server(server_program, "--model", directory, "--dtype", "float32") as running:
        yield running


def test_feature_extraction_with_a_prompt(prompting, reference):
    client = InferenceClient(prompting.url)
    wanted = reference.encode([PROMPT + text for text in TEXTS])["dense_vecs"]
    assert_close(client.feature_extraction(TEXTS, prompt_name="query"), wanted)
    with pytest.raises(HfHubHTTPError, match="422"):
        client.feature_extraction(TEXTS, prompt_name="unheard of")


def test_feature_extraction_keys(keyed, dense):
    assert_close(InferenceClient(f"{keyed.url}/embed", token=KEY).feature_extraction(TEXTS), dense)
    with pytest.raises(HfHubHTTPError, match="401"):
        InferenceClient(f"{keyed.url}/embed", token=WRONG_KEY).feature_extraction(TEXTS)


def test_feature_extraction_asynchronous(server, dense):
    async def all_at_once() -> list:
        client = AsyncInferenceClient(f"{server.url}/embed")
        return await asyncio.gather(*[client.feature_extraction(text) for text in TEXTS])

    assert_close(np.concatenate(asyncio.run(all_at_once())), dense)


@pytest.mark.parametrize("path", ["", "/similarity"])
def test_sentence_similarity(server, dense, path):
    """The client sends it to the address that it has, whatever is asked."""
    found = InferenceClient(f"{server.url}{path}").sentence_similarity(TEXTS[0], other_sentences=TEXTS[1:])
    assert_close(found, dense[1:] @ dense[0])


def test_text_classification_of_pairs(server, relevance):
    """A cross-encoder has one label. The client gives the first label only, where there is one text."""
    client = InferenceClient(f"{server.url}/predict")
    for text, score in zip(TEXTS, relevance(QUESTION, TEXTS), strict=True):
        found = client.text_classification([QUESTION, text])
        assert found.label == "LABEL_0"
        assert found.score == pytest.approx(score, rel=1e-4)


def test_text_classification_of_one_text(server):
    """A cross-encoder has no score for it; the message says what it takes."""
    with pytest.raises(HfHubHTTPError, match="pair of strings"):
        InferenceClient(f"{server.url}/predict").text_classification(TEXTS[0])


def langchain(server: Server) -> HuggingFaceEndpointEmbeddings:
    """Its constructor takes names on the Hub only; the clients in it take addresses."""
    embeddings = HuggingFaceEndpointEmbeddings(huggingfacehub_api_token=KEY)
    embeddings.client = InferenceClient(server.url, token=KEY)
    embeddings.async_client = AsyncInferenceClient(server.url, token=KEY)
    return embeddings


def test_langchain(keyed, dense):
    check_langchain(langchain(keyed), dense)
