"""The manifests are what Kubernetes takes, and they fit together and to the image."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from conftest import DEPLOY

MANIFESTS = DEPLOY / "kubernetes"
README = (DEPLOY / "README.md").read_text("utf-8")


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((MANIFESTS / name).read_text("utf-8"))


KUSTOMIZATION = load("kustomization.yaml")
DEPLOYMENT = load("deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
ENVIRONMENT = {variable["name"]: variable for variable in CONTAINER["env"]}


def dockerfile() -> str:
    return (DEPLOY / "docker" / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("name", KUSTOMIZATION["resources"])
def test_schema(name):
    kubernetes_validate.validate(load(name), kubernetes_validate.latest_version(), strict=True)


def test_schema_finds_a_wrong_key():
    wrong = load("hpa.yaml")
    wrong["spec"]["maxReplica"] = wrong["spec"].pop("maxReplicas")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_kustomization_names_all_files():
    files = {file.name for file in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    assert [image["name"] for image in KUSTOMIZATION["images"]] == [CONTAINER["image"].split(":")[0]]


def test_parts_find_each_other():
    labels = POD["metadata"]["labels"]
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"] == load("service.yaml")["spec"]["selector"] == labels
    target = load("hpa.yaml")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (DEPLOYMENT["kind"], DEPLOYMENT["metadata"]["name"])
    (port,) = CONTAINER["ports"]
    assert load("service.yaml")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    mounted = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert mounted["model"] == ENVIRONMENT["BGEM3_MODEL"]["value"]
    assert mounted.keys() == {volume["name"] for volume in POD["spec"]["volumes"]}


def test_fits_the_image():
    assert f"EXPOSE {CONTAINER['ports'][0]['containerPort']}" in dockerfile()
    assert f"BGEM3_PORT={CONTAINER['ports'][0]['containerPort']}" in dockerfile()
    assert f"USER {POD['spec']['securityContext']['runAsUser']}" in dockerfile()


@pytest.mark.parametrize("name", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes(name):
    """The server answers their routes: test_container.py."""
    asked = CONTAINER[name]["httpGet"]
    assert asked["path"] == ("/health" if name == "livenessProbe" else "/ready")
    assert asked["port"] == CONTAINER["ports"][0]["name"]


def test_pod_outlives_the_shutdown_of_the_server():
    shutdown = int(ENVIRONMENT["BGEM3_SHUTDOWN_TIMEOUT_MS"]["value"]) / 1000
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > pause + shutdown
    assert shutdown * 1000 > int(ENVIRONMENT["BGEM3_REQUEST_TIMEOUT_MS"]["value"])


def test_keys_come_from_a_secret():
    assert "value" not in ENVIRONMENT["BGEM3_API_KEYS"]
    assert ENVIRONMENT["BGEM3_API_KEYS"]["valueFrom"]["secretKeyRef"]["name"] == "bgem3-api-keys"


def setting(name: str) -> int:
    return int(ENVIRONMENT[name]["value"])


def test_request_that_waits_is_refused_before_it_is_late():
    assert setting("BGEM3_QUEUE_TIMEOUT_MS") < setting("BGEM3_REQUEST_TIMEOUT_MS")


def test_what_waits_is_what_it_scales_by():
    """More may wait than what another pod comes for."""
    metrics = load("hpa.yaml")["spec"]["metrics"]
    assert {metric["type"] for metric in metrics} == {"Pods"}
    limits = {metric["pods"]["metric"]["name"]: int(metric["pods"]["target"]["averageValue"]) for metric in metrics}
    assert limits.keys() == {"bgem3_queue_depth", "bgem3_requests_waiting"}
    assert limits["bgem3_queue_depth"] < setting("BGEM3_MAX_REQUESTS")
    assert limits["bgem3_requests_waiting"] < setting("BGEM3_QUEUE_REQUESTS")
    assert "replicas" not in DEPLOYMENT["spec"]


def test_adapter_serves_these_metrics():
    """With the rules in README.md."""
    (rules,) = (part for part in re.findall(r"```yaml\n(.*?)```", README, re.S) if "seriesQuery" in part)
    served = [rule["seriesQuery"].partition("{")[0] for rule in yaml.safe_load(rules)["rules"]["custom"]]
    assert served == [metric["pods"]["metric"]["name"] for metric in load("hpa.yaml")["spec"]["metrics"]]
