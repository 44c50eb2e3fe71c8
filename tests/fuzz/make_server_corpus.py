"""Makes the seed inputs of fuzz_http, fuzz_bodies, fuzz_keys and fuzz_unpack: requests in pieces, bodies for each route,
keys, packed bodies. Needs pyarrow.

    python tests/fuzz/make_server_corpus.py

What the first bytes of an input say is in fuzz_http.cpp, fuzz_bodies.cpp and fuzz_unpack.cpp.
"""

import gzip
import json
import pathlib
import zlib
from typing import Any

import pyarrow

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


# Those that take a body, at one of their addresses each, in the order that the server lists them in.
ROUTES = [
    "/v1/encode",
    "/v1/embeddings",
    "/embed",
    "/",
    "/embed_sparse",
    "/embed_all",
    "/similarity",
    "/predict",
    "/tokenize",
    "/decode",
    "/v1/rerank",
    "/rerank",
    "/v1/score",
    "/api/embed",
    "/api/embeddings",
    "/api/show",
    "/score",
    "/vertex",
]
RAW32, RAW16 = 64, 128
TEXTS = ["ab", "", "a b\u4e2d e\u0301", "b" * 200]
IDS = [[0, 5, 6, 2], [0, 2]]  # of TinyModel
DOCUMENTS = ["ab", {"text": "b", "title": "a"}, ""]
OLLAMA_OPTIONS = {"num_ctx": 8, "num_gpu": 0, "temperature": 0.5}
SIMILARITY = {"source_sentence": "a", "sentences": TEXTS}
TYPES = ["float", "float16", "int8", "uint8", "binary", "ubinary"]

# Route, Accept and body.
BODIES: dict[str, tuple[str, int, Any]] = {
    "score_list": ("/score", 0, TEXTS),
    "score_text": ("/score", 0, "a"),
    "score_object": ("/score", RAW32, {"input": TEXTS}),
    "score_pairs": ("/score", 0, {"text_1": "a", "text_2": TEXTS}),
    "score_ids": ("/score", RAW16, {"input": IDS, "output_dtype": "float16"}),
    "score_in_string": ("/score", 0, json.dumps({"input": TEXTS})),
    "nothing": ("/score", 0, []),
    "many": ("/score", 0, ["a"] * 33),
    "openai": (
        "/v1/embeddings",
        0,
        {"input": TEXTS, "model": "m", "encoding_format": "base64", "dimensions": 8.0},
    ),
    "openai_raw": ("/v1/embeddings", RAW16, {"input": "a", "encoding_format": "float", "user": None}),
    "openai_variants": (
        "/v1/embeddings",
        0,
        {"input": "a", "task": "retrieval.query", "normalized": False, "embedding_type": "ubinary"},
    ),
    "openai_unknown": ("/v1/embeddings", 0, {"input": "a", "return_sparse": True}),
    "ids": ("/v1/embeddings", 0, {"input": [[1, 2], [3]]}),
    "ids_of_one": ("/v1/embeddings", 0, {"input": IDS[0], "truncate_prompt_tokens": 8}),
    "ids_of_two": ("/v1/encode", 0, {"input": IDS, "truncation_direction": "Left"}),
    "encode": ("/v1/encode", 0, {"input": TEXTS, "sparse": True, "colbert": True, "top_k": 2, "truncate": False}),
    "encode_dense": ("/v1/encode", RAW32, {"input": TEXTS, "sparse": False, "colbert": False, "dimensions": 1}),
    "encode_base64": ("/v1/encode", 0, {"input": "a", "dense": False, "encoding_format": "base64"}),
    "encode_lists": ("/v1/encode", 0, {"input": TEXTS, "sparse_format": "lists", "output_dtype": "int8"}),
    "encode_raw": ("/v1/encode", RAW32, {"input": "a"}),
    "embed": ("/embed", 0, {"inputs": TEXTS, "truncate": True, "normalize": False, "truncation_direction": "Right"}),
    "embed_prompt": ("/embed", 0, {"inputs": "a", "prompt_name": "query", "dimensions": 3}),
    "null": ("/embed", 0, None),
    "root": ("/", 0, {"inputs": "a"}),
    "root_similarity": ("/", 0, {"inputs": SIMILARITY}),
    "root_texts": ("/", 0, {"query": "a", "texts": TEXTS}),
    "root_documents": ("/", 0, {"query": "a", "documents": DOCUMENTS}),
    "embed_sparse": ("/embed_sparse", 0, {"inputs": TEXTS, "top_k": 3}),
    "embed_all": ("/embed_all", 0, {"inputs": TEXTS, "encoding_format": "base64", "output_dtype": "float16"}),
    "similarity": ("/similarity", 0, {"inputs": SIMILARITY, "parameters": {"truncate": True, "prompt": "b"}}),
    "predict": ("/predict", 0, {"inputs": ["a", "b"], "raw_scores": True}),
    "predict_pairs": ("/predict", 0, {"inputs": [["a", "b"], ["", "ab"]], "truncate": True, "parameters": {}}),
    "tokenize": ("/tokenize", 0, {"inputs": TEXTS, "add_special_tokens": False}),
    "tokenize_prompt": ("/tokenize", 0, {"inputs": "a", "prompt": "b "}),
    "decode": ("/decode", 0, {"ids": IDS, "skip_special_tokens": False}),
    "decode_one": ("/decode", 0, {"ids": IDS[0]}),
    "rerank": ("/rerank", 0, {"query": "a", "texts": TEXTS, "raw_scores": True, "return_text": True}),
    "rerank_top": ("/rerank", 0, {"query": "a", "texts": TEXTS, "top_n": 2}),
    "documents": (
        "/v1/rerank",
        0,
        {"query": "a", "documents": DOCUMENTS, "top_n": 2, "return_documents": True, "rank_fields": ["text"]},
    ),
    "documents_short": (
        "/v1/rerank",
        0,
        {"query": "a", "documents": TEXTS, "max_tokens_per_doc": 1, "return_documents": "true", "top_n": -1},
    ),
    "pairs": ("/v1/score", 0, {"queries": ["a", "b"], "items": ["b", ""], "use_activation": False}),
    "pairs_uneven": ("/v1/score", 0, {"data_1": ["a", "b"], "data_2": ["b"]}),
    "ollama": (
        "/api/embed",
        0,
        {"model": "m", "input": TEXTS, "options": OLLAMA_OPTIONS, "keep_alive": "5m", "dimensions": 4},
    ),
    "ollama_empty": ("/api/embed", 0, {"model": "m", "input": "", "truncate": False}),
    "ollama_raw": ("/api/embed", RAW32, {"model": "m", "input": "a"}),
    "ollama_unknown": ("/api/embed", 0, {"model": "m", "input": "a", "options": {"num_ctx": "8"}}),
    "ollama_older": ("/api/embeddings", 0, {"model": "m", "prompt": "a", "options": OLLAMA_OPTIONS}),
    "ollama_older_empty": ("/api/embeddings", 0, {"model": "m", "prompt": ""}),
    "show": ("/api/show", 0, {"model": "stub:latest", "verbose": True}),
    "show_other": ("/api/show", 0, {"name": "another"}),
    "vertex": (
        "/vertex",
        0,
        {"instances": [{"inputs": "a", "normalize": False}, {"inputs": ["b", ""], "normalize": False}]},
    ),
    "vertex_ids": ("/vertex", 0, {"instances": [{"inputs": IDS}], "parameters": {}}),
    "vertex_uneven": ("/vertex", 0, {"instances": [{"inputs": "a"}, {"inputs": "b", "dimensions": 2}]}),
    **{f"type_{name}": ("/embed", RAW32, {"inputs": TEXTS, "output_dtype": name}) for name in TYPES},
}
NO_JSON = {
    "cut": ("/score", b'{"input": ["a"'),
    "nested": ("/v1/encode", b"[" * 65 + b"]" * 65),
    "twice": ("/embed", b'{"inputs": ["a", "b"], "inputs": "a"}'),
    "surrogate": ("/tokenize", b'{"inputs": "\\ud83d\\ude00 \\ud83d"}'),
    "not_utf8": ("/rerank", b'{"query": "\xff", "texts": ["a"]}'),
    "large_number": ("/v1/encode", b'{"input": "a", "top_k": 1e400, "dimensions": -0.0}'),
}


