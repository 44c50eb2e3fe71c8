"""The files for Azure are what its own packages take, and they fit together."""

import pathlib
import re
import shutil
from typing import Any

import pytest
import yaml
from azure.ai.ml import load_environment, load_online_deployment, load_online_endpoint
from azure.mgmt.monitor import models as monitor_models
from azure.mgmt.monitor._utils import serialization
from conftest import DEPLOY
from prepared import ROOT
from marshmallow import ValidationError

AZUREML = DEPLOY / "azureml"
CONTAINER = AZUREML / "container"
SERVING = (ROOT / "docs" / "serving.md").read_text("utf-8")
README = (DEPLOY / "README.md").read_text("utf-8")
DEPLOYMENTS = [AZUREML / "deployment.yml", CONTAINER / "deployment.yml"]


def load(file: pathlib.Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text("utf-8"))


def pinned(package: str) -> str:
    constraints = (ROOT / "scripts" / "constraints.txt").read_text("utf-8")
    return re.search(rf"^{package}==(.+)$", constraints, re.M)[1]


def version() -> str:
    header = (ROOT / "include" / "bgem3" / "version.h").read_text("utf-8")
    return re.search(r'BGEM3_VERSION_STRING "(.+)"', header)[1]


def test_endpoint():
    endpoint = load_online_endpoint(AZUREML / "endpoint.yml")
    assert endpoint.auth_mode == "key"
    assert re.fullmatch(r"[a-z][a-z0-9-]{2,31}", endpoint.name)


@pytest.mark.parametrize("file", DEPLOYMENTS, ids=lambda file: file.parent.name)
def test_deployment(file):
    deployment = load_online_deployment(file)
    assert deployment.endpoint_name == load_online_endpoint(AZUREML / "endpoint.yml").name
    assert deployment.instance_type == "Standard_NC4as_T4_v3"
    assert deployment.request_settings.request_timeout_ms == 10000
    assert deployment.request_settings.max_concurrent_requests_per_instance == 16
    assert int(deployment.environment_variables["BGEM3_REQUEST_TIMEOUT_MS"]) < 10000
    assert deployment.model == "bge-m3:1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"instance_count": "many"}, "Not a valid integer"),
        ({"instance_cuont": 1}, "Unknown field"),
        ({"request_settings": {"request_timeout": 5}}, "Unknown field"),
    ],
)
def test_deployment_that_is_wrong(tmp_path, change, reason):
    shutil.copy(AZUREML / "conda.yml", tmp_path)
    (tmp_path / "deployment.yml").write_text(yaml.safe_dump(load(AZUREML / "deployment.yml") | change))
    with pytest.raises(ValidationError, match=f"(?s){next(iter(change))}.*{reason}"):
        load_online_deployment(tmp_path / "deployment.yml")


def test_score_deployment():
    deployment = load_online_deployment(AZUREML / "deployment.yml")
    code = pathlib.Path(AZUREML, deployment.code_configuration.code)
    assert (code / deployment.code_configuration.scoring_script).is_file()
    assert deployment.environment.conda_file["dependencies"]
    threads = re.search(r"--threads (\d+)", deployment.environment_variables["GUNICORN_CMD_ARGS"])
    assert int(threads[1]) > 2 * deployment.request_settings.max_concurrent_requests_per_instance
    assert deployment.environment_variables["WORKER_COUNT"] == "1"
    assert deployment.environment_variables["APP_INSIGHTS_LOG_RESPONSE_ENABLED"] == "false"


def test_container_environment():
    environment = load_environment(CONTAINER / "environment.yml")
    config = environment.inference_config
    routes = [config.liveness_route, config.readiness_route, config.scoring_route]
    assert [route.path for route in routes] == ["/", "/ready", "/score"]
    for route in routes:
        assert f"EXPOSE {route.port}" in (DEPLOY / "docker" / "Dockerfile").read_text("utf-8")
        assert re.search(rf"`(GET|POST) {route.path}`", SERVING)
    deployment = load_online_deployment(CONTAINER / "deployment.yml")
    assert deployment.environment == f"{environment.name}:{environment.version}"
    assert environment.image.endswith(f":{environment.version}") and environment.version == version()


