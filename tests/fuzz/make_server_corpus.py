"""Makes the seed inputs of fuzz_http, fuzz_bodies and fuzz_keys: requests in pieces, bodies for each route, keys.

    python tests/fuzz/make_server_corpus.py

What the first bytes of an input say is in fuzz_http.cpp and fuzz_bodies.cpp.
"""

import json
import pathlib
from typing import Any

CORPUS = pathlib.Path(__file__).parent / "corpus"

VALID, LATE, ABRUPT = 1, 2, 4
WHOLE = [0] * 7
SINGLE_BYTES = [1] * 7
UNEVEN = [1, 7, 2, 40, 3, 19, 5]

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
UNWELCOME = b"POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
LENGTH = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
CHUNKS = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKS + b'3;a;b="c;\\"d"\r\nabc\r\n00A;e=f\r\n0123456789\r\n0\r\nX-T: t\r\n\r\n'
OLD = b"HEAD http://a/b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

RAW = {
    "get": (0, WHOLE, GET * 3),
    "length": (0, UNEVEN, LENGTH + GET),
    "chunked": (0, UNEVEN, CHUNKED + GET),
    "chunked_late": (LATE, UNEVEN, CHUNKED * 2 + GET),
    "single_bytes": (0, SINGLE_BYTES, CHUNKED),
    "unwelcome": (0, WHOLE, UNWELCOME + GET),
    "old": (0, WHOLE, OLD + GET.replace(b"1.1", b"1.0") + GET),
    "abrupt": (ABRUPT | LATE, UNEVEN, LENGTH + GET),
    "folded": (0, WHOLE, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n" + GET),
    "empty_lines": (0, WHOLE, b"\r\n\r\n" + GET),
    "two_lengths": (0, WHOLE, LENGTH.replace(b"Expect", b"Content-Length: 6\r\nX")),
    "length_and_chunked": (0, UNEVEN, CHUNKED.replace(b"Host", b"Content-Length: 5\r\nHost") + GET),
    "other_encoding": (0, WHOLE, CHUNKED.replace(b"chunked", b"chunked, identity") + GET),
    "bare_line_ends": (0, UNEVEN, CHUNKED.replace(b"abc\r\n", b"abc\n") + GET),
    "quoted_line_feed": (0, UNEVEN, CHUNKED.replace(b"c;", b"c\n") + GET),
    "folded_trailer": (0, WHOLE, CHUNKED.replace(b"X-T:", b"X-T:\r\n") + GET),
    "large_chunk": (0, WHOLE, CHUNKS + b"FFFFFFFFFFFFFFFF\r\n" + GET),
}
# Bytes that choose: method, path, version, fields, framing and so on, see valid_requests.h.
CHOSEN = {
    "one": bytes(40),
    "counting": bytes(range(256)),
    "counting_down": bytes(range(255, -1, -1)),
    "chunked": bytes([1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 2, 60]) + bytes(range(32, 127)) * 4,
    "mixed": bytes(n * 73 % 251 for n in range(600)),
}


def http_seeds() -> dict[str, bytes]:
    seeds = {f"raw_{name}": bytes([flags, *cuts]) + data for name, (flags, cuts, data) in RAW.items()}
    for number, (name, data) in enumerate(CHOSEN.items()):
        flags, cuts = (VALID | (LATE if number % 2 else 0)), [WHOLE, UNEVEN, SINGLE_BYTES][number % 3]
        seeds[f"valid_{name}"] = bytes([flags, *cuts]) + data
    return seeds


# Of each route, by the order that the server lists them in.
SCORE, OPENAI, ENCODE, EMBED, TEI_ROOT, EMBED_SPARSE, EMBED_ALL, TOKENIZE, RERANK = range(9)
RAW32, RAW16 = 64, 128
TEXTS = ["ab", "", "a b\u4e2d e\u0301", "b" * 200]
BODIES: dict[str, tuple[int, Any]] = {
    "score_list": (SCORE, TEXTS),
    "score_text": (SCORE, "a"),
    "score_object": (SCORE | RAW32, {"input": TEXTS}),
    "openai": (OPENAI, {"input": TEXTS, "model": "m", "encoding_format": "base64", "dimensions": 8.0}),
    "openai_raw": (OPENAI | RAW16, {"input": "a", "encoding_format": "float", "user": None}),
    "encode": (ENCODE, {"input": TEXTS, "sparse": True, "colbert": True, "top_k": 2, "truncate": False}),
    "encode_dense": (ENCODE | RAW32, {"input": TEXTS, "sparse": False, "colbert": False, "dimensions": 1}),
    "encode_base64": (ENCODE, {"input": "a", "dense": False, "encoding_format": "base64"}),
    "embed": (EMBED, {"inputs": TEXTS, "truncate": True, "normalize": False, "truncation_direction": "Right"}),
    "root": (TEI_ROOT, {"inputs": "a"}),
    "embed_sparse": (EMBED_SPARSE, {"inputs": TEXTS, "top_k": 3}),
    "embed_all": (EMBED_ALL, {"inputs": TEXTS}),
    "tokenize": (TOKENIZE, {"inputs": TEXTS, "add_special_tokens": False}),
    "rerank": (RERANK, {"query": "a", "texts": TEXTS, "raw_scores": True, "return_text": True}),
    "nothing": (SCORE, []),
    "ids": (OPENAI, {"input": [[1, 2], [3]]}),
    "null": (EMBED, None),
    "many": (SCORE, ["a"] * 33),
}
NO_JSON = {
    "cut": (SCORE, b'{"input": ["a"'),
    "nested": (ENCODE, b"[" * 65 + b"]" * 65),
    "twice": (EMBED, b'{"inputs": ["a", "b"], "inputs": "a"}'),
    "surrogate": (TOKENIZE, b'{"inputs": "\\ud83d\\ude00 \\ud83d"}'),
    "not_utf8": (RERANK, b'{"query": "\xff", "texts": ["a"]}'),
    "large_number": (ENCODE, b'{"input": "a", "top_k": 1e400, "dimensions": -0.0}'),
}


KEYS = {
    "lines": b"first\n\n  second \r\nlast without line end",
    "comments": b"\xef\xbb\xbf# of a service\nkey\n  # another\nkey # no comment\n",
    "none": b"# nobody\n\n \t\r\n",
    "utf16": "\ufeffkey\n".encode("utf-16-le"),
}


def bodies_seeds() -> dict[str, bytes]:
    written = {name: (route, json.dumps(body).encode()) for name, (route, body) in BODIES.items()}
    return {name: bytes([route]) + body for name, (route, body) in {**written, **NO_JSON}.items()}


def main() -> None:
    for target, seeds in {"http": http_seeds(), "bodies": bodies_seeds(), "keys": KEYS}.items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (CORPUS / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
