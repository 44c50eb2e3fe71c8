"""Where tokens come from: offsets, words and sequences against the tokenizer that transformers gives for the same files."""

import copy
import itertools
import json
import pathlib
import pickle
import shutil

import bgem3
import numpy as np
import pytest
import torch
from texts import golden_texts
from transformers import AutoTokenizer

# Characters that normalisation deletes, splits, joins or replaces, at the ends of a text and of added tokens too.
HARD = [
    "",
    " ",
    "\x01\x02abc",
    "a\x01b\x7f c\x01",
    "\x01<mask>\x01 x",
    " lead  and   trail ",
    "ﬁ ﬃ ㈱ ㌢ ½ Ⅷ ™",
    "Ａ\u0301 e\u0301 ｶﾞ 각 \u1100\u1161",
    "👩\u200d👩\u200d👧 🇩🇪 1\ufe0f\u20e3",
    "\u2581a \u2581\u2581 b",
    "x\u0085y \u3000z",
    "a <mask>  b<s></s> <unk>c",
    "\0\0 unknown \U000e0041\U000e0042 runs",
    "東京は日本の首都です。",
]
CALLS = {
    "alone": {},
    "no special tokens": {"add_special_tokens": False},
    "padded": {"padding": True},
    "padded at the left": {"padding": "max_length", "max_length": 40, "padding_side": "left"},
    "padded to a multiple": {"padding": True, "pad_to_multiple_of": 8},
    "cut": {"truncation": True, "max_length": 6},
    "cut and padded": {"truncation": True, "padding": "max_length", "max_length": 9},
    "cut, no special tokens": {"truncation": True, "max_length": 2, "add_special_tokens": False},
    "everything": {"return_length": True, "return_special_tokens_mask": True, "return_token_type_ids": True},
}
PAIRS = [(a, b) for a, b in itertools.pairwise(HARD) if b]


def check(ours, theirs, *texts, **options) -> None:
    """Offsets, and what every method finds at every index."""
    found, expected = (t(*texts, return_offsets_mapping=True, **options) for t in (ours, theirs))
    assert found == dict(expected)
    assert found.n_sequences == expected.n_sequences and found.is_fast and expected.is_fast
    assert len(found.encodings) == len(expected.encodings)
    for row, (a, b) in enumerate(zip(found.encodings, expected.encodings, strict=True)):
        for name in ("ids", "type_ids", "offsets", "word_ids", "words", "sequence_ids", "special_tokens_mask"):
            assert getattr(a, name) == getattr(b, name), name
        assert a.attention_mask == b.attention_mask and len(a) == len(b)
        same_methods(found, expected, row, len(a), max((end for _, end in a.offsets), default=0))


def same_methods(found, expected, row: int, tokens: int, characters: int) -> None:
    assert found.word_ids(row) == expected.word_ids(row)
    assert found.sequence_ids(row) == expected.sequence_ids(row)
    for i in range(tokens + 1):
        assert found.token_to_chars(row, i) == expected.token_to_chars(row, i)
        assert found.token_to_word(row, i) == expected.token_to_word(row, i)
        assert found.token_to_sequence(row, i) == expected.token_to_sequence(row, i)
    for sequence in range(2):
        for i in range(characters + 2):
            assert found.char_to_token(row, i, sequence) == expected.char_to_token(row, i, sequence)
            assert found.char_to_word(row, i, sequence) == expected.char_to_word(row, i, sequence)
        for word in range(tokens):
            span = expected.word_to_tokens(row, word, sequence)
            assert found.word_to_tokens(row, word, sequence) == span
            if span is not None:
                assert found.word_to_chars(row, word, sequence) == expected.word_to_chars(row, word, sequence)


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
def test_places(ours, theirs, options):
    check(ours, theirs, HARD, **options)


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("max_length", [13, 14, 20])
def test_places_of_cut_pairs(ours, theirs, strategy, side, max_length, monkeypatch):
    long, short = "one two three four five six seven eight nine ten ", "a <mask> b"
    for tokenizer in (ours, theirs):
        monkeypatch.setattr(tokenizer, "truncation_side", side)
    for pair in ((long, short), (short, long), (long, long + "eleven"), (long + "eleven", long)):
        try:
            theirs(*pair, truncation=strategy, max_length=max_length)
        except Exception:  # tokenizers raises a bare one where the other text alone is too long
            continue
        check(ours, theirs, *pair, truncation=strategy, max_length=max_length)


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
def test_places_of_pairs(ours, theirs, options):
    # Room for the four special tokens of a pair, and one that is cut.
    options = {**options, "max_length": options["max_length"] + 3} if "max_length" in options else options
    check(ours, theirs, PAIRS, **options)


