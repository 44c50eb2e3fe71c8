"""Programs that cannot be installed here, by what they send and how they read the answer."""

import pytest
from clients import KEY, QUESTION
from recorded_shapes import EMBEDDINGS, RANKINGS, WIDTH
from sample_texts import TEXTS
from server import Server, in_background
from vectors import assert_close

BEARER = {"Authorization": f"Bearer {KEY}"}


def answer_of(server: Server, method: str, path: str, **options):
    response = server.client.request(method, path, **options)
    assert response.status_code == 200, response.text
    return response.json()


def server_for(recorded, server: Server, keyed: Server) -> Server:
    return server if recorded.key is None else keyed


@pytest.mark.parametrize("program", EMBEDDINGS)
def test_embeddings(server, keyed, dense, program):
    assert dense.shape[1] == WIDTH
    recorded = EMBEDDINGS[program]
    answer = answer_of(
        server_for(recorded, server, keyed),
        "POST",
        recorded.path,
        json=recorded.body(TEXTS),
        headers=recorded.headers(KEY),
    )
    assert_close(recorded.read(answer), dense)


@pytest.mark.parametrize("program", RANKINGS)
def test_rankings(server, keyed, relevance, program):
    # Some programs take an empty text for one that is missing, and none of them sends one.
    texts = [text for text in TEXTS if text]
    recorded = RANKINGS[program]
    answer = answer_of(
        server_for(recorded, server, keyed),
        "POST",
        recorded.path,
        json=recorded.body(QUESTION, texts),
        headers=recorded.headers(KEY),
    )
    assert_close(recorded.read(answer, len(texts)), relevance(QUESTION, texts))


def test_dify_without_a_key(server, dense):
    """Its header is there, and empty."""
    recorded = EMBEDDINGS["Dify, openai_api_compatible"]
    answer = answer_of(server, "POST", recorded.path, json=recorded.body(TEXTS), headers={"Authorization": ""})
    assert_close(recorded.read(answer), dense)


def test_open_webui_lists_models(keyed, tiny):
    """Those of OpenAI's interface by id, those of Ollama's by name; and it compares versions as numbers."""
    assert tiny.name in [model["id"] for model in answer_of(keyed, "GET", "/v1/models", headers=BEARER)["data"]]
    for route in ("/api/tags", "/api/ps"):
        (model,) = answer_of(keyed, "GET", route, headers=BEARER)["models"]
        assert model["model"].split(":")[0] == model["name"].split(":")[0] == tiny.name
    version = answer_of(keyed, "GET", "/api/version", headers=BEARER)["version"]
    assert all(int(part) >= 0 for part in version.split("-")[0].split("."))


def test_open_webui_reads_errors_of_ollama(keyed):
    body = {"input": TEXTS, "model": "m", "truncate": True, "dimensions": 5000}
    response = keyed.client.post("/api/embed", json=body, headers=BEARER)
    assert response.status_code == 422
    assert "dimensions" in response.json().get("error", response.text)


def test_open_webui_waits_as_azure_says(start_stub):
    """Each 429 has a number of seconds."""
    with start_stub("--max-requests", 1, "--queue-requests", 0) as server:
        with in_background(lambda: server.post("/score", ["sleep 1000"])):
            server.wait_for_work(1)
            recorded = EMBEDDINGS["Open WebUI, azure_openai"]
            response = server.client.post(recorded.path, json=recorded.body(TEXTS))
        assert response.status_code == 429
        assert float(response.headers["Retry-After"]) > 0


def test_anything_llm_asks_whether_ollama_lives(server, tiny):
    """By the address alone; then it leaves out models that do not say what they can."""
    assert server.get("").status_code == 200
    (model,) = answer_of(server, "GET", "/api/tags")["models"]
    assert "embedding" in answer_of(server, "POST", "/api/show", json={"model": model["name"]})["capabilities"]


def test_dify_asks_what_the_model_of_tei_is(server):
    info = answer_of(server, "GET", "/info")
    assert next(iter(info["model_type"])) == "embedding"
    assert info["max_input_length"] == 8192 and info["max_client_batch_size"] > 0


def test_dify_counts_tokens_of_tei(server, reference):
    rows = answer_of(server, "POST", "/tokenize", json={"inputs": TEXTS})
    assert [len(row) for row in rows] == [len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"]]


# Clouds


def test_sage_maker_looks_whether_the_container_lives(keyed):
    """Without a key."""
    assert keyed.get("/ping").status_code == 200


VERTEX = {
    "AIP_PREDICT_ROUTE": "/v1/endpoints/1234/deployedModels/5678:predict",
    "AIP_HEALTH_ROUTE": "/v1/endpoints/1234/deployedModels/5678",
}


def test_vertex(start_server, dense):
    """It names the routes by variables of the environment."""
    instances = [{"inputs": text} for text in TEXTS]
    with start_server(environment=VERTEX) as server:
        assert server.get(VERTEX["AIP_HEALTH_ROUTE"]).status_code == 200
        answer = answer_of(server, "POST", VERTEX["AIP_PREDICT_ROUTE"], json={"instances": instances})
        predictions = answer["predictions"]
        assert_close([vectors for (vectors,) in predictions], dense)
        both = {"instances": [{"inputs": TEXTS[:2]}]}
        (vectors,) = answer_of(server, "POST", VERTEX["AIP_PREDICT_ROUTE"], json=both)["predictions"]
        assert_close(vectors, dense[:2])
