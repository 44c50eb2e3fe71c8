"""What clients see when a file of the model is changed under the server."""

import os
import pathlib
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from server import BODIES, Server, refused
from waiting import wait_for

TEXTS = {"input": ["Hello World", "Bonjour le monde"]}


@pytest.fixture
def own(nano, tmp_path) -> pathlib.Path:
    """A model directory that may be changed."""
    return pathlib.Path(shutil.copytree(nano, tmp_path / "model", copy_function=shutil.copyfile))


@pytest.fixture
def running(server_program, own) -> Iterator[Server]:
    with Server(server_program, "--model", own) as server:
        yield server


def vectors(server: Server) -> np.ndarray:
    response = server.post("/score", TEXTS)
    assert response.status_code == 200, response.text
    return np.array(response.json())


def overwrite(file: pathlib.Path) -> None:
    """Other numbers in the last quarter, in place."""
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(size - size // 4)
        stream.write(b"\x3c" * (size // 4))


@pytest.mark.parametrize("change", [lambda file: os.truncate(file, 1000), overwrite], ids=["cut", "overwritten"])
def test_all_requests_are_answered_with_right_vectors_or_503(running, own, change):
    expected = vectors(running)
    changed, enough = threading.Event(), threading.Event()
    answers = []

    def ask() -> None:
        refusals = 0
        while refusals < 5:
            response = running.post("/score", TEXTS)
            answers.append(response)
            refusals += response.status_code == 503
            if len(answers) > 20:
                enough.set()
            assert not (changed.is_set() and len(answers) > 2000)

    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(ask) for _ in range(8)]
        enough.wait(30)
        change(own / "model.safetensors")
        changed.set()
        for caller in callers:
            caller.result()
    for response in answers:
        if response.status_code == 200:
            assert (np.array(response.json()) == expected).all()
        else:
            message = refused(response, 503, "model_changed")
            assert str(own) not in message and "restart" in message
    assert sum(response.status_code == 503 for response in answers) >= 40


def test_the_server_says_that_it_is_of_no_use_and_logs_it_once(running, own):
    vectors(running)
    overwrite(own / "sparse_linear.pt")
    for route in ("/ready", "/health", "/"):  # nobody has asked for a vector yet
        refused(running.get(route), 503, "model_changed")
    assert running.metric("bgem3_ready") == 0
    refused(running.post("/v1/encode", BODIES["/v1/encode"]), 503, "model_changed")
    refused(running.post("/score", BODIES["/score"]), 503, "model_changed")
    assert running.post("/tokenize", BODIES["/tokenize"]).status_code == 200
    assert running.get("/info").status_code == 200
    wait_for(lambda: any(line.get("route") == "/info" for line in running.logs), seconds=5)
    (line,) = (line for line in running.logs if line["level"] == "error")
    assert f"'{own / 'sparse_linear.pt'}' was changed while it was in use" in line["message"]


def test_a_reranker_is_looked_at_by_itself(server_program, nano, nano_reranker, tmp_path):
    own = pathlib.Path(shutil.copytree(nano_reranker, tmp_path / "reranker", copy_function=shutil.copyfile))
    with Server(server_program, "--model", nano, "--reranker", own) as server:
        overwrite(own / "model.safetensors")
        refused(server.post("/rerank", BODIES["/rerank"]), 503, "model_changed")
        refused(server.get("/ready"), 503, "model_changed")
        vectors(server)


def test_files_that_are_replaced_by_rename_do_not_matter(running, own):
    expected = vectors(running)
    for file in [file for file in own.iterdir() if file.is_file()]:
        new = own / "new"
        shutil.copyfile(file, new)
        overwrite(new)
        os.replace(new, file)
    assert (vectors(running) == expected).all()
    assert running.get("/ready").status_code == 200


def test_a_copy_needs_no_files(server_program, own):
    with Server(server_program, "--model", own, "--copy") as server:
        expected = vectors(server)
        for file in [file for file in own.iterdir() if file.is_file()]:
            os.truncate(file, 0)
        assert (vectors(server) == expected).all()
        assert server.get("/ready").status_code == 200


def test_copy_from_the_environment(server_program, own):
    with Server(server_program, "--model", own, environment={"BGEM3_COPY": "true"}) as server:
        os.truncate(own / "model.safetensors", 0)
        vectors(server)