def test_places_of_golden_texts(ours, theirs):
    texts = golden_texts()
    found, expected = (t(texts, return_offsets_mapping=True) for t in (ours, theirs))
    for i, text in enumerate(texts):
        assert found["offset_mapping"][i] == expected["offset_mapping"][i], ascii(text)
        assert found.word_ids(i) == expected.word_ids(i), ascii(text)


def test_a_text_alone(ours, theirs):
    for text in HARD:
        found, expected = (t(text, return_offsets_mapping=True) for t in (ours, theirs))
        assert found == dict(expected)
        assert [found.char_to_token(i) for i in range(9)] == [expected.char_to_token(i) for i in range(9)]
        assert [found.token_to_chars(i) for i in range(9)] == [expected.token_to_chars(i) for i in range(9)]
    for i, (begin, end) in enumerate(ours("Hello big World", return_offsets_mapping=True)["offset_mapping"]):
        assert "Hello big World"[begin:end] == ["", "Hello", "big", "World", ""][i]
    pair = ours("a b", "c d")
    assert pair.char_to_token(0, sequence_index=1) == theirs("a b", "c d").char_to_token(0, sequence_index=1)


@pytest.mark.parametrize("kind", ["pt", "np"])
def test_tensors(ours, theirs, kind):
    for texts in (HARD[2], HARD):
        found, expected = (
            t(texts, return_offsets_mapping=True, padding=True, return_tensors=kind) for t in (ours, theirs)
        )
        assert found["offset_mapping"].dtype == expected["offset_mapping"].dtype
        assert found["offset_mapping"].shape == expected["offset_mapping"].shape
        assert (found["offset_mapping"] == expected["offset_mapping"]).all()
        assert found.word_ids(0) == expected.word_ids(0)
    assert ours("a b", return_tensors="pt").to("meta").word_ids() == [None, 0, 1, None]


def test_tokens(ours, theirs):
    """Those of transformers are the characters where a token is unknown, with the spaces that an added token takes."""
    found, expected = ours(HARD), theirs(HARD)
    for row, ids in enumerate(found["input_ids"]):
        assert found.tokens(row) == theirs.convert_ids_to_tokens(ids)
        known = [i for i, id_ in enumerate(ids) if id_ != theirs.unk_token_id]
        assert [found.tokens(row)[i] for i in known] == [expected.tokens(row)[i].strip() for i in known]


def test_rows_by_index(ours):
    found = ours(["a b", "c"])
    assert found[1].offsets == [(0, 0), (0, 1), (0, 0)] and len(found[0:1]) == 1
    assert repr(found[0]) == "PlacedRow(num_tokens=4)"
    with pytest.raises(IndexError):
        found.word_ids(2)


@pytest.mark.parametrize("kind", [int, np.int64, torch.tensor])
def test_indices(ours, theirs, kind):
    found, expected = ours(["a b", "c"]), theirs(["a b", "c"])
    assert found.char_to_token(0, kind(2)) == expected.char_to_token(0, 2) == 2
    assert found.word_to_tokens(0, kind(1)) == expected.word_to_tokens(0, 1) == (2, 3)
    assert found.token_to_word(0, kind(2)) == expected.token_to_word(0, 2) == 1
    assert found.token_to_word(0, kind(-2)) == 1 and found.token_to_word(0, kind(99)) is None
    assert found.word_to_chars(0, kind(99)) is None


def test_indices_that_are_none(ours):
    found = ours(["a b", "c"])
    for call in (found.char_to_token, found.char_to_word, found.word_to_tokens, found.word_to_chars):
        with pytest.raises(bgem3.InvalidArgumentError, match="_index should not be negative, found -1"):
            call(0, -1)  # what str.find() gives where it finds nothing
        with pytest.raises(TypeError):
            call(0, "1")


def test_copies_have_places_and_pickles_have_none(ours, theirs):
    found = ours("a b")
    for copied in (copy.copy(found), copy.deepcopy(found), found.copy()):
        assert copied == found and copied.word_ids() == [None, 0, 1, None]
    loaded = pickle.loads(pickle.dumps(found))
    assert loaded == found
    for without, same in ((loaded, None), (ours.pad(found), theirs.pad(theirs("a b")))):
        assert without.encodings is None and without.n_sequences is None and not without.is_fast
        assert same is None or (same.encodings is None and same.n_sequences is None)
        with pytest.raises(ValueError, match="call the tokenizer with the texts"):
            without.word_ids()
        with pytest.raises(KeyError):
            without[0]


