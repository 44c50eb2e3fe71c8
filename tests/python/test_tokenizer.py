"""model.tokenizer against the tokenizer that transformers gives for the same directory."""

import copy
import json
import pickle
import shutil

import bgem3
import numpy as np
import pytest
import torch
from bgem3._tokens.settings import TokenizerSettings, read_settings
from texts import golden_texts
from transformers import AutoTokenizer
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy, TensorType

TEXTS = ["Hello World", "", "東京は日本の首都です。", "a , b . c ! it's <mask> fine", "word " * 50]


CALLS = {
    "ids": {},
    "no special tokens": {"add_special_tokens": False},
    "padded": {"padding": True},
    "padded to the longest": {"padding": "longest"},
    "padded to a length": {"padding": "max_length", "max_length": 70},
    "cut": {"truncation": True, "max_length": 6},
    "cut, no special tokens": {"truncation": True, "max_length": 6, "add_special_tokens": False},
    "cut and padded": {"truncation": True, "padding": "max_length", "max_length": 6},
    "cut, for a length alone": {"max_length": 6},
    "not cut": {"truncation": False, "max_length": 6},
    "not cut, for it is padded": {"padding": "max_length", "max_length": 3},
    "named strategies": {
        "padding": PaddingStrategy.LONGEST,
        "truncation": TruncationStrategy.LONGEST_FIRST,
        "max_length": 7,
    },
    "neither": {"padding": PaddingStrategy.DO_NOT_PAD, "truncation": "do_not_truncate", "max_length": 3},
    "padded to a multiple": {"padding": True, "pad_to_multiple_of": 8},
    "padded to a multiple of a length": {"padding": "max_length", "max_length": 61, "pad_to_multiple_of": 8},
    "a multiple without padding": {"pad_to_multiple_of": 8},
    "padded at the left": {"padding": True, "padding_side": "left", "return_special_tokens_mask": True},
    "no mask": {"return_attention_mask": False},
    "the default mask": {"return_attention_mask": None, "return_token_type_ids": None},
    "everything": {
        "return_length": True,
        "return_special_tokens_mask": True,
        "return_token_type_ids": True,
        "padding": "max_length",
        "max_length": 9,
        "truncation": True,
    },
    "lengths": {"return_length": True, "return_special_tokens_mask": True, "add_special_tokens": False},
    "no effect": {"verbose": False, "stride": 2},
}


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("text", [TEXTS, TEXTS[3], TEXTS[:1], tuple(TEXTS)], ids=["list", "str", "one", "tuple"])
def test_call(ours, theirs, text, options):
    assert dict(ours(text, **options)) == dict(theirs(text, **options))


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(
    "texts",
    [
        (["a b c", "word " * 9, "<mask> x"], ["d e f", "", "y </s> " * 20]),
        ([("a b c", "d"), ["word " * 9, ""], "no pair", ("", "")],),
        ("a b c d e", "f g"),
        ("a b c d e", ""),
        ("", "f"),
    ],
    ids=["two lists", "list of pairs", "two str", "an empty second text", "an empty first text"],
)
def test_call_with_pairs(ours, theirs, texts, options):
    assert dict(ours(*texts, **options)) == dict(theirs(*texts, **options))


def test_names_of_transformers_4(ours, theirs):
    assert ours.encode_plus("a b", "c", False, True) == dict(theirs("a b", "c", add_special_tokens=False, padding=True))
    pairs = [("a b", "c d e"), ("f", "")]
    options = {"padding": True, "truncation": "only_second", "max_length": 7}
    assert ours.batch_encode_plus(pairs, **options) == dict(theirs(pairs, **options))
    assert ours.batch_encode_plus(["a", "b c"], False) == dict(theirs(["a", "b c"], add_special_tokens=False))
    for arguments in (("a b", "c", False, "max_length", True, 7), ("a b", None, True, False, True, 3, 0)):
        assert ours.encode(*arguments) == theirs.encode(*arguments)
    assert (ours.encode("a", return_tensors="pt") == theirs.encode("a", return_tensors="pt")).all()


def test_more_texts_than_the_model_takes(ours, theirs):
    text = "word " * 8200
    for options in ({"truncation": True}, {"truncation": True, "padding": "max_length"}, {"padding": "max_length"}):
        assert dict(ours(text, **options)) == dict(theirs(text, **options, verbose=False))


