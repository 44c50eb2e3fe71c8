"""/openapi.json is valid, says all that docs/serving.md says, and the server keeps to it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
import schemathesis
from server import BODIES, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "serving.md").read_text("utf-8")
KEY = "a-key-for-the-schema"


@pytest.fixture(scope="module")
def locked(start_server, tiny_reranker) -> Server:
    """With everything there is to ask for. At most 16 texts: making up lists of a thousand would take minutes."""
    options = ["--reranker", tiny_reranker, "--max-texts", 16]
    with start_server(*options, environment={"BGEM3_API_KEYS": KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def document(locked) -> dict:
    return locked.get("/openapi.json").json()


def test_document_is_valid(locked):
    schemathesis.openapi.from_url(f"{locked.url}/openapi.json").validate()


def test_document_has_every_route(document):
    """All that the guide lists, and no more, but for the documents themselves."""
    found = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    listed = set(re.findall(r"`(GET|POST) (/[\w./{}]*)`", GUIDE))
    assert {("POST", route) for route in BODIES} <= listed
    assert found == listed - {("GET", "/openapi.json"), ("GET", "/docs")}


def test_operations_have_summaries(document):
    assert all(operation["summary"] for item in document["paths"].values() for operation in item.values())


@pytest.mark.parametrize("route", BODIES)
def test_operations_name_their_errors(document, route):
    responses = document["paths"][route]["post"]["responses"]
    assert {"200", "400", "401", "406", "408", "413", "415", "422", "429", "500", "503"} <= responses.keys()


def test_version_is_that_of_the_server(document, locked):
    info = locked.get("/info", headers={"Authorization": f"Bearer {KEY}"}).json()
    assert document["info"]["version"] == info["version"]


@pytest.mark.parametrize("cases", [45, pytest.param(2000, marks=pytest.mark.slow)])
def test_server_keeps_to_the_document(locked, tmp_path, cases):
    """That many requests, valid ones and others: no 5xx, and every answer is as the document says."""
    config = tmp_path / "schemathesis.toml"
    config.write_text("[checks]\nnegative_data_rejection.expected-statuses = [400, 413, 422]\n")  # 413: too many texts
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", f"{locked.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--checks", "all"]
    command += ["--max-examples", str(cases // 9), "--seed", "1", "--no-color"]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-5_000:]
    (generated,) = re.findall(r"([\d,]+) generated", result.stdout)
    assert int(generated.replace(",", "")) >= cases
    print(result.stdout[-2_000:])
    assert not [line for line in locked.logs if line["level"] == "error"]
