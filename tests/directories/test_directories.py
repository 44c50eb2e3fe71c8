"""Each of ROWS through each front end, against sentence-transformers on the same directory."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

import adapter_rows  # noqa: F401
import family_rows  # noqa: F401
import front_ends
import null_rows  # noqa: F401
import numpy as np
import pytest
import reranker_rows  # noqa: F401
import rows  # noqa: F401
import tokenizer_rows  # noqa: F401
import torch
import weight_rows  # noqa: F401
from directory import Directory
from front_ends import Refused
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from table import ROWS, TOKENIZER, Row, dense, modules, pipeline

import bgem3

LONG = " ".join(f"word{i} and {i}" for i in range(60))
TEXTS = [
    "a ",
    "Two  spaces and UPPER case, 1234 digits",
    "x <new> y<new>z <newer>x  y ",
    "a <mask> b",
    "",
    LONG,
    "Ａé  ",
]
PAIRS = [("a question", "an answer "), ("UPPER", "12 <mask>"), ("short", LONG), ("", "x")]
TOLERANCE = 2e-5

EMBEDDERS = [row for row in ROWS.rows if row.kind == "embedder"]
RERANKERS = [row for row in ROWS.rows if row.kind == "reranker"]
# Command and server open a directory as a C++ program does, and each start of them takes a second. Of the refusals one
# tells how they end.
FEW = {
    "a default prompt",
    "a dimension",
    "adapter: as it is",
    "an unknown module",
    "pooling of several names",
    "tokenizer: model_max_length",
}


@pytest.fixture(scope="session")
def build(nano, nano_reranker, tmp_path_factory) -> Callable[[Row], pathlib.Path]:
    root = tmp_path_factory.mktemp("rows")
    built: dict[str, pathlib.Path] = {}

    def build_once(row: Row) -> pathlib.Path:
        if row.name not in built:
            # A cross-encoder's own files, unless the row is about an embedder opened as one.
            source = nano_reranker if row.kind == "reranker" and "embedder" not in row.name else nano
            directory = Directory(root / str(len(built)), source)
            row.build(directory)
            built[row.name] = directory.path
        return built[row.name]

    return build_once


def expect(row: Row, run: Callable[[], np.ndarray], expected: Callable[[], np.ndarray]) -> None:
    """Equal, or refused by a message that has all that the row says."""
    if row.refused:
        with pytest.raises(Refused) as refused:
            run()
        message = str(refused.value)
        assert all(part in message for part in row.refused), message
        return
    found, wanted = run(), expected()
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * max(1.0, float(np.abs(wanted).max()))


_REFERENCES: dict[pathlib.Path, np.ndarray] = {}


def embeddings_of(directory: pathlib.Path) -> np.ndarray:
    """Of sentence-transformers, each text by itself: in a batch it pads, which is no part of a model."""
    if directory not in _REFERENCES:
        model = SentenceTransformer(str(directory), device="cpu")
        _REFERENCES[directory] = np.stack([model.encode(text) for text in TEXTS])
    return _REFERENCES[directory]


def scores_of(directory: pathlib.Path) -> np.ndarray:
    if directory not in _REFERENCES:
        _REFERENCES[directory] = CrossEncoder(str(directory), device="cpu").predict(PAIRS)
    return _REFERENCES[directory]


@pytest.mark.parametrize("row", EMBEDDERS, ids=str)
def test_python(build, row):
    directory = build(row)
    expect(row, lambda: front_ends.python_embed(directory, TEXTS), lambda: embeddings_of(directory))


@pytest.mark.parametrize("row", EMBEDDERS, ids=str)
def test_cpp(build, cpp, row):
    directory = build(row)
    expect(row, lambda: front_ends.cpp_front_end(cpp, "embedder", directory, TEXTS), lambda: embeddings_of(directory))


def few_rows() -> list[Any]:
    fast = [row for row in EMBEDDERS if row.name in FEW]
    assert len(fast) == len(FEW)
    return [*fast, *(pytest.param(row, marks=pytest.mark.slow) for row in EMBEDDERS if row.name not in FEW)]


@pytest.mark.parametrize("row", few_rows(), ids=str)
def test_command(build, row):
    directory = build(row)
    expect(row, lambda: front_ends.command_embed(directory, TEXTS), lambda: embeddings_of(directory))


needs_server = pytest.mark.skipif("BGEM3_SERVER" not in os.environ, reason="the server is not built")


@needs_server
@pytest.mark.parametrize("row", few_rows(), ids=str)
def test_server(build, row):
    directory = build(row)
    expect(row, lambda: front_ends.server_embed(directory, TEXTS), lambda: embeddings_of(directory))


@pytest.mark.parametrize("row", RERANKERS, ids=str)
def test_rerankers_in_python(build, row):
    directory = build(row)
    expect(row, lambda: front_ends.python_rerank(directory, PAIRS), lambda: scores_of(directory))


@pytest.mark.parametrize("row", RERANKERS, ids=str)
def test_rerankers_in_cpp(build, cpp, row):
    directory = build(row)
    expect(row, lambda: front_ends.cpp_front_end(cpp, "reranker", directory, PAIRS), lambda: scores_of(directory))


@needs_server
@pytest.mark.parametrize("row", RERANKERS, ids=str)
def test_rerankers_on_the_server(build, nano, row):
    directory = build(row)
    expect(row, lambda: front_ends.server_rerank(nano, directory, PAIRS), lambda: scores_of(directory))


def without_arguments() -> list[str]:
    """Classes of torch.nn.modules.activation that are made without arguments, with Identity."""
    found = []
    for name in torch.nn.modules.activation.__all__:
        try:
            getattr(torch.nn, name)()
        except TypeError:
            continue
        found.append(f"torch.nn.modules.activation.{name}")
    return ["torch.nn.modules.linear.Identity", *found]


@pytest.mark.parametrize("activation", without_arguments())
def test_activation_of_a_dense_layer(nano, cpp, tmp_path, activation):
    """All that torch has; what is not supported is refused by name, and is no function of single numbers."""
    directory = Directory(tmp_path / "model", nano)
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", dense="Dense")
    dense(directory, "dense", activation_function=activation)
    answer = cpp({"kind": "embedder", "directory": str(directory.path), "texts": TEXTS})
    if "error" in answer:
        assert f"activation '{activation.rpartition('.')[2]}' is not supported" in answer["error"]
        assert activation.rpartition(".")[2] in {"GLU", "LogSoftmax", "PReLU", "Softmax", "Softmax2d", "Softmin"}
        return
    assert np.abs(np.array(answer["vectors"]) - embeddings_of(directory.path)).max() <= TOLERANCE


def test_bge_m3_without_modules_is_read_as_flagembedding_does(nano, cpp, tmp_path, caplog):
    """Both heads are there, as FlagEmbedding's trainer leaves a model: CLS, normalised, from every front end, and told."""
    from FlagEmbedding import BGEM3FlagModel

    directory = Directory(tmp_path / "model", nano)
    pipeline(directory)
    directory.drop("modules.json")
    directory.link("sparse_linear.pt", "colbert_linear.pt")
    theirs = BGEM3FlagModel(str(directory.path), use_fp16=False, devices="cpu")
    expected = np.stack([theirs.encode(text)["dense_vecs"] for text in TEXTS])
    for found in (
        front_ends.python_embed(directory.path, TEXTS),
        front_ends.command_embed(directory.path, TEXTS),
        front_ends.cpp_front_end(cpp, "embedder", directory.path, TEXTS),
    ):
        assert np.abs(found - expected).max() <= TOLERANCE
    assert sum("has no modules.json" in record.message for record in caplog.records) == 1


