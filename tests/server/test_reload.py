"""SIGHUP: keys, certificate and key are read again, and nobody's connection ends."""

import os
import signal
import ssl
import subprocess
import time

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from server import Server, answer_on, clean_environment, connected, head, in_background
from test_keys_tls import bearer
from waiting import wait_for

AGAIN = "again"
STAY = "stay what they were"


def hang_up(server: Server, told: str) -> dict:
    """Sends SIGHUP; the first line of the log after it that says so."""
    before = len(server.logs)
    server.process.send_signal(signal.SIGHUP)

    def lines() -> list[dict]:
        return [line for line in server.logs[before:] if told in line["message"]]

    wait_for(lambda: bool(lines()), seconds=10)
    return lines()[0]


def ask(server: Server, key: str) -> int:
    """The status that a request with this key gets."""
    return server.post("/score", ["a"], headers=bearer(key)).status_code


@pytest.fixture
def keys(tmp_path):
    file = tmp_path / "keys"
    file.write_text("old\n")
    return file


def test_new_keys(start_stub, keys):
    with start_stub("--api-keys-file", keys, environment={"BGEM3_API_KEYS": "always"}) as server:
        keys.write_text("new\nanother\n")
        assert [ask(server, key) for key in ("old", "new", "always")] == [200, 401, 200]
        line = hang_up(server, AGAIN)
        assert (line["level"], line["file"], line["keys"]) == ("info", str(keys), 3)
        assert [ask(server, key) for key in ("old", "new", "another", "always")] == [401, 200, 200, 200]
        assert "another" not in server.log_text


def without(keys) -> None:
    keys.unlink()


def emptied(keys) -> None:
    keys.write_text("# none\n")


def a_pipe(keys) -> None:
    """That nobody writes to: whoever opened it would wait, and with it the next signal."""
    keys.unlink()
    os.mkfifo(keys)


@pytest.mark.parametrize("spoil", [without, emptied, a_pipe])
def test_keys_that_cannot_be_read_leave_the_old_ones(start_stub, keys, spoil):
    with start_stub("--api-keys-file", keys) as server:
        spoil(keys)
        line = hang_up(server, STAY)
        assert line["level"] == "error" and str(keys) in line["error"]
        assert [ask(server, key) for key in ("old", "none")] == [200, 401]
        keys.unlink(missing_ok=True)
        keys.write_text("new\n")
        hang_up(server, AGAIN)
        assert [ask(server, key) for key in ("old", "new")] == [401, 200]


def test_request_in_work_is_answered(start_stub, keys):
    with start_stub("--api-keys-file", keys) as server:
        with in_background(lambda: server.post("/score", ["sleep 500"], headers=bearer("old"))) as (answer,):
            server.wait_for_work(1)
            keys.write_text("new\n")
            hang_up(server, AGAIN)
            assert answer.result().status_code == 200


@pytest.mark.parametrize("environment", [{}, {"BGEM3_API_KEYS": "a key"}])
def test_without_files_it_is_ignored(start_stub, environment):
    with start_stub(environment=environment) as server:
        assert hang_up(server, "SIGHUP is ignored")["level"] == "info"
        assert ask(server, "a key") == 200


def test_it_ends_no_server_that_is_loading(server_program, tiny):
    """From before the port is open to after the end was asked for."""
    command = [server_program, "--model", str(tiny), "--port", "0"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE) as process:
        for line in process.stdout:  # each is a moment of its own
            process.send_signal(signal.SIGHUP)
            if b'"ready"' in line:
                break
        assert process.poll() is None
        process.terminate()
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=20) == 0


# TLS


class Issued:
    """Files of a certificate, which can be replaced."""

    def __init__(self, directory):
        self.certificate, self.key = directory / "chain.pem", directory / "key.pem"
        self.options = ("--tls-certificate", self.certificate, "--tls-key", self.key)
        self.replace()

    def replace(self) -> None:
        issued = trustme.CA().issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        issued.private_key_pem.write_to_path(self.key)

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown(server: Server) -> bytes:
    """The certificate that a new connection gets."""
    with connected(server) as plain, unchecked().wrap_socket(plain) as connection:
        return connection.getpeercert(binary_form=True)


