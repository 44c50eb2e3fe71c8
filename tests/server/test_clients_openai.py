"""Clients of OpenAI's interface, and of Azure's: openai, azure-ai-inference, LangChain, LlamaIndex, LiteLLM."""

import asyncio
import base64
from collections.abc import Callable

import numpy as np
import openai
import pytest
import tiktoken
from azure.ai.inference import EmbeddingsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from clients import KEY, WRONG_KEY, assert_bits, check_langchain, lite_llm
from langchain_openai import AzureOpenAIEmbeddings, OpenAIEmbeddings
from llama_index.embeddings.openai import OpenAIEmbedding
from sample_texts import TEXTS
from server import Server, in_background
from vectors import assert_close, unit

VERSION = "2024-10-21"  # of Azure's interface


def openai_client(server: Server, **options) -> openai.OpenAI:
    return openai.OpenAI(**{"base_url": f"{server.url}/v1", "api_key": KEY, "max_retries": 0, **options})


def azure_client(server: Server, **options) -> openai.AzureOpenAI:
    given = {"azure_endpoint": server.url, "api_version": VERSION, "api_key": KEY, "max_retries": 0, **options}
    return openai.AzureOpenAI(**given)


def embeddings_of(answer) -> list:
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return [item.embedding for item in answer.data]


# openai


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"], ids=["default", "float", "base64"])
def test_openai(server, dense, encoding):
    answer = openai_client(server).embeddings.create(model="bge-m3", input=TEXTS, encoding_format=encoding)
    vectors = embeddings_of(answer)
    if encoding == "base64":
        vectors = [np.frombuffer(base64.b64decode(text), "<f4") for text in vectors]
    assert_close(vectors, dense)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > len(TEXTS)


def test_openai_one_text_and_dimensions(server, dense):
    answer = openai_client(server).embeddings.create(model="bge-m3", input=TEXTS[0], dimensions=16, user="someone")
    assert_close(answer.data[0].embedding, unit(dense[0, :16]))


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1"])
def test_openai_addresses(server, dense, prefix):
    """As people give them; the last one is Azure's newer one, without versions and deployments."""
    client = openai_client(server, base_url=f"{server.url}{prefix}")
    assert_close(embeddings_of(client.embeddings.create(model="m", input=TEXTS)), dense)
    assert [model.id for model in client.models.list()]


def test_openai_asynchronous(server, dense):
    async def all_at_once() -> list:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            calls = [client.embeddings.create(model="bge-m3", input=text) for text in TEXTS]
            return [answer.data[0].embedding for answer in await asyncio.gather(*calls)]

    assert_close(asyncio.run(all_at_once()), dense)


def test_openai_200_at_once(server, reference):
    """With the retries that the client makes by default; more than the texts that fill one batch."""
    texts = [f"Number {i} of 200." for i in range(200)]

    async def all_at_once() -> list:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            calls = [client.embeddings.create(model="bge-m3", input=text) for text in texts]
            return [answer.data[0].embedding for answer in await asyncio.gather(*calls)]

    assert_close(asyncio.run(all_at_once()), reference.encode(texts)["dense_vecs"])


def test_openai_token_ids(server, reference, dense):
    """As /tokenize gives them, one text or several."""
    ids = reference.tokenizer(TEXTS)["input_ids"]
    create = openai_client(server).embeddings.create
    assert_close(embeddings_of(create(model="m", input=ids)), dense)
    assert_close(embeddings_of(create(model="m", input=ids[1])), dense[1:2])


def test_openai_models(server, tiny, tiny_reranker):
    models = openai_client(server).models
    listed = list(models.list())
    assert [model.id for model in listed] == [tiny.name, tiny_reranker.name]
    assert all(model.object == "model" and model.created > 0 and model.owned_by for model in listed)
    assert [models.retrieve(model.id) for model in listed] == listed
    with pytest.raises(openai.NotFoundError, match="tiny"):
        models.retrieve("text-embedding-3-small")


def test_openai_model_with_a_slash(start_server):
    """The client sends it as %2F."""
    with start_server("--served-model-name", "BAAI/bge-m3") as server:
        client = openai_client(server)
        assert client.models.retrieve("BAAI/bge-m3").id == "BAAI/bge-m3"
        assert client.embeddings.create(model="BAAI/bge-m3", input="a").model == "BAAI/bge-m3"


def test_openai_keys(keyed, dense):
    assert_close(embeddings_of(openai_client(keyed).embeddings.create(model="m", input=TEXTS)), dense)
    stranger = openai_client(keyed, api_key=WRONG_KEY)
    for call in (lambda: stranger.embeddings.create(model="m", input="a"), stranger.models.list):
        with pytest.raises(openai.AuthenticationError):
            call()


def test_openai_errors(server):
    create = openai_client(server).embeddings.create
    with pytest.raises(openai.UnprocessableEntityError, match="dimensions") as error:
        create(model="m", input="a", dimensions=5000)
    assert error.value.code == "invalid_argument" and error.value.type and error.value.request_id
    with pytest.raises(openai.UnprocessableEntityError, match="return_sparse"):
        create(model="m", input="a", extra_body={"return_sparse": True})


def test_openai_comes_again_when_it_is_told_to(start_stub):
    """After the time of Retry-After; without, it would give up."""
    with start_stub("--max-requests", 1, "--queue-requests", 0) as server:
        patient = openai_client(server, max_retries=5)
        with in_background(lambda: server.post("/score", ["sleep 1500"])):
            server.wait_for_work(1)
            with pytest.raises(openai.RateLimitError):
                openai_client(server).embeddings.create(model="m", input="a")
            assert patient.embeddings.create(model="m", input="a").data


# Azure


