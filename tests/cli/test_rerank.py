"""`bgem3 rerank` against FlagEmbedding's FlagReranker and sentence-transformers' CrossEncoder."""

import gzip
import json
import pathlib
import re
import shutil
import subprocess

import FlagEmbedding
import numpy as np
import pytest
import torch
from command import Command, as_jsonl, as_lines, killed_at_exit
from sentence_transformers import CrossEncoder

TOLERANCE = 5e-6
QUERY = "what is a panda?"
PASSAGES = [
    "hi",
    "The giant panda (Ailuropoda melanoleuca) is a bear species endemic to China.",
    "東京は日本の首都です。",
    "",
    "مرحبا بالعالم",
    "a " * 300,
]
OPTIONS_OF_INPUT = ["--input", "--input-format", "--column", "--delimiter", "--no-header", "--on-error"]


@pytest.fixture(scope="module")
def reranking(bgem3, tiny_reranker) -> Command:
    return Command(bgem3.program, tiny_reranker)


def results(reranking: Command, *arguments: object, query: str = QUERY, passages: list[str] = PASSAGES) -> list[dict]:
    document = json.loads(reranking("rerank", "--format", "json", *arguments, query, *passages).stdout)
    assert document["query"] == query
    return document["results"]


def by_passage(found: list[dict]) -> np.ndarray:
    return np.array([result["score"] for result in sorted(found, key=lambda result: result["id"])])


