"""Each model of docs/models_that_work.json, from which the README's table is made, against sentence-transformers: the
real weights where a package has them, otherwise a directory laid out as the model's, with random ones."""

import json
import pathlib
from typing import Any

import named_models
import numpy as np
import pytest
from named_models import NAMED, Parts, Row
from prepared import model_directory
from sentence_transformers import CrossEncoder, SentenceTransformer

import bgem3

TOLERANCE = 5e-6
TEXTS = ["how to bake bread", "Ünï-CODE and [MASK] <mask>", "東京は日本の首都です。", "", "Two  spaces, 1234 digits "]
PAIRS = [("a question", "An Answer"), ("", "x"), ("how to bake bread", "東京は日本の首都です。")]
PIECES = {"WordPiece": "WordPiece", "Unigram": "Unigram", "BPE": "byte-level BPE"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Parts:
    return Parts(tmp_path_factory.mktemp("parts"))


def of_tokens(count: int) -> str:
    """A text of so many tokens, the two special ones included."""
    return " ".join("ab"[i % 7 == 0] for i in range(count - 2))


def same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    size = max(1.0, float(np.abs(expected).max()))
    assert np.abs(found - expected).max() <= TOLERANCE * size


def check_tokenizer(row: Row, directory: pathlib.Path, theirs: Any) -> None:
    """What the row says of it is what transformers runs."""
    expected = "TokenizersBackend" if row["tokenizer"] == "PreTrainedTokenizerFast" else row["tokenizer"]
    assert type(theirs).__name__ == expected
    description = json.loads((directory / "tokenizer.json").read_text("utf-8"))
    assert PIECES[description["model"]["type"]] == row["pieces"]


def check_info(row: Row, info: dict[str, Any], theirs: SentenceTransformer) -> None:
    assert info["architecture"] == row["encoder"]
    assert (info["pooling"], info["normalize"]) == (row["pooling"], row["normalize"])
    assert info["max_length"] == row["max_length"] == theirs.max_seq_length
    assert info["sources"]["max_length"].startswith(row.get("stated_by", "sentence_bert_config.json"))
    assert info["dimension"] == theirs.get_embedding_dimension()
    assert info["dense"] == [f"{info['hidden_size']} to {d['out_features']}, {d['activation']}" for d in dense_of(row)]
    assert {name: text for name, text in info["prompts"].items() if text} == row.get("prompts", {})
    assert (info["has_sparse"], info["has_colbert"]) == (row.get("heads", False),) * 2


def dense_of(row: Row) -> list[dict[str, Any]]:
    return [row["dense"]] if "dense" in row else []


def check_vectors(ours: bgem3.EmbeddingModel, theirs: SentenceTransformer, row: Row) -> None:
    """With prompts and without, and where a text is cut."""
    same(ours.encode(TEXTS), theirs.encode(TEXTS, batch_size=1))
    for kind in ("query", "document"):
        # Those of a few families are known where their repositories state none.
        assert ours.prompts[kind] == theirs.prompts[kind] or "prompts" not in row
        expected = theirs.encode(TEXTS, prompt=ours.prompts[kind], batch_size=1)
        same(getattr(ours, f"encode_{kind}")(TEXTS), expected)
    shorter, whole, longer = (of_tokens(row["max_length"] + more) for more in (-1, 0, 1))
    assert len(theirs.tokenizer(shorter)["input_ids"]) == row["max_length"] - 1
    found = ours.encode([shorter, whole, longer])
    same(found[2:], theirs.encode([longer]))
    assert np.array_equal(found[1], found[2])
    assert np.abs(found[0] - found[1]).max() > 10 * TOLERANCE


@pytest.mark.parametrize("name", NAMED["embedders"])
def test_embedder(name, parts, tmp_path):
    row = NAMED["embedders"][name]
    if "weights" in row:
        directory = model_directory(row["weights"])
    else:
        directory = named_models.embedder(row, parts, tmp_path / name)
    theirs = SentenceTransformer(str(directory), device="cpu")
    ours = bgem3.EmbeddingModel(directory, device="cpu")
    check_tokenizer(row, directory, theirs.tokenizer)
    check_info(row, ours.info, theirs)
    check_vectors(ours, theirs, row)
    if row.get("heads"):
        check_heads(directory)


def check_heads(directory: pathlib.Path) -> None:
    """All three kinds of vectors, against FlagEmbedding."""
    from FlagEmbedding import BGEM3FlagModel

    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    found = bgem3.BGEM3FlagModel(str(directory), devices="cpu").encode(TEXTS, **kinds)
    expected = BGEM3FlagModel(str(directory), use_fp16=False, devices="cpu").encode(TEXTS, batch_size=1, **kinds)
    same(found["dense_vecs"], expected["dense_vecs"])
    for ours, theirs in zip(found["lexical_weights"], expected["lexical_weights"], strict=True):
        assert ours.keys() == theirs.keys()
        assert all(abs(ours[token] - theirs[token]) <= 1e-5 * theirs[token] + 1e-5 for token in ours)
    for ours, theirs in zip(found["colbert_vecs"], expected["colbert_vecs"], strict=True):
        same(ours, theirs)


@pytest.mark.parametrize("name", NAMED["cross_encoders"])
def test_cross_encoder(name, parts, tmp_path):
    row = NAMED["cross_encoders"][name]
    directory = named_models.cross_encoder(row, parts, tmp_path / name)
    theirs = CrossEncoder(str(directory), device="cpu")
    ours = bgem3.CrossEncoder(directory, device="cpu")
    check_tokenizer(row, directory, theirs.tokenizer)
    assert ours.info["architecture"] == row["encoder"]
    assert ours.info["activation"] == row["activation"]
    assert ours.info["max_length"] == row["max_length"] == theirs.max_seq_length
    # The longer text of a pair is cut.
    long = [("a b", of_tokens(row["max_length"])), (of_tokens(row["max_length"]), "b a"), ("a", of_tokens(40))]
    found = ours.predict([*PAIRS, *long])
    same(found, theirs.predict([*PAIRS, *long], batch_size=1))
    assert len(set(found.tolist())) == len(found)


def test_the_list_is_long_and_names_each_model_once():
    names = [*NAMED["embedders"], *NAMED["cross_encoders"]]
    assert len(names) == len(set(names)) and len(names) >= 28
    text = (named_models.ROOT / "docs" / "models_that_work.json").read_text("utf-8")
    assert all(text.count(f'"{name}"') == 1 for name in names)
