"""`bgem3 tokenize`: ids and pieces. That the ids are right is for the parity tests."""

import json

import pytest
from command import as_jsonl, as_lines
from sample_texts import TEXTS


@pytest.fixture(scope="module")
def tokenize(bgem3, tokenizer_only):
    """tokenize(input, *options) -> lines; the model directory has a tokenizer and nothing else."""

    def run(stdin, *options):
        return bgem3("tokenize", "--model", tokenizer_only, *options, stdin=stdin).lines

    return run


def test_ids_with_special_tokens(tokenize):
    assert tokenize("Hello world\n\n") == ["0 35378 8999 2", "0 2"]


def test_pieces(tokenize):
    assert tokenize("Hello world", "--format", "pieces") == ["<s> ▁Hello ▁world </s>"]


def test_one_line_for_each_text(tokenize):
    lines = tokenize(as_lines(TEXTS))
    assert len(lines) == len(TEXTS)
    assert lines == tokenize("\r\n".join(TEXTS))
    assert all(line.startswith("0 ") and line.endswith(" 2") for line in lines)


def test_zero_texts(tokenize):
    assert tokenize("") == []


def test_max_length_keeps_the_end_token(tokenize):
    full = [line.split() for line in tokenize(as_lines(TEXTS))]
    for ids, cut in zip(full, tokenize(as_lines(TEXTS), "--max-length", 6), strict=True):
        assert cut.split() == (ids if len(ids) <= 6 else [*ids[:5], "2"])


def test_json_lines_may_hold_line_ends(tokenize):
    (line,) = tokenize(json.dumps({"text": "Hello\nworld"}), "--input-format", "jsonl")
    assert line == "0 35378 8999 2"


def test_jsonl_is_known_by_the_name_of_the_file(bgem3, tokenizer_only, tmp_path):
    (tmp_path / "in.jsonl").write_text(as_jsonl([{"id": 1, "text": "Hello world"}]))
    result = bgem3("tokenize", "--model", tokenizer_only, "--input", tmp_path / "in.jsonl")
    assert result.lines == ["0 35378 8999 2"]


def test_bytes_that_are_not_utf8(bgem3):
    assert "line 1: expected UTF-8, found the byte 0xE9" in bgem3.fail("tokenize", stdin=b"caf\xe9\n")


def test_pipelines_differ_before_a_special_token(bgem3, tokenizer_only):
    """BGE-M3's tokenizer.json, as it is written, makes a piece of the space there."""
    file = tokenizer_only / "hub" / "bge-m3" / "tokenizer.json"

    def tokenize(pipeline: str) -> list[str]:
        return bgem3("tokenize", "--model", file, "--pipeline", pipeline, stdin="a <s> b").lines

    assert tokenize("transformers-5") == tokenize("classic") == ["0 10 0 876 2"]
    assert tokenize("tokenizer-json") == tokenize("replace") == ["0 10 6 0 876 2"]
