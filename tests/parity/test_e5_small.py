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


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "many"])
def test_dense_equals_transformers(step, model_directory, embed, figure):
    model = model_directory("e5-small")
    sentences = sum(test_texts.translations().values(), [])
    texts = [*sentences[::step], *test_texts.golden_texts()[:: 50 * step], "word " * 600, ""]
    found = embed(model, texts)
    assert not found.sparse and not found.colbert
    cosine, delta = compare.check_dense(found.dense, mean_pooled(model, texts))
    figure(dense_cosine=cosine, dense_delta=delta)


@pytest.fixture(scope="module")
def translations(model_directory, embed):
    """Vectors [12, 384] of the same sentences by language."""
    sentences = test_texts.translations()
    assert {len(texts) for texts in sentences.values()} == {12}
    # e5 was trained with this prefix on both sides of a symmetric task.
    texts = [f"query: {text}" for text in sum(sentences.values(), [])]
    vectors = embed(model_directory("e5-small"), texts).dense
    return dict(zip(sentences, vectors.reshape(len(sentences), 12, -1)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_finds_its_translation(language, translations, figure):
    similarity = translations["en"] @ translations[language].T
    others = similarity - 2 * np.eye(12)
    figure(margin=float((similarity.diagonal() - others.max(1)).min()))
    assert similarity.argmax(1).tolist() == list(range(12))
