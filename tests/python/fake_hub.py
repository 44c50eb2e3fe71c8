"""A Hugging Face Hub on this machine: enough of its HTTP interface for huggingface_hub to list and fetch a repository."""

import contextlib
import hashlib
import json
import pathlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMITS = {"main": "a" * 40, "old": "b" * 40}


@dataclass
class FakeHub:
    """`repositories`: name → revision → directory of its files. Those in `private` ask for `token`."""

    repositories: dict[str, dict[str, pathlib.Path]]
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    token: str = "hf_secret"
    address: str = ""
    fetched: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator["FakeHub"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # seconds until it notices its end
        thread.start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, code: str):
        super().__init__(code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        try:
            body, headers = self._route(unquote(self.path).split("?")[0].strip("/").split("/"), with_body)
            self.send_response(200)
        except _Refused as refused:
            body, headers = b"{}", {"X-Error-Code": refused.code}
            self.send_response(refused.status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    # api/models/OWNER/NAME/revision/REVISION, api/models/OWNER/NAME/tree/COMMIT, OWNER/NAME/resolve/COMMIT/FILE
    def _route(self, path: list[str], with_body: bool) -> tuple[bytes, dict[str, str]]:
        match path:
            case ["api", "models", owner, name, "revision", revision]:
                self._files(f"{owner}/{name}", revision)
                return _json({"id": f"{owner}/{name}", "sha": COMMITS.get(revision, revision), "siblings": []})
            case ["api", "models", owner, name, "tree", revision]:
                root = self._files(f"{owner}/{name}", revision)
                files = sorted(file for file in root.rglob("*") if file.is_file())
                return _json([_entry(file, root) for file in files])
            case [owner, name, "resolve", revision, *file]:
                content = (self._files(f"{owner}/{name}", revision) / "/".join(file)).read_bytes()
                if with_body:
                    self.hub.fetched.append("/".join(file))
                return content, {"ETag": f'"{_object_id(content)}"', "X-Repo-Commit": COMMITS.get(revision, revision)}
        raise _Refused(404, "EntryNotFound")

    def _files(self, repository: str, revision: str) -> pathlib.Path:
        hub = self.hub
        if repository in hub.gated:
            raise _Refused(403, "GatedRepo")
        allowed = self.headers.get("Authorization") == f"Bearer {hub.token}"
        if repository not in hub.repositories or (repository in hub.private and not allowed):
            raise _Refused(404, "RepoNotFound")
        names = {**COMMITS, **{commit: commit for commit in COMMITS.values()}}
        by_commit = {COMMITS[name]: files for name, files in hub.repositories[repository].items()}
        if names.get(revision) not in by_commit:
            raise _Refused(404, "RevisionNotFound")
        return by_commit[names[revision]]


def _object_id(content: bytes) -> str:
    """As git names a file, which is what huggingface_hub checks."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(file: pathlib.Path, root: pathlib.Path) -> dict[str, object]:
    content = file.read_bytes()
    return {"type": "file", "path": str(file.relative_to(root)), "size": len(content), "oid": _object_id(content)}


def _json(value: object) -> tuple[bytes, dict[str, str]]:
    return json.dumps(value).encode(), {"Content-Type": "application/json"}
