"""Processes that fork after they have loaded a model, and used it: each call of a child works or raises at once, and
each way out of it ends it."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bgem3
import numpy as np
import pytest
from pair import same_array
from waiting import wait_for

HERE = Path(__file__).parent
TEXTS = ["in a child", "of this process"]
CLASSES = [
    "EmbeddingModel",
    "BGEM3FlagModel",
    "FlagModel",
    "FlagReranker",
    "Tokenizer",
    "BatchingEmbedder",
    "BatchingReranker",
]
# Their threads are with the parent.
MADE_BEFORE = {
    "BatchingEmbedder": ("encode", "submit", "aencode"),
    "BatchingReranker": ("score", "submit", "ascore"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_everything_works_or_raises_in_a_child(nano, nano_reranker, name):
    directory = nano_reranker if "Reranker" in name else nano
    ran = subprocess.run(
        [sys.executable, HERE / "forking.py", name, directory], capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    outcomes = json.loads(ran.stdout)
    refused = f"InvalidArgumentError: this {name} was made before fork(), and its threads stayed with the parent"
    for case, outcome in outcomes.items():
        told, code = outcome["told"], outcome["code"]
        assert code is not None, f"{case}: the child hangs after it has told '{told}'"
        assert code == outcome["expected"], (case, outcome)
        assert told.endswith(" and atexit") == ("_exit" not in case), (case, told)
        works = MADE_BEFORE.get(name, ())
        if works and case in (*works, "os._exit", "exception", "a fork of the fork"):
            assert told.startswith(refused), (case, told)
        elif case == "answer of the parent":
            assert told.startswith("InvalidArgumentError: this request was submitted before fork()"), told
        elif name not in MADE_BEFORE:
            assert told.split(" and ")[0] in ("same", "nothing", "closed", "forgotten"), (case, told)


# A fork within a call

CALLBACK_FORKS = """
import os, bgem3
core = bgem3._core.Embedder.load({directory!r}, threads=2)
parent, children = os.getpid(), []

def progress(done, total):
    if os.getpid() == parent and not children:
        children.append(os.fork())

texts = [f"{{i}} " + "many words in a long text " * 100 for i in range(200)]
try:
    core.encode(texts, progress=progress)
except bgem3.errors.InvalidArgumentError as error:
    assert os.getpid() != parent and "this call was made before fork()" in str(error), error
    core.encode(texts[:2])
else:
    assert os.getpid() == parent
    assert os.waitpid(children[0], 0)[1] == 0
"""

ANSWER_FORKS = """
import os, bgem3
with bgem3.BatchingEmbedder({directory!r}, device="cpu") as batching:
    children = []
    future = batching.submit(["a text"])
    batching.submit(["another"]).add_done_callback(lambda done: children.append(os.fork()))
    future.result()
if children != [0]:  # in the child, the thread that forked ends after the callback, and with it the process
    assert os.waitpid(children[0], 0)[1] == 0
"""


@pytest.mark.parametrize("program", [CALLBACK_FORKS, ANSWER_FORKS], ids=["progress", "answer"])
def test_callback_forks(nano, program):
    program = program.format(directory=str(nano))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


ANSWERS = """
import concurrent.futures, os, threading
from bgem3 import errors
from bgem3._model import batching as _batching

class Ticket:
    def cancel(self): pass

def submit(found, to_result=lambda found: found):
    def start(on_done):
        if found is not None:
            on_done(found, None)
        return Ticket()
    return _batching._submit(start, to_result)

def fail(found):
    raise ValueError("cannot be converted")

answers = {"done": submit(1), "failed": submit(1, fail), "cancelled": submit(None), "none yet": submit(None)}
answers["cancelled"].cancel()
answers["running"] = submit(None)
answers["running"].set_running_or_notify_cancel()

def outcome(future):
    assert future.done()
    try:
        return future.result()
    except (ValueError, concurrent.futures.CancelledError, errors.InvalidArgumentError) as error:
        return type(error).__name__

held, forked = threading.Event(), threading.Event()

