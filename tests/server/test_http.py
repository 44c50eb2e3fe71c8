"""HTTP that nobody should send: where two servers could disagree about what a request is, this one refuses it."""

import json
import socket

import pytest
from server import answer_on, answers, connected, exchange, head, post_bytes

BODY = b'["a"]'
HIDDEN = b"GET /info HTTP/1.1\r\nHost: hidden\r\n\r\n"


def post(*lines: str, body: bytes = BODY) -> bytes:
    """With a request hidden behind it, which must not be answered."""
    return head("POST", "/score", *lines) + body + HIDDEN


def chunked(*lines: str, chunks: bytes = b"5\r\n" + BODY + b"\r\n0\r\n\r\n") -> bytes:
    return post(*lines, body=chunks)


# Framing: where a request ends.

ENCODINGS = [
    "xchunked",
    "identity",
    "gzip",
    "chunked, identity",
    "identity, chunked",
    "chunked, chunked",
    "gzip, chunked",
    "chunked;q=1",
    '"chunked"',
    "'chunked'",
    "chunked,",
    ",chunked",
    "chunk",
    "c hunked",
    "",
]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_another_transfer_encoding_than_chunked(stub, encoding):
    assert answers(stub, chunked(f"Transfer-Encoding: {encoding}"))[0] in (400, 501)
    assert len(answers(stub, chunked(f"Transfer-Encoding: {encoding}"))) == 1


@pytest.mark.parametrize("second", ["chunked", "identity", "xchunked"])
def test_two_transfer_encodings(stub, second):
    for lines in (["Transfer-Encoding: chunked", f"Transfer-Encoding: {second}"], ["Transfer-Encoding: " + second] * 2):
        (status,) = answers(stub, chunked(*lines))
        assert status in (400, 501)


@pytest.mark.parametrize(
    "line",
    [
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chunked\x00",
        "Transfer-Encoding: \x00chunked",
        "Transfer-Encoding\x00: chunked",
        "X: x\nTransfer-Encoding: chunked",
        "X: x\rTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 5",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5;",
        "Content-Length: five",
        "Content-Length: 99999999999999999999",
        "Content-Length: 18446744073709551621",
        "Content-Length: ",
        "Content-Length : 5",
        "Content-Length: 5\x00",
        "Content-Length:\r\n 5",
    ],
)
def test_length_that_is_none(stub, line):
    (status,) = answers(stub, chunked(line) if "Transfer" in line else post(line))
    assert status in (400, 413, 501)


@pytest.mark.parametrize(
    "line", ["Transfer-Encoding: CHUNKED", "Transfer-Encoding:chunked", "Transfer-Encoding: \t chunked \t "]
)
def test_chunked_in_all_its_spellings(stub, line):
    request = head("POST", "/score", line) + b"5\r\n" + BODY + b"\r\n0\r\n\r\n"
    assert exchange(stub, request).status_code == 200


@pytest.mark.parametrize(
    "chunks",
    [
        b"0x5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"+5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"-5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b" 5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"5\n" + BODY + b"\n0\n\n",
        b"5\r" + BODY + b"\r0\r\r",
        b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"5;\n\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"5\r\n" + BODY + b"0\r\n\r\n",
        b"5\r\n" + BODY + b"XX0\r\n\r\n",
        b"10000000000000005\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFF\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"five\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"5\r\n" + BODY + b"\r\n\r\n",
        b"5\r\n" + BODY + b"\r\n0\r\nno colon\r\n\r\n",
        b"5\r\n" + BODY + b"\r\n0\r\n folded: x\r\n\r\n",
    ],
)
def test_chunk_that_is_none(stub, chunks):
    (status,) = answers(stub, chunked("Transfer-Encoding: chunked", chunks=chunks))
    assert status in (400, 413)


def test_transfer_encoding_of_http_1_0(stub):
    request = chunked("Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert answers(stub, request) == [400]


# Heads


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: one\r\n\ttwo\r\n\r\n",
        b"GET /health HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX\x00: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n",
        b"GET /health HTTP/1.1\nHost: a\n\n",
        b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET\t/health\tHTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /health http/1.1\r\nHost: a\r\n\r\n",
        b"GET /health\r\nHost: a\r\n\r\n",
        b"GET /hea\x00lth HTTP/1.1\r\nHost: a\r\n\r\n",
        b"G\x00T /health HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda value: value.decode("latin-1").encode("unicode_escape").decode()[:80],
)
def test_head_that_is_none(stub, request_bytes):
    """Refused, once, and nothing that follows is taken for a request."""
    (status,) = answers(stub, request_bytes + HIDDEN)
    assert status in (400, 505)


@pytest.mark.parametrize("target", ["http://test/health", "HTTP://test:80/health?x=/y", "https://user@test/health"])
def test_target_as_to_a_proxy(stub, target):
    assert exchange(stub, head("GET", target)).status_code == 200


@pytest.mark.parametrize(
    ("target", "status"), [("http://test", 200), ("http://test?x", 200), ("*", 404), ("test:80", 404)]
)
def test_target_without_a_path(stub, target, status):
    response = exchange(stub, head("GET", target))
    assert response.status_code == status or (status == 404 and response.status_code == 400)


def test_continue_is_said_to_those_who_ask_and_have_a_body(stub):
    def first_line(request: bytes) -> bytes:
        with connected(stub) as connection:
            connection.sendall(request)
            return connection.recv(4096).split(b"\r\n")[0]

    expect, length = "Expect: 100-continue", f"Content-Length: {len(BODY)}"
    assert first_line(head("POST", "/score", expect, length)) == b"HTTP/1.1 100 Continue"
    assert first_line(head("POST", "/score", expect, "Transfer-Encoding: chunked")) == b"HTTP/1.1 100 Continue"
    assert first_line(head("GET", "/health", expect)) == b"HTTP/1.1 200 OK"
    assert first_line(head("POST", "/score", length) + BODY) == b"HTTP/1.1 200 OK"
    old = (head("POST", "/score", expect, length) + BODY).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert first_line(old) == b"HTTP/1.0 200 OK"


@pytest.mark.parametrize("texts", [["a"], ["sleep 500"]])
def test_client_that_has_nothing_more_to_send_gets_its_answer(stub, texts):
    with connected(stub) as connection:
        connection.sendall(post_bytes("/score", json.dumps(texts).encode()))
        connection.shutdown(socket.SHUT_WR)
        assert answer_on(connection).status_code == 200
        assert connection.recv(1) == b""
