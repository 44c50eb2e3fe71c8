"""`info` of a model, which has the fields of src/api/model_fields.cpp, as `bgem3 info --json` has."""

import ast
import json
import pathlib
import subprocess

import bgem3
import pytest
from prepared import program

# What only the command tells.
OF_COMMAND = {"kind", "truncation_side", "load_seconds", "weights", "tokenizer"}
# What differs between two loads, and the one value that is null there and 0 here.
NOT_COMPARED = {"truncate_dim", "threads"}


def typed_names() -> list[str]:
    stub = ast.parse(pathlib.Path(bgem3.__file__).with_name("_core.pyi").read_text())
    (info,) = (node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == "_Info")
    return [field.target.id for field in info.body]


def told_by_the_command(model: pathlib.Path) -> dict:
    command = [program("BGEM3_CLI"), "info", "--json", "--model", model]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_names_are_those_of_the_stub(nano):
    assert list(bgem3.EmbeddingModel(str(nano), device="cpu").info) == typed_names()


@pytest.mark.parametrize("name", ["nano", "e5_small"])
def test_command_tells_the_same(request, name):
    directory = request.getfixturevalue(name)
    info = bgem3.EmbeddingModel(str(directory), device="cpu").info
    told = told_by_the_command(directory)
    assert set(told) == set(info) - {"activation"} | OF_COMMAND
    assert {key: told[key] for key in set(told) - OF_COMMAND - NOT_COMPARED} == {
        key: info[key] for key in set(info) - {"activation"} - NOT_COMPARED
    }
    assert told["kind"] == "embedder"
    assert (told["weights"], told["tokenizer"]) == (info["weight_files"], info["tokenizer_file"])


def test_cross_encoder(nano_reranker):
    info = bgem3.FlagReranker(str(nano_reranker), devices="cpu").info
    told = told_by_the_command(nano_reranker)
    assert told["kind"] == "cross-encoder" and told["activation"] == info["activation"] == "Sigmoid"
    assert {"pooling", "dense", "normalize", "similarity", "has_sparse"}.isdisjoint(told)
    assert set(told) - OF_COMMAND < set(info)


def test_dimension(e5_small):
    model = bgem3.EmbeddingModel(str(e5_small), device="cpu")
    assert model.info["dimension"] == model.encode(["a text"]).shape[1]
