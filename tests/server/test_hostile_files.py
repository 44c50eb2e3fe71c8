"""Files that a server is told to read: pipes and devices in place of them, and names that are not UTF-8."""

import json
import os
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest
import trustme
from prepared import program
from server import clean_environment
from test_keys_tls import bearer

WAIT_SECONDS = 5  # pipe_wait_max of src/file/file_or_pipe.h


def start(nano, *options: object) -> subprocess.Popen:
    command = [program("BGEM3_STUB_SERVER"), "--model", nano, "--port", "0", *options]
    return subprocess.Popen(
        list(map(str, command)), env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def refusal(process: subprocess.Popen, seconds: float = 20) -> str:
    """What a server that does not start tells."""
    try:
        _, message = process.communicate(timeout=seconds)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1, message
    return message


def feed(path, data: bytes) -> threading.Thread:
    """Writes to a FIFO as soon as somebody reads it, byte by byte at first."""

    def write() -> None:
        with open(path, "wb", buffering=0) as pipe:
            for i in range(3):
                pipe.write(data[i : i + 1])
                time.sleep(0.02)
            pipe.write(data[3:])

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_keys_from_a_pipe(start_stub, tmp_path):
    """As a shell's <(…) gives them, and from a FIFO."""
    os.mkfifo(tmp_path / "keys")
    writer = feed(tmp_path / "keys", b"first\nsecond\n")
    with start_stub("--api-keys-file", tmp_path / "keys") as server:
        assert [server.post("/score", ["a"], headers=bearer(key)).status_code for key in ("second", "third")] == [
            200,
            401,
        ]
    writer.join()


def test_keys_of_process_substitution(nano):
    server = program("BGEM3_STUB_SERVER")
    shell = (
        'exec "$0" --model "$1" --port 0 --log-level off --tls-key none --tls-certificate none --api-keys-file <({})'
    )
    for keys, told in {"echo key": "'none' cannot be read", "true": "has no keys, one a line"}.items():
        process = subprocess.Popen(
            ["bash", "-c", shell.replace("{}", f" {keys}; "), server, str(nano)],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert told in refusal(process)


def test_pipes_that_nobody_writes_to(nano, tmp_path):
    """All at once, because each takes its seconds."""
    for name in ("keys", "pem"):
        os.mkfifo(tmp_path / name)
    keys, pem = tmp_path / "keys", tmp_path / "pem"
    started = time.monotonic()
    with ExitStack() as opened:
        endless = opened.enter_context(subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE))
        opened.callback(endless.kill)
        waiting = {
            keys: start(nano, "--api-keys-file", keys),
            pem: start(nano, "--tls-certificate", pem, "--tls-key", pem),
            f"/proc/{endless.pid}/fd/1": start(nano, "--api-keys-file", f"/proc/{endless.pid}/fd/1"),
        }
        for path, process in waiting.items():
            assert f"'{path}' cannot be read: nobody has written to this pipe and closed it in time" in refusal(process)
    assert WAIT_SECONDS <= time.monotonic() - started < WAIT_SECONDS + 10


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_no_files(nano, path):
    for options in (["--api-keys-file", path], ["--tls-certificate", path, "--tls-key", path]):
        message = refusal(start(nano, *options))
        assert f"'{path}' cannot be read: it is a " in message and "expected a file or a pipe" in message


def test_files_have_a_size(nano, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"k" * (1 << 20))
    assert "none" in refusal(start(nano, "--api-keys-file", file, "--tls-certificate", "none", "--tls-key", "none"))
    os.truncate(file, 1 << 40)
    for options in (["--api-keys-file", file], ["--tls-certificate", file, "--tls-key", file]):
        assert f"'{file}' cannot be read: it has more than 1048576 bytes" in refusal(start(nano, *options))


@pytest.mark.parametrize("keys", ["ke\0y\n", "key\x1b\n", "a\nke\ty\n"])
def test_keys_that_no_header_can_have(nano, tmp_path, keys):
    (tmp_path / "keys").write_text(keys)
    message = refusal(start(nano, "--api-keys-file", tmp_path / "keys"))
    assert "has a control character" in message and "ke\\" not in message


def test_certificate_and_key_from_pipes(start_stub, tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    parts = {"chain": b"".join(blob.bytes() for blob in issued.cert_chain_pems), "key": issued.private_key_pem.bytes()}
    writers = []
    for name, pem in parts.items():
        os.mkfifo(tmp_path / name)
        writers.append(feed(tmp_path / name, pem))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = ["--tls-certificate", tmp_path / "chain", "--tls-key", tmp_path / "key"]
    with start_stub(*options, client={"verify": str(tmp_path / "ca.pem")}) as server:
        assert server.post("/score", ["a"]).status_code == 200
    for writer in writers:
        writer.join()


def test_model_whose_name_is_not_utf8(server_program, nano, tmp_path):
    """Its name is told as JSON, with U+FFFD for what is not UTF-8."""
    directory = os.fsencode(tmp_path) + b"/model-\xff\xc2\x9b"
    shutil.copytree(os.fsencode(nano), directory)
    from server import Server

    with Server(server_program, "--model", os.fsdecode(directory)) as server:
        assert server.get("/info").json()["model_id"] == "model-\ufffd\x9b"
        assert "\x9b" not in server.get("/info").text
        assert server.post("/v1/embeddings", {"input": "a", "model": "m"}).json()["model"] == "model-\ufffd\x9b"
        assert server.get("/openapi.json").status_code == 200
        assert "\x9b" not in server.log_text and all("\udcff" not in json.dumps(line) for line in server.logs)


def test_number_that_nothing_holds(stub):
    for body in (b'{"input": "a", "dimensions": 1e400}', b'{"input": "a", "other": [-1e999]}'):
        response = stub.client.post("/v1/embeddings", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 400
        assert "has a number beyond the range of float64" in response.json()["error"]["message"]


def test_messages_have_a_size(stub):
    """Whatever a body has."""
    for value in ("9" * 1_000_000, '"' + "x" * 1_000_000 + '"', "[" * 100_000):
        body = f'{{"input": "a", "model": "m", "dimensions": {value}}}'.encode()
        response = stub.client.post("/v1/embeddings", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 422) and len(response.content) < 1_000
