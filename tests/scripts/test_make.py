"""The model makers: complete models are left alone, interrupted ones leave nothing, files equal transformers' own."""

import pathlib
import sys
import types

import make
import plain_encoder
import prepared
import pytest
import random_model
import torch
from safetensors.torch import load_file


@pytest.fixture
def recipe(monkeypatch):
    """A recipe "demo" of a maker that counts its runs and fails on demand."""
    calls = types.SimpleNamespace(count=0, fail=False)

    def maker(out):
        calls.count += 1
        out.mkdir(parents=True)
        (out / "config.json").write_text("{}")
        if calls.fail:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "demo_maker", types.SimpleNamespace(make=maker))
    set_version(monkeypatch, 1)
    return calls


def set_version(monkeypatch, version):
    made = make.Recipe("for tests", "demo_maker", version=version, tokenizer="")
    monkeypatch.setitem(make.RECIPES, "demo", made)


def test_makes_once(recipe, tmp_path):
    assert make.make("demo", tmp_path) == make.make("demo", tmp_path) == tmp_path / "demo"
    assert recipe.count == 1
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"config.json", make.STAMP}


def test_makes_again_for_a_new_version(recipe, tmp_path, monkeypatch):
    make.make("demo", tmp_path)
    set_version(monkeypatch, 2)
    make.make("demo", tmp_path)
    assert recipe.count == 2


def test_where_they_go(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BGEM3_TEST_MODELS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "argv", ["make.py", "--root", str(tmp_path / "models"), "demo"])
    make.main()
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    assert f"making {tmp_path / 'models' / 'demo'} (for tests)" in capsys.readouterr().err


def test_tests_say_how_a_model_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("BGEM3_TEST_MODELS", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=f"scripts/models/make.py --root {tmp_path} nano"):
        prepared.model_directory("nano")
    monkeypatch.setenv("BGEM3_TEST_MODELS", str(make.ROOT))
    monkeypatch.setattr(pathlib.Path, "is_file", lambda path: False)
    with pytest.raises(pytest.fail.Exception, match="scripts/models/make.py nano"):
        prepared.model_directory("nano")


def test_interrupted_run_leaves_nothing(recipe, tmp_path):
    recipe.fail = True
    with pytest.raises(KeyboardInterrupt):
        make.make("demo", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_models_made_without_transformers_are_the_same():
    expected = dict(random_model.random_encoder("nano", 7).named_parameters())
    found = plain_encoder.draw("nano", 7)
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_safetensors_written_without_its_package(dtype, tmp_path):
    plain_encoder.save("nano", 7, tmp_path, "safetensors", dtype, shards=1)
    found = load_file(tmp_path / "model.safetensors")
    expected = {name: parameter.to(dtype) for name, parameter in plain_encoder.draw("nano", 7).items()}
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_random_models_are_reproducible_and_seeded():
    def first_layer(seed):
        return random_model.random_encoder("nano", seed).encoder.layer[0].attention.self.query.weight

    assert torch.equal(first_layer(1), first_layer(1))
    assert not torch.equal(first_layer(1), first_layer(2))
