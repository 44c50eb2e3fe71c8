"""Families beside XLM-RoBERTa and BERT: hidden states after every layer against the classes of transformers, from token
ids of one to as many as there are positions. `<pad>`, id 1, is among them."""

import pathlib

import compare
import numpy as np
import prepared
import pytest
import torch
from transformers import AutoModel

FAMILIES = {
    "distilbert": "DistilBertModel",
    "roberta": "RobertaModel",
    "camembert": "CamembertModel",
    "mpnet": "MPNetModel",
}
VOCABULARY, POSITIONS = 933, 512
# Around tiles, blocks of queries and of keys; equal ones, too.
LENGTHS = [*range(1, 19), 32, 33, 47, 48, 49, 49, 64, 65, 96, 97, 97, 127, 128, 129, 144, 145, 193, 257, 385, 511, 512]
COSINE_MIN = {"bfloat16": 0.9995, "int8": 0.99}  # tests/python/test_dtype.py has the same
NEEDS = {"bfloat16": "avx512_bf16", "int8": "avx512_vnni"}


def texts_of_ids() -> list[list[int]]:
    generator = np.random.default_rng(7)
    return [generator.integers(0, VOCABULARY, length).tolist() for length in LENGTHS]


@torch.inference_mode()
def hidden_states(model: pathlib.Path, family: str, texts: list[list[int]]) -> list[list[np.ndarray]]:
    """[text][layer] -> [n, D]; of all ids, `<pad>` too."""
    encoder = AutoModel.from_pretrained(model, dtype=torch.float32).eval()
    assert type(encoder).__name__ == FAMILIES[family]
    results = []
    for ids in texts:
        inputs = torch.tensor([ids])
        output = encoder(inputs, attention_mask=torch.ones_like(inputs), output_hidden_states=True)
        results.append([state[0].numpy() for state in output.hidden_states])
    return results


def normalised(rows: list[np.ndarray]) -> np.ndarray:
    return np.stack([row / np.linalg.norm(row) for row in rows])


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(family) -> pathlib.Path:
    return prepared.model_directory(f"nano-{family}")


@pytest.fixture(scope="module")
def expected(family, model) -> list[list[np.ndarray]]:
    return hidden_states(model, family, texts_of_ids())


def test_layers(model, expected, embed, figure):
    """In batches of equal and unequal lengths."""
    texts = texts_of_ids()
    found = embed(model, texts, "--ids", "--layers", "--batch-size", "5")
    assert len(found.layers) == len(expected[0]), "number of layers"
    worst = 0.0
    for layer in range(len(found.layers)):
        for text, states in enumerate(expected):
            worst = max(worst, compare.check_layer(found.hidden(layer, text), states[layer], layer))
    figure(worst_difference=worst)


def test_first_tokens(model, expected, embed, figure):
    """Of which CLS pooling computes the last layer alone."""
    found = embed(model, texts_of_ids(), "--ids", "--pooling", "cls")
    cosine, difference = compare.check_dense(found.dense, normalised([states[-1][0] for states in expected]))
    figure(cosine=cosine, difference=difference)


@pytest.mark.parametrize("dtype, pooling", [("bfloat16", "cls"), ("int8", "mean")])
def test_other_dtypes(model, expected, embed, figure, dtype, pooling):
    if NEEDS[dtype] not in pathlib.Path("/proc/cpuinfo").read_text():
        pytest.skip(f"this processor cannot compute in {dtype}")
    found = embed(model, texts_of_ids(), "--ids", "--dtype", dtype, "--pooling", pooling)
    rows = [states[-1].mean(axis=0) if pooling == "mean" else states[-1][0] for states in expected]
    cosine = float(compare.cosine(found.dense, normalised(rows)).min())
    figure(cosine=cosine)
    assert cosine >= COSINE_MIN[dtype]
