"""--cors-allow-origin: pages of other origins ask the server from a browser."""

import http.server
import socketserver
import subprocess
import threading
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page
from sample_texts import TEXTS
from server import (
    BODIES,
    GET_ROUTES,
    Server,
    answer_on,
    clean_environment,
    connected,
    exchange,
    head,
    post_bytes,
    refused,
)
from vectors import assert_close

ORIGIN = "https://app.example"
SECOND = "http://localhost:3000"
KEY = "a-key-of-a-page"
PREFIX = "access-control-"
ALL_ROUTES = [*BODIES, *GET_ROUTES]


@pytest.fixture(scope="module")
def some(start_stub) -> Iterator[Server]:
    options = ["--cors-allow-origin", ORIGIN, "--cors-allow-origin", SECOND]
    with start_stub(*options, environment={"BGEM3_API_KEYS": KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def everybody(start_stub) -> Iterator[Server]:
    with start_stub("--cors-allow-origin", "*") as running:
        yield running


def preflight(server: Server, route: str, origin: str, *names: str, method: str = "POST") -> httpx.Response:
    lines = [f"Origin: {origin}", f"Access-Control-Request-Method: {method}"]
    if names:
        lines.append(f"Access-Control-Request-Headers: {','.join(names)}")
    return exchange(server, head("OPTIONS", route, *lines))


def cors(response: httpx.Response) -> dict[str, str]:
    """What an answer says to browsers."""
    return {name.removeprefix(PREFIX): value for name, value in response.headers.items() if name.startswith(PREFIX)}


def elements(value: str) -> set[str]:
    return {element.strip().lower() for element in value.split(",")}


# Preflight


@pytest.mark.parametrize("route", ALL_ROUTES)
def test_preflight(some, route):
    """Without a key, which a browser does not send with it."""
    response = preflight(some, route, ORIGIN, "authorization", "content-type")
    assert response.status_code == 204 and response.content == b""
    assert not {"content-length", "content-type", "transfer-encoding"} & response.headers.keys()
    said = cors(response)
    assert said["allow-origin"] == ORIGIN and said["max-age"] == "86400"
    assert elements(said["allow-headers"]) == {"authorization", "content-type"}
    wanted = {"GET", "HEAD"} if route in GET_ROUTES else {"POST"}
    wanted |= {"POST"} if route == "/" else set()
    assert elements(said["allow-methods"]) == {method.lower() for method in wanted}
    assert response.headers["vary"] == "Origin" and "allow-credentials" not in said
    assert response.headers["x-request-id"]


def test_connection_stays_open_after_a_preflight(some):
    with connected(some) as connection:
        lines = [f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST"]
        for _ in range(2):
            connection.sendall(head("OPTIONS", "/score", *lines))
            assert answer_on(connection).status_code == 204
        connection.sendall(post_bytes("/score", b'["a"]', f"Authorization: Bearer {KEY}"))
        assert answer_on(connection).status_code == 200


READ = ["authorization", "api-key", "x-api-key", "content-type", "content-encoding", "x-request-id"]
READ += ["x-ms-client-request-id", "traceparent", "x-request-timeout-ms"]
OPENAI = ["user-agent", "openai-organization", "x-stainless-arch", "x-stainless-retry-count", "x-stainless-new-one-2"]


@pytest.mark.parametrize("origin", [ORIGIN, SECOND])
def test_headers_that_a_page_may_send(some, origin):
    asked = [*READ, *OPENAI, "x-other", "cookie", "*", "x-stainless-\xe9", "x-stainless", "X-Stainless-OS", "Api-Key"]
    said = cors(preflight(some, "/v1/embeddings", origin, *asked))
    assert said["allow-origin"] == origin
    assert elements(said["allow-headers"]) == {*READ, *OPENAI, "x-stainless-os"}
    assert "allow-headers" not in cors(preflight(some, "/v1/embeddings", origin))
    assert "allow-headers" not in cors(preflight(some, "/v1/embeddings", origin, "cookie"))


OTHERS = [
    "https://other.example",
    "http://app.example",
    f"{ORIGIN}:8443",
    f"{ORIGIN}.evil.example",
    "null",
    "*",
    ORIGIN.upper(),
]


@pytest.mark.parametrize("origin", OTHERS)
def test_other_origins(some, origin):
    """Nothing is said to them, as if there were no CORS; they get answers, which no browser shows to their pages."""
    asked = preflight(some, "/score", origin, "authorization")
    refused(asked, 405, "method_not_allowed")
    answered = some.post("/score", ["a"], headers={"Origin": origin, "Authorization": f"Bearer {KEY}"})
    assert answered.status_code == 200
    for response in asked, answered:
        assert cors(response) == {} and response.headers["vary"] == "Origin"


def test_options_that_are_no_preflight(some):
    for lines in [], [f"Origin: {ORIGIN}"], ["Access-Control-Request-Method: POST"]:
        refused(exchange(some, head("OPTIONS", "/score", *lines)), 405, "method_not_allowed")
    refused(preflight(some, "/nothing", ORIGIN), 404, "not_found")


# Answers


def test_answers(some):
    for route, body in BODIES.items():
        response = some.post(route, body, headers={"Origin": ORIGIN, "Authorization": f"Bearer {KEY}"})
        assert response.status_code == 200
        assert cors(response)["allow-origin"] == ORIGIN and "Origin" in response.headers["vary"]
        sent = {name for name in response.headers if name.startswith("x-")}
        assert len(sent) >= 2 and sent <= elements(cors(response)["expose-headers"])
    for route in GET_ROUTES:
        assert cors(some.get(route, headers={"Origin": SECOND}))["allow-origin"] == SECOND


def test_raw_bytes_have_their_shape_exposed(some):
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {KEY}", "Accept": "application/octet-stream"}
    response = some.post("/score", ["a"], headers=headers)
    sent = {name for name in response.headers if name.startswith("x-")}
    assert {"x-shape", "x-dtype"} <= sent <= elements(cors(response)["expose-headers"])


def test_errors(some, start_stub):
    """Of the routes, and of what was refused before: the page may read why."""
    origin, key = f"Origin: {ORIGIN}", f"Authorization: Bearer {KEY}"
    for request, status in [
        (post_bytes("/score", b"[]", origin), 401),
        (post_bytes("/score", b"[", origin, key), 400),
        (post_bytes("/score", b"5", origin, key), 422),
        (post_bytes("/score", b"", origin, key, "Content-Encoding: br"), 415),
        (head("GET", "/score", origin), 405),
        (head("GET", "/nothing", origin), 404),
        (head("POST", "/score", origin, key, "Content-Length: 90000000"), 413),
        (head("POST", "/score", origin, "Transfer-Encoding: gzip"), 501),
    ]:
        response = exchange(some, request)
        assert response.status_code == status
        assert cors(response)["allow-origin"] == ORIGIN and response.headers["vary"] == "Origin"
    with start_stub("--cors-allow-origin", ORIGIN, "--max-requests", 1, "--queue-requests", 0) as server:
        answers = server.post_at_once("/score", [["sleep 500 a"]] * 4, headers={"Origin": ORIGIN})
        (late,) = {answer.status_code for answer in answers} - {200}
        assert late == 429
        for answer in answers:
            assert cors(answer)["allow-origin"] == ORIGIN and "retry-after" in elements(cors(answer)["expose-headers"])


def test_packed_answers_depend_on_both(some):
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"}
    response = some.post("/score", [f"text {number}" for number in range(300)], headers=headers)
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers.get_list("vary", split_commas=True) == ["Accept-Encoding", "Origin"]


@pytest.mark.parametrize("origin", [ORIGIN, "null", None])
def test_all_origins(everybody, origin):
    headers = {} if origin is None else {"Origin": origin}
    response = everybody.post("/score", ["a"], headers=headers)
    assert cors(response)["allow-origin"] == "*" and "vary" not in response.headers
    if origin is not None:
        assert cors(preflight(everybody, "/score", origin))["allow-origin"] == "*"


def test_off_by_default(stub):
    refused(preflight(stub, "/score", ORIGIN), 405, "method_not_allowed")
    response = stub.post("/score", ["a"], headers={"Origin": ORIGIN})
    assert cors(response) == {} and "vary" not in response.headers


# The option


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("HTTPS://App.Example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("https://app.example:80", "https://app.example:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[::1]", "http://[::1]"),
        ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
    ],
)
def test_origins_are_as_browsers_write_them(start_stub, given, origin):
    with start_stub("--cors-allow-origin", given) as server:
        assert cors(server.get("/health", headers={"Origin": origin}))["allow-origin"] == origin


def test_environment(start_stub):
    with start_stub(environment={"BGEM3_CORS_ALLOW_ORIGIN": f"{ORIGIN}, {SECOND}"}) as server:
        for origin in ORIGIN, SECOND:
            assert cors(server.get("/health", headers={"Origin": origin}))["allow-origin"] == origin


WRONG = ["app.example", "https://", "https://app.example/", "https://app.example/path", "https://app.example?a"]
WRONG += ["https://user@app.example", "https://*.example", "https://app.example:", "https://app.example:port"]
WRONG += ["https://app.example:0", "https://app.example:65536", "https://\xe4pfel.example", "//app.example", "null", ""]
WRONG += ["https://a b", "1https://app.example", "https://[::1", "https://::1", "https://app.example#a"]


@pytest.mark.parametrize("origin", WRONG)
def test_what_is_no_origin_is_refused(server_program, origin):
    for options, environment in [
        (["--cors-allow-origin", origin], {}),
        ([], {"BGEM3_CORS_ALLOW_ORIGIN": origin}),
    ]:
        if not options and not origin:  # a variable that is empty is none
            continue
        result = start(server_program, options, environment)
        assert result.returncode == 2
        assert "--cors-allow-origin" in result.stderr and "https://app.example or" in result.stderr


def test_all_and_others_are_refused(server_program):
    for options in ["--cors-allow-origin", f"*,{ORIGIN}"], ["--cors-allow-origin", ORIGIN, "--cors-allow-origin", "*"]:
        result = start(server_program, options, {})
        assert result.returncode == 2 and "leave out one of the two" in result.stderr


def start(program: str, options: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    command = [program, "--model", "none", "--port", "0", *options]
    return subprocess.run(command, env=clean_environment(environment), capture_output=True, text=True, timeout=30)


# A browser


class EmptyPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page of another origin</title>")

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def sites() -> Iterator[list[str]]:
    """Two origins with a page each."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EmptyPage) as first:
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EmptyPage) as second:
            servers = [first, second]
            for server in servers:
                threading.Thread(target=server.serve_forever, daemon=True).start()
            yield [f"http://127.0.0.1:{server.server_address[1]}" for server in servers]
            for server in servers:
                server.shutdown()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


FETCH = """async ([url, key, body]) => {
  const headers = {"Authorization": `Bearer ${key}`, "Content-Type": "application/json", "x-stainless-lang": "js"};
  try {
    const response = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
    return [response.status, await response.json(), response.headers.get("x-request-id"), response.headers.get("x-compute-tokens")];
  } catch (error) {
    return [0, error.name];
  }
}"""


def test_page_of_another_origin(start_server, browser, page, sites, reference):
    allowed, other = sites
    expected = reference.encode(TEXTS)["dense_vecs"]
    with start_server("--cors-allow-origin", allowed, environment={"BGEM3_API_KEYS": KEY}) as server:
        url = f"{server.url}/v1/embeddings"
        page.goto(allowed)
        status, answer, request_id, tokens = page.evaluate(FETCH, [url, KEY, {"input": TEXTS}])
        assert status == 200 and request_id and int(tokens) > len(TEXTS)
        assert_close([item["embedding"] for item in answer["data"]], expected)
        status, answer, *_ = page.evaluate(FETCH, [url, "another key", {"input": TEXTS}])
        assert status == 401 and answer["error"]["code"] == "unauthorized"
        page.goto(other)
        assert page.evaluate(FETCH, [url, KEY, {"input": TEXTS}]) == [0, "TypeError"]
        asked = [line for line in server.logs if line["message"] == "request" and line.get("status") == 204]
        assert len(asked) == 1  # and is remembered for the second
