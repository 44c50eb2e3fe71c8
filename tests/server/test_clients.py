"""The clients that people have, as they are documented: nothing is set but the address."""

import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import openai
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFaceEndpointEmbeddings
from langchain_openai import OpenAIEmbeddings
from sample_texts import TEXTS
from server import Server, in_background
from vectors import assert_close, unit

KEY = "a-key-of-a-client"


@pytest.fixture(scope="module")
def expected(expected) -> np.ndarray:
    return expected["dense_vecs"]


@pytest.fixture(scope="module")
def locked(start_server) -> Server:
    with start_server(environment={"BGEM3_API_KEYS": KEY}) as running:
        yield running


# openai


def openai_client(server: Server, **options) -> openai.OpenAI:
    return openai.OpenAI(**{"base_url": f"{server.url}/v1", "api_key": KEY, "max_retries": 0, **options})


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"], ids=["default", "float", "base64"])
def test_openai(server, expected, encoding):
    answer = openai_client(server).embeddings.create(model="bge-m3", input=TEXTS, encoding_format=encoding)
    vectors = [item.embedding for item in answer.data]
    if encoding == "base64":
        vectors = [np.frombuffer(base64.b64decode(text), "<f4") for text in vectors]
    assert_close(vectors, expected)
    assert [item.index for item in answer.data] == list(range(len(TEXTS)))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > len(TEXTS)


def test_openai_one_text_and_dimensions(server, expected):
    answer = openai_client(server).embeddings.create(model="bge-m3", input=TEXTS[0], dimensions=16, user="someone")
    assert_close(answer.data[0].embedding, unit(expected[0, :16]))


def test_openai_asynchronous(server, expected):
    async def all_at_once() -> list:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            calls = [client.embeddings.create(model="bge-m3", input=text) for text in TEXTS]
            return [answer.data[0].embedding for answer in await asyncio.gather(*calls)]

    assert_close(asyncio.run(all_at_once()), expected)


def test_openai_keys(locked, expected):
    assert_close(openai_client(locked).embeddings.create(model="m", input=TEXTS).data[0].embedding, expected[0])
    with pytest.raises(openai.AuthenticationError):
        openai_client(locked, api_key="wrong").embeddings.create(model="m", input="a")


def test_openai_errors(server):
    embeddings = openai_client(server).embeddings
    with pytest.raises(openai.UnprocessableEntityError, match="dimensions") as error:
        embeddings.create(model="m", input="a", dimensions=5000)
    assert error.value.code == "invalid_argument" and error.value.type and error.value.request_id
    with pytest.raises(openai.NotFoundError):
        openai_client(server).models.list()


def test_openai_comes_again_when_it_is_told_to(start_stub):
    """After the time of Retry-After; without, it would give up."""
    with start_stub("--max-requests", 1) as server:
        patient = openai_client(server, max_retries=5)
        with in_background(lambda: server.post("/score", ["sleep 1500"])):
            server.wait_for_work(1)
            with pytest.raises(openai.RateLimitError):
                openai_client(server).embeddings.create(model="m", input="a")
            assert patient.embeddings.create(model="m", input="a").data


# huggingface_hub


@pytest.mark.parametrize("path", ["/embed", "", "/"])
def test_inference_client(server, expected, path):
    """The address of the server itself is what text-embeddings-inference is used with."""
    client = InferenceClient(model=f"{server.url}{path}")
    assert_close(client.feature_extraction(TEXTS), expected)
    assert_close(client.feature_extraction(TEXTS[0], normalize=True, truncate=True), expected[:1])


def test_inference_client_keys(locked, expected):
    assert_close(InferenceClient(f"{locked.url}/embed", token=KEY).feature_extraction(TEXTS), expected)
    with pytest.raises(HfHubHTTPError, match="401"):
        InferenceClient(f"{locked.url}/embed", token="wrong").feature_extraction(TEXTS)


def test_inference_client_asynchronous(server, expected):
    async def all_at_once() -> list:
        client = AsyncInferenceClient(f"{server.url}/embed")
        return await asyncio.gather(*[client.feature_extraction(text) for text in TEXTS])

    assert_close(np.concatenate(asyncio.run(all_at_once())), expected)


# LangChain


def langchain_openai(server: Server) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(base_url=f"{server.url}/v1", api_key=KEY, model="m", check_embedding_ctx_length=False)


def langchain_tei(server: Server) -> HuggingFaceEndpointEmbeddings:
    """Its constructor takes names on the Hub only; the clients in it take addresses."""
    embeddings = HuggingFaceEndpointEmbeddings(huggingfacehub_api_token=KEY)
    embeddings.client = InferenceClient(server.url, token=KEY)
    embeddings.async_client = AsyncInferenceClient(server.url, token=KEY)
    return embeddings


