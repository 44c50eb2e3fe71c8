"""Whose prompts a model has: the caller's, the directory's, or those that its family is known to expect."""

import json
import pathlib

import bgem3
import numpy as np
import pytest

FAMILY = {"query": "query: ", "document": "passage: "}
EMPTY = {"query": "", "document": ""}
OFF = {"query": ""}  # the one name only
OWN = {"query": "q: ", "passage": "p: "}


def directory_of(nano: pathlib.Path, parent: pathlib.Path, name: str, stated: dict[str, str] | None) -> pathlib.Path:
    """nano under another name, with the prompts that it states."""
    directory = parent / name
    directory.mkdir()
    for file in nano.iterdir():
        if file.name != "config_sentence_transformers.json":
            (directory / file.name).symlink_to(file)
    if stated is not None:
        (directory / "config_sentence_transformers.json").write_text(json.dumps({"prompts": stated}))
    return directory


@pytest.mark.parametrize(
    "stated, given, expected",
    [
        (None, None, FAMILY),
        ({}, {}, FAMILY),
        (None, EMPTY, EMPTY),
        (EMPTY, None, EMPTY),
        (None, OFF, {**FAMILY, **OFF}),
        (OFF, None, {**FAMILY, **OFF}),
        (OFF, {"document": ""}, EMPTY),
        (EMPTY, {"query": "q: "}, {**EMPTY, "query": "q: "}),
        (None, OWN, {**EMPTY, **OWN}),
        (OWN, None, {**EMPTY, **OWN}),
        (OWN, OFF, {**EMPTY, **OWN, **OFF}),
    ],
    ids=str,
)
def test_whose_prompts(nano, tmp_path, stated, given, expected):
    model = bgem3.EmbeddingModel(directory_of(nano, tmp_path, "multilingual-e5-small", stated), prompts=given)
    assert model.prompts == expected
    for method, name in ((model.encode_query, "query"), (model.encode_document, "document")):
        np.testing.assert_array_equal(method(["a text"]), model.encode([expected[name] + "a text"], prompt=""))


def test_other_models_have_none(nano, tmp_path):
    assert bgem3.EmbeddingModel(directory_of(nano, tmp_path, "my-model", None)).prompts == EMPTY


@pytest.mark.parametrize("kind", [bgem3.EmbeddingModel, bgem3.SparseEncoder, bgem3.MultiVectorEncoder])
@pytest.mark.parametrize("wrong", [[1], "query: ", {"query": 5}, {5: "query: "}], ids=str)
def test_what_is_no_prompt(nano, kind, wrong):
    with pytest.raises(TypeError, match="prompts should be a dict of str, such as {'query': 'query: '}, found "):
        kind(nano, prompts=wrong, device="cpu")