KEYS = {
    "lines": b"first\n\n  second \r\nlast without line end",
    "comments": b"\xef\xbb\xbf# of a service\nkey\n  # another\nkey # no comment\n",
    "none": b"# nobody\n\n \t\r\n",
    "utf16": "\ufeffkey\n".encode("utf-16-le"),
}


# By the numbers of Coding in codings.h.
IDENTITY, GZIP, DEFLATE, ZSTD = range(4)


def unpack_seeds() -> dict[str, bytes]:
    body = json.dumps(TEXTS).encode()
    zstd = pyarrow.compress(body, codec="zstd", asbytes=True)
    packed = {
        "identity": (IDENTITY, body),
        "gzip": (GZIP, gzip.compress(body, mtime=0)),
        "members": (GZIP, gzip.compress(body, mtime=0) + gzip.compress(b"", mtime=0)),
        "stored": (GZIP, gzip.compress(body, 0, mtime=0)),
        "bomb": (GZIP, gzip.compress(bytes(1 << 20), mtime=0)),
        "deflate": (DEFLATE, zlib.compress(body)),
        "deflate_raw": (DEFLATE, zlib.compress(body, wbits=-15)),
        "zstd": (ZSTD, zstd),
        "frames": (ZSTD, zstd + zstd),
        "zstd_cut": (ZSTD, zstd[:-3]),
    }
    return {name: bytes([coding]) + data for name, (coding, data) in packed.items()}


def bodies_seeds() -> dict[str, bytes]:
    written = {name: (route, accept, json.dumps(body).encode()) for name, (route, accept, body) in BODIES.items()}
    broken = {name: (route, 0, body) for name, (route, body) in NO_JSON.items()}
    return {
        name: bytes([ROUTES.index(route) | accept]) + body
        for name, (route, accept, body) in {**written, **broken}.items()
    }


def main() -> None:
    for target, seeds in {
        "http": http_seeds(),
        "bodies": bodies_seeds(),
        "keys": KEYS,
        "unpack": unpack_seeds(),
    }.items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (CORPUS / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
