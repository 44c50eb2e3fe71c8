"""The package beside others in one process: orders of import, what importing costs, children of a process."""

import multiprocessing
import subprocess
import sys

import bgem3
import numpy as np
import pytest
from pair import same_array

# One process each. All three have a copy of protobuf or of sentencepiece in them.
ORDERS = [
    "bgem3 transformers torch sentencepiece",
    "transformers sentencepiece bgem3 torch",
    pytest.param("sentencepiece torch transformers bgem3", marks=pytest.mark.slow),
    pytest.param("torch bgem3 sentencepiece transformers", marks=pytest.mark.slow),
    "google.protobuf.descriptor bgem3 transformers",
    "bgem3 google.protobuf.descriptor transformers",
    # Takes seconds to import, most of them for what transformers imports, too.
    pytest.param("google.protobuf.descriptor bgem3 FlagEmbedding", marks=pytest.mark.slow),
    pytest.param("bgem3 google.protobuf.descriptor FlagEmbedding", marks=pytest.mark.slow),
]

USE_ALL = """
import {modules}
import bgem3, google.protobuf.struct_pb2, sentencepiece, transformers
directory = {directory!r}
text = "Hello World, こんにちは世界"
pieces = sentencepiece.SentencePieceProcessor(model_file=directory + "/sentencepiece.bpe.model").encode(text)
ids = transformers.AutoTokenizer.from_pretrained(directory)(text)["input_ids"]
model = bgem3.BGEM3FlagModel(directory, devices="cpu")
expected = [0, *(piece + 1 if piece else 3 for piece in pieces), 2]  # 3 is <unk>
assert model.tokenizer(text)["input_ids"] == ids == expected, (ids, expected)
message = google.protobuf.struct_pb2.Struct()
message["one"] = 1
assert google.protobuf.struct_pb2.Struct.FromString(message.SerializeToString())["one"] == 1
print(model.encode(text)["dense_vecs"].tolist())
"""


def run(program: str) -> str:
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_import(nano, order):
    printed = run(USE_ALL.format(modules=order.replace(" ", ", "), directory=str(nano)))
    expected = bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode("Hello World, こんにちは世界")["dense_vecs"]
    assert np.abs(np.array(eval(printed)) - expected).max() < 1e-6


def test_import_takes_nothing_along(nano):
    program = f"import sys, bgem3; bgem3.BGEM3FlagModel({str(nano)!r}).encode('x'); print(*sys.modules)"
    modules = set(run(program).split())
    assert "numpy" in modules
    assert modules.isdisjoint({"torch", "transformers", "sentencepiece", "huggingface_hub", "ray", "pyspark", "pandas"})


def test_torch_after_bgem3_is_the_same_library(nano):
    program = """
import bgem3
model = bgem3.BGEM3FlagModel({!r})
before = model.encode("text", convert_to_numpy=True)["dense_vecs"]
import torch
after = model.encode("text", convert_to_numpy=False)["dense_vecs"]
assert (after == torch.from_numpy(before)).all()
libraries = {{line.split()[-1] for line in open("/proc/self/maps") if "libtorch_cpu" in line}}
assert len(libraries) == 1, libraries
"""
    run(program.format(str(nano)))


def test_models_side_by_side(nano, e5_small):
    first, second = bgem3.BGEM3FlagModel(str(nano)), bgem3.EmbeddingModel(e5_small)
    alone = first.encode("text")["dense_vecs"]
    assert second.encode("text").shape == (384,)
    same_array(first.encode("text")["dense_vecs"], alone)


# Children


def encode_in_child(model: bgem3.BGEM3FlagModel, answers) -> None:
    answers.put(model.encode(["in a child", "of this process"])["dense_vecs"])


def load_and_encode_in_child(directory: str, answers) -> None:
    encode_in_child(bgem3.BGEM3FlagModel(directory, devices="cpu"), answers)


def in_child(method: str, target, argument) -> np.ndarray:
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=target, args=(argument, answers), daemon=True)
    child.start()
    found = answers.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    return found


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_loads_a_model(nano, method):
    here = bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode(["in a child", "of this process"])["dense_vecs"]
    same_array(in_child(method, load_and_encode_in_child, str(nano)), here)


def test_process_ends_quietly_while_another_thread_encodes(nano):
    program = f"""
import threading, bgem3
model = bgem3.BGEM3FlagModel({str(nano)!r})
threading.Thread(target=model.encode, args=(["many words " * 500] * 200,), daemon=True).start()
"""
    run(program)
