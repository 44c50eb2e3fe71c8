"""Places and words of byte-level tokens against the tokenizers package, through the module that the package is built on."""

import itertools
import pathlib

import pytest
import tokenizer_texts as texts
from every_split import byte_level, pairs_of_kinds, split, written
from token_ids import golden_texts

from bgem3 import _core

FLAGS = itertools.product((False, True), repeat=3)
ROWS = {
    f"prefix={prefix},regex={regex},trim={trim}": (byte_level(prefix, regex), trim, prefix)
    for prefix, regex, trim in FLAGS
} | {"cl100k": (split("cl100k"), True, False)}


@pytest.mark.parametrize("count", [500, pytest.param(20_000, marks=pytest.mark.slow)], ids=["some texts", "many texts"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_places(row: tuple[dict, bool, bool], count: int, tmp_path: pathlib.Path) -> None:
    text, theirs = written(*row)
    (tmp_path / "tokenizer.json").write_text(text, "utf-8")
    ours = _core.Tokenizer.load(tmp_path, pipeline="tokenizer-json")
    hard = itertools.islice(texts.among_kinds(texts.TELLING_CODE_POINTS[::1_009]), 300)
    batch = [*golden_texts()[::10], *hard, *pairs_of_kinds()[::5], *texts.fuzz(count, golden_texts(), seed=81)]
    for text, found, expected in zip(batch, ours.tokenize_with_offsets(batch), theirs.encode_batch(batch), strict=True):
        ids, places, words = found
        assert ids == expected.ids, ascii(text)
        assert places == expected.offsets, ascii(text)
        assert [None if word == -1 else word for word in words] == expected.word_ids, ascii(text)
