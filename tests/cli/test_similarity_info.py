"""`bgem3 similarity` and `bgem3 info`."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import struct
from collections import Counter

import numpy as np
import pytest
from command import as_lines

TEXTS = ["Hello World", "Bonjour le monde", "東京は日本の首都です。", "Le prix du café est de 3 €."]
KINDS = ["dense", "sparse", "colbert", "sparse+dense", "colbert+sparse+dense"]
ESCAPE = "\x1b["


@pytest.fixture(scope="module")
def records(bgem3):
    return bgem3("encode", "--dense", "--sparse", "--colbert", stdin=as_lines(TEXTS)).records


def expected(records: list[dict], kind: str) -> np.ndarray:
    """Scores as FlagEmbedding's compute_score defines them, from what encode wrote."""

    def dense(a, b):
        return np.dot(a["dense"], b["dense"])

    def sparse(a, b):
        return sum(weight * b["sparse"].get(token, 0) for token, weight in a["sparse"].items())

    def colbert(a, b):
        return (np.array(a["colbert"]) @ np.array(b["colbert"]).T).max(axis=1).mean()

    scores = [{"dense": dense, "sparse": sparse, "colbert": colbert}[name] for name in kind.split("+")]
    return np.array([[np.mean([score(a, b) for score in scores]) for b in records] for a in records])


def test_dense_table_equals_the_vectors_of_encode(bgem3, records):
    lines = bgem3("similarity", *TEXTS).lines
    rows = [line for line in lines if re.match(r"\d ", line)]
    shown = np.array([[float(value) for value in row.split()[-len(TEXTS) :]] for row in rows])
    assert np.allclose(shown, expected(records, "dense"), atol=6e-4)
    assert all(text in row for text, row in zip(TEXTS, rows, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_as_tsv(bgem3, records, kind):
    lines = bgem3("similarity", "--kind", kind, "--format", "tsv", stdin=as_lines(TEXTS)).lines
    values = np.array([[float(value) for value in line.split("\t")] for line in lines])
    assert np.allclose(values, expected(records, kind), rtol=1e-4, atol=1e-5)


def test_json(bgem3, records):
    document = json.loads(bgem3("similarity", "--format", "json", *TEXTS).stdout)
    assert document["texts"] == TEXTS
    assert np.allclose(document["similarity"], expected(records, "dense"), atol=1e-5)


def test_color_on_demand_only(bgem3):
    always = bgem3("similarity", "--color", "always", *TEXTS).stdout.decode()
    never = bgem3("similarity", "--color", "never", *TEXTS).stdout.decode()
    piped = bgem3("similarity", *TEXTS).stdout.decode()
    assert ESCAPE in always
    assert ESCAPE not in never
    assert re.sub(r"\x1b\[[0-9;]*m", "", always) == never == piped


def test_no_texts(bgem3):
    assert "no texts to compare" in bgem3.fail("similarity")


def test_too_many_texts(bgem3):
    assert "expected at most 2000 texts to compare, found more" in bgem3.fail("similarity", stdin="a\n" * 2001)


def test_info_json_tells_where_the_parts_come_from(bgem3, nano):
    info = json.loads(bgem3("info", "--json").stdout)
    assert info["weights"] == [str(nano / "model.safetensors")]
    assert info["tokenizer"] == str(nano / "tokenizer.json")
    assert info["sparse_head"] == str(nano / "sparse_linear.pt")
    assert info["colbert_head"] == str(nano / "colbert_linear.pt")
    config = json.loads((nano / "config.json").read_text())
    assert (info["layers"], info["hidden_size"]) == (config["num_hidden_layers"], config["hidden_size"])
    assert (info["dtype"], info["device"], info["max_length"]) == ("float32", "cpu", 8192)
    assert 0 < info["parameters"] * 4 <= info["weight_bytes"]
    assert info["sources"]["max_length"] == "sentence_bert_config.json: max_seq_length"
    assert info["sources"]["similarity"] == "assumed"
    assert info["kind"] == "embedder"
    assert (info["weight_files"], info["tokenizer_file"]) == (info["weights"], info["tokenizer"])


def test_info_of_a_cross_encoder(bgem3, nano_reranker):
    info = json.loads(bgem3("info", "--json", "--model", nano_reranker).stdout)
    assert (info["kind"], info["activation"], info["layers"]) == ("cross-encoder", "Sigmoid", 3)
    assert "pooling" not in info and "sparse_head" not in info
    lines = bgem3("info", "--model", nano_reranker).lines
    assert lines[0] == f"{'kind':19} cross-encoder"
    assert f"{'activation':19} {'Sigmoid':24} assumed" in lines


class Opened:
    """How often files are opened while it lasts, by their names: events of inotify."""

    def __init__(self, folder: pathlib.Path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), 0x20) >= 0  # IN_OPEN

    def counts(self) -> Counter:
        data, names = os.read(self._descriptor, 1 << 20), []
        while data:
            *_, length = struct.unpack_from("iIII", data)
            names.append(data[16 : 16 + length].rstrip(b"\0").decode())
            data = data[16 + length :]
        os.close(self._descriptor)
        return Counter(names)


def test_info_loads_a_cross_encoder_once(bgem3, nano_reranker, tmp_path):
    """The kind is known from config.json; where that does not tell, both are tried."""
    model = shutil.copytree(nano_reranker, tmp_path / "model")
    for architectures, times in (["XLMRobertaForSequenceClassification"], 1), (None, 2), ("no list", 2):
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, "architectures": architectures}))
        opened = Opened(model)
        assert json.loads(bgem3("info", "--json", "--model", model).stdout)["kind"] == "cross-encoder"
        counts = opened.counts()
        assert (counts["tokenizer.json"], counts["model.safetensors"]) == (times, times)


