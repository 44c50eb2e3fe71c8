"""bench/float16_forms.py: rounds where a form says, and nowhere else."""

import os
import pathlib

import emulation
import float16_forms
import numpy as np
import pytest
import torch
from float16_forms import FORMS, Form

ROOT = pathlib.Path(__file__).resolve().parents[2]
NANO = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / "nano"
EXACT = Form("none", gelu_in_product=False, sum_in_norm=False)


@pytest.fixture(scope="module")
def model():
    return emulation.load_model(NANO)


@pytest.fixture(scope="module")
def tokens():
    return emulation.tokenize(NANO, emulation.sentences(3))


@pytest.fixture
def embed(model, tokens):
    """Form → vectors of all texts."""

    @torch.inference_mode()
    def embed(form: Form | None) -> np.ndarray:
        return emulation.embed(float16_forms.emulate(model, form) if form else model, tokens)["mean"]

    return embed


def test_without_rounding_the_model_is_transformers(embed, monkeypatch):
    monkeypatch.setattr(float16_forms, "to_float16", float16_forms.unrounded)
    np.testing.assert_allclose(embed(EXACT), embed(None), atol=2e-6)


def test_forms_differ_from_each_other_and_from_float32(embed):
    found = [embed(None), *map(embed, FORMS)]
    for i, one in enumerate(found):
        assert all(np.abs(one - other).max() > 1e-6 for other in found[:i])


def test_forms_are_as_near_to_float32_as_float16_is(embed):
    exact = embed(None)
    for form in FORMS:
        found = emulation.compare(exact, embed(form), digits=8)
        assert 0.9999 < found["lowest_cosine"] <= found["mean_cosine"] < 1, form.name


@torch.inference_mode()
def test_numbers_are_rounded_once_or_twice(model, monkeypatch):
    """Roundings of a forward pass of one layer: what the forms differ by."""

    def count(form: Form) -> int:
        calls = []
        monkeypatch.setattr(float16_forms, "to_float16", lambda numbers: calls.append(1) or numbers)
        emulated = float16_forms.emulate(model, form)
        calls.clear()
        emulated(input_ids=torch.tensor([[0, 5, 6, 2]]))
        return len(calls)

    layers = model.config.num_hidden_layers
    fused = count(Form("tanh", gelu_in_product=True, sum_in_norm=True))
    # Of a layer: six products but for one whose result stays inside, GELU, attention and its weights, two norms.
    assert fused == 1 + layers * (5 + 1 + 2 + 2)
    assert count(Form("none", gelu_in_product=False, sum_in_norm=True)) == fused + layers
    assert count(Form("tanh", gelu_in_product=True, sum_in_norm=False)) == fused + 1 + 2 * layers


def test_a_model_with_another_activation_is_refused(model, monkeypatch):
    monkeypatch.setattr(model.config, "hidden_act", "relu")
    with pytest.raises(SystemExit, match="found 'relu'"):
        float16_forms.expect_gelu(model)
