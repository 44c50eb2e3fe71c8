"""One kept-alive connection to a server. Little of a processor, so that most is left to the server beside it."""

import socket
import ssl
import urllib.parse
from dataclasses import dataclass, field

import httptools


@dataclass(frozen=True)
class Endpoint:
    """Where requests go, and who asks."""

    host: str
    port: int
    route: str = "/score"
    tls: bool = False
    key: str = ""
    timeout: float = 60

    @classmethod
    def of_url(cls, url: str, **rest) -> "Endpoint":
        parts = urllib.parse.urlsplit(url)
        tls = parts.scheme == "https"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected http://HOST:PORT/ROUTE or https://HOST/ROUTE, found {url}")
        route = (parts.path or "/score") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or (443 if tls else 80), route, tls, **rest)

    def head(self, method: str, body_size: int = 0) -> bytes:
        """Of a request: all lines but the empty one at the end, so that others can follow."""
        lines = [f"{method} {self.route} HTTP/1.1", f"Host: {self.host}:{self.port}", "Content-Type: application/json"]
        if body_size:
            lines.append(f"Content-Length: {body_size}")
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        return "\r\n".join(lines).encode() + b"\r\n"

    def get(self) -> bytes:
        """A whole request."""
        return self.head("GET") + b"\r\n"

    def post(self, body: bytes) -> bytes:
        """A whole request."""
        return self.head("POST", len(body)) + b"\r\n" + body


@dataclass
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)  # names in lower case
    body: bytes = b""


class Connection:
    """Opened by the first request and again when the server has closed it."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint
        self._socket: socket.socket | None = None
        self._parser: httptools.HttpResponseParser
        self._answer: Answer
        self._is_complete = False
        self._is_kept = False
        self.opened = 0

    def ask(self, request: bytes) -> Answer:
        """Sends once and waits. OSError, of which ConnectionError and TimeoutError are, when no answer comes."""
        self.send(request)
        return self.receive()

    def send(self, data: bytes) -> None:
        """A request or a part of one."""
        if self._socket is None:
            self._open()
        assert self._socket is not None
        self._socket.sendall(data)

    def receive(self) -> Answer:
        assert self._socket is not None, "nothing was sent"
        self._answer, self._is_complete = Answer(), False
        try:
            while not self._is_complete:
                data = self._socket.recv(1 << 18)
                if not data:
                    raise ConnectionResetError("closed before the answer was complete")
                self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ConnectionError(f"not an HTTP answer: {error}") from None
        if not self._is_kept:
            self.close()
        return self._answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        where = self._endpoint
        plain = socket.create_connection((where.host, where.port), timeout=where.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        if where.tls:
            self._socket = ssl.create_default_context().wrap_socket(plain, server_hostname=where.host)
        self._parser = httptools.HttpResponseParser(self)
        self.opened += 1

    # Called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self._is_kept = self._parser.should_keep_alive()
        self._is_complete = True
