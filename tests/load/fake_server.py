"""A server whose answers the tests make up, in this process: right ones, and all kinds of wrong ones."""

import contextlib
import http.server
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

SIZE = 16


@dataclass
class Reply:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[list[str], int], "Reply | None"]
"""Texts and the number of the request, from 0 → what to reply; None closes the connection."""


def vector_of(text: str) -> list[float]:
    return np.random.default_rng(zlib.crc32(text.encode())).normal(size=SIZE).astype(np.float32).tolist()


def right(texts: list[str]) -> Reply:
    return Reply(json.dumps([vector_of(text) for text in texts]).encode())


@contextlib.contextmanager
def fake_server(answer: Answer) -> Iterator[str]:
    """Its address."""
    numbers, lock = iter(range(10**9)), threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = next(numbers)
            reply = answer(body["input"], number)
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # seconds until it notices its end
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/score"
        finally:
            server.shutdown()
            thread.join()