def test_a_batch_axis(ours, theirs):
    found, expected = (t("a b").convert_to_tensors("pt", prepend_batch_axis=True) for t in (ours, theirs))
    assert found["input_ids"].shape == (1, 4) and (found["input_ids"] == expected["input_ids"]).all()


def test_texts_that_are_no_unicode(ours):
    """transformers takes no lone surrogates."""
    offsets = ours("a\ud800b", return_offsets_mapping=True)["offset_mapping"]
    assert offsets == [(0, 0), (0, 1), (2, 3), (0, 0)]


def test_a_long_text_is_not_tokenised_beyond_its_limit(ours, theirs):
    text = "word é ab " * 20_000
    found, expected = (t(text, truncation=True, max_length=512) for t in (ours, theirs))
    assert found["input_ids"] == expected["input_ids"] and found.word_ids() == expected.word_ids()
    assert found[0].offsets == expected[0].offsets


def directory_of(kind: str, nano: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """One whose tokenizer.json is run as written, with other components."""
    for file in ("config.json", "tokenizer.json", "special_tokens_map.json", "tokenizer_config.json"):
        shutil.copy(nano / file, out)
    config = json.loads((out / "tokenizer_config.json").read_text())
    config |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    config |= {"truncation_side": "left", "padding_side": "left"} if kind == "left" else {}
    (out / "tokenizer_config.json").write_text(json.dumps(config))
    content = json.loads((out / "tokenizer.json").read_text())
    edit(kind, content)
    (out / "tokenizer.json").write_text(json.dumps(content))
    return out


@pytest.fixture(scope="module", params=["tokenizer_json", "left", "roberta", "merged", "added"])
def unusual(request, nano, tmp_path_factory):
    directory = directory_of(request.param, nano, tmp_path_factory.mktemp("unusual"))
    return bgem3.Tokenizer.from_pretrained(directory), AutoTokenizer.from_pretrained(directory)


def test_trimmed_places_are_refused(nano, tmp_path):
    tokenizer = bgem3.Tokenizer.from_pretrained(directory_of("trimmed", nano, tmp_path))
    with pytest.raises(bgem3.InvalidArgumentError, match="trim_offsets"):
        tokenizer("a", return_offsets_mapping=True)
    with pytest.raises(bgem3.InvalidArgumentError, match="trim_offsets"):
        tokenizer("a").word_ids()
    assert tokenizer("a")["input_ids"] == AutoTokenizer.from_pretrained(tmp_path)("a")["input_ids"]


def edit(kind: str, content: dict) -> None:
    if kind in ("roberta", "trimmed"):
        flags = {"trim_offsets": kind == "trimmed", "add_prefix_space": True}
        content["post_processor"] = {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2], **flags}
    if kind == "merged":
        steps = [step for step in content["normalizer"]["normalizers"] if step["type"] == "Precompiled"]
        strip = {"type": "Strip", "strip_left": False, "strip_right": True}
        merge = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}
        content["normalizer"] = {"type": "Sequence", "normalizers": [*steps, strip, merge]}
        mark = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, mark]}
    if kind in ("added", "merged"):
        flags = {"single_word": False, "lstrip": True, "rstrip": True, "special": False}
        next_id = max(len(content["model"]["vocab"]), *(token["id"] + 1 for token in content["added_tokens"]))
        texts = (("ﬁ", True), ("<x>", False), *((("  ", True),) if kind == "added" else ()))
        for i, (text, is_normalized) in enumerate(texts):
            token = {"id": next_id + i, "content": text, "normalized": is_normalized, **flags}
            content["added_tokens"].append(token)


@pytest.mark.parametrize("options", [{}, CALLS["cut and padded"], CALLS["everything"]], ids=["alone", "cut", "masks"])
def test_places_of_other_components(unusual, options):
    texts = [*HARD, "ﬁ <x>  ﬁ", "a ﬁ b", " <mask> Ġx ", "\t<mask>", "  <x>\x01ﬁ  "]
    check(*unusual, texts, **options)
    check(*unusual, golden_texts()[::25], **options)