def test_probes_outlast_the_start():
    """Both of score.py's, whose port opens when the model is loaded; ten minutes, as README.md says."""
    deployment = load_online_deployment(AZUREML / "deployment.yml")
    for probe in (deployment.liveness_probe, deployment.readiness_probe):
        assert probe.period * probe.failure_threshold >= 600


def test_container_takes_what_azure_lets_in():
    deployment = load_online_deployment(CONTAINER / "deployment.yml")
    allowed = deployment.request_settings.max_concurrent_requests_per_instance
    settings = deployment.environment_variables
    working, waiting = int(settings["BGEM3_MAX_REQUESTS"]), int(settings["BGEM3_QUEUE_REQUESTS"])
    assert working == allowed and working + waiting == 2 * allowed


def test_versions():
    """Those that the tests of this repository run with."""
    (pip,) = (item["pip"] for item in load(AZUREML / "conda.yml")["dependencies"] if isinstance(item, dict))
    for package in ("torch", "numpy"):
        assert f"{package}=={pinned(package)}" in pip
    requirements = (pathlib.Path(__file__).parent / "requirements.txt").read_text("utf-8").splitlines()
    for package in ("azureml-inference-server-http", "gunicorn", "orjson"):
        assert next(line for line in pip if line.startswith(package)) in requirements
    assert any(f"bgem3-{version()}-" in line for line in pip)
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text("utf-8")
    assert f"TORCH_VERSION={pinned('torch')}" in dockerfile
    for package, wanted in re.findall(r"([a-z-]+)==([0-9.]+)", dockerfile):
        assert wanted == pinned(package)


# autoscale.yml, a resource of Azure Monitor


@pytest.fixture
def autoscale() -> dict[str, Any]:
    text = (AZUREML / "autoscale.yml").read_text("utf-8")
    resource = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/W"
    return yaml.safe_load(
        text.replace("${DEPLOYMENT_ID}", f"{resource}/onlineEndpoints/bgem3/deployments/blue").replace(
            "${LOCATION}", "westeurope"
        )
    )


def test_autoscale_is_a_resource_of_azure_monitor(autoscale):
    """Read and checked by the models of azure-mgmt-monitor; what they do not know would be lost on the way back."""
    kinds = {name: kind for name, kind in vars(monitor_models).items() if isinstance(kind, type)}
    setting = serialization.Deserializer(kinds)("AutoscaleSettingResource", autoscale)
    assert serialization.Serializer(kinds).body(setting, "AutoscaleSettingResource") == autoscale


def rules(autoscale: dict[str, Any]) -> list[dict[str, Any]]:
    (profile,) = autoscale["properties"]["profiles"]
    return profile["rules"]


def test_autoscale_leaves_a_gap(autoscale):
    """Between growing and shrinking by one metric, or it would go back and forth."""
    limits = {
        (rule["metricTrigger"]["metricName"], rule["scaleAction"]["direction"]): rule["metricTrigger"]["threshold"]
        for rule in rules(autoscale)
    }
    assert 2 * limits["GpuUtilizationPercentage", "Decrease"] < limits["GpuUtilizationPercentage", "Increase"]


def test_autoscale_commands_say_the_same(autoscale):
    """README.md has each rule once more, as a command."""
    for rule in rules(autoscale):
        trigger = rule["metricTrigger"]
        sign = {"GreaterThan": ">", "LessThan": "<"}[trigger["operator"]]
        minutes = trigger["timeWindow"].removeprefix("PT").lower()
        direction = {"Increase": "out", "Decrease": "in"}[rule["scaleAction"]["direction"]]
        cooldown = rule["scaleAction"]["cooldown"].removeprefix("PT").removesuffix("M")
        condition = f'"{trigger["metricName"]} {sign} {trigger["threshold"]} avg {minutes}"'
        assert f"{condition} --scale {direction} {rule['scaleAction']['value']} --cooldown {cooldown}" in README
