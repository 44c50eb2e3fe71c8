"""What `bgem3 encode` writes."""

import json

import numpy as np
import pytest
from command import as_jsonl, as_lines
from sample_texts import TEXTS

DIMENSION = 64


@pytest.fixture(scope="module")
def plain(bgem3):
    """Result of TEXTS with no options."""
    return bgem3("encode", stdin=as_lines(TEXTS))


def load_npy(bgem3, path, *options, stdin):
    bgem3("encode", "--format", "npy", "--output", path, *options, stdin=stdin)
    return np.load(path)


def test_jsonl_and_npy_hold_the_same_floats(bgem3, plain, tmp_path):
    vectors = load_npy(bgem3, tmp_path / "v.npy", stdin=as_lines(TEXTS))
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), DIMENSION)
    assert np.array_equal(plain.dense, vectors)


def test_vectors_are_normalized_and_differ(plain):
    assert np.allclose(np.linalg.norm(plain.dense, axis=1), 1, atol=1e-6)
    assert len(np.unique(plain.dense, axis=0)) == len(TEXTS)


def test_input_and_output_files(bgem3, plain, tmp_path):
    (tmp_path / "in.txt").write_text(as_lines(TEXTS))
    bgem3("encode", "--input", tmp_path / "in.txt", "--output", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == plain.stdout


def test_ids_and_order_are_kept(bgem3, plain, tmp_path):
    ids = ["a", 7, None, -1.5, 2**63, "ü\n"]
    records = [{"id": key, "text": text} for key, text in zip(ids, TEXTS, strict=True)]
    records.append({"text": "no id"})
    (tmp_path / "in.jsonl").write_text(as_jsonl(records))
    result = bgem3("encode", "--input", tmp_path / "in.jsonl")
    assert [record["id"] for record in result.records] == [*ids, 6]
    assert np.allclose(result.dense[:6], plain.dense, atol=1e-5)


def test_numbers_from_zero_for_lines(plain):
    assert [record["id"] for record in plain.records] == list(range(len(TEXTS)))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(bgem3, plain, ending, last):
    data = ending.join(TEXTS) + (ending if last else "")
    result = bgem3("encode", stdin=data)
    assert result.stdout == plain.stdout


def test_an_empty_line_is_a_text(bgem3):
    result = bgem3("encode", stdin="\none\n\n")
    assert len(result.records) == 3
    assert np.allclose(result.dense[0], result.dense[2], atol=1e-6)


def test_zero_texts(bgem3, tmp_path):
    assert bgem3("encode").stdout == b""
    assert load_npy(bgem3, tmp_path / "v.npy", stdin="").shape == (0, DIMENSION)


def test_bytes_that_are_not_utf8(bgem3):
    message = bgem3.fail("encode", stdin=b"plain\ncaf\xe9 au lait\n")
    assert "standard input, line 2: expected UTF-8, found the byte 0xE9 at 4 of the line" in message


@pytest.fixture(scope="module")
def token_counts(bgem3):
    return [len(line.split()) for line in bgem3("tokenize", stdin=as_lines(TEXTS)).lines]


@pytest.mark.parametrize("kinds", [["dense"], ["sparse"], ["colbert"], ["dense", "sparse", "colbert"]], ids="+".join)
def test_kinds(bgem3, plain, token_counts, kinds):
    result = bgem3("encode", *[f"--{kind}" for kind in kinds], stdin=as_lines(TEXTS))
    for record, count in zip(result.records, token_counts, strict=True):
        assert list(record) == ["id", *kinds]
        if "colbert" in kinds:
            assert np.array(record["colbert"]).shape == (count - 1, DIMENSION)
        if "sparse" in kinds:
            assert all(int(token) > 3 and weight > 0 for token, weight in record["sparse"].items())
    if "dense" in kinds:
        assert np.allclose(result.dense, plain.dense, atol=1e-6)


def test_json_numbers_are_as_short_as_float32_allows(plain):
    """Nine digits tell any two float32 apart; more would be a double written out."""
    for shown in plain.stdout.split(b'"dense":[')[1].split(b"]")[0].split(b","):
        digits = shown.split(b"e")[0].lstrip(b"-0.").replace(b".", b"")
        assert len(digits) <= 9


def test_truncated_dimension_is_normalized_again(bgem3, plain, tmp_path):
    vectors = load_npy(bgem3, tmp_path / "v.npy", "--truncate-dim", 16, stdin=as_lines(TEXTS))
    head = plain.dense[:, :16]
    assert np.allclose(vectors, head / np.linalg.norm(head, axis=1, keepdims=True), atol=1e-6)


def test_longer_texts_are_cut_with_a_notice(bgem3, token_counts):
    result = bgem3("encode", "--max-length", 8, "--colbert", stdin=as_lines(TEXTS))
    assert max(len(record["colbert"]) for record in result.records) == 7
    over = sum(count > 8 for count in token_counts)
    assert result.stderr == f"bgem3: {over} texts were longer than the limit and cut\n"


def test_no_notice_when_nothing_is_cut(bgem3, plain):
    assert plain.stderr == ""


@pytest.mark.parametrize("options", [["--batch-size", 1], ["--batch-size", 64], ["--batch-tokens", 16]])
def test_batching_does_not_change_vectors(bgem3, plain, options):
    result = bgem3("encode", *options, stdin=as_lines(TEXTS))
    assert np.allclose(result.dense, plain.dense, atol=1e-5)


def test_pipelines_give_other_tokens(bgem3):
    split, as_written = (
        bgem3("encode", "--colbert", "--pipeline", pipeline, stdin="a <s> b").records[0]["colbert"]
        for pipeline in ("transformers-5", "tokenizer-json")
    )
    assert (len(split), len(as_written)) == (4, 5)


@pytest.mark.parametrize("option", ["--cuda-graphs", "--no-cuda-graphs", "--cuda-graphs=false"])
def test_cuda_graphs_have_no_effect_on_the_cpu(bgem3, plain, option):
    assert np.array_equal(bgem3("encode", option, stdin=as_lines(TEXTS)).dense, plain.dense)


def test_dtypes(bgem3, plain):
    assert np.array_equal(bgem3("encode", "--dtype", "float32", stdin=as_lines(TEXTS)).dense, plain.dense)
    for dtype, needed in (("bfloat16", "AVX512-BF16"), ("int8", "AVX512-VNNI")):
        result = bgem3.attempt("encode", "--dtype", dtype, stdin=as_lines(TEXTS))
        if result.status == 0:
            assert (result.dense * plain.dense).sum(axis=1).min() > 0.98
            assert not np.array_equal(result.dense, plain.dense)
        else:
            assert f"needs {needed}, which this processor does not have" in result.stderr
    for dtype in ("float16", "float8", "float8_fast"):
        assert f"dtype {dtype} is for CUDA" in bgem3.fail("encode", "--dtype", dtype, stdin="a")


def test_json_lines_hold_any_text(bgem3):
    text = 'line\nend, "quotes" and \t tab \U0001f600'
    (record,) = bgem3("encode", "--input-format", "jsonl", stdin=json.dumps({"id": text, "text": text})).records
    assert record["id"] == text


def test_prompts(bgem3, nano, tmp_path):
    for file in nano.iterdir():
        (tmp_path / file.name).symlink_to(file)
    stated = {"prompts": {"title": "title: ", "query": "query: "}, "default_prompt_name": "title"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(stated))

    def encode(*options: str) -> np.ndarray:
        return bgem3("encode", "--model", tmp_path, *options, stdin=as_lines(["a", "", "b c"])).dense

    def expected(prompt: str) -> np.ndarray:
        return bgem3("encode", stdin=as_lines([prompt + "a", prompt, prompt + "b c"])).dense

    for options, prompt in {
        (): "title: ",
        ("--prompt-name", "query"): "query: ",
        ("--prompt-name", "document"): "",
        ("--prompt", ""): "",
        ("--prompt", "x "): "x ",
    }.items():
        assert np.abs(encode(*options) - expected(prompt)).max() <= 1e-6
    unknown = bgem3.fail("encode", "--model", tmp_path, "--prompt-name", "nix", stdin="a\n")
    assert "prompt_name should be one of: query, title; found 'nix'" in unknown
    assert bgem3.attempt("encode", "--prompt", "a", "--prompt-name", "query", stdin="a\n").status != 0


def test_texts_that_are_cut_are_counted_with_their_prompt(bgem3):
    told = bgem3("encode", "--max-length", "6", "--prompt", "one two three ", stdin="a b c\n").stderr
    assert "1 text was longer" in told
