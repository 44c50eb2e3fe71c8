"""When the progress bar appears, and what it counts."""

import os
import subprocess
import sys

import bgem3
import FlagEmbedding
import pytest


@pytest.fixture(scope="module")
def model(nano) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(str(nano), devices="cpu")


def bar_of(capsys, model, count: int, **options) -> bool:
    capsys.readouterr()
    model.encode([f"text {i}" for i in range(count)], batch_size=4, **options)
    return "Inference Embeddings" in capsys.readouterr().err


def test_bar_appears_when_flagembeddings_does(capsys, nano, model):
    theirs = FlagEmbedding.BGEM3FlagModel(str(nano), use_fp16=False, devices="cpu")
    shown = [bar_of(capsys, model, count) for count in (1, 3, 4, 5, 9)]
    assert shown == [bar_of(capsys, theirs, count) for count in (1, 3, 4, 5, 9)]
    assert True in shown and False in shown


@pytest.mark.parametrize("show, count", [(True, 2), (False, 9)])
def test_bar_on_and_off(capsys, model, show, count):
    assert bar_of(capsys, model, count, show_progress_bar=show) is show


@pytest.mark.parametrize("devices", ["cpu", ["cpu", "cpu"]])
def test_bar_counts_all_texts(capsys, nano, devices):
    bar_model = bgem3.BGEM3FlagModel(str(nano), devices=devices, show_progress_bar=True)
    bar_model.encode([f"text {i % 20}" for i in range(50)], batch_size=4)
    assert "100%" in (err := capsys.readouterr().err) and "50/50" in err


def test_bar_off_by_environment(nano):
    program = f"import bgem3; bgem3.BGEM3FlagModel({str(nano)!r}).encode(['a', 'b', 'c'], batch_size=1)"
    run = lambda **extra: subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **extra}
    )
    assert "Inference Embeddings" in run().stderr
    assert run(TQDM_DISABLE="1").stderr == ""
