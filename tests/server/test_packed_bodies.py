"""Packed bodies (Content-Encoding)."""

import gzip
import json
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import zstandard
from server import (
    BODIES,
    MEGABYTE,
    Server,
    answer_on,
    connected,
    exchange,
    head,
    in_background,
    post_bytes,
    refused,
    resident,
)

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
}
ACCEPTED = "gzip, deflate, zstd, identity"


def post_packed(server: Server, route: str, packed: bytes, coding: str) -> httpx.Response:
    return exchange(server, post_bytes(route, packed, f"Content-Encoding: {coding}"))


def content(response: httpx.Response) -> Any:
    answer = response.json()
    return answer.get("data", answer) if isinstance(answer, dict) else answer


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("route", BODIES)
def test_packed_body_is_as_the_body_itself(stub, route, coding):
    body = json.dumps(BODIES[route]).encode()
    response = post_packed(stub, route, PACK[coding](body), coding)
    assert response.status_code == 200, response.text
    assert content(response) == content(stub.post(route, BODIES[route]))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_body_in_several_parts(stub, coding):
    packed = PACK[coding](b'["a",') + PACK[coding](b"") + PACK[coding](b'"b"]')
    assert post_packed(stub, "/score", packed, coding).json() == stub.post("/score", ["a", "b"]).json()


def test_packed_body_in_chunks(stub):
    packed = gzip.compress(b'["a text in pieces"]')
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in packed)
    request = head("POST", "/score", "Transfer-Encoding: chunked", "Content-Encoding: gzip") + pieces + b"0\r\n\r\n"
    assert exchange(stub, request).json() == stub.post("/score", ["a text in pieces"]).json()


@pytest.mark.parametrize(
    "lines",
    [
        ["br"],
        ["compress"],
        ["aes128gcm"],
        ["gzip, gzip"],
        ["gzip", "gzip"],
        ["gzip, identity"],
        ["gzip;q=1"],
        ["zstd gzip"],
        ["x" * 5000],
    ],
    ids=lambda lines: " and ".join(lines)[:20],
)
def test_other_codings_are_refused(stub, lines):
    response = exchange(stub, post_bytes("/score", b"[]", *(f"Content-Encoding: {line}" for line in lines)))
    message = refused(response, 415, "unsupported_encoding")
    assert ACCEPTED in message and lines[0][:20] in message
    assert response.headers["accept-encoding"] == ACCEPTED
    assert len(message) < 400


def test_refused_before_the_body_comes(stub):
    request = head("POST", "/score", "Content-Encoding: br", "Content-Length: 1000", "Expect: 100-continue")
    refused(exchange(stub, request), 415, "unsupported_encoding")


def test_empty_list_of_codings_is_none(stub):
    assert post_packed(stub, "/score", b'["a"]', "").status_code == 200
    assert post_packed(stub, "/score", gzip.compress(b'["a"]'), " , gzip,").status_code == 200


def test_key_comes_first(start_stub):
    with start_stub(environment={"BGEM3_API_KEYS": "key"}) as server:
        refused(post_packed(server, "/score", b"", "br"), 401, "unauthorized")


