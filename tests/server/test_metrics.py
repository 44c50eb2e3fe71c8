"""GET /metrics: Prometheus can read it, and what happened is in it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sample_texts import TEXTS
from server import BODIES, GET_ROUTES, QUEUES, Server, body_of, in_background
from waiting import wait_for

HISTOGRAMS = [
    "bgem3_tokenize_seconds",
    "bgem3_queue_seconds",
    "bgem3_compute_seconds",
    "bgem3_batch_seconds",
    "bgem3_batch_tokens",
    "bgem3_batch_texts",
    "bgem3_batch_requests",
]


def test_format(server):
    server.post("/score", ["a"])
    response = server.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(response.text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith("bgem3_") and family.documentation
        assert family.type in ("counter", "gauge", "histogram")


@pytest.mark.parametrize("route", BODIES)
def test_requests_are_counted_by_route_and_status(server, route):
    def count(status: int) -> float:
        return server.metric("bgem3_requests_total", route=route, status=str(status))

    good, wrong = count(200), count(422)
    seconds = server.metric("bgem3_request_seconds_count", route=route)
    for _ in range(3):
        server.post(route, BODIES[route])
    server.post(route, {})
    assert (count(200), count(422)) == (good + 3, wrong + 1)
    assert server.metric("bgem3_request_seconds_count", route=route) == seconds + 4


def test_texts_and_tokens_are_counted(server):
    texts, tokens = (server.metric(f"bgem3_{name}_total") for name in ("texts", "tokens"))
    response = server.post("/score", TEXTS)
    assert server.metric("bgem3_texts_total") == texts + len(TEXTS)
    assert server.metric("bgem3_tokens_total") == tokens + int(response.headers["x-compute-tokens"])


@pytest.mark.parametrize("route", QUEUES)
@pytest.mark.parametrize("name", HISTOGRAMS)
def test_histograms_move(server, name, route):
    count = server.metric(f"{name}_count")
    server.post(route, body_of(route, ["a"]))
    wait_for(lambda: server.metric(f"{name}_count") == count + 1, seconds=5)  # a batch is told after its answers
    assert server.metric(f"{name}_sum") > 0 or name == "bgem3_queue_seconds"


@pytest.mark.parametrize("route, model", QUEUES.items())
def test_batches_are_measured(start_stub, route, model):
    with start_stub() as stub:
        stub.post(route, body_of(route, ["sleep 200", "b", "c"]))
        wait_for(lambda: stub.metric("bgem3_batch_texts_sum", model=model) == 3, seconds=5)
        assert stub.metric("bgem3_batch_texts_sum") == 3  # the other model has none
        assert 0.2 <= stub.metric("bgem3_batch_seconds_sum", model=model) < 5
        assert 0.2 <= stub.metric("bgem3_compute_seconds_sum") < 5


def test_series_of_models_that_are_loaded_are_there_from_the_beginning(start_stub, start_server):
    def models(server: Server) -> set[str]:
        return {sample.labels["model"] for sample in server.samples() if sample.name == "bgem3_batch_seconds_count"}

    with start_stub() as stub, start_server() as without_reranker:
        assert models(stub) == {"embedder", "reranker"}
        assert models(without_reranker) == {"embedder"}


@pytest.mark.parametrize("route, model", QUEUES.items())
def test_gauges_tell_what_is_going_on(start_stub, route, model):
    with start_stub("--batch-size", 1) as stub:
        assert stub.metric("bgem3_ready") == 1
        assert stub.metric("bgem3_requests_max") == 256
        assert stub.metric("bgem3_resident_memory_bytes") > 1 << 20
        assert stub.metric("bgem3_device_memory_bytes") == 0  # on the CPU
        with in_background(lambda: stub.post(route, body_of(route, ["sleep 700", "b", "c"]))):
            wait_for(lambda: stub.metric("bgem3_running_batches", model=model) == 1, seconds=10)
            assert stub.metric("bgem3_queue_depth", model=model) == stub.metric("bgem3_queue_depth") == 2
            (query,) = stub.post("/tokenize", {"inputs": "a question"}).json()
            of_query = len(query) if model == "reranker" else 0
            assert stub.metric("bgem3_queue_tokens", model=model) == 2 * (of_query + 3)  # … <s> b </s>, <s> c </s>
        for name in ("requests_in_work", "running_batches", "queue_depth", "queue_tokens"):
            assert stub.metric(f"bgem3_{name}") == 0


def test_names_from_clients_make_no_new_series(stub):
    """Each would stay in the memory of the server and of Prometheus."""

    def routes() -> set[str]:
        return {sample.labels["route"] for sample in stub.samples() if "route" in sample.labels}

    before = routes()
    for i in range(20):
        stub.get(f"/nothing/{i}")
        stub.client.request(f"METHOD{i}", "/score")
    assert len(routes() - before - {*BODIES, *GET_ROUTES}) <= 1
    assert stub.metric("bgem3_requests_total", status="404") >= 20


def test_refused_requests_are_counted(start_stub):
    with start_stub("--max-requests", 1, "--queue-requests", 0) as stub:
        stub.post_at_once("/score", [["sleep 500"]] * 5)
        assert stub.metric("bgem3_requests_total", route="/score", status="429") == 4
        assert stub.metric("bgem3_requests_total", route="/score", status="200") == 1