@pytest.fixture
def issued(tmp_path) -> Issued:
    return Issued(tmp_path)


@pytest.fixture
def secure(start_stub, issued) -> Server:
    with start_stub(*issued.options, client={"verify": False}) as server:
        yield server


def test_new_certificate_for_new_connections(secure, issued):
    old = issued.der
    with connected(secure) as plain, unchecked().wrap_socket(plain) as connection:
        connection.sendall(head("GET", "/health"))
        assert answer_on(connection).status_code == 200
        issued.replace()
        assert shown(secure) == old != issued.der
        line = hang_up(secure, AGAIN)
        assert (line["level"], line["certificate"]) == ("info", str(issued.certificate))
        assert shown(secure) == issued.der
        for _ in range(2):
            connection.sendall(head("GET", "/health"))
            assert answer_on(connection).status_code == 200
        assert connection.getpeercert(binary_form=True) == old


def a_key_with_a_password(issued) -> None:
    key = serialization.load_pem_private_key(issued.key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"a password")
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    issued.key.write_bytes(key.private_bytes(encoding, layout, encryption))


def another_key(issued) -> None:
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(issued.key)


def a_key_of_another_kind(issued) -> None:
    """Which OpenSSL takes beside any certificate, and then can shake no hands."""
    layout, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    key = ed25519.Ed25519PrivateKey.generate()
    issued.key.write_bytes(key.private_bytes(encoding, layout, serialization.NoEncryption()))


def no_key(issued) -> None:
    issued.key.unlink()


def half_a_key(issued) -> None:
    issued.key.write_text(issued.key.read_text()[:60])


@pytest.mark.parametrize("spoil", [a_key_with_a_password, another_key, a_key_of_another_kind, no_key, half_a_key])
def test_certificate_that_cannot_be_used_leaves_the_old_one(secure, issued, spoil):
    old = issued.der
    issued.replace()
    spoil(issued)
    line = hang_up(secure, STAY)
    assert line["level"] == "error" and str(issued.key) in line["error"]
    assert shown(secure) == old
    issued.replace()
    hang_up(secure, AGAIN)
    assert shown(secure) == issued.der


def test_keys_and_certificate_stay_or_change_by_themselves(start_stub, issued, keys):
    """A key that was taken back is of no use any more, also while the certificate is wrong."""
    with start_stub(*issued.options, "--api-keys-file", keys, client={"verify": False}) as server:
        old = issued.der
        issued.replace()
        another_key(issued)
        keys.write_text("new\n")
        hang_up(server, STAY)
        assert shown(server) == old
        assert [ask(server, key) for key in ("old", "new")] == [401, 200]


def test_many_reloads_under_load(start_stub, issued, keys):
    """None of the requests notices, whether its connection is kept or new."""
    keys.write_text("old\n")
    with start_stub(*issued.options, "--api-keys-file", keys, client={"verify": False}) as server:
        until = time.monotonic() + 2

        def go_on() -> set[int]:
            statuses = set()
            while time.monotonic() < until:
                statuses.add(ask(server, "old"))
                statuses.add(httpx.get(f"{server.url}/health", verify=unchecked(), trust_env=False).status_code)
            return statuses

        with in_background(go_on, go_on, go_on) as answers:
            while time.monotonic() < until:
                issued.replace()
                hang_up(server, "certificate and key are read again")
            assert [answer.result() for answer in answers] == [{200}] * 3


def test_key_with_a_password_is_refused_at_the_start(server_program, nano, issued):
    """Nobody is asked for it, on no terminal."""
    a_key_with_a_password(issued)
    main, terminal = os.openpty()
    command = [server_program, "--model", nano, *issued.options, "--port", "0"]
    with open(main, "rb"), open(terminal, "wb") as controlling:
        result = subprocess.run(
            [*map(str, command)],
            env=clean_environment(),
            stdin=controlling,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            start_new_session=True,
        )
    assert result.returncode == 1 and "without a password" in result.stderr and str(issued.key) in result.stderr
