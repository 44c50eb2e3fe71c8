"""Requests that are refused: the status, the code, and a message that helps."""

import contextlib
import json
import random
import time

import pytest
from server import BODIES, GET_ROUTES, Server, answer_on, connected, exchange, head, post_bytes, refused

METHODS = {**dict.fromkeys(BODIES, "POST"), **dict.fromkeys(GET_ROUTES, "GET")}


# What is no JSON


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"input": ["a"',
        b'{"input": ["a"]} x',
        b"{'input': ['a']}",
        b'{"input": ["a"],}',
        b"[NaN]",
        b'["a line\nend"]',
        b"\xff\xfe[\x00]\x00",
    ],
)
def test_malformed_json(stub, route, body):
    refused(exchange(stub, post_bytes(route, body)), 400, "invalid_json")


@pytest.mark.parametrize(
    "wrong",
    [b"caf\xe9", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98", b"\x80"],
    ids=["latin-1", "never a byte", "too long", "surrogate", "too large", "cut", "continuation"],
)
@pytest.mark.parametrize("route", ["/score", "/embed", "/v1/embeddings"])
def test_invalid_utf8(stub, route, wrong):
    field = b'"inputs"' if route == "/embed" else b'"input"'
    refused(exchange(stub, post_bytes(route, b"{" + field + b': ["' + wrong + b'"]}')), 400, "invalid_json")


HALVES = [
    "\ud83d",
    "\ude00",
    "a \ud83d b",
    "\ude00\ud83d",
    "\ud83d\ud83d\U0001f600",
    "\\ud83d",
    "\ud83d\\ude00",
    "\U0001f600",
]


@pytest.mark.parametrize("route", BODIES)
def test_half_of_a_pair_counts_as_replacement_character(stub, route):
    """A browser sends one where a text was cut in the middle of a character. The texts beside it keep their vectors."""
    (field,) = {"input", "inputs", "texts"} & BODIES[route].keys()
    mended = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in HALVES]
    found, expected = (
        without_times(stub.post(route, {**BODIES[route], field: ["before", *texts, "after"]}))
        for texts in (HALVES, mended)
    )
    assert found == expected


def without_times(response) -> object:
    assert response.status_code == 200, response.text
    answer = response.json()
    return answer.get("data", answer) if isinstance(answer, dict) else answer


def test_halves_in_other_places(server):
    """The name of a field, which is none, and the name of a prompt."""
    body = {"input": ["a"], "\ud83d": "\ude00"}
    assert "\N{REPLACEMENT CHARACTER}" in refused(server.post("/v1/embeddings", body), 422, "invalid_argument")
    assert "prompt" in refused(
        server.post("/v1/embeddings", {"input": "a", "prompt_name": "\ud83d"}), 422, "invalid_argument"
    )


@pytest.mark.parametrize("depth", [1_000, 100_000, 5_000_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('{"input": ["a"], "other": ', "}")])
def test_deeply_nested_json(stub, depth, start, end):
    nested = "[" * depth + "]" * depth if "input" in start else start * depth + "1" + end * depth
    body = f"{start}{nested}{end}" if "input" in start else nested
    response = exchange(stub, post_bytes("/score", body.encode()))
    assert response.status_code in (400, 413)
    refused(response, response.status_code, "invalid_json" if response.status_code == 400 else "body_too_large")
    assert stub.post("/score", ["a"]).status_code == 200


@pytest.mark.parametrize("route", BODIES)
def test_random_bytes(stub, route):
    source = random.Random(5)
    whole = json.dumps(BODIES[route]).encode()
    for _ in range(100):
        body = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            body[source.randrange(len(body))] = source.randrange(256)
        assert exchange(stub, post_bytes(route, bytes(body))).status_code in (200, 400, 404, 422)


# What is no HTTP


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # how TLS starts
        b"GET\r\n\r\n",
        b"GET / HTTP/9.7\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n[    ]",
        b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x-long: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda value: value[:40].decode("latin-1").encode("unicode_escape").decode(),
)
def test_broken_http(stub, request_bytes):
    with connected(stub) as connection:
        connection.settimeout(10)
        try:
            connection.sendall(request_bytes)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        refused(answer_on(connection), 400, "invalid_request")
        assert connection.recv(1) == b""  # where one request ends is not known, so there is no next one
    assert stub.get("/health").status_code == 200


# No such route, no such method


