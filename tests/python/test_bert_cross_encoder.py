"""A cross-encoder of BERT, whose pairs have two token types and three special tokens, against all three packages."""

import bgem3
import numpy as np
import pytest
import sentence_transformers
import torch

TOLERANCE = 5e-6
LONG = " ".join(f"word {i} and {i}" for i in range(150))
QUERY = " ".join(f"query {i}?" for i in range(80))
PLAIN = [
    ("what is bread?", "Bread is baked dough."),
    ("Héllo Wörld", "東京 is [MASK] a city"),
    ("", ""),
    ("a", "b [SEP] c"),
    ("a [SEP] b", "c"),
]
PAIRS = [*PLAIN, ("short", LONG), (QUERY, "short"), (QUERY, LONG), (LONG, QUERY)]


@pytest.fixture(scope="module")
def theirs(bert_reranker) -> sentence_transformers.CrossEncoder:
    return sentence_transformers.CrossEncoder(str(bert_reranker), device="cpu")


@pytest.fixture(scope="module")
def ours(bert_reranker) -> bgem3.CrossEncoder:
    return bgem3.CrossEncoder(bert_reranker, device="cpu")


def one_by_one(model: sentence_transformers.CrossEncoder, pairs: list, **options) -> np.ndarray:
    return np.stack([model.predict(pair, **options) for pair in pairs])


def test_pairs_are_what_they_claim(theirs):
    """Some are cut; the model sees types; two have equal ids, and differ by their types alone."""
    lengths = [len(theirs.tokenizer(*pair)["input_ids"]) for pair in PAIRS]
    assert sum(length > 512 for length in lengths) >= 3
    first, second = (theirs.tokenizer(*pair) for pair in PAIRS[3:5])
    assert first["input_ids"] == second["input_ids"] and first["token_type_ids"] != second["token_type_ids"]
    scores = one_by_one(theirs, PLAIN, activation_fn=torch.nn.Identity())
    assert abs(scores[3] - scores[4]) > 1e-3


# tokenizers make all pairs of what they cut off both texts: gigabytes of long ones.
@pytest.mark.parametrize("max_length, pairs", [(None, PAIRS), (255, PAIRS), *((n, PLAIN) for n in (3, 4, 6, 7, 16))])
def test_predict(bert_reranker, max_length, pairs):
    theirs = sentence_transformers.CrossEncoder(str(bert_reranker), device="cpu", max_length=max_length)
    ours = bgem3.CrossEncoder(bert_reranker, device="cpu", max_length=max_length)
    for activation in (None, torch.nn.Identity()):
        expected = one_by_one(theirs, pairs, activation_fn=activation)
        np.testing.assert_allclose(ours.predict(pairs, activation_fn=activation), expected, rtol=0, atol=TOLERANCE * 4)
        alone = ours.predict(pairs[4], activation_fn=activation)
        assert abs(alone - expected[4]) <= TOLERANCE * 4


def test_rank(ours, theirs):
    documents = ["Bread is baked dough.", "b [SEP] c", LONG, ""]
    found, expected = (model.rank("what is bread?", documents) for model in (ours, theirs))
    assert [item["corpus_id"] for item in found] == [item["corpus_id"] for item in expected]
    np.testing.assert_allclose([item["score"] for item in found], [item["score"] for item in expected], atol=TOLERANCE)


def test_flag_reranker(bert_reranker):
    """Logits, unless they are to be normalised. FlagEmbedding turns ids to text and back, which short pairs survive."""
    from FlagEmbedding import FlagReranker

    pairs = [("what is bread?", "Bread is baked dough."), ("short", "a b c " * 200)]
    theirs = FlagReranker(str(bert_reranker), use_fp16=False, devices="cpu")
    ours = bgem3.FlagReranker(str(bert_reranker), devices="cpu")
    for normalize in (False, True):
        expected = [theirs.compute_score([pair], normalize=normalize)[0] for pair in pairs]
        np.testing.assert_allclose(ours.compute_score(pairs, normalize=normalize), expected, rtol=1e-5, atol=1e-5)
    nothing = [theirs.compute_score([pair], max_length=3)[0] for pair in pairs]  # but the special tokens
    np.testing.assert_allclose(ours.compute_score(pairs, max_length=3), nothing, rtol=1e-5, atol=1e-5)


def test_no_room_for_the_special_tokens(bert_reranker):
    message = "max_length should be at least 3, for a pair has 3 special tokens; found 2"
    with pytest.raises(ValueError, match=message):
        bgem3.CrossEncoder(bert_reranker, device="cpu", max_length=2)
    with pytest.raises(ValueError, match=message):
        bgem3.FlagReranker(str(bert_reranker), devices="cpu").compute_score(PLAIN, max_length=2)


def test_batching(bert_reranker, ours):
    """Requests that share batches keep their types."""
    expected = ours.predict(PLAIN, activation_fn=torch.nn.Identity())
    with bgem3.BatchingReranker(bert_reranker, device="cpu") as batching:
        found = batching.score(PLAIN)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * 4)
