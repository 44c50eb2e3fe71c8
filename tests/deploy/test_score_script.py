"""score.py by itself, with stand-ins for what a test cannot make a model do."""

import importlib.util
import types

import numpy as np
import orjson
import pytest
from bgem3 import errors
from conftest import DEPLOY


@pytest.fixture
def score(monkeypatch) -> types.ModuleType:
    """The module, with settings and an embedder that gives one vector."""
    spec = importlib.util.spec_from_file_location("score", DEPLOY / "azureml" / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.settings = module.Settings()
    module.embedder = types.SimpleNamespace(encode=lambda texts, **_: {"dense": np.ones((len(texts), 4), np.float32)})
    return module


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidArgumentError, 422),
        (errors.OverloadedError, 429),
        (errors.DeadlineExceededError, 408),
        (errors.OutOfMemoryError, 503),
        (errors.ModelChangedError, 503),
    ],
)
def test_errors(score, error, status):
    def fail(*_: object, **__: object):
        raise error("what happened")

    score.embedder.encode = fail
    response = score.run('["a"]', {})
    assert response.status_code == status
    assert orjson.loads(response.data)["error"] | {"type": ""} == {
        "message": "what happened",
        "type": "",
        "code": error.code,
    }
    assert ("Retry-After" in response.headers) == (status in (429, 503))


def test_defects_are_left_to_the_inference_server(score):
    def fail(*_: object, **__: object):
        raise errors.Error("a defect")

    score.embedder.encode = fail
    with pytest.raises(errors.Error):
        score.run('["a"]', {})


def test_floats_read_back_the_same(score):
    values = np.random.default_rng(7).standard_normal((20, 64)).astype(np.float32)
    values[0, :6] = [0, -0.0, 1, np.finfo(np.float32).tiny, np.finfo(np.float32).max, 1e-45]
    body = score.vectors_response(values, score.ScoreRequest([], 0)).data
    found = np.array(orjson.loads(body)).astype(np.float32)
    assert found.tobytes() == values.tobytes()
    assert len(body) < 14 * values.size


def test_vectors_of_any_layout(score):
    values = np.arange(12, dtype=np.float32).reshape(3, 4).T
    assert orjson.loads(score.vectors_response(values, score.ScoreRequest([], 0)).data) == values.tolist()
    response = score.vectors_response(values, score.ScoreRequest([], 0, raw_dtype="float16"))
    assert (np.frombuffer(response.data, "<f2").reshape(4, 3) == values).all()
    assert response.headers.getlist("x-shape") == ["4,3"]


def test_settings_come_from_the_environment(score, monkeypatch):
    monkeypatch.setenv("BGEM3_MAX_LENGTH", "512")
    monkeypatch.setenv("BGEM3_DEVICE", "cuda:1")
    assert score.Settings().copy_weights is False
    monkeypatch.setenv("BGEM3_CUDA_GRAPHS", "false")
    monkeypatch.setenv("BGEM3_COPY", "true")
    monkeypatch.setenv("BGEM3_THREADS", "3")
    settings = score.Settings()
    assert (settings.max_length, settings.device, settings.request_timeout_ms) == (512, "cuda:1", 9500)
    assert settings.cuda_graphs is False and settings.copy_weights is True and settings.threads == 3
    monkeypatch.setenv("BGEM3_MAX_TEXTS", "none")
    with pytest.raises(ValueError, match="max_texts"):
        score.Settings()


@pytest.mark.parametrize(("folders", "found"), [(["a"], "a"), ([], None), (["a", "b"], None)])
def test_model_directory(score, monkeypatch, tmp_path, folders, found):
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.json").touch()
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    if found:
        assert score.model_directory() == tmp_path / found
    else:
        with pytest.raises(FileNotFoundError, match=str(tmp_path)):
            score.model_directory()


def test_model_directory_that_is_the_model(score, monkeypatch, tmp_path):
    (tmp_path / "config.json").touch()
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").touch()
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    assert score.model_directory() == tmp_path
