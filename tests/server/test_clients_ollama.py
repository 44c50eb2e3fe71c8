"""Clients of Ollama's interface: ollama, LangChain, LiteLLM."""

import asyncio

import bgem3
import numpy as np
import ollama
import pytest
from clients import KEY, WRONG_KEY, lite_llm
from langchain_ollama import OllamaEmbeddings
from sample_texts import TEXTS
from server import Server
from vectors import assert_close, unit


def client_of(server: Server, key: str = KEY) -> ollama.Client:
    return ollama.Client(host=server.url, headers={"Authorization": f"Bearer {key}"})


def test_embed(keyed, dense, reference):
    answer = client_of(keyed).embed(model="bge-m3", input=TEXTS)
    assert_close(answer.embeddings, dense)
    assert answer.model == "bge-m3"
    assert answer.prompt_eval_count == sum(len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"])
    assert answer.total_duration > 0


def test_embed_one_text(server, dense):
    assert_close(client_of(server).embed(model="bge-m3", input=TEXTS[0]).embeddings, dense[:1])


@pytest.mark.parametrize("keep_alive", ["5m", -1, 0, 1.5])
def test_embed_with_all_that_the_client_has(server, dense, keep_alive):
    answer = client_of(server).embed(
        model="bge-m3",
        input=TEXTS,
        truncate=True,
        dimensions=16,
        keep_alive=keep_alive,
        options=ollama.Options(num_thread=2, num_gpu=0, use_mmap=True, seed=1, temperature=0.0, stop=["a"]),
    )
    assert_close(answer.embeddings, unit(dense[:, :16]))


def test_embed_nothing(server):
    """An empty text by itself is none, as for Ollama; it is one in a list."""
    client = client_of(server)
    assert client.embed(model="bge-m3", input="").embeddings == []
    assert client.embed(model="bge-m3", input=[]).embeddings == []
    assert len(client.embed(model="bge-m3", input=[""]).embeddings) == 1


def test_embed_with_a_shorter_context(server, reference):
    wanted = reference.encode(TEXTS, max_length=16)["dense_vecs"]
    assert_close(client_of(server).embed(model="bge-m3", input=TEXTS, options={"num_ctx": 16}).embeddings, wanted)
    with pytest.raises(ollama.ResponseError, match="16"):
        client_of(server).embed(model="bge-m3", input=TEXTS, truncate=False, options={"num_ctx": 16})


def test_embeddings(server, tiny):
    """The older route: one text, whose vector is not normalised."""
    raw = bgem3.BGEM3FlagModel(str(tiny), normalize_embeddings=False, dtype="float32", devices="cpu")
    for text, vector in zip(TEXTS[:2], raw.encode(TEXTS[:2])["dense_vecs"], strict=True):
        assert abs(np.linalg.norm(vector) - 1) > 0.1
        assert_close(client_of(server).embeddings(model="bge-m3", prompt=text).embedding, vector)
    assert list(client_of(server).embeddings(model="bge-m3", prompt="").embedding) == []


def test_asynchronous(server, dense):
    async def all_at_once() -> list:
        client = ollama.AsyncClient(host=server.url)
        answers = await asyncio.gather(*[client.embed(model="bge-m3", input=[text]) for text in TEXTS])
        return [answer.embeddings[0] for answer in answers]

    assert_close(asyncio.run(all_at_once()), dense)


def test_list_and_show(server, tiny, dense):
    client = client_of(server)
    (model,) = client.list().models
    assert model.model.split(":")[0] == tiny.name
    weights = (tiny / "model.safetensors").stat().st_size
    assert 0.9 * weights < model.size < 1.1 * weights
    assert model.modified_at.year >= 2024
    for name in (model.model, tiny.name):
        shown = client.show(name)
        assert shown.capabilities == ["embedding"]
        assert shown.details.model_dump(exclude_none=True) == model.details.model_dump(exclude_none=True)
        family = shown.details.family
        assert shown.modelinfo["general.architecture"] == family
        assert shown.modelinfo[f"{family}.embedding_length"] == dense.shape[1]
        assert shown.modelinfo[f"{family}.context_length"] == 8192


def test_show_of_another_model(server):
    with pytest.raises(ollama.ResponseError, match="llama3.*not found") as error:
        client_of(server).show("llama3")
    assert error.value.status_code == 404


def test_ps(server, dense):
    client = client_of(server)
    (running,) = client.ps().models
    assert running.model == client.list().models[0].model == running.name
    assert running.context_length == 8192 and running.size_vram == 0
    assert running.expires_at.year > 2100


def test_errors_are_texts(server):
    """The client shows the field as it is."""
    with pytest.raises(ollama.ResponseError) as error:
        client_of(server).embed(model="bge-m3", input=TEXTS, dimensions=5000)
    assert isinstance(error.value.error, str) and "dimensions" in error.value.error
    assert error.value.status_code == 422


def test_wrong_key(keyed):
    with pytest.raises(ollama.ResponseError) as error:
        client_of(keyed, WRONG_KEY).embed(model="bge-m3", input="a")
    assert error.value.status_code == 401 and isinstance(error.value.error, str)


def test_langchain(keyed, dense):
    """It sends every option that it knows, most of them null."""
    embeddings = OllamaEmbeddings(
        base_url=keyed.url, model="bge-m3", client_kwargs={"headers": {"Authorization": f"Bearer {KEY}"}}
    )
    assert_close(embeddings.embed_documents(TEXTS), dense)
    assert_close(embeddings.embed_query(TEXTS[2]), dense[2])
    assert_close(asyncio.run(embeddings.aembed_documents(TEXTS)), dense)


def test_langchain_options(server, tiny, reference):
    """It looks for the model first."""
    embeddings = OllamaEmbeddings(
        base_url=server.url, model=tiny.name, validate_model_on_init=True, num_ctx=16, dimensions=16, temperature=0.5
    )
    wanted = unit(reference.encode(TEXTS, max_length=16)["dense_vecs"][:, :16])
    assert_close(embeddings.embed_documents(TEXTS), wanted)


@pytest.mark.slow  # takes long to import
def test_litellm(server, dense, reference):
    answer = lite_llm().embedding(model="ollama/bge-m3", input=TEXTS, api_base=server.url)
    assert_close([item["embedding"] for item in answer.data], dense)
    assert answer.usage.prompt_tokens == sum(len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"])
