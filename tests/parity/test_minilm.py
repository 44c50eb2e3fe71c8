"""Real weights with a vocabulary of BERT's own: all-MiniLM-L6-v2, six layers, mean pooling, cut after 256 tokens."""

import json

import compare
import numpy as np
import pytest
import reference
import texts as test_texts
import torch
from test_encoder_parity import TEXTS, check_model

MAX_LENGTH = 256  # sentence_bert_config.json
POSITIONS = 512
LENGTHS = [3, 15, 16, 17, 32, 33, 64, 65, 129, 255, 256]  # with [CLS] and [SEP]


@pytest.fixture(scope="module")
def minilm(model_directory):
    return model_directory("minilm")


@pytest.fixture(scope="module")
def peer(minilm):
    from sentence_transformers import SentenceTransformer  # seconds to import

    return SentenceTransformer(str(minilm), device="cpu")


def words(tokens):
    """A text of so many tokens, [CLS] and [SEP] included."""
    return " ".join((["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"] * tokens)[: tokens - 2])


def test_layers(minilm, embed, figure):
    check_model(minilm, embed, figure, [*TEXTS, "[MASK] Ünï-codé", "word " * 600], max_length=MAX_LENGTH)


def test_layers_at_each_length(minilm, embed, figure):
    """Lengths around those at which kernels change their blocks."""
    texts = [words(tokens) for tokens in LENGTHS]
    assert [reference.count_tokens(minilm, text) for text in texts] == LENGTHS
    check_model(minilm, embed, figure, texts, max_length=MAX_LENGTH)


def test_layers_at_the_last_position(minilm, embed, figure, tmp_path):
    """With the limit that the weights have, in place of that of sentence-transformers. Of the last layer, float32 would take
    much of the tolerance on the reference's side alone, so that it computes in float64."""
    for file in minilm.iterdir():
        (tmp_path / file.name).symlink_to(file)
    config = tmp_path / "sentence_bert_config.json"
    config.unlink()
    config.write_text(json.dumps({"max_seq_length": POSITIONS, "do_lower_case": False}), "utf-8")
    texts = [words(tokens) for tokens in (257, POSITIONS - 1, POSITIONS, POSITIONS + 1)]
    found = embed(tmp_path, texts, "--layers")
    exact = reference.hidden_states(tmp_path, texts, POSITIONS, torch.float64)
    assert found.lengths() == [257, POSITIONS - 1, POSITIONS, POSITIONS]
    layers = range(len(exact[0]))
    figure(worst=max(compare.check_layer(found.hidden(i, t), exact[t][i], i) for i in layers for t in range(4)))


def test_dense_equals_sentence_transformers(minilm, peer, embed, figure):
    sentences = sum(test_texts.translations().values(), [])
    texts = [*sentences[::4], *test_texts.golden_texts()[::250], "word " * 600, "", words(256), words(257)]
    found = embed(minilm, texts)
    assert not found.sparse and not found.colbert
    expected = peer.encode(texts, batch_size=8, convert_to_numpy=True)
    cosine, delta = compare.check_dense(found.dense, expected)
    figure(dense_cosine=cosine, dense_delta=delta)


def test_it_knows_what_is_alike(minilm, embed):
    """Were weights in the wrong place, vectors could be equal to a reference that has them there, too."""
    texts = ["A man is playing a guitar.", "Someone plays music.", "The stock market fell today."]
    dense = embed(minilm, texts).dense
    similarity = dense @ dense.T
    assert np.allclose(similarity.diagonal(), 1, atol=1e-5)
    assert similarity[0, 1] > similarity[0, 2] + 0.3