@pytest.mark.parametrize("make", [langchain_openai, langchain_tei])
def test_langchain(locked, reference, make: Callable):
    expected = reference.encode(TEXTS)["dense_vecs"]
    embeddings = make(locked)
    assert_close(embeddings.embed_documents(TEXTS), expected)
    assert_close(embeddings.embed_query(TEXTS[2]), expected[2])
    assert_close(asyncio.run(embeddings.aembed_documents(TEXTS)), expected)
    store = InMemoryVectorStore(embeddings)
    store.add_texts(TEXTS[:4])
    (found,) = store.similarity_search(TEXTS[1], k=1)
    assert found.page_content == TEXTS[1]


# Command lines


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def curl(*arguments: object, stdin: str = "") -> str:
    command = [program("curl"), "-sS", "--fail-with-body", "--max-time", "30", "--noproxy", "*", *map(str, arguments)]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


def test_curl_as_documented(server, expected):
    """-d alone says that the body is a form; the docs do it like this, and so do people."""
    found = json.loads(curl(f"{server.url}/score", "-d", json.dumps({"input": TEXTS})))
    assert_close(found, expected)


@pytest.mark.parametrize("option", ["--compressed", "--http1.0", "--http2", "--tcp-nodelay"])
def test_curl_options(server, expected, option):
    if option == "--http2" and "HTTP2" not in curl("--version"):
        pytest.skip("this curl has no HTTP/2")
    assert_close(json.loads(curl(option, f"{server.url}/score", "-d", json.dumps(TEXTS))), expected)


def test_curl_sends_a_stream(server, expected):
    """Chunks, and as of a size, a question before the body."""
    found = curl(f"{server.url}/score", "-H", "Transfer-Encoding: chunked", "-d", "@-", stdin=json.dumps(TEXTS))
    assert_close(json.loads(found), expected)
    large = json.dumps(["word " * 500_000])
    assert len(json.loads(curl(f"{server.url}/score", "-d", "@-", stdin=large))) == 1


def test_curl_writes_raw_vectors(server, expected, tmp_path):
    file = tmp_path / "vectors"
    accept = "Accept: application/octet-stream; dtype=float16"
    curl(f"{server.url}/score", "-H", accept, "-d", json.dumps(TEXTS), "-o", file)
    found = np.fromfile(file, "<f2").reshape(len(TEXTS), -1)
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_curl_gets(server):
    for route in ("/", "/health", "/ready", "/info", "/metrics", "/docs", "/openapi.json"):
        curl(f"{server.url}{route}")
    assert curl("--head", f"{server.url}/health").startswith("HTTP/1.1 200")


def test_curl_reuses_its_connection(server):
    arguments = [f"{server.url}/health", "-o", "/dev/null", "-w", "%{num_connects}\n"]
    assert curl(*arguments, "--next", "-sS", *arguments).split() == ["1", "0"]


def test_wrk(server, tmp_path):
    """As many connections as there are places: all answers are 200, none is lost."""
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = \'{"input": ["Hello World", "Bonjour le monde"]}\'\n')
    before = server.metric("bgem3_requests_total", route="/score", status="200")
    command = [program("wrk"), "-t1", "-c16", "-d3s", "--timeout", "10s", "-s", script, f"{server.url}/score"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "Non-2xx" not in result.stdout and "Socket errors" not in result.stdout, result.stdout
    count = int(re.search(r"(\d+) requests in", result.stdout)[1])
    assert count > 100
    # Those in work when wrk ends are answered as well.
    assert count <= server.metric("bgem3_requests_total", route="/score", status="200") - before <= count + 16


def test_wrk_with_more_connections_than_places(start_stub, tmp_path):
    """The surplus is refused, and nothing else goes wrong."""
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = \'["sleep 20"]\'\n')
    with start_stub() as server:
        command = [program("wrk"), "-t1", "-c64", "-d2s", "--timeout", "10s", "-s", script, f"{server.url}/score"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "Non-2xx" in result.stdout and "Socket errors" not in result.stdout, result.stdout
        counts = [s for s in server.samples() if s.name == "bgem3_requests_total" and s.labels["route"] == "/score"]
        # 408: in work when wrk left.
        assert {"200", "429"} <= {count.labels["status"] for count in counts} <= {"200", "408", "429"}
        # At most one for each connection.
        assert server.metric("bgem3_requests_total", route="/score", status="408") <= 64
