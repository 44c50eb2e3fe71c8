"""Ids, traces and times: in the answer, and the same in the log."""

import re

import pytest
from sample_texts import TEXTS
from server import BODIES, refused

TIMES = ["x-tokenization-time", "x-queue-time", "x-inference-time", "x-total-time"]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("name", ["x-request-id", "x-ms-client-request-id"])
@pytest.mark.parametrize("route", ["/score", "/health", "/nothing"])
def test_id_is_echoed_and_logged(stub, name, route):
    given = f"id {name} {route}"
    response = stub.client.request("POST" if route == "/score" else "GET", route, json=["a"], headers={name: given})
    assert response.headers[name] == given
    if route == "/score":
        assert stub.log_of(given)


def test_request_without_id_gets_one(stub):
    given = [stub.post("/score", ["a"]).headers["x-request-id"] for _ in range(2)]
    assert given[0] != given[1]
    assert all(stub.log_of(request_id) for request_id in given)


def test_id_of_a_refused_request(stub):
    response = stub.post("/score", {}, headers={"x-request-id": "refused-1"})
    assert response.headers["x-request-id"] == "refused-1"
    assert 422 in stub.log_of("refused-1").values()


def test_id_cannot_break_a_line_of_the_log(stub):
    """Bytes that HTTP allows in a header and JSON does not take as they are."""
    stub.client.post("/score", json=["a"], headers={"x-request-id": b'quote " back \\ tab \t \xff'})
    stub.post("/score", ["a"], headers={"x-request-id": "after-it"})
    assert stub.log_of("after-it")


def test_trace_is_carried(stub):
    given = f"00-{TRACE}-00f067aa0ba902b7-01"
    response = stub.post("/score", ["a"], headers={"traceparent": given, "x-request-id": "traced"})
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-[0-9a-f]{{2}}", response.headers["traceparent"])
    assert TRACE in stub.log_of("traced").values()


@pytest.mark.parametrize("wrong", ["", "nonsense", f"00-{TRACE}", f"00-{'0' * 32}-00f067aa0ba902b7-01", "00-" * 500])
def test_wrong_trace_is_not_carried(stub, wrong):
    response = stub.post("/score", ["a"], headers={"traceparent": wrong})
    assert response.status_code == 200
    assert response.headers.get("traceparent") != wrong


@pytest.mark.parametrize("route", BODIES)
def test_times_and_tokens(server, route):
    response = server.post(route, BODIES[route])
    assert response.status_code == 200
    times = [float(response.headers[name]) for name in TIMES]
    assert all(time >= 0 for time in times)
    assert times[-1] >= max(times[:-1])
    assert int(response.headers["x-compute-tokens"]) > 0


def test_times_where_a_batch_takes_long(stub):
    response = stub.post("/score", ["sleep 200"])
    assert 200 <= float(response.headers["x-inference-time"]) <= float(response.headers["x-total-time"]) < 5000


def test_server_timing_says_the_same(stub):
    headers = stub.post("/score", ["a"]).headers
    durations = {float(found) for found in re.findall(r"dur=([0-9.]+)", headers["server-timing"])}
    assert {float(headers[name]) for name in TIMES} == durations


def test_tokens_are_those_of_all_texts(server, reference):
    tokens = sum(len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"])
    response = server.post("/score", TEXTS, headers={"x-request-id": "counted"})
    assert int(response.headers["x-compute-tokens"]) == tokens
    assert {"/score", 200, len(TEXTS), tokens} <= set(server.log_of("counted").values())


@pytest.mark.parametrize("limit", ["soon", "-5", "0", "1.5", "60000", "99999999999999999999"])
def test_request_timeout_that_is_no_shorter_limit_is_ignored(stub, limit):
    assert stub.post("/score", ["sleep 20"], headers={"x-request-timeout-ms": limit}).status_code == 200


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_text_and_no_key_is_logged(start_stub, level):
    keys = {"BGEM3_API_KEYS": "a-secret-key"}
    with start_stub("--log-level", level, environment=keys) as server:
        headers = {"Authorization": "Bearer a-secret-key"}
        assert server.post("/score", ["private words"], headers=headers).status_code == 200
        assert "private" not in refused(
            server.post("/score", {"input": ["private words", 5]}, headers=headers), 422, "invalid_argument"
        )
        wrong = server.post("/score", ["private words"], headers={"Authorization": "Bearer a-wrong-key"})
        assert "a-wrong-key" not in refused(wrong, 401, "unauthorized")
        broken = server.client.post("/score", content=b'["private words" ', headers=headers)
        assert "private" not in refused(broken, 400, "invalid_json")
        server.post("/score", ["internal error private words"], headers=headers)
        server.log_of(server.post("/score", ["private words"], headers=headers).headers["x-request-id"])
        assert not any(secret in server.log_text for secret in ("private", "a-secret-key", "a-wrong-key"))