@pytest.mark.parametrize(
    "route",
    [
        "/nothing",
        "/score/",
        "/v1",
        "/v1/embeddings/x",
        "//score",
        "/v1/models/",
        "/Score",
        "/docs/../info",
        "/%2e%2e/etc",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_such_route(stub, route, method):
    refused(exchange(stub, head(method, route, "Content-Length: 0")), 404, "not_found")


@pytest.mark.parametrize("route", METHODS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_no_such_method(stub, route, method):
    if method == METHODS[route] or (method, route) == ("POST", "/"):
        return
    response = exchange(stub, head(method, route, "Content-Length: 0"))
    refused(response, 405, "method_not_allowed")
    assert METHODS[route] in response.headers["allow"].split(", ")


# Fields


WRONG_TEXTS = [None, 5, {}, [5], ["a", None], [["a"]], True]


@pytest.mark.parametrize("texts", WRONG_TEXTS, ids=json.dumps)
@pytest.mark.parametrize("route", BODIES)
def test_texts_of_a_wrong_type(server, route, texts):
    (field,) = {"input", "inputs", "texts"} & BODIES[route].keys()
    response = server.post(route, {**BODIES[route], field: texts})
    assert field in refused(response, 422, "invalid_argument")


@pytest.mark.parametrize("route", BODIES)
def test_missing_texts(server, route):
    (field,) = {"input", "inputs", "texts"} & BODIES[route].keys()
    body = {name: value for name, value in BODIES[route].items() if name != field}
    assert field in refused(server.post(route, body), 422, "invalid_argument")


@pytest.mark.parametrize("body", [None, 5, True, "a text", ["a"]], ids=json.dumps)
@pytest.mark.parametrize("route", [route for route in BODIES if route != "/score"])
def test_body_that_is_no_object(server, route, body):
    assert "object" in refused(server.post(route, body), 422, "invalid_argument")


@pytest.mark.parametrize("body", [None, 5, True, [5], [["a"]]], ids=json.dumps)
def test_body_of_score_that_is_no_list_of_texts(server, body):
    assert "list" in refused(server.post("/score", body), 422, "invalid_argument")


@pytest.mark.parametrize(
    ("route", "field", "values"),
    [
        ("/v1/embeddings", "dimensions", [0, -1, 65, 1.5, "8", True, 2**70]),
        ("/v1/embeddings", "encoding_format", ["hex", 5, ["float"]]),
        ("/v1/encode", "dense", ["yes", 1]),
        ("/v1/encode", "sparse", ["yes", 1]),
        ("/v1/encode", "colbert", ["yes", 1]),
        ("/v1/encode", "truncate", ["yes", 0]),
        ("/v1/encode", "dimensions", [0, -1, 65, 1.5, "8"]),
        ("/v1/encode", "top_k", [-1, 1.5, "3"]),
        ("/v1/encode", "encoding_format", ["hex", 5]),
        ("/embed", "normalize", ["yes", 1]),
        ("/embed", "truncate", ["yes", 1]),
        ("/embed", "dimensions", [0, -1, 65, 1.5, "8"]),
        ("/embed_sparse", "truncate", ["yes"]),
        ("/embed_sparse", "top_k", [-1, 1.5, "3"]),
        ("/embed_all", "truncate", ["yes"]),
        ("/tokenize", "add_special_tokens", ["yes", 1]),
        ("/rerank", "query", [5, ["q"], {}]),
        ("/rerank", "raw_scores", ["yes", 1]),
        ("/rerank", "return_text", ["yes", 1]),
        ("/rerank", "truncate", ["yes", 1]),
    ],
)
def test_field_of_a_wrong_value(server, route, field, values):
    for value in values:
        assert field in refused(server.post(route, {**BODIES[route], field: value}), 422, "invalid_argument")


def test_missing_query(server):
    assert "query" in refused(server.post("/rerank", {"texts": ["a"]}), 422, "invalid_argument")


def test_nothing_to_compute(server):
    body = {"input": "a", "dense": False, "sparse": False, "colbert": False}
    refused(server.post("/v1/encode", body), 422, "invalid_argument")


def test_message_says_what_was_expected_and_found(server):
    message = refused(server.post("/v1/embeddings", {"input": ["a"], "dimensions": 65}), 422, "invalid_argument")
    assert "64" in message and "65" in message


# Sizes


@pytest.fixture(scope="module")
def small(start_stub) -> Server:
    with start_stub("--max-texts", 4, "--max-body-mb", 1) as running:
        yield running


@pytest.mark.parametrize("route", [route for route in BODIES if route != "/rerank"])
def test_too_many_texts(small, route):
    (field,) = {"input", "inputs"} & BODIES[route].keys()
    assert small.post(route, {field: ["a"] * 4}).status_code == 200
    assert "4" in refused(small.post(route, {field: ["a"] * 5}), 413, "too_many_texts")


def test_body_too_large(small):
    fits, large = (json.dumps(["x" * size]).encode() for size in (900_000, 1_100_000))
    assert exchange(small, post_bytes("/score", fits)).status_code == 200
    refused(exchange(small, post_bytes("/score", large)), 413, "body_too_large")
    chunked = head("POST", "/score", "Transfer-Encoding: chunked") + b"%x\r\n" % len(large) + large + b"\r\n0\r\n\r\n"
    refused(exchange(small, chunked), 413, "body_too_large")


def test_many_small_chunks(small):
    body = json.dumps(["a text in pieces"]).encode()
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    request = head("POST", "/score", "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n"
    assert exchange(small, request).json() == small.post("/score", ["a text in pieces"]).json()


@pytest.mark.parametrize("route", ["/embed_all", "/v1/encode", "/tokenize"])
def test_answer_too_large(start_stub, route):
    """Known when the texts are tokenised, before anything is computed."""
    field = "input" if route == "/v1/encode" else "inputs"
    with start_stub("--max-answer-mb", 1) as server:
        assert server.post(route, {field: ["a " * 1000] * 4}).status_code == 200
        message = refused(server.post(route, {field: ["word " * 5000] * 4}), 413, "answer_too_large")
        assert "1 are allowed" in message
        assert server.post("/score", ["word " * 5000] * 4).status_code == 200


@pytest.mark.parametrize(
    ("route", "body", "many"),
    [
        ("/v1/rerank", {"query": "q", "documents": ["x" * 1000], "return_documents": True}, "documents"),
        ("/rerank", {"query": "q", "texts": ["x" * 1000], "return_text": True}, "texts"),
        ("/decode", {"ids": [[500] * 450]}, "ids"),
    ],
)
def test_answer_that_holds_texts_is_too_large(start_stub, route, body, many):
    with start_stub("--max-answer-mb", 1) as server:
        assert server.post(route, body).status_code == 200
        large = {**body, many: body[many] * 2000}
        assert "1 are allowed" in refused(server.post(route, large), 413, "answer_too_large")


def test_bodies_of_all_connections_together(start_stub):
    """Clients that send large bodies slowly cannot fill the memory; when they are gone there is room again."""
    whole = post_bytes("/score", b'["a"' + b" " * 900_000 + b"]")
    options = ["--max-body-mb", 1, "--max-bodies-mb", 2, "--read-timeout-ms", 60000]
    with start_stub(*options) as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(server)) for _ in range(2)]
        for connection in slow:
            connection.sendall(whole[:-1])
        time.sleep(1)  # until all of it has arrived
        refused(exchange(server, whole), 429, "overloaded")
        assert server.post("/score", ["a"]).status_code == 200
        slow[0].sendall(whole[-1:])
        assert answer_on(slow[0]).status_code == 200
        assert exchange(server, whole).status_code == 200
        slow[1].close()
        both = [stack.enter_context(connected(server)) for _ in range(2)]
        for connection in both:
            connection.sendall(whole)
        assert {answer_on(connection).status_code for connection in both} == {200}


# Connections


def test_connection_stays_open_after_an_error(stub):
    with connected(stub) as connection:
        for request, status in [
            (post_bytes("/score", b"{"), 400),
            (post_bytes("/score", b"{}"), 422),
            (head("GET", "/nothing"), 404),
            (post_bytes("/score", b'["a"]'), 200),
        ]:
            connection.sendall(request)
            assert answer_on(connection).status_code == status


def test_pipelined_requests_are_answered_in_order(stub):
    texts = ["sleep 100 a", "b", "c"]
    wanted = [stub.post("/score", [text]).json() for text in texts]
    with connected(stub) as connection:
        connection.sendall(b"".join(post_bytes("/score", json.dumps([text]).encode()) for text in texts))
        received = connection.makefile("rb")  # one buffer for all answers
        assert [read_answer(received) for _ in texts] == wanted


def read_answer(received) -> object:
    length = 0
    assert received.readline().startswith(b"HTTP/1.1 200")
    while (line := received.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return json.loads(received.read(length))


def test_connection_close_is_honoured(stub):
    with connected(stub) as connection:
        connection.sendall(post_bytes("/score", b'["a"]', "Connection: close"))
        response = answer_on(connection)
        assert response.status_code == 200 and response.headers["connection"].lower() == "close"
        assert connection.recv(1) == b""


def test_http_1_0(stub):
    with connected(stub) as connection:
        connection.sendall(b'POST /score HTTP/1.0\r\nContent-Length: 5\r\n\r\n["a"]')
        assert answer_on(connection).status_code == 200
        assert connection.recv(1) == b""


def test_expect_continue(stub):
    body = b'["a"]'
    with connected(stub) as connection:
        connection.sendall(head("POST", "/score", f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert answer_on(connection).status_code == 200


def test_expect_continue_is_refused_for_what_is_too_large(small):
    with connected(small) as connection:
        connection.sendall(head("POST", "/score", "Content-Length: 90000000", "Expect: 100-continue"))
        refused(answer_on(connection), 413, "body_too_large")
