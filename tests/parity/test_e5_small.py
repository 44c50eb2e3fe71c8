"""Real weights: multilingual-e5-small, mean pooling, BERT layout."""

import compare
import numpy as np
import pytest
import reference
import texts as test_texts

LANGUAGES = ("de", "fr", "es", "zh", "ja", "ru", "ar", "hi")


def mean_pooled(model, texts):
    """[B, 384]: mean of transformers' last hidden states, L2-normalised."""
    pooled = np.array([states[-1].mean(0) for states in reference.hidden_states(model, texts, max_length=512)])
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def test_dense_equals_transformers(model_directory, embed, figure):
    model = model_directory("e5-small")
    texts = [*sum(test_texts.translations().values(), []), *test_texts.golden_texts()[::50], "word " * 600, ""]
    found = embed(model, texts)
    assert not found.sparse and not found.colbert
    cosine, delta = compare.check_dense(found.dense, mean_pooled(model, texts))
    figure(dense_cosine=cosine, dense_delta=delta)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_finds_its_translation(language, model_directory, embed, figure):
    sentences = test_texts.translations()
    english, foreign = sentences["en"], sentences[language]
    assert len(english) == len(foreign) == 12
    # e5 was trained with this prefix on both sides of a symmetric task.
    vectors = embed(model_directory("e5-small"), [f"query: {text}" for text in english + foreign]).dense
    similarity = vectors[:12] @ vectors[12:].T
    others = similarity - 2 * np.eye(12)
    figure(margin=float((similarity.diagonal() - others.max(1)).min()))
    assert similarity.argmax(1).tolist() == list(range(12))