@pytest.mark.parametrize("architecture", ["XLMRobertaForSequenceClassification", "XLMRobertaModel"])
def test_info_of_what_is_neither(bgem3, nano, tmp_path, architecture):
    """An embedder that claims to be a cross-encoder is one none the less; else the reason is that of an embedder."""
    model = shutil.copytree(nano, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "architectures": [architecture]}))
    assert json.loads(bgem3("info", "--json", "--model", model).stdout)["kind"] == "embedder"
    (model / "config.json").write_text(json.dumps({**config, "architectures": [architecture], "num_hidden_layers": 4}))
    assert bgem3.fail("info", "--model", model) == bgem3.fail("encode", "--model", model)


def test_threads(bgem3):
    assert json.loads(bgem3("info", "--json").stdout)["threads"] >= 1
    info = json.loads(bgem3("info", "--json", "--threads", "3").stdout)
    assert (info["threads"], info["parallel_calls"]) == (3, 2)
    assert bgem3("similarity", *TEXTS, "--threads", "3").stdout == bgem3("similarity", *TEXTS).stdout


def test_device_and_dtype_of_similarity(bgem3):
    expected = bgem3("similarity", *TEXTS).stdout
    assert bgem3("similarity", *TEXTS, "--device", "cpu", "--dtype", "float32", "--copy").stdout == expected
    assert "device 'tpu' is not known" in bgem3.fail("similarity", *TEXTS, "--device", "tpu")
    assert "float16" in bgem3.fail("similarity", *TEXTS, "--dtype", "float16")


def test_info_for_people(bgem3, nano):
    lines = bgem3("info").lines
    assert f"{'tokenizer':19} {nano / 'tokenizer.json'}" in lines
    assert f"{'pooling':19} {'cls':24} 1_Pooling/config.json: pooling_mode" in lines
    assert any(re.fullmatch(r"memory of weights +[\d.]+ MB", line) for line in lines)


def test_similarity_with_a_prompt(bgem3):
    prompted = bgem3("similarity", "--format", "tsv", "--prompt", "query: ", "a", "b").stdout
    assert prompted == bgem3("similarity", "--format", "tsv", "query: a", "query: b").stdout