@pytest.mark.parametrize("name", ["embeddings", "bge m3 é"])
def test_azure_openai(server, dense, name):
    """The name of a deployment is anything, and stands in the path; without one, that of the model does."""
    named = azure_client(server, azure_deployment=name).embeddings.create(model="m", input=TEXTS)
    assert_close(embeddings_of(named), dense)
    by_model = azure_client(server).embeddings.create(model=f"BAAI/{name}", input=TEXTS)
    assert_close(embeddings_of(by_model), dense)


def test_azure_openai_keys(keyed, dense):
    """A key in a header of its own, or a token as everywhere."""
    for key in ({"api_key": KEY}, {"api_key": None, "azure_ad_token": KEY}):
        assert_close(embeddings_of(azure_client(keyed, **key).embeddings.create(model="m", input=TEXTS)), dense)
    with pytest.raises(openai.AuthenticationError):
        azure_client(keyed, api_key=WRONG_KEY).embeddings.create(model="m", input="a")


def test_azure_openai_models(server, tiny):
    models = azure_client(server).models
    assert tiny.name in [model.id for model in models.list()]
    assert models.retrieve(tiny.name).id == tiny.name


def azure_inference(server: Server, key: str = KEY, path: str = "", **options) -> EmbeddingsClient:
    return EmbeddingsClient(endpoint=f"{server.url}{path}", credential=AzureKeyCredential(key), **options)


@pytest.mark.parametrize("path", ["", "/openai/deployments/m"])
def test_azure_inference(keyed, dense, path):
    client = azure_inference(keyed, path=path)
    answer = client.embed(input=TEXTS)
    assert_close(embeddings_of(answer), dense)
    assert answer.usage.total_tokens > len(TEXTS)
    answer = client.embed(input=TEXTS, dimensions=16, encoding_format="float", model="m")
    assert_close(embeddings_of(answer), unit(dense[:, :16]))
    with pytest.raises(HttpResponseError) as error:
        azure_inference(keyed, WRONG_KEY).embed(input=["a"])
    assert error.value.status_code == 401 and error.value.error.code == "unauthorized"


def test_azure_inference_binary(server, dense):
    """Bytes, as whole numbers; those with a sign are 128 less."""
    client = azure_inference(server)
    assert_bits(np.array(embeddings_of(client.embed(input=TEXTS, encoding_format="ubinary"))), dense)
    assert_bits(np.array(embeddings_of(client.embed(input=TEXTS, encoding_format="binary"))) + 128, dense)


def test_azure_inference_model_info(server):
    assert azure_inference(server).get_model_info()["model_id"] == server.get("/info").json()["model_id"]


# LangChain


def langchain_openai(server: Server, **options) -> OpenAIEmbeddings:
    given = {"base_url": f"{server.url}/v1", "api_key": KEY, "model": "m", **options}
    return OpenAIEmbeddings(check_embedding_ctx_length=False, **given)


def langchain_azure(server: Server) -> AzureOpenAIEmbeddings:
    return AzureOpenAIEmbeddings(
        azure_endpoint=server.url, api_version=VERSION, api_key=KEY, model="m", check_embedding_ctx_length=False
    )


@pytest.mark.parametrize("make", [langchain_openai, langchain_azure])
def test_langchain(keyed, dense, make: Callable):
    check_langchain(make(keyed), dense)


def test_langchain_dimensions(server, dense):
    assert_close(langchain_openai(server, dimensions=16).embed_documents(TEXTS), unit(dense[:, :16]))


def bytes_as_tokens(name: str) -> tiktoken.Encoding:
    """In place of a vocabulary that tiktoken would fetch."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    return tiktoken.Encoding(name, pat_str=r"\s+|\S+", mergeable_ranks=ranks, special_tokens={})


def test_langchain_with_token_ids_of_others(server, monkeypatch):
    """Its default sends OpenAI's ids, which mean other pieces here; the message says what to set."""
    monkeypatch.setattr(tiktoken, "get_encoding", bytes_as_tokens)
    embeddings = OpenAIEmbeddings(base_url=f"{server.url}/v1", api_key=KEY, model="m")
    with pytest.raises(openai.UnprocessableEntityError, match="check_embedding_ctx_length=False"):
        embeddings.embed_documents(TEXTS[:4])


# LlamaIndex and LiteLLM


def test_llama_index(keyed, dense):
    embeddings = OpenAIEmbedding(api_base=f"{keyed.url}/v1", api_key=KEY, max_retries=0)
    assert_close(embeddings.get_text_embedding_batch(TEXTS), dense)
    assert_close(embeddings.get_query_embedding(TEXTS[2]), dense[2])
    assert_close(asyncio.run(embeddings.aget_text_embedding_batch(TEXTS)), dense)


def test_llama_index_dimensions(server, dense):
    embeddings = OpenAIEmbedding(
        model="text-embedding-3-small", dimensions=16, api_base=f"{server.url}/v1", api_key=KEY, max_retries=0
    )
    assert_close(embeddings.get_text_embedding(TEXTS[0]), unit(dense[0, :16]))


@pytest.mark.slow  # takes long to import
@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1"),
        ("hosted_vllm", "/v1"),
        ("infinity", "/v1"),
        ("jina_ai", "/v1"),
        ("voyage", "/v1"),
        ("azure", ""),
    ],
)
def test_litellm(keyed, dense, provider, path):
    answer = lite_llm().embedding(
        model=f"{provider}/m", input=TEXTS, api_base=f"{keyed.url}{path}", api_key=KEY, api_version=VERSION
    )
    assert_close([item["embedding"] for item in answer.data], dense)
    assert answer.usage.total_tokens > len(TEXTS)
