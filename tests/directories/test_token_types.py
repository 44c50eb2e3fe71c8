"""Token types of pairs, at the level of their ids, against transformers."""

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def pairs() -> list[tuple[list[int], int]]:
    """Ids, and where the second text begins; pairs of equal ids and other types among them."""
    draw = np.random.default_rng(5)
    pairs = []
    for length in (3, 4, 9, 40, 171, 512, 17, 17, 60, 5):
        ids = [2, *draw.integers(5, 900, length - 2).tolist(), 3]
        pairs += [(ids, int(draw.integers(1, length))), (ids, length - 1), (ids, 1)]
    return pairs


@torch.inference_mode()
def logits_of(directory, pairs: list[tuple[list[int], int]]) -> np.ndarray:
    model = BertForSequenceClassification.from_pretrained(directory, dtype=torch.float32).eval()
    logits = []
    for ids, begin in pairs:
        types = [int(0 < begin <= i) for i in range(len(ids))]
        given = {"input_ids": ids, "token_type_ids": types, "attention_mask": [1] * len(ids)}
        logits.append(model(**{name: torch.tensor([row]) for name, row in given.items()}).logits.item())
    return np.array(logits)


def test_logits_of_typed_pairs(bert_reranker, cpp, pairs):
    ids, begins = zip(*pairs)
    answer = cpp({"directory": str(bert_reranker), "ids": ids, "second_begins": begins})
    expected = logits_of(bert_reranker, pairs)
    np.testing.assert_allclose(answer["logits"], expected, rtol=TOLERANCE, atol=TOLERANCE)
    plain = logits_of(bert_reranker, [(row, 0) for row in ids])
    assert np.abs(expected - plain).min() > 1e-4  # types that are left out would be seen


def test_types_are_refused_where_they_are_missing_or_there_are_none(bert_reranker, nano_reranker, cpp):
    answer = cpp({"directory": str(bert_reranker), "ids": [[2, 5, 3, 6, 3]], "second_begins": [0]})
    assert "second_begin should be where the passage begins" in answer["error"]
    answer = cpp({"directory": str(nano_reranker), "ids": [[0, 5, 2, 2, 6, 2]], "second_begins": [4]})
    assert "pair 0 of the call: second_begin should be 0" in answer["error"]
