"""Dense, sparse and ColBERT embeddings and the scores against FlagEmbedding, on 200 texts of 2 to 8192 tokens.

On the large models an eighth of them or a quarter, all with BGEM3_ALL_TEXTS=1.
"""

import functools
import os

import compare
import numpy as np
import pytest
import reference
import texts as test_texts


def check_heads(model, found, expected, figure):
    cosine, delta = compare.check_dense(found.dense, expected.dense)
    figure(dense_cosine=cosine, dense_delta=delta)
    figure(**{f"sparse_{name}": value for name, value in compare.check_sparse(found.sparse, expected.sparse).items()})
    figure(colbert_cosine=compare.check_colbert(found.colbert, expected.colbert))


@functools.cache
def texts_for(model):
    return test_texts.multilingual_texts(functools.partial(reference.count_tokens, model))


@pytest.fixture(scope="module")
def found(model_directory, embed):
    """All texts, embedded by default options."""
    model = model_directory("tiny")
    return embed(model, texts_for(model))


def test_texts_are_what_they_claim(model_directory):
    model = model_directory("tiny")
    lengths = [min(reference.count_tokens(model, text), reference.MAX_LENGTH) for text in texts_for(model)]
    assert len(lengths) == 200
    assert min(lengths) == 2 and max(lengths) == reference.MAX_LENGTH
    assert len(set(lengths)) > 50


def test_heads(found, model_directory, figure):
    model = model_directory("tiny")
    texts = texts_for(model)
    check_heads(model, found, reference.flag_embeddings(model, texts, batch_size=3), figure)


@pytest.mark.parametrize("name, step", [("wide", 8), pytest.param("full", 4, marks=pytest.mark.slow)])
def test_heads_of_large_models(name, step, model_directory, embed, figure):
    model = model_directory(name)
    texts = texts_for(model)
    if "BGEM3_ALL_TEXTS" not in os.environ:
        texts = texts[1::step]  # all take FlagEmbedding ten minutes on a small machine
    assert any(reference.count_tokens(model, text) > reference.MAX_LENGTH for text in texts)
    # Without padding: with it, FlagEmbedding would take minutes more.
    check_heads(model, embed(model, texts), reference.flag_embeddings(model, texts, batch_size=1), figure)


def test_scores(model_directory, embed, figure):
    """Neighbouring texts form pairs; all five kinds of score."""
    model = model_directory("tiny")
    texts = [text for text in texts_for(model) if reference.count_tokens(model, text) < 600]
    texts = [*texts[: len(texts) // 2 * 2], "same text", "same text"]
    found = embed(model, texts, "--scores")
    expected = reference.flag_scores(model, list(zip(texts[0::2], texts[1::2])))
    figure(score_delta=float(np.abs(found.scores - expected).max()))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [("--batch-size", "1"), ("--batch-size", "64"), ("--batch-tokens", "64")])
def test_result_does_not_depend_on_the_batch(options, found, model_directory, embed, figure):
    model = model_directory("tiny")
    texts = texts_for(model)
    check_invariance(found, embed(model, texts, *options), list(range(len(texts))), figure)


def test_result_does_not_depend_on_order_and_neighbours(found, model_directory, embed, figure):
    model = model_directory("tiny")
    texts = texts_for(model)
    order = np.random.default_rng(1).permutation(len(texts))[:150].tolist()
    check_invariance(found, embed(model, [texts[i] for i in order]), order, figure)


def check_invariance(all_texts, some_texts, order, figure):
    """Text k of `some_texts` is text order[k] of `all_texts`: equal to 1e-5 in every kind."""
    worst = float(np.abs(some_texts.dense - all_texts.dense[order]).max())
    for k, i in enumerate(order):
        a, b = some_texts.sparse[k], all_texts.sparse[i]
        worst = max([worst, *(abs(a.get(token, 0) - b.get(token, 0)) for token in a.keys() | b.keys())])
        worst = max(worst, float(np.abs(some_texts.colbert[k] - all_texts.colbert[i]).max()))
    figure(largest_change=worst)
    assert worst <= 1e-5
