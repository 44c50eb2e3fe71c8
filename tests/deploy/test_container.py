"""bgem3-server as its containers run it: with the environment of the image and of each deployment."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from conftest import DEPLOY
from sample_texts import TEXTS
from serving import Server, assert_close, free_port, running
from test_docker import IMAGE, values


def load(path: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / path).read_text("utf-8"))


AZURE = load("azureml/container/deployment.yml")
ROUTES = load("azureml/container/environment.yml")["inference_config"]
TEMPLATE = load("kubernetes/deployment.yaml")["spec"]["template"]
ANNOTATIONS = TEMPLATE["metadata"]["annotations"]
(CONTAINER,) = TEMPLATE["spec"]["containers"]
HPA = load("kubernetes/hpa.yaml")
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


def test_metric_that_the_autoscaler_looks_at(container):
    (metric,) = HPA["spec"]["metrics"]
    lines = container.get(ANNOTATIONS["prometheus.io/path"]).text.splitlines()
    name = metric["pods"]["metric"]["name"]
    assert f'{name}{{model="embedder"}} 0' in lines


def test_key_of_the_secret_is_wanted(container, request):
    status = container.post(TEXTS).status_code
    assert status == (401 if "kubernetes" in request.node.name else 200)


def test_health_check_of_the_image(container):
    (check,) = values(IMAGE, "HEALTHCHECK")
    command = json.loads(check.partition("CMD")[2])
    port = container.url.rpartition(":")[2]
    assert subprocess.run(command, env={"BGEM3_PORT": port}).returncode == 0
    assert subprocess.run(command, env={"BGEM3_PORT": str(free_port())}).returncode != 0
