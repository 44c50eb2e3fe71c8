"""bgem3-server as its containers run it: with the environment of the image and of each deployment."""

import datetime
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from conftest import DEPLOY
from sample_texts import TEXTS
from serving import Server, assert_close, free_port, running
from test_docker import IMAGE, values
from waiting import wait_for


def load(path: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / path).read_text("utf-8"))


AZURE = load("azureml/container/deployment.yml")
ROUTES = load("azureml/container/environment.yml")["inference_config"]
TEMPLATE = load("kubernetes/deployment.yaml")["spec"]["template"]
ANNOTATIONS = TEMPLATE["metadata"]["annotations"]
(CONTAINER,) = TEMPLATE["spec"]["containers"]
HPA = load("kubernetes/hpa.yaml")
README = (DEPLOY / "README.md").read_text("utf-8")
IMAGE_FILE = (DEPLOY / "docker" / "Dockerfile").read_text("utf-8")
SAGEMAKER_PORT = 8080
KEY = "key-of-the-secret"


def image_environment() -> dict[str, str]:
    (line,) = values(IMAGE, "ENV")
    return dict(re.findall(r"(BGEM3_\w+)=(\S+)", line))


def pod_environment() -> dict[str, str]:
    """With a key for the secret."""
    return {variable["name"]: variable.get("value", KEY) for variable in CONTAINER["env"]}


ENVIRONMENTS = {
    "image": image_environment(),
    "azure": image_environment() | AZURE["environment_variables"],
    "kubernetes": image_environment() | pod_environment(),
}


@pytest.fixture(params=ENVIRONMENTS)
def container(request, server_program, nano, tmp_path) -> Iterator[Server]:
    """But for the model, the device and the port, which are other ones here."""
    port = free_port()
    here = {"BGEM3_MODEL": str(nano), "BGEM3_DEVICE": "cpu", "BGEM3_PORT": str(port)}
    (entry,) = values(IMAGE, "ENTRYPOINT")
    assert json.loads(entry) == [server_program.name]
    ready = ROUTES["readiness_route"]["path"]
    environment = ENVIRONMENTS[request.param] | here
    with running([server_program], environment, port, tmp_path / "server.log", ready) as server:
        yield server


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_settings_are_those_of_the_server(name, server_settings):
    assert ENVIRONMENTS[name].keys() <= server_settings


def test_routes_that_azure_asks(container, expected):
    assert container.get(ROUTES["liveness_route"]["path"]).status_code == 200
    assert ROUTES["scoring_route"]["path"] == "/score"
    response = container.post({"input": TEXTS}, Authorization=f"Bearer {KEY}")
    assert response.status_code == 200, response.text
    assert_close(response.json(), expected)


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes_of_kubernetes(container, probe):
    assert container.get(CONTAINER[probe]["httpGet"]["path"]).status_code == 200


def test_metrics_that_the_autoscaler_looks_at(container):
    lines = container.get(ANNOTATIONS["prometheus.io/path"]).text.splitlines()
    for metric in HPA["spec"]["metrics"]:
        name = metric["pods"]["metric"]["name"]
        assert f"{name} 0" in lines or f'{name}{{model="embedder"}} 0' in lines


def test_key_of_the_secret_is_wanted(container, request):
    status = container.post(TEXTS).status_code
    assert status == (401 if "kubernetes" in request.node.name else 200)


def listed(text: str) -> dict[str, str]:
    """Of what README.md gives as NAME=VALUE,NAME=VALUE."""
    return dict(pair.split("=") for pair in text.split(","))


def test_sagemaker(server_program, nano, tmp_path, expected):
    """The word that a container is started with, and what it is asked; the settings of README.md."""
    (settings,) = re.findall(r"Environment=\{(.*?)\}", README)
    assert listed(settings)["BGEM3_MODEL"] == "/opt/ml/model" and f"EXPOSE {SAGEMAKER_PORT}" in IMAGE_FILE
    here = {"BGEM3_MODEL": str(nano), "BGEM3_DEVICE": "cpu", "BGEM3_PORT": str(port := free_port())}
    environment = ENVIRONMENTS["image"] | listed(settings) | here
    with running([server_program, "serve"], environment, port, tmp_path / "server.log", "/ping") as server:
        answer = server.ask("/invocations", {"inputs": TEXTS})
        assert_close(answer.json(), expected)


