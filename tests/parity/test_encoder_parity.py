"""Hidden states after every layer against transformers, so that a failure names the first layer that is wrong."""

import compare
import pytest
import reference
import torch

TEXTS = [
    "Hello World",
    "This is just a test for another text",
    "",
    "机器学习与深度学习有什么差别？",
    "हिन्दी पाठ परीक्षण के लिए",
    "a",
    "Der schnelle braune Fuchs springt über den faulen Hund. " * 12,
    "مرحبا بالعالم",
]


def check_model(model, embed, figure, texts, max_length=reference.MAX_LENGTH):
    """Every layer of every text; in batches of three, so that packing is part of it."""
    found = embed(model, texts, "--layers", "--batch-size", "3")
    expected = reference.hidden_states(model, texts, max_length)
    assert len(found.layers) == len(expected[0]), "number of layers"
    assert found.lengths() == [len(states[0]) for states in expected], "tokens per text"
    worst = 0.0
    for layer in range(len(found.layers)):
        for text, states in enumerate(expected):
            worst = max(worst, compare.check_layer(found.hidden(layer, text), states[layer], layer))
    figure(layers=len(found.layers), worst_difference=worst)


def test_layers_of_tiny(tiny, embed, figure):
    check_model(tiny, embed, figure, TEXTS + ["word " * 3000])


@pytest.mark.parametrize("name", ["nano-f16", "nano-bf16", "nano-bin", "nano-shards", "nano-bin-shards"])
def test_layers_of_each_layout(name, model_directory, embed, figure):
    """Stored as float16 or bfloat16, both sides compute in float32 with the stored values."""
    check_model(model_directory(name), embed, figure, TEXTS + ["word " * 1000])


def test_layers_of_e5_small(model_directory, embed, figure):
    """BERT layout: positions from 0, and 512 of them."""
    check_model(model_directory("e5-small"), embed, figure, TEXTS + ["word " * 600], max_length=512)


def test_layers_of_large_models(large, embed, figure):
    check_model(large, embed, figure, TEXTS + ["word " * 1000])


@pytest.mark.parametrize("name", ["nano", "wide", pytest.param("full", marks=pytest.mark.slow)])
def test_as_near_to_float64_as_transformers(name, model_directory, embed, figure):
    """Rounding errors of our last layer are of the size of the reference's own; nano's long text adds up thousands of
    equal numbers."""
    model = model_directory(name)
    texts = [*TEXTS, "word " * 1000] if name == "nano" else TEXTS
    found = embed(model, texts, "--layers")
    single = reference.hidden_states(model, texts)
    exact = reference.hidden_states(model, texts, dtype=torch.float64)
    ours = theirs = 0.0
    for text, states in enumerate(exact):
        ours = max(ours, abs(found.hidden(-1, text) - states[-1]).max())
        theirs = max(theirs, abs(single[text][-1] - states[-1]).max())
    figure(our_error=ours, error_of_transformers=theirs)
    assert ours <= 2 * theirs