def test_raw_scores_are_those_of_flag_reranker(reranking, tiny_reranker):
    reference = FlagEmbedding.FlagReranker(str(tiny_reranker), devices="cpu")
    passages = list(filter(None, PASSAGES))  # of an empty one FlagReranker leaves out the separators
    expected = reference.compute_score([(QUERY, passage) for passage in passages])
    assert np.abs(by_passage(results(reranking, "--raw-scores", passages=passages)) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("top", [None, 1, 3, 100])
def test_ranks_as_cross_encoder(reranking, tiny_reranker, top):
    reference = CrossEncoder(str(tiny_reranker), device="cpu").rank(QUERY, PASSAGES, top_k=top, return_documents=True)
    found = results(reranking, *([] if top is None else ["--top", top]))
    assert [result["id"] for result in found] == [result["corpus_id"] for result in reference]
    assert [result["text"] for result in found] == [result["text"] for result in reference]
    assert np.allclose([result["score"] for result in found], [result["score"] for result in reference], atol=TOLERANCE)


def test_score_is_what_the_directory_makes_of_a_logit(bgem3, nano_reranker, tmp_path):
    model = shutil.copytree(nano_reranker, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.activation.Tanh", "version": "5.0"}
    (model / "config.json").write_text(json.dumps(config))
    reranking = Command(bgem3.program, model)
    scores = by_passage(results(reranking))
    expected = CrossEncoder(str(model), device="cpu").predict([(QUERY, passage) for passage in PASSAGES])
    assert np.abs(scores - expected).max() <= TOLERANCE
    assert np.abs(np.tanh(by_passage(results(reranking, "--raw-scores"))) - scores).max() <= TOLERANCE


def test_lengths_as_flag_reranker(reranking, tiny_reranker):
    query, passages = (
        "what is a giant panda, and where does it live? " * 4,
        ["hi", PASSAGES[1], "bears and pandas " * 40],
    )
    reference = FlagEmbedding.FlagReranker(str(tiny_reranker), devices="cpu", max_length=40, query_max_length=12)
    expected = reference.compute_score([(query, passage) for passage in passages])
    found = results(
        reranking, "--raw-scores", "--max-length", 40, "--query-max-length", 12, query=query, passages=passages
    )
    assert np.abs(by_passage(found) - expected).max() <= TOLERANCE


def test_longest_is_cut_as_by_cross_encoder(reranking, tiny_reranker):
    query, passages = "what is a giant panda, and where does it live? " * 4, [*PASSAGES, "bears and pandas " * 40]
    reference = CrossEncoder(str(tiny_reranker), device="cpu", max_length=40)
    expected = reference.predict([(query, passage) for passage in passages], activation_fn=torch.nn.Identity())
    found = results(
        reranking, "--raw-scores", "--max-length", 40, "--truncation", "longest", query=query, passages=passages
    )
    assert np.abs(by_passage(found) - expected).max() <= TOLERANCE


def test_batches_are_of_no_consequence(reranking):
    scores = by_passage(results(reranking, "--batch-size", 1, "--threads", 1, "--copy"))
    assert np.abs(by_passage(results(reranking, "--batch-tokens", 30)) - scores).max() <= 1e-5


@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.csv", "in.jsonl.gz"])
def test_input(reranking, tmp_path, name):
    passages = [passage for passage in PASSAGES if '"' not in passage]
    records = as_jsonl({"id": f"p{i}", "text": passage} for i, passage in enumerate(passages))
    rows = "id,text\n" + as_lines(f'p{i},"{passage}"' for i, passage in enumerate(passages))
    data = {"in.txt": as_lines(passages), "in.csv": rows}.get(name, records).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    output = reranking("rerank", "--query", QUERY, "--input", tmp_path / name, "--format", "json").stdout
    expected = results(reranking, passages=passages)
    if name != "in.txt":
        expected = [{**result, "id": f"p{result['id']}"} for result in expected]
    assert json.loads(output)["results"] == expected


def test_query_as_argument_or_option(reranking):
    named = reranking("rerank", "--query", QUERY, *PASSAGES).stdout
    assert reranking("rerank", *PASSAGES, "--query", QUERY).stdout == named
    assert reranking("rerank", QUERY, *PASSAGES).stdout == named
    assert reranking("rerank", QUERY, stdin=as_lines(PASSAGES)).stdout == named


def test_bad_records_are_left_out(reranking):
    options = ["rerank", QUERY, "--input-format", "jsonl", "--format", "tsv", "--on-error"]
    source = '{"text": "one"}\nbroken\n{"text": "two", "id": "second"}\n'
    result = reranking(*options, "skip", stdin=source)
    assert {line.split("\t")[0] for line in result.lines} == {"0", '"second"'}
    assert "1 of 3 records were bad" in result.stderr
    assert "line 2" in reranking.fail(*options, "stop", stdin=source)


def test_forms_of_the_output_agree(reranking):
    found = results(reranking)
    rows = [line.split("\t") for line in reranking("rerank", "--format", "tsv", QUERY, *PASSAGES).lines]
    assert [(int(number), float(score)) for number, score in rows] == [(r["id"], r["score"]) for r in found]
    head, empty, *lines = reranking("rerank", QUERY, *PASSAGES).lines
    assert head.startswith("scores by ") and QUERY in head and empty == ""
    shown = [re.match(r" *(\S+)  (\S+)  (.*)", line).groups() for line in lines]
    assert [(int(number), score) for score, number, _ in shown] == [(r["id"], f"{r['score']:.4f}") for r in found]
    assert all(max(map(len, lines)) <= 100 and PASSAGES[int(n)].startswith(t.rstrip("…")) for _, n, t in shown)


def test_nothing_but_what_is_printable(reranking):
    text = reranking("rerank", "a\x1b[31m", "b\x1b[31m\u2028\u202e", "c").stdout.decode()
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("option", OPTIONS_OF_INPUT)
def test_passages_and_input_together_are_refused(reranking, option):
    values = {"--column": ["1"], "--no-header": [], "--on-error": ["skip"], "--input-format": ["lines"]}
    arguments = [option, *values.get(option, ["-"]), "--", "a query", "a passage"]
    assert f"passages excludes {option}" in reranking.fail("rerank", *arguments, status=2)


def test_no_passages(reranking):
    assert "no passages; name some or use --input" in reranking.fail("rerank", QUERY)


def test_too_many_passages(bgem3, nano_reranker):
    message = Command(bgem3.program, nano_reranker).fail("rerank", QUERY, stdin="\n" * 1_000_001)
    assert "expected at most 1000000 passages, found more" in message


def test_directory_of_an_embedder(bgem3, nano):
    message = bgem3.fail("rerank", QUERY, "a")
    assert str(nano) in message and "expected a cross-encoder" in message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--max-length", 3], "max_length of a pair should be 4 to"),
        (["--truncation", "longest", "--query-max-length", 5], "query_max_length belongs to PairTruncation::passage"),
    ],
)
def test_options_are_refused_before_the_input_is_waited_for(reranking, options, told):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with killed_at_exit(reranking.start("rerank", QUERY, *options, **pipes)) as process:
        assert process.wait(timeout=60) == 1
        assert told in process.stderr.read().decode()


def test_protected_files(bgem3, nano_reranker, tmp_path):
    reranking = Command(bgem3.program, shutil.copytree(nano_reranker, tmp_path / "model"))
    weights, source = tmp_path / "model" / "model.safetensors", tmp_path / "in.txt"
    source.write_text("a\nb\n")
    for file, told in (weights, "standard output is a file of the model"), (source, "standard output is the input"):
        before = file.read_bytes()
        with file.open("ab") as output:
            result = reranking.attempt("rerank", QUERY, "--input", source, stdout=output)
        assert result.status == 1 and told in result.stderr
        assert file.read_bytes() == before


def test_input_that_cannot_be_read(reranking, tmp_path):
    assert "No such file" in reranking.fail("rerank", QUERY, "--input", tmp_path / "none.txt")
    assert "Is a directory" in reranking.fail("rerank", QUERY, "--input", tmp_path)


def test_full_standard_output(reranking):
    with pathlib.Path("/dev/full").open("wb") as full:
        message = reranking.fail("rerank", QUERY, "a", stdout=full)
    assert "standard output" in message and "No space left on device" in message


@pytest.mark.parametrize("dtype", ["float16", "float8"])
def test_dtype_that_the_processor_lacks(reranking, dtype):
    assert dtype in reranking.fail("rerank", QUERY, "a", "--dtype", dtype)