def test_vertex(server_program, nano, tmp_path, expected):
    """Where Vertex AI says that it asks, with the settings of README.md."""
    (settings,) = re.findall(r"--container-env-vars (\S+)", README)
    routes = {kind: re.search(rf"--container-{kind}-route (\S+)", README)[1] for kind in ("predict", "health")}
    (body,) = re.findall(r"echo '(\{\"instances.*?)'", README)
    told = {f"AIP_{kind.upper()}_ROUTE": route for kind, route in routes.items()}
    here = {"BGEM3_MODEL": str(nano), "BGEM3_DEVICE": "cpu", "AIP_HTTP_PORT": str(port := free_port())}
    environment = {**image_environment(), **listed(settings), **told, **here}
    del environment["BGEM3_PORT"]
    with running([server_program], environment, port, tmp_path / "server.log", routes["health"]) as server:
        predictions = server.ask(routes["predict"], json.loads(body)).json()["predictions"]
        assert [len(vectors) for vectors in predictions] == [1, 1]
        answer = server.ask(routes["predict"], {"instances": [{"inputs": TEXTS}]})
        assert_close(answer.json()["predictions"][0], expected)


@pytest.mark.parametrize(("name", "host"), [("image", "127.0.0.1"), ("azure", "0.0.0.0"), ("kubernetes", "0.0.0.0")])
def test_who_can_reach_it(server_program, name, host):
    """Everybody, where somebody looks at keys. It listens before it finds that there is no model."""
    environment = ENVIRONMENTS[name] | {"BGEM3_MODEL": "/nowhere", "BGEM3_PORT": "0"}
    result = subprocess.run([server_program], env=environment, capture_output=True, text=True, timeout=60)
    (listening,) = (line for line in map(json.loads, result.stdout.splitlines()) if line["message"] == "listening")
    assert listening["host"] == host, result.stderr


@pytest.fixture
def tls(tmp_path) -> dict[str, str]:
    """Settings with a certificate for another name."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "embeddings.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    signed = builder.sign(private, hashes.SHA256())
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    certificate.write_bytes(signed.public_bytes(encoding))
    key.write_bytes(private.private_bytes(encoding, layout, serialization.NoEncryption()))
    return {"BGEM3_TLS_CERTIFICATE": str(certificate), "BGEM3_TLS_KEY": str(key)}


def needs_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"BGEM3_OPEN": "1"},
        {"BGEM3_HOST": "0.0.0.0"},
        {"BGEM3_HOST": "127.0.0.2"},
        {"BGEM3_HOST": "::1"},
        {"BGEM3_HOST": "::"},
    ],
    ids=str,
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_health_check_of_the_image(server_program, nano, tls, settings, scheme):
    """0 from when the server answers to its end, whatever it listens on; in spite of a proxy."""
    (check,) = values(IMAGE, "HEALTHCHECK")
    command = json.loads(check.partition("CMD")[2])
    if ":" in settings.get("BGEM3_HOST", ""):
        needs_ipv6()
    proxy = {f"{kind}_proxy": "http://192.0.2.1:1" for kind in ("http", "https", "all")}
    environment = {"BGEM3_MODEL": str(nano), "BGEM3_PORT": str(free_port())} | settings | proxy
    if scheme == "https":
        environment |= tls

    def is_healthy() -> bool:
        return subprocess.run(command, env=environment, timeout=5).returncode == 0

    assert not is_healthy()
    with subprocess.Popen([server_program], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(is_healthy, seconds=30)
        finally:
            process.terminate()
    assert process.returncode == 0 and not is_healthy()