def same_of_all_kinds(directory: pathlib.Path, other: pathlib.Path) -> dict[str, Any]:
    """Both give the same dense, sparse and multi-vector embeddings, which are returned."""
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    found, expected = (
        bgem3.BGEM3FlagModel(str(path), devices="cpu", dtype="float32").encode(TEXTS, **kinds)
        for path in (directory, other)
    )
    assert np.array_equal(found["dense_vecs"], expected["dense_vecs"])
    assert found["lexical_weights"] == expected["lexical_weights"]
    assert all(map(np.array_equal, found["colbert_vecs"], expected["colbert_vecs"]))
    return expected


def test_heads_beside_the_encoder(nano, tmp_path):
    """The checkpoints of FlagEmbedding's trainer: all of its model in one file, the encoder below `model.`."""
    tensors = {f"model.{name}": tensor for name, tensor in load_file(nano / "model.safetensors").items()}
    for head in ("sparse_linear", "colbert_linear"):
        state = torch.load(nano / f"{head}.pt", map_location="cpu")
        tensors |= {f"{head}.{name}": tensor for name, tensor in state.items()}
    directory = Directory(tmp_path / "model", nano)
    pipeline(directory)
    directory.drop("modules.json", "model.safetensors")
    save_file(tensors, directory.path / "model.safetensors", metadata={"format": "pt"})
    expected = same_of_all_kinds(directory.path, nano)
    dense = front_ends.python_embed(directory.path, TEXTS)  # CLS, normalised, as with heads in files of their own
    assert np.abs(dense - expected["dense_vecs"]).max() <= TOLERANCE

    directory.link("sparse_linear.pt")
    with pytest.raises(Refused, match="sparse_linear.pt and sparse_linear.bias among its weights"):
        front_ends.python_embed(directory.path, TEXTS)


def test_heads_of_old_torch(nano, tmp_path):
    """Heads, and an encoder, as torch before 1.6 saved them, give what those of today do."""
    directory = Directory(tmp_path / "model", nano)
    directory.link("config.json", *TOKENIZER)
    old = {"_use_new_zipfile_serialization": False}
    torch.save(load_file(nano / "model.safetensors"), directory.path / "pytorch_model.bin", **old)
    for head in ("sparse_linear.pt", "colbert_linear.pt"):
        torch.save(torch.load(nano / head, map_location="cpu"), directory.path / head, **old)
    same_of_all_kinds(directory.path, nano)
