"""model.tokenizer against the tokenizer that transformers gives for the same directory."""

import numpy as np
import pytest
import torch
from texts import golden_texts
from transformers import AutoTokenizer

import bgem3

TEXTS = ["Hello World", "", "東京は日本の首都です。", "a , b . c ! it's <mask> fine", "word " * 50]


@pytest.fixture(scope="module")
def theirs(tiny):
    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture(scope="module")
def ours(tiny) -> bgem3.Tokenizer:
    return bgem3.Tokenizer.from_pretrained(tiny)


CALLS = {
    "ids": {},
    "no special tokens": {"add_special_tokens": False},
    "padded": {"padding": True},
    "padded to the longest": {"padding": "longest"},
    "padded to a length": {"padding": "max_length", "max_length": 70},
    "cut": {"truncation": True, "max_length": 6},
    "cut, no special tokens": {"truncation": True, "max_length": 6, "add_special_tokens": False},
    "cut and padded": {"truncation": True, "padding": "max_length", "max_length": 6},
    "no mask": {"return_attention_mask": False},
}


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("text", [TEXTS, TEXTS[3], TEXTS[:1]], ids=["list", "str", "one"])
def test_call(ours, theirs, text, options):
    assert dict(ours(text, **options)) == dict(theirs(text, **options))


@pytest.mark.parametrize("truncation", [True, "only_second", "only_first", "longest_first"])
@pytest.mark.parametrize("max_length", [10, 11, 12, 20, 100])
def test_pairs(ours, theirs, truncation, max_length):
    first, second = ["a b c", "word " * 9, "x"], ["d e f g h", "other " * 9, "y " * 20]
    options = {"truncation": truncation, "max_length": max_length}
    for pair in [*zip(first, second), (first, second)]:
        try:
            expected = dict(theirs(*pair, **options))
        except Exception:  # the other text alone is too long; tokenizers raises a bare Exception
            with pytest.raises(ValueError, match="no room"):
                ours(*pair, **options)
        else:
            assert dict(ours(*pair, **options)) == expected


@pytest.mark.parametrize("kind", ["pt", "np"])
def test_tensors(ours, theirs, kind):
    for text in (TEXTS, TEXTS[0]):
        found, expected = (t(text, padding=True, return_tensors=kind) for t in (ours, theirs))
        assert found.keys() == expected.keys()
        for key in expected:
            assert type(found[key]) is type(expected[key]) and found[key].dtype == expected[key].dtype
            assert (found[key] == expected[key]).all()
    assert isinstance(ours(TEXTS[0], return_tensors="pt").input_ids, torch.Tensor)


def test_rows_of_different_lengths_make_no_tensor(ours):
    with pytest.raises(ValueError, match="padding=True"):
        ours(TEXTS, return_tensors="np")


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("clean", [False, True])
def test_decode(ours, theirs, skip, clean):
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
    ids = theirs(golden_texts()[::10])["input_ids"]
    assert ours.batch_decode(ids, **options) == theirs.batch_decode(ids, **options)
    for given in (np.array(ids[0]), torch.tensor(ids[0]), ids[0][1], []):
        assert ours.decode(given, **options) == theirs.decode(given, **options)


def test_decode_of_every_id(ours, theirs):
    ids = range(len(theirs))
    assert [ours.decode([i]) for i in ids] == [theirs.decode([i]) for i in ids]


def test_tokens(ours, theirs):
    for text in golden_texts()[::50]:
        ids = theirs.encode(text)
        assert ours.encode(text) == ids
        # transformers gives the characters of unknown tokens, this the vocabulary's entries
        known = [i != theirs.unk_token_id for i in ids[1:-1]]
        pairs = zip(known, ours.tokenize(text), theirs.tokenize(text), strict=True)
        assert all(a == b for is_known, a, b in pairs if is_known)
    ids = list(range(0, len(theirs), 997))
    tokens = theirs.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(ids) == tokens
    assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    assert ours.convert_tokens_to_ids("no such token") == theirs.convert_tokens_to_ids("no such token")
    assert ours.convert_ids_to_tokens(5) == theirs.convert_ids_to_tokens(5)


def test_attributes(ours, theirs):
    assert len(ours) == len(theirs) and ours.vocab_size == theirs.vocab_size
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add() == theirs.num_special_tokens_to_add()
    assert set(ours.all_special_ids) == set(theirs.all_special_ids)
    names = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    for name in (*(f"{n}_token" for n in names), *(f"{n}_token_id" for n in names), "model_max_length", "padding_side"):
        assert getattr(ours, name) == getattr(theirs, name), name
    with pytest.raises(AttributeError, match="no_such_thing"):
        ours.no_such_thing  # noqa: B018


def test_a_models_own(tiny, ours):
    model = bgem3.BGEM3FlagModel(str(tiny))
    assert model.tokenizer("Hello World") == ours("Hello World")
    tokenizer = model.tokenizer
    del model
    assert tokenizer.encode("Hello World") == ours.encode("Hello World")
