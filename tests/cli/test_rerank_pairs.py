"""`bgem3 rerank` of JSON lines that have a query each, against FlagEmbedding's FlagReranker."""

import gzip
import json
import re
import subprocess

import FlagEmbedding
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from command import Command, as_jsonl, killed_at_exit, parse_records

TOLERANCE = 5e-6
PAIRS_TO_JSON = ["rerank", "--input-format", "jsonl", "--format", "json"]
PAIRS = [
    {"id": "a", "query": "what is a panda?", "text": "The giant panda is a bear."},
    {"query": "東京はどこですか", "text": "東京は日本の首都です。"},
    {"id": 15, "text": "Knead the dough.", "query": "how to bake bread"},
    {"id": "cut", "query": "rates " * 20, "text": "Raise the rates. " * 40},
]
BAD = {
    '{"id": 7, "text": "a"}': 'no "query"',
    '{"id": 7, "query": "a"}': 'no "text"',
    '{"id": 7, "query": ["a"], "text": "a"}': '"query" of type array',
    '{"id": 7, "query": "a", "text": 5}': '"text" of type number',
    '{"id": {}, "query": "a", "text": "a"}': '"id" of type object',
    '{"id": 7, "query": "a", "pos": ["a"], "neg": ["b"]}': "the key 'pos'",
    '{"id": 7, "query": "a", "text": "a", "label": 1}': "the key 'label'",
    '["a", "b"]': "array",
    "": "a blank line",
    '{"query": "a", "text": ': "invalid JSON",
}


@pytest.fixture(scope="module")
def reranking(bgem3, nano_reranker) -> Command:
    return Command(bgem3.program, nano_reranker)


def test_scores_are_those_of_flag_reranker(bgem3, tiny_reranker):
    reference = FlagEmbedding.FlagReranker(str(tiny_reranker), devices="cpu", max_length=40)
    pairs = [(pair["query"], pair["text"]) for pair in PAIRS]
    for options, normalize in (["--raw-scores"], False), ([], True):
        command = [*PAIRS_TO_JSON, "--max-length", 40, *options]
        records = Command(bgem3.program, tiny_reranker)(*command, stdin=as_jsonl(PAIRS)).records
        assert [record["id"] for record in records] == ["a", 1, 15, "cut"]
        expected = reference.compute_score(pairs, normalize=normalize)
        assert np.abs(np.array([record["score"] for record in records]) - expected).max() <= TOLERANCE


def test_scores_are_those_of_ranking(reranking):
    """Of several chunks, whose last is not full."""
    passages = [f"passage {i} of {i % 7}" for i in range(1500)]
    pairs = as_jsonl({"query": "which passage?", "text": passage} for passage in passages)
    found = reranking(*PAIRS_TO_JSON, stdin=pairs).records
    texts = as_jsonl({"text": passage} for passage in passages)
    ranked = reranking("rerank", "which passage?", "--input-format", "jsonl", "--format", "json", stdin=texts)
    expected = {result["id"]: result["score"] for result in json.loads(ranked.stdout)["results"]}
    assert [record["id"] for record in found] == list(range(1500))
    assert np.allclose([record["score"] for record in found], [expected[i] for i in range(1500)], atol=1e-5)


@pytest.mark.parametrize("name", ["in.ndjson", "in.jsonl.gz"])
def test_file(reranking, tmp_path, name):
    data = as_jsonl(PAIRS).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    expected = reranking(*PAIRS_TO_JSON, stdin=data).stdout
    assert reranking("rerank", "--input", tmp_path / name, "--format", "json").stdout == expected


def test_forms_of_the_output_agree(reranking):
    pairs = as_jsonl(PAIRS)
    options = ["rerank", "--input-format", "jsonl", "--format"]
    records = reranking(*options, "json", stdin=pairs).records
    rows = [line.split("\t") for line in reranking(*options, "tsv", stdin=pairs).lines]
    assert [(json.loads(id), float(score)) for id, score in rows] == [(r["id"], r["score"]) for r in records]
    head, empty, *lines = reranking(*options, "text", stdin=pairs).lines
    assert head.startswith("scores by ") and empty == "" and max(map(len, lines)) <= 100
    for line, record, pair in zip(lines, records, PAIRS, strict=True):
        score, id, query, passage = re.fullmatch(r" *(\S+)  (\S+) *  (.*) \| (.*)", line).groups()
        assert (score, json.loads(id)) == (f"{record['score']:.4f}", record["id"])
        assert pair["query"].startswith(query.rstrip("…")) and pair["text"].startswith(passage.rstrip("…"))


def test_bad_records(reranking):
    """Each beside good ones, whose scores are as without it."""
    expected = 'expected a JSON object with strings "query" and "text", and no other key but "id", found '
    source = as_jsonl(PAIRS[:2]) + "".join(bad + "\n" for bad in BAD) + as_jsonl(PAIRS[2:])
    skipped = reranking(*PAIRS_TO_JSON, "--on-error", "skip", stdin=source)
    assert [record["id"] for record in skipped.records] == ["a", 1, 15, "cut"]
    warnings = skipped.stderr.splitlines()
    for line, found in enumerate(list(BAD.values())[:10], start=3):
        assert f"standard input, line {line}: {expected}{found}" in warnings[line - 3]
    assert warnings[-1] == f"bgem3: {len(BAD)} of {len(BAD) + 4} records were bad and were left out"
    stopped = reranking.attempt(*PAIRS_TO_JSON, stdin=source)
    assert stopped.status == 1 and f'line 3: {expected}no "query"' in stopped.stderr
    assert [record["id"] for record in parse_records(stopped.stdout)] == ["a", 1]


def test_nothing_but_bad_records_is_a_failure(reranking):
    message = reranking.fail("rerank", "--input-format", "jsonl", "--on-error", "skip", stdin='{"text": "a"}\n')
    assert "all 1 records were bad" in message


def test_empty_input(reranking):
    assert reranking("rerank", "--input-format", "jsonl", stdin="").stdout == b""


def test_the_query_of_the_command_line_counts(reranking):
    pairs = as_jsonl([{"query": "another", "text": "a"}, {"query": "and another", "text": "b"}])
    found = reranking("rerank", "a query", "--input-format", "jsonl", "--format", "json", stdin=pairs).stdout
    assert found == reranking("rerank", "a query", "a", "b", "--format", "json").stdout


def test_scores_come_before_the_end_of_the_input(reranking):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with killed_at_exit(reranking.start("rerank", "--input-format", "jsonl", "--format", "tsv", **pipes)) as process:
        process.stdin.write((as_jsonl(PAIRS) * 400).encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b'"a"\t')
        assert process.poll() is None


@pytest.mark.parametrize("options", [[], ["--input-format", "lines"], ["--input", "in.csv"], ["--input", "in.txt"]])
def test_pairs_are_json_lines(reranking, options):
    message = reranking.fail("rerank", *options, status=2)
    assert "A query, as the first argument, by --query or in each record of JSON lines" in message


def test_parquet_is_refused_by_its_content(reranking, tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"query": ["a"], "text": ["b"]}), tmp_path / "in.jsonl")
    message = reranking.fail("rerank", "--input", tmp_path / "in.jsonl")
    assert "in.jsonl': expected JSON lines with a query in each record, found Parquet" in message


def test_options_that_do_not_fit(reranking):
    assert "--top requires a query" in reranking.fail("rerank", "--input-format", "jsonl", "--top", 3, status=2)
    assert "--column is for CSV" in reranking.fail("rerank", "--input-format", "jsonl", "--column", "a", stdin="{}\n")
