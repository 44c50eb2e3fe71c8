"""Records that are bad: `--on-error` stops, leaves them out or has null in their place; and one that only looks bad."""

import json

import numpy as np
import pytest
from command import parse_records

BAD = '{"id": "a", "text": "one"}\n\n{"id": "b", "text": 5}\nno JSON\n{"text": "two"}\n{"id": 9}\n{"text": "th\xff"}\n'
BAD_BYTES = BAD.encode("latin-1")


def test_half_of_a_pair_counts_as_replacement_character(bgem3):
    """As Python writes a text that was cut in the middle of a character. The records beside it are as without it."""
    texts = ["before", "a \ud83d b", "\ude00\ud83d", "\\ud83d", "\U0001f600", "\ud83d", "after"]
    mended = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    options = ["encode", "--input-format", "jsonl", "--on-error", "null"]
    found, expected = (
        bgem3(*options, stdin="".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in enumerate(given)))
        for given in (texts, mended)
    )
    assert found.stdout == expected.stdout and found.stderr == expected.stderr
    assert len(found.records) == len(texts)


def test_bad_records_are_left_out(bgem3):
    result = bgem3("encode", "--input-format", "jsonl", "--on-error", "skip", stdin=BAD_BYTES)
    assert [record["id"] for record in result.records] == ["a", 4]
    warnings = result.stderr.splitlines()
    for line, found in zip(
        (2, 3, 4, 6, 7), ("a blank line", "number", "invalid JSON", 'no "text"', "0xFF"), strict=True
    ):
        (warning,) = (text for text in warnings if f", line {line}: " in text)
        assert found in warning and warning.endswith("left out")
    assert warnings[-1] == "bgem3: 5 of 7 records were bad and were left out"


def test_bad_records_are_null(bgem3, tmp_path):
    options = ["encode", "--input-format", "jsonl", "--on-error", "null"]
    result = bgem3(*options, "--dense", "--sparse", "--colbert", stdin=BAD_BYTES)
    good = bgem3("encode", "--dense", "--sparse", "--colbert", stdin="one\ntwo\n").records
    assert [record["id"] for record in result.records] == ["a", 1, "b", 3, 4, 9, 6]
    null = {"dense": None, "sparse": None, "colbert": None}
    for number, record in enumerate(result.records):
        del record["id"]
        if number in (0, 4):
            assert record["sparse"].keys() == good[number // 4]["sparse"].keys()
            assert np.allclose(record["dense"], good[number // 4]["dense"], atol=1e-6)
            assert np.allclose(record["colbert"], good[number // 4]["colbert"], atol=1e-6)
        else:
            assert record == null
    assert result.stderr.splitlines()[-1] == "bgem3: 5 of 7 records were bad and have null in their place"
    bgem3(*options, "--output", tmp_path / "v.npy", stdin=BAD_BYTES)
    vectors = np.load(tmp_path / "v.npy")
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, True, True, False, True, True]
    assert np.allclose(vectors[[0, 4]], [record["dense"] for record in good], atol=1e-6)


def test_tokenize_leaves_a_line_for_null(bgem3):
    expected = bgem3("tokenize", stdin="one\ntwo\n").lines
    options = ["tokenize", "--input-format", "jsonl", "--on-error"]
    assert bgem3(*options, "skip", stdin=BAD_BYTES).lines == expected
    assert bgem3(*options, "null", stdin=BAD_BYTES).lines == [expected[0], "", "", "", expected[1], "", ""]


def test_similarity_leaves_bad_records_out(bgem3):
    options = ["similarity", "--input-format", "jsonl", "--format", "json", "--on-error"]
    assert json.loads(bgem3(*options, "skip", stdin=BAD_BYTES).stdout)["texts"] == ["one", "two"]
    assert "null" in bgem3.fail(*options, "null", stdin=BAD_BYTES, status=2)


def test_bad_lines_and_rows(bgem3):
    lines = bgem3("encode", "--on-error", "skip", stdin=b"one\n\n\xff\ntwo\n")
    assert [record["id"] for record in lines.records] == [0, 1, 3]  # an empty line is a text
    rows = bgem3("encode", "--input-format", "csv", "--on-error", "null", stdin=b"text,n\none,1\ntwo\nthree,3\n")
    assert [record["dense"] is None for record in rows.records] == [False, True, False]
    assert "line 3: expected 2 fields, as in the first line, found 1" in rows.stderr


def test_ten_bad_records_are_named(bgem3):
    for bad in 10, 11, 5000:
        result = bgem3("tokenize", "--on-error", "skip", stdin=b"good\n" + b"\xff\n" * bad)
        assert result.stderr.count("warning: ") == 10
        assert result.stderr.splitlines()[-1] == f"bgem3: {bad} of {bad + 1} records were bad and were left out"


@pytest.mark.parametrize("on_error", ["skip", "null"])
def test_nothing_but_bad_records_is_a_failure(bgem3, tmp_path, on_error):
    output = tmp_path / "out.jsonl"
    message = bgem3.fail("encode", "--output", output, "--on-error", on_error, stdin=b"\xff\n\xfe\n")
    assert "all 2 records were bad" in message
    if on_error == "skip":
        assert not output.exists()
    else:
        assert len(parse_records(output.read_bytes())) == 2


def test_stop_is_the_default_and_says_what_else_there_is(bgem3):
    result = bgem3.attempt("encode", "--input-format", "jsonl", stdin=BAD_BYTES)
    assert result.status == 1 and [record["id"] for record in result.records] == ["a"]
    assert "line 2: expected a JSON object" in result.stderr and "--on-error skip" in result.stderr


@pytest.mark.parametrize("on_error", ["skip", "null"])
def test_bad_records_and_resume(bgem3, tmp_path, on_error):
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--input-format", "jsonl", "--on-error", on_error, "--output", output]
    bgem3(*arguments, stdin=BAD_BYTES)
    whole = output.read_bytes()
    bgem3(*arguments, "--resume", stdin=BAD_BYTES)
    assert output.read_bytes() == whole
    bgem3(*arguments, "--resume", stdin=BAD_BYTES + b'\n{"id": "last", "text": "one more"}\n')
    assert output.read_bytes().startswith(whole)
    assert parse_records(output.read_bytes())[-1]["id"] == "last"