def hold():  # what a thread does while it answers
    for future in answers.values():
        future._condition.acquire()
    held.set()
    forked.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    found = {name: outcome(future) for name, future in answers.items()}
    assert found == {
        "done": 1,
        "failed": "ValueError",
        "cancelled": "CancelledError",
        "none yet": "InvalidArgumentError",
        "running": "InvalidArgumentError",
    }, found
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_answers_of_the_parent_in_a_child():
    """Whatever state they are in, and a thread of the parent with them, none is waited for."""
    ran = subprocess.run([sys.executable, "-c", ANSWERS], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


# Who forks


def encode_in_child(model: bgem3.BGEM3FlagModel, answers: Any) -> None:
    answers.put(model.encode(TEXTS)["dense_vecs"])


@pytest.fixture(scope="module")
def model(nano) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(str(nano), devices="cpu", threads=2)


@pytest.fixture(scope="module")
def expected(model) -> np.ndarray:
    return model.encode(TEXTS)["dense_vecs"]


def test_multiprocessing_fork(model, expected):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=encode_in_child, args=(model, answers), daemon=True)
    child.start()
    same_array(answers.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0


LOADS = """
import asyncio, os, bgem3
loaded_by = os.getpid()
model = bgem3.BGEM3FlagModel({directory!r}, devices="cpu", threads=2)
batching = bgem3.BatchingEmbedder({directory!r}, device="cpu")
model.encode("so that its threads are there")
batching.encode(["and so that"])

def encode(texts):
    return asyncio.run(model.aencode(texts))["dense_vecs"]

encode(["these are"])
"""

FORKSERVER = """
import multiprocessing, os

def encode(answers):
    import loads
    assert loads.loaded_by == os.getppid() != os.getpid()  # by the server of forks
    assert loads.model.encode("alone")["dense_vecs"].size
    answers.put(loads.encode({texts!r}).tolist())

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["loads"])
    answers = context.Queue()
    children = [context.Process(target=encode, args=(answers,), daemon=True) for _ in range(2)]
    for child in children:
        child.start()
    print([answers.get(timeout=60) for _ in children])
    for child in children:
        child.join(60)
        assert child.exitcode == 0, child.exitcode
"""

DATA_LOADER = """
import torch, loads
from torch.utils.data import DataLoader, Dataset

class Encoded(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        assert loads.model.encode("alone")["dense_vecs"].size
        return loads.encode({texts!r}[index])

torch.set_num_threads(2)
(torch.rand(700, 700) @ torch.rand(700, 700)).sum()  # LibTorch's own threads are there as well
loader = DataLoader(Encoded(), batch_size=1, num_workers=2, timeout=60, multiprocessing_context="fork")
print([torch.cat(list(loader)).tolist() for _ in range(2)])
"""


@pytest.mark.parametrize("program", [FORKSERVER, DATA_LOADER], ids=["forkserver", "DataLoader"])
def test_workers_use_the_model_of_their_parent(nano, tmp_path, expected, program):
    (tmp_path / "loads.py").write_text(LOADS.format(directory=str(nano)))
    (tmp_path / "program.py").write_text(program.format(texts=TEXTS))
    ran = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=paths(tmp_path), capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    for found in json.loads(ran.stdout):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def paths(directory: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(directory)}


APPLICATION = """
import json, os, urllib.parse, loads

def application(environ, start_response):
    text = urllib.parse.unquote(environ["QUERY_STRING"])
    found = loads.model.encode(text)["dense_vecs"], loads.encode(text)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([os.getpid(), *(vector.tolist() for vector in found)]).encode()]
"""


@pytest.fixture
def gunicorn(nano, tmp_path) -> Iterator[tuple[subprocess.Popen, int, Path]]:
    """With two workers that have the application of their parent: process, port and log."""
    (tmp_path / "loads.py").write_text(LOADS.format(directory=str(nano)))
    (tmp_path / "served.py").write_text(APPLICATION)
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--graceful-timeout=60"]
        command += [f"--bind=fd://{listening.fileno()}", f"--log-file={log}", "served:application"]
        process = subprocess.Popen(command, cwd=tmp_path, env=paths(tmp_path), pass_fds=[listening.fileno()])
        yield process, listening.getsockname()[1], log
    process.kill()
    process.wait()


def test_gunicorn_with_preload(gunicorn, expected):
    process, port, log = gunicorn
    workers = set()

    def both_have_answered() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/?in%20a%20child", timeout=20) as answer:
            worker, encoded, batched = json.load(answer)
        for found in (encoded, batched):
            np.testing.assert_allclose(found, expected[0], rtol=1e-4, atol=1e-6)
        workers.add(worker)
        return len(workers) == 2

    wait_for(both_have_answered)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0  # sooner than a worker that hangs is killed
    assert "Shutting down: Master" in log.read_text()