def test_damaged_bodies(stub):
    body = json.dumps(["a text", "another"]).encode()
    for coding in "gzip", "deflate", "zstd":
        packed = PACK[coding](body)
        wrong = [b"", packed[:1], packed[:-1], packed[: len(packed) // 2], packed + b"x", packed + b"\0", body]
        wrong += [zlib.compress(body, wbits=-15), *(PACK[other](body) for other in ("gzip", "deflate", "zstd"))]
        with connected(stub) as connection:  # which stays
            for sent in wrong:
                if sent == packed:
                    continue
                connection.sendall(post_bytes("/score", sent, f"Content-Encoding: {coding}"))
                assert coding in refused(answer_on(connection), 400, "invalid_encoding")
            connection.sendall(post_bytes("/score", packed, f"Content-Encoding: {coding}"))
            assert answer_on(connection).status_code == 200


def test_what_was_packed_is_no_json(stub):
    refused(post_packed(stub, "/score", gzip.compress(b"{"), "gzip"), 400, "invalid_json")
    refused(post_packed(stub, "/score", gzip.compress(gzip.compress(b"[]")), "gzip"), 400, "invalid_json")


# Limits of bodies


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_limit_is_for_what_comes_out(start_stub, coding):
    def padded(size: int) -> bytes:
        return PACK[coding](b'["a"' + b" " * (size - 5) + b"]")

    with start_stub("--max-body-mb", 1) as server:
        assert post_packed(server, "/score", padded(MEGABYTE), coding).status_code == 200
        message = refused(post_packed(server, "/score", padded(MEGABYTE + 1), coding), 413, "body_too_large")
        assert str(MEGABYTE) in message


def deflate_bomb() -> bytes:
    """10 MB of gzip, in one member, of 10 GB."""
    packer = zlib.compressobj(9, wbits=31)
    first = packer.compress(bytes(10 * MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(10 * MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (10 * MEGABYTE // len(again))


def zstd_bomb() -> bytes:
    """Blocks of 128 kB in 4 bytes each, 300 GB in 10 MB."""
    block = (1 << 1 | (128 << 10) << 3).to_bytes(3, "little") + b"\0"
    return struct.pack("<IBB", zstandard.MAGIC_NUMBER, 0, 7 << 3) + block * (10 * MEGABYTE // len(block))


BOMBS = {
    "gzip": deflate_bomb,
    "deflate": lambda: zlib.compress(bytes(1000 * MEGABYTE), 9),
    "zstd": zstd_bomb,
    "x-gzip": lambda: gzip.compress(bytes(10 * MEGABYTE)) * 1000,
}


@pytest.mark.parametrize("coding", BOMBS)
def test_bomb_takes_no_more_than_the_limit(start_stub, coding):
    """Also with eight of them at once."""
    request = post_bytes("/score", BOMBS[coding](), f"Content-Encoding: {coding}")
    with start_stub("--max-body-mb", 32) as server:
        before = resident(server)
        started = time.monotonic()
        with in_background(*[lambda: exchange(server, request)] * 8) as answers:
            most = before
            while not all(answer.done() for answer in answers):
                most = max(most, resident(server))
                time.sleep(0.005)
        assert time.monotonic() - started < 10
        assert most - before < 8 * (len(request) + 3 * 32 * MEGABYTE)  # a buffer that grows is there twice
        for answer in answers:
            refused(answer.result(), 413, "body_too_large")


def test_many_empty_parts_take_little_time(stub):
    for coding in "gzip", "zstd":
        part = PACK[coding](b"")
        request = post_bytes("/score", part * (20 * MEGABYTE // len(part)), f"Content-Encoding: {coding}")
        started = time.monotonic()
        refused(exchange(stub, request), 400, "invalid_json")
        assert time.monotonic() - started < 5


def test_what_came_out_is_counted_together(start_stub):
    """As long as its request is in work; then there is room again."""
    packed = gzip.compress(json.dumps(["sleep 1500 a" + " " * 900_000]).encode())
    with start_stub("--max-body-mb", 1, "--max-bodies-mb", 2) as server:
        with in_background(*[lambda: post_packed(server, "/score", packed, "gzip")] * 4) as answers:
            pass
        found = sorted(answer.result().status_code for answer in answers)
        assert found == [200, 200, 429, 429]
        for answer in answers:
            if answer.result().status_code == 429:
                refused(answer.result(), 429, "overloaded")
        for _ in range(3):
            assert post_packed(server, "/score", gzip.compress(b'["a"' + b" " * 900_000 + b"]"), "gzip").is_success


def test_large_window_of_zstd_is_refused(stub):
    frame = struct.pack("<IBB", zstandard.MAGIC_NUMBER, 0, (24 - 10) << 3) + b"\x09\x00\x00["
    assert "memory" in refused(post_packed(stub, "/score", frame, "zstd"), 400, "invalid_encoding")