@pytest.mark.parametrize("truncation", [True, "only_second", TruncationStrategy.ONLY_FIRST, "longest_first"])
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


@pytest.mark.parametrize("kind", ["pt", "np", TensorType.PYTORCH])
@pytest.mark.parametrize("options", [{"padding": True, "return_length": True}, {"add_special_tokens": False}])
def test_tensors(ours, theirs, kind, options):
    for text in (TEXTS[:1] if "padding" not in options else TEXTS, TEXTS[0], ""):
        found, expected = (t(text, return_tensors=kind, **options) for t in (ours, theirs))
        assert found.keys() == expected.keys()
        for key in expected:
            assert type(found[key]) is type(expected[key]) and found[key].dtype == expected[key].dtype
            assert (found[key] == expected[key]).all()
    assert isinstance(ours(TEXTS[0], return_tensors="pt").input_ids, torch.Tensor)


def test_to_moves_the_encoding_itself(ours):
    encoding = ours("a b", return_tensors="pt")
    assert encoding.to("meta", non_blocking=True) is encoding and encoding.input_ids.device.type == "meta"
    found = ours("a b").convert_to_tensors("np")
    assert found["input_ids"].shape == (4,)


ROWS = [{"input_ids": [0, 5, 2]}, {"input_ids": [0, 5, 6, 7, 2]}]
PADDED = {
    "dicts": ROWS,
    "columns": {"input_ids": [[0, 5, 2], [0, 2]], "token_type_ids": [[0, 0, 0], [0, 0]], "labels": [1, 0]},
    "a row": {"input_ids": [0, 5, 2], "special_tokens_mask": [1, 0, 1]},
    "arrays": [{"input_ids": np.array([0, 5, 2])}, {"input_ids": np.array([0, 2])}],
    "tensors": [{"input_ids": torch.tensor([0, 5, 2])}, {"input_ids": torch.tensor([0, 2])}],
    "a matrix": {"input_ids": torch.tensor([[0, 5, 2], [0, 6, 2]])},
}


@pytest.mark.parametrize("encoded", PADDED.values(), ids=PADDED.keys())
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "max_length", "max_length": 7},
        {"pad_to_multiple_of": 4, "padding_side": "left"},
        {"return_attention_mask": False},
        {"return_tensors": "pt"},
        {"verbose": False, "padding": PaddingStrategy.LONGEST},
    ],
    ids=str,
)
def test_pad(ours, theirs, encoded, options):
    found, expected = (tokenizer.pad(copy.deepcopy(encoded), **options) for tokenizer in (ours, theirs))
    assert found.keys() == expected.keys()
    for key in expected:
        assert type(found[key]) is type(expected[key])
        assert np.array_equal(found[key], expected[key]), key


def test_rows_of_different_lengths_make_no_tensor(ours):
    with pytest.raises(ValueError, match="padding=True"):
        ours(TEXTS, return_tensors="np")


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("clean", [False, True])
def test_decode(ours, theirs, skip, clean):
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
    ids = theirs(golden_texts()[::10])["input_ids"]
    assert ours.batch_decode(ids, **options) == theirs.batch_decode(ids, **options)
    for given in (np.array(ids[0]), torch.tensor(ids[0]), ids[0][1], [], ids[:3], {"input_ids": ids[0]}, [999_999, 5]):
        assert ours.decode(given, **options) == theirs.decode(given, **options)
    for given in (ids[0], [], torch.tensor([ids[0], ids[0]])):
        assert ours.batch_decode(given, **options) == theirs.batch_decode(given, **options)


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
    # transformers 4 followed further arguments, transformers 5 passes over them
    kept = theirs("a b", "c d", truncation=True, max_length=6)["input_ids"]
    found = ours.tokenize("a b", "c d", add_special_tokens=True, truncation=True, max_length=6)
    assert found == theirs.convert_ids_to_tokens(kept)
    ids = list(range(0, len(theirs), 997))
    tokens = theirs.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(ids) == tokens
    assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    assert ours.convert_tokens_to_ids("no such token") == theirs.convert_tokens_to_ids("no such token")
    for given in (5, 999_999, [5, 999_999], ids[:2]):
        assert ours.convert_ids_to_tokens(given) == theirs.convert_ids_to_tokens(given)
    assert ours.convert_ids_to_tokens([0, 5, 2], True) == theirs.convert_ids_to_tokens([0, 5, 2], True)


