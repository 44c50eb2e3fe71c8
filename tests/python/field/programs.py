"""The programs: FlagEmbedding's own tests, inference examples, scripts and evaluation; milvus-model; xinference."""

import importlib.util
import json
import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import outputs

HERE = pathlib.Path(__file__).resolve().parent
FOUND = outputs.written("found.json")
CPU = ["--devices", "cpu", "--use_fp16", "False"]
PASSAGES = [
    "Paris is the capital of France.",
    "The population of China is over 1.4 billion people.",
    "BGE M3 supports dense retrieval, lexical matching and multi-vector interaction.",
    "BM25 ranks documents by the query terms that appear in each of them.",
    "東京は日本の首都です。",
    "Семь раз отмерь, один отрежь.",
]
QUERIES = [
    "What is the capital of France?",
    "How many people live in China?",
    "What is BGE M3?",
    "日本の首都はどこですか",
]


@dataclass
class Program:
    """`arguments` are those of Python; a relative path among them is below the directory that the program runs in."""

    name: str
    arguments: list[str]
    files: dict[str, str]  # that are there
    output: Callable[[pathlib.Path, str], Any]  # of that directory, and of what it printed
    our_arguments: list[str] | None = None  # without bgem3.compat; None: the same with it


def of_repository(repository: pathlib.Path) -> list[Program]:
    """Those of a clone of FlagEmbedding."""
    return [
        *own_tests(repository),
        *examples(repository),
        hard_negatives(repository, "m3", "BAAI/bge-m3"),
        hard_negatives(repository, "base", "intfloat/multilingual-e5-small", "--pooling_method", "mean"),
        reranker_scores(repository),
    ]


def of_packages() -> list[Program]:
    """Those of installed packages."""
    return [
        evaluation("m3 and re-ranker", "BAAI/bge-m3", "--reranker_name_or_path", "BAAI/bge-reranker-v2-m3"),
        evaluation("base", "intfloat/multilingual-e5-small", "--corpus_embd_save_dir", "corpus"),
        *milvus(),
        *xinference(),
    ]


def own_tests(repository: pathlib.Path) -> list[Program]:
    """Each twice: as it is under bgem3.compat, and with the import edited."""
    conftest = (repository / "tests" / "conftest.py").read_text("utf-8")
    found = []
    for test in sorted((repository / "tests").glob("test_infer_*.py")):
        text = test.read_text("utf-8")
        edited = re.sub(r"^from FlagEmbedding import", "from bgem3.compat.FlagEmbedding import", text, flags=re.M)
        files = {"conftest.py": conftest, test.name: text, f"edited_{test.name}": edited}
        as_it_is, with_import = (
            ["-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", name] for name in (test.name, f"edited_{test.name}")
        )
        name = f"tests/{test.name}"
        found.append(Program(name, as_it_is, files, outputs.of_tests))
        found.append(Program(f"{name}, import edited", as_it_is, files, outputs.of_tests, with_import))
    return found


def examples(repository: pathlib.Path) -> list[Program]:
    """Edited as their comments say for a machine without GPUs."""
    root = repository / "examples" / "inference"
    return [
        Program(
            f"examples/{file.relative_to(root)}",
            [file.name],
            {file.name: re.sub(r"cuda:\d", "cpu", file.read_text("utf-8"))},
            outputs.printed,
        )
        for file in sorted(root.glob("*/encoder_only/*.py"))
    ]


def hard_negatives(repository: pathlib.Path, kind: str, model: str, *more: str) -> Program:
    """With as many negatives as there are passages but the one that fits, so that nothing is drawn at random."""
    lines = [{"query": query, "pos": [PASSAGES[i]]} for i, query in enumerate(QUERIES)]
    pool = [{"text": text} for text in PASSAGES]
    files = {"train.jsonl": _json_lines(lines), "pool.jsonl": _json_lines(pool)}
    arguments = ["--input_file", "train.jsonl", "--candidate_pool", "pool.jsonl", "--output_file", "mined.jsonl"]
    arguments += ["--range_for_sampling", f"0-{len(PASSAGES)}", "--negative_number", str(len(PASSAGES) - 1)]
    script = str(repository / "scripts" / "hn_mine.py")
    command = [script, *arguments, "--embedder_name_or_path", model, *more, *CPU]
    return Program(f"scripts/hn_mine.py, {kind}", command, files, outputs.written("mined.jsonl"))


def reranker_scores(repository: pathlib.Path) -> Program:
    lines = [{"query": q, "pos": [PASSAGES[i]], "neg": PASSAGES[i + 1 :]} for i, q in enumerate(QUERIES)]
    arguments = ["--input_file", "mined.jsonl", "--output_file", "scored.jsonl"]
    script = str(repository / "scripts" / "add_reranker_score.py")
    command = [script, *arguments, "--reranker_name_or_path", "BAAI/bge-reranker-v2-m3", *CPU]
    files = {"mined.jsonl": _json_lines(lines)}
    return Program("scripts/add_reranker_score.py", command, files, outputs.written("scored.jsonl"))


def evaluation(kind: str, model: str, *more: str) -> Program:
    """On a data set of its own, in the layout that the documentation of FlagEmbedding's evaluation describes."""
    files = {
        "data/corpus.jsonl": _json_lines({"id": f"p{i}", "title": "", "text": t} for i, t in enumerate(PASSAGES)),
        "data/test_queries.jsonl": _json_lines({"id": f"q{i}", "text": text} for i, text in enumerate(QUERIES)),
        "data/test_qrels.jsonl": _json_lines(
            {"qid": f"q{i}", "docid": f"p{i}", "relevance": 1} for i in range(len(QUERIES))
        ),
    }
    arguments = ["--eval_name", "field", "--dataset_dir", "data", "--splits", "test", "--output_dir", "results"]
    arguments += ["--eval_output_method", "json", "--eval_output_path", "./eval.json", "--k_values", "1", "3"]
    arguments += ["--eval_metrics", "ndcg_at_3", "recall_at_3", "--cache_path", "cache"]
    command = ["-m", "FlagEmbedding.evaluation.custom", *arguments, "--embedder_name_or_path", model, *more, *CPU]
    return Program(
        f"FlagEmbedding.evaluation.custom, {kind}", command, files, outputs.written("results/**/*.json", "eval.json")
    )


def milvus() -> list[Program]:
    """The functions of milvus-model with their default settings."""
    return [
        Program(f"milvus-model, {name}", _driver("milvus_functions.py", name), {}, FOUND)
        for name in ("BGEM3EmbeddingFunction", "BGERerankFunction")
    ]


def xinference() -> list[Program]:
    """None where it is not installed: it brings many packages along."""
    if importlib.util.find_spec("xinference") is None:
        return []
    return [Program("xinference, engine flag", _driver("xinference_embeddings.py", "BAAI/bge-m3"), {}, FOUND)]


def _driver(name: str, what: str) -> list[str]:
    """A program beside this one that uses a package, and writes what it found."""
    return [str(HERE / name), what, "found.json", json.dumps(PASSAGES)]


def _json_lines(values: Any) -> str:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
