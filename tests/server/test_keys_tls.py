"""Who is let in, and over what."""

import ssl
import time

import httpx
import pytest
import trustme
from server import BODIES, Server, answer_on, connected, exchange, head, post_bytes, refused

KEY = "5f0c7f6e1b2a4c3d"
OPEN_ROUTES = ["/", "/health", "/ready", "/metrics", "/openapi.json", "/docs"]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(f"\n{KEY}\n  another-key  \r\n\nlast without line end")
    return file


@pytest.fixture(scope="module")
def locked(start_stub, keys_file) -> Server:
    with start_stub("--api-keys-file", keys_file) as running:
        yield running


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("key", [KEY, "another-key", "last without line end"])
def test_keys_of_the_file(locked, key):
    assert locked.post("/score", ["a"], headers=bearer(key)).status_code == 200
    assert locked.get("/info", headers=bearer(key)).status_code == 200


@pytest.mark.parametrize("route", [*BODIES, "/info"])
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY} {KEY}",
        KEY,
        f"Basic {KEY}",
        f"Bearer{KEY}",
        f"Bearer {KEY},another-key",
    ],
)
def test_wrong_key(locked, route, given):
    headers = {} if given is None else {"Authorization": given}
    method = "GET" if route == "/info" else "POST"
    response = locked.client.request(method, route, json=BODIES.get(route), headers=headers)
    refused(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("line", ["Authorization: Bearer ", "Authorization:", "Authorization: Bearer \t "])
def test_key_that_is_empty(locked, line):
    """Below HTTP libraries, which would not send it."""
    refused(exchange(locked, post_bytes("/score", b'["a"]', line)), 401, "unauthorized")


def test_name_of_the_scheme_in_any_case(locked):
    for scheme in ("bearer", "BEARER"):
        assert locked.post("/score", ["a"], headers={"Authorization": f"{scheme} {KEY}"}).status_code == 200


@pytest.mark.parametrize("route", OPEN_ROUTES)
def test_open_routes_need_no_key(locked, route):
    assert locked.get(route).status_code == 200


def test_wrong_key_before_anything_else(locked):
    """A stranger learns nothing about the body, and does not get to send a large one."""
    refused(locked.client.post("/score", content=b"{"), 401, "unauthorized")
    with connected(locked) as connection:
        connection.sendall(head("POST", "/score", "Content-Length: 30000000"))
        refused(answer_on(connection), 401, "unauthorized")


def test_two_headers_with_keys(locked):
    """Neither may be taken for the other: some proxies look at the first, some at the last."""
    lines = ["Authorization: Bearer wrong", f"Authorization: Bearer {KEY}"]
    for order in (lines, lines[::-1]):
        assert exchange(locked, post_bytes("/score", b'["a"]', *order)).status_code in (200, 400, 401)


def test_keys_file_with_a_mark_and_comments(start_stub, tmp_path):
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbffirst\r\n# of the tests\r\n  # and more\r\nsecond\r\n")
    with start_stub("--api-keys-file", file) as server:
        for key, status in {"first": 200, "second": 200, "# of the tests": 401, "\ufefffirst": 401}.items():
            headers = {"Authorization": f"Bearer {key}".encode()}
            assert server.post("/score", ["a"], headers=headers).status_code == status


def test_keys_from_the_environment(start_stub, keys_file):
    environment = {"BGEM3_API_KEYS": "first, second ,,third"}
    with start_stub(environment=environment) as server:
        for key in ("first", "second", "third"):
            assert server.post("/score", ["a"], headers=bearer(key)).status_code == 200
        for key in ("first, second", "fourth"):
            refused(server.post("/score", ["a"], headers=bearer(key)), 401, "unauthorized")
    with start_stub("--api-keys-file", keys_file, environment=environment) as server:
        for key in ("first", KEY):
            assert server.post("/score", ["a"], headers=bearer(key)).status_code == 200


def test_without_keys_everybody_is_let_in(stub):
    for headers in ({}, bearer("whatever")):
        assert stub.post("/score", ["a"], headers=headers).status_code == 200


def test_keys_do_not_show_in_the_process_list(locked):
    with open(f"/proc/{locked.process.pid}/cmdline", "rb") as command:
        assert KEY.encode() not in command.read()
    assert KEY not in locked.log_text


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority, tmp_path_factory) -> dict[str, object]:
    directory = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = directory / "chain.pem", directory / "key.pem"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    issued.private_key_pem.write_to_path(key)
    return {"--tls-certificate": chain, "--tls-key": key}


@pytest.fixture(scope="module")
def trusting(authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def secure(start_stub, certificate, trusting) -> Server:
    options = [part for pair in certificate.items() for part in pair]
    with start_stub(*options, "--read-timeout-ms", 1000, client={"verify": trusting}) as running:
        yield running


def test_tls(secure, stub):
    assert secure.url.startswith("https://")
    assert secure.post("/score", ["a", "b"]).json() == stub.post("/score", ["a", "b"]).json()
    large = ["many words " * 20_000] * 10
    assert secure.post("/score", large).status_code == 200


def test_certificate_is_checked_by_clients(secure):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secure.url}/health", trust_env=False)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls(secure, authority, version):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    assert httpx.get(f"{secure.url}/health", verify=context, trust_env=False).status_code == 200


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
def test_old_tls_is_refused(secure, authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{secure.url}/health", verify=context, trust_env=False)


@pytest.mark.parametrize("ciphers", ["AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA"])
def test_ciphers_without_forward_secrecy_or_with_cbc_are_refused(secure, authority, ciphers):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{secure.url}/health", verify=context, trust_env=False)


def test_plain_http_to_a_port_with_tls(secure):
    with connected(secure) as connection:
        connection.sendall(head("GET", "/health"))
        assert b"200" not in connection.recv(100)
    assert secure.get("/health").status_code == 200


def test_clients_that_do_not_shake_hands(secure):
    """They are closed after a while, and nobody waits for them."""
    with connected(secure) as silent, connected(secure) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        begin = time.monotonic()
        assert secure.post("/score", ["a"]).status_code == 200
        assert time.monotonic() - begin < 0.5
        for connection in (silent, half):
            connection.recv(100)
        assert time.monotonic() - begin < 5


def test_connection_close_over_tls(secure, trusting):
    """The end is announced, so that a client can tell it from a connection that was cut."""
    with connected(secure) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(head("GET", "/health", "Connection: close"))
        begin = time.monotonic()
        received = b""
        while part := connection.recv(1000):
            received += part
        assert received.startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begin < 2


def test_client_of_tls_leaves(secure, trusting):
    for sent in (b"", b"POST /sc", post_bytes("/score", b'["sleep 100"]')):
        with connected(secure) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(sent)
    assert secure.post("/score", ["a"]).status_code == 200


def test_key_of_another_certificate(start_stub, certificate, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    options = [part for pair in {**certificate, "--tls-key": other}.items() for part in pair]
    with pytest.raises(AssertionError, match="exit status 1: bgem3.*other.pem"), start_stub(*options):
        pass
