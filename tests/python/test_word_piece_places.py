"""Places and words of the tokens of BERT against the tokenizers package, through the module that the package is built on."""

import itertools
import json
import pathlib

import pytest
import tokenizer_texts as texts
from every_character import Options, description, name_of, options_of
from token_ids import golden_texts, unlimited
from tokenizers import Tokenizer

from bgem3 import _core

# Each step is on in one and off in another.
OPTIONS = [
    options_of(lowercase=True, strip_accents=None, chinese=True),
    options_of(lowercase=True, strip_accents=False, chinese=True),
    options_of(lowercase=False, strip_accents=True, chinese=False, clean=False),
]


@pytest.fixture(scope="module")
def content() -> dict:
    return description()


@pytest.mark.parametrize(
    "count", [1_500, pytest.param(20_000, marks=pytest.mark.slow)], ids=["some texts", "many texts"]
)
@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_places(options: Options, count: int, content: dict, tmp_path: pathlib.Path) -> None:
    normalizer = {"type": "BertNormalizer", **options}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content | {"normalizer": normalizer}), "utf-8")
    theirs = unlimited(Tokenizer.from_file(str(tmp_path / "tokenizer.json")))
    ours = _core.Tokenizer.load(tmp_path, pipeline="tokenizer-json")
    hard = list(itertools.islice(texts.among_marks(texts.TELLING_CODE_POINTS[::1_009]), 500))
    batch = [*golden_texts()[::5], *hard, *texts.bert_fuzz(count, golden_texts(), seed=51)]
    for text, found, expected in zip(batch, ours.tokenize_with_offsets(batch), theirs.encode_batch(batch), strict=True):
        ids, places, words = found
        assert ids == expected.ids, ascii(text)
        assert places == expected.offsets, ascii(text)
        assert [None if word == -1 else word for word in words] == expected.word_ids, ascii(text)