def test_attributes(ours, theirs):
    assert len(ours) == len(theirs) and ours.vocab_size == theirs.vocab_size
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add() == theirs.num_special_tokens_to_add()
    assert set(ours.all_special_ids) == set(theirs.all_special_ids)
    names = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    others = (
        "model_max_length",
        "padding_side",
        "truncation_side",
        "pad_token_type_id",
        "clean_up_tokenization_spaces",
    )
    for name in (*(f"{n}_token" for n in names), *(f"{n}_token_id" for n in names), *others, "extra_special_tokens"):
        assert getattr(ours, name) == getattr(theirs, name), name
    with pytest.raises(AttributeError, match="no_such_thing"):
        ours.no_such_thing  # noqa: B018


def test_a_models_own(tiny, ours):
    model = bgem3.BGEM3FlagModel(str(tiny))
    assert model.tokenizer("Hello World") == ours("Hello World")
    tokenizer = model.tokenizer
    del model
    assert tokenizer.encode("Hello World") == ours.encode("Hello World")


# What the files say


@pytest.fixture(scope="module")
def unusual(nano, tmp_path_factory):
    """Of a directory that says what others leave unsaid, and leaves unsaid what others say."""
    directory = tmp_path_factory.mktemp("unusual")
    for file in ("config.json", "sentencepiece.bpe.model", "tokenizer.json", "special_tokens_map.json"):
        shutil.copy(nano / file, directory)
    config = json.loads((nano / "tokenizer_config.json").read_text())
    del config["model_max_length"], config["clean_up_tokenization_spaces"]
    sides = {"padding_side": "left", "truncation_side": "left"}
    config |= {**sides, "additional_special_tokens": ["<extra>"]}
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    return bgem3.Tokenizer.from_pretrained(directory), AutoTokenizer.from_pretrained(directory)


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
def test_files_say_the_sides(unusual, options):
    ours, theirs = unusual
    for texts in (["a b c d e <extra>", "f"],), ("a b c d e", "f g"), (["a b c d", "e"], ["f", "g h i j"]):
        assert dict(ours(*texts, **options)) == dict(theirs(*texts, **options))


def test_files_say_nothing_of_the_length(unusual):
    ours, theirs = unusual
    assert ours.model_max_length == theirs.model_max_length
    text = "word " * 9000
    for options in ({"truncation": True}, {"padding": "max_length"}):
        assert ours(text, **options) == dict(theirs(text, **options))


def test_files_say_how_ids_become_text(unusual):
    ours, theirs = unusual
    assert ours.extra_special_tokens == theirs.extra_special_tokens == ["<extra>"]
    assert ours.all_special_ids == theirs.all_special_ids and set(ours.all_special_tokens) == set(
        theirs.all_special_tokens
    )
    ids = theirs("hello , <extra> world .")["input_ids"]
    for skip in (False, True):
        assert ours.decode(ids, skip) == theirs.decode(ids, skip)
        assert ours.convert_ids_to_tokens(ids, skip) == theirs.convert_ids_to_tokens(ids, skip)


@pytest.mark.parametrize(
    "config",
    ["[]", "no JSON", '{"added_tokens_decoder": 3}', '{"model_max_length": "long"}', '{"model_max_length": 1e400}'],
)
def test_settings_that_are_none(tmp_path, config):
    (tmp_path / "tokenizer_config.json").write_text(config)
    settings = read_settings(str(tmp_path))
    assert settings == TokenizerSettings() == read_settings(None) and settings.max_length == int(1e30)


def test_sides_can_be_set(ours, theirs, monkeypatch):
    for tokenizer in (ours, theirs):
        for name, value in (("padding_side", "left"), ("truncation_side", "left"), ("model_max_length", 5)):
            monkeypatch.setattr(tokenizer, name, value)
    for options in ({"truncation": True, "padding": "max_length"}, {"padding": True}):
        assert ours(TEXTS, **options) == dict(theirs(TEXTS, **options))


def test_pickle_has_no_vocabulary(ours):
    ours.get_vocab()
    pickled = pickle.dumps(ours)
    assert len(pickled) < 2_000
    assert pickle.loads(pickled)("a b") == ours("a b")
