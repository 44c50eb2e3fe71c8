"""Which model scripts/demo takes, and what it says about it."""

import functools
import pathlib

import choose
import huggingface_hub
import pytest


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty Hugging Face cache, no network, and a default model that costs nothing."""
    in_cache = functools.partial(huggingface_hub.try_to_load_from_cache, cache_dir=tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", in_cache)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(choose.make, "make", lambda name: pathlib.Path("/made") / name)
    return tmp_path / "hub"


def put_in_cache(hub: pathlib.Path, files) -> pathlib.Path:
    """Lays BAAI/bge-m3 out as huggingface_hub does; returns the snapshot."""
    repository = hub / "models--BAAI--bge-m3"
    snapshot = repository / "snapshots" / "0123abcd"
    for name in files:
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_text("{}")
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abcd")
    return snapshot


def test_environment_comes_first(hub, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    choice = choose.choose({"BGEM3_MODEL": str(tmp_path)})
    assert choice == choose.Choice(tmp_path, "BGEM3_MODEL names it")


def test_environment_that_is_no_model_stops(hub, tmp_path):
    with pytest.raises(SystemExit, match=r"BGEM3_MODEL=.*: not a model directory"):
        choose.choose({"BGEM3_MODEL": str(tmp_path / "nowhere")})


def test_cached_model_is_used(hub):
    snapshot = put_in_cache(hub, choose.FILES)
    assert choose.choose({}) == choose.Choice(snapshot, "BAAI/bge-m3 is in the Hugging Face cache")


def test_incomplete_cache_is_not_used(hub):
    put_in_cache(hub, [name for name in choose.FILES if name != "pytorch_model.bin"])
    assert choose.choose({}).directory == pathlib.Path("/made/e5-small")


def test_default_says_why(hub):
    choice = choose.choose({"BGEM3_MODEL": ""})
    assert choice.directory == pathlib.Path("/made/e5-small")
    assert choice.reason.endswith("HF_HUB_OFFLINE is set")


def test_hub_that_does_not_answer(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)

    def fail(*arguments, **options):
        assert options["timeout"] <= 5
        raise TimeoutError

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
    assert "did not answer (TimeoutError)" in choose.choose({}).reason


def test_download_says_its_size_first(hub, monkeypatch, capsys):
    monkeypatch.setattr(choose, "download_size", lambda: 2_300_000_000)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, allow_patterns: "/cache/bge-m3")
    assert choose.choose({}) == choose.Choice(pathlib.Path("/cache/bge-m3"), "BAAI/bge-m3 was downloaded")
    assert "downloading BAAI/bge-m3: 2.3 GB" in capsys.readouterr().err


def test_broken_download_falls_back(hub, monkeypatch):
    def fail(*arguments, **options):
        raise ConnectionError("connection reset")

    monkeypatch.setattr(choose, "download_size", lambda: 1)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    assert choose.choose({}).reason.endswith("the download stopped: connection reset")
