"""Scores of BGEM3FlagModel against FlagEmbedding's."""

import numpy as np
import pytest
import torch
from pair import Pair
from texts import golden_texts

KINDS = ["colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense"]
PAIRS = [
    ("What is BGE M3?", "BGE M3 is an embedding model."),
    ("What is BM25?", "BM25 is a ranking function."),
    ("Hauptstadt von Japan", "東京は日本の首都です。"),
    ("", "something"),
    ("a query of many more words than its passage has", "short"),
    ("same", "same"),
]


@pytest.fixture(scope="module")
def pair(tiny) -> Pair:
    return Pair.load(tiny)


def close(ours: float, theirs: float) -> None:
    assert type(ours) is float and type(theirs) is float
    assert ours == pytest.approx(theirs, rel=2e-5, abs=2e-5)


def compare_one(pair: Pair, texts, **options) -> None:
    ours, theirs = (model.compute_score(texts, **options) for model in (pair.ours, pair.theirs))
    assert list(ours) == list(theirs) == KINDS
    for kind in KINDS:
        close(ours[kind], theirs[kind])


@pytest.mark.parametrize("texts", PAIRS)
@pytest.mark.parametrize("form", [tuple, list])
def test_one_pair(pair, texts, form):
    compare_one(pair, form(texts))


@pytest.mark.parametrize("weights", [[1, 1, 1], [0.4, 0.2, 0.4], [1.0, 0.3, 1.0], [0, 1, 0], [1, 0, 0]])
def test_weights(pair, weights):
    compare_one(pair, PAIRS[0], weights_for_different_modes=weights)


@pytest.mark.parametrize("lengths", [(3, 3), (4, 100), (100, 4), (512, 8192)])
def test_lengths(pair, lengths):
    compare_one(pair, PAIRS[0], max_query_length=lengths[0], max_passage_length=lengths[1])


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_many_pairs(pair, batch_size):
    """FlagEmbedding lets the zero rows that pad shorter passages take part in the ColBERT maximum, so a score depends on
    the other pairs of its batch; the reference here is one pair at a time."""
    ours = pair.ours.compute_score(PAIRS, batch_size=batch_size)
    assert list(ours) == KINDS
    for i, texts in enumerate(PAIRS):
        theirs = pair.theirs.compute_score(texts)
        for kind in KINDS:
            close(ours[kind][i], theirs[kind])


def test_many_pairs_as_flagembedding_batches_them(pair):
    ours, theirs = (model.compute_score(PAIRS) for model in (pair.ours, pair.theirs))
    for kind in ("dense", "sparse", "sparse+dense"):
        assert ours[kind] == pytest.approx(theirs[kind], rel=2e-5, abs=2e-5)
    assert {kind: type(values) for kind, values in ours.items()} == dict.fromkeys(KINDS, list)


def test_one_pair_in_a_list(pair):
    ours, theirs = (model.compute_score(PAIRS[:1]) for model in (pair.ours, pair.theirs))
    for kind in KINDS:
        assert ours[kind] == pytest.approx(theirs[kind], rel=2e-5, abs=2e-5)


def test_no_pairs(pair):
    assert pair.ours.compute_score([]) == pair.theirs.compute_score([]) == []


def test_on_one_device(pair):
    ours = pair.ours.compute_score_single_device(PAIRS, device="cpu")
    assert ours == pair.ours.compute_score(PAIRS)
    with pytest.raises(ValueError, match="cuda:7"):
        pair.ours.compute_score_single_device(PAIRS, device="cuda:7")


@pytest.mark.parametrize("weights", [[1, 1], [], [1, 1, 1, 1]])
def test_wrong_number_of_weights(pair, weights):
    with pytest.raises(AssertionError):
        pair.theirs.compute_score(PAIRS, weights_for_different_modes=weights)
    with pytest.raises(ValueError, match="3 numbers"):
        pair.ours.compute_score(PAIRS, weights_for_different_modes=weights)


def test_scores_of_truncated_vectors_are_of_whole_ones(tiny):
    """compute_score() takes no notice of truncate_dim, in both."""
    compare_one(Pair.load(tiny, truncate_dim=8), PAIRS[0])


def lexical_weights(pair) -> list[dict]:
    return pair.theirs.encode(golden_texts()[:20], return_sparse=True)["lexical_weights"]


def test_lexical_matching(pair):
    weights = lexical_weights(pair)
    one = [model.compute_lexical_matching_score(weights[0], weights[1]) for model in (pair.ours, pair.theirs)]
    assert one[0] == pytest.approx(one[1]) and np.isscalar(one[0]) and np.isscalar(one[1])
    many = [model.compute_lexical_matching_score(weights[:5], weights) for model in (pair.ours, pair.theirs)]
    assert many[0].shape == many[1].shape == (5, 20) and many[0].dtype == many[1].dtype
    assert np.allclose(*many)


@pytest.mark.parametrize("arguments", [({}, []), ("a", "b"), (None, {})])
def test_lexical_matching_of_something_else(pair, arguments):
    for model in (pair.ours, pair.theirs):
        with pytest.raises(ValueError):
            model.compute_lexical_matching_score(*arguments)


def test_colbert_score(pair):
    vectors = pair.theirs.encode([texts[0] for texts in PAIRS], return_colbert_vecs=True)["colbert_vecs"]
    for query in vectors:
        for passage in vectors:
            ours, theirs = (model.colbert_score(query, passage) for model in (pair.ours, pair.theirs))
            assert type(ours) is type(theirs) is torch.Tensor and ours.shape == theirs.shape
            assert torch.allclose(ours, theirs, atol=1e-6)


def test_names_of_tokens(pair):
    weights = lexical_weights(pair)
    for given in (weights, weights[:1], weights[0], []):
        ours, theirs = (model.convert_id_to_token(given) for model in (pair.ours, pair.theirs))
        assert ours == theirs
