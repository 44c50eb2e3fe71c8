"""The tokenizer.json we write is the pipeline that transformers builds from the sentencepiece model."""

import json
import os
import pathlib

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

MODELS = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", pathlib.Path(__file__).resolve().parents[2] / "models"))
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "tokenizer_golden.jsonl"


@pytest.fixture(scope="module")
def texts():
    with GOLDEN.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines][::5]


def test_classic_json_equals_transformers(texts):
    ours = Tokenizer.from_file(str(MODELS / "xlm-r-tokenizer" / "tokenizer.json"))
    theirs = AutoTokenizer.from_pretrained(MODELS / "tiny")
    assert [encoding.ids for encoding in ours.encode_batch(texts)] == theirs(texts)["input_ids"]
