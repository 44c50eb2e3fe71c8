"""The shapes of bgem3.vectors; tests/python/integrations puts them into databases."""

import json

import bgem3
import numpy as np
import pytest
from bgem3 import vectors

FOUND = {
    "dense_vecs": np.array([[0.5, -1.5], [0.25, 2.0]], np.float32),
    "lexical_weights": [{"70": np.float32(0.5), "9": np.float32(0.25), "100": np.float32(0)}, {}],
    "colbert_vecs": [np.array([[1, 0], [0, 1]], np.float32), np.array([[0.5, 0.5]], np.float32)],
}
SHAPES = {name: getattr(vectors, name) for name in vars(vectors) if name.startswith("for_")}
SHAPES["for_pgvector"] = lambda found: vectors.for_pgvector(found, vocabulary=250_002)
EXPECTED = {
    "for_qdrant": {
        "dense": [0.5, -1.5],
        "sparse": {"indices": [9, 70], "values": [0.25, 0.5]},
        "colbert": [[1, 0], [0, 1]],
    },
    "for_milvus": {"dense": [0.5, -1.5], "sparse": {9: 0.25, 70: 0.5}, "colbert": [[1, 0], [0, 1]]},
    "for_pgvector": {
        "dense": "[0.5,-1.5]",
        "sparse": "{10:0.25,71:0.5}/250002",
        "colbert": ["[1.0,0.0]", "[0.0,1.0]"],
    },
    "for_opensearch": {"dense": [0.5, -1.5], "sparse": {"9": 0.25, "70": 0.5}, "colbert": [[1, 0], [0, 1]]},
    "for_vespa": {
        "dense": {"values": [0.5, -1.5]},
        "sparse": {"cells": {"9": 0.25, "70": 0.5}},
        "colbert": {"blocks": {"0": [1, 0], "1": [0, 1]}},
    },
}


def test_every_shape_is_tested():
    assert SHAPES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name):
    first, second = SHAPES[name](FOUND)
    assert first == EXPECTED[name]
    assert list(first["sparse"]) == list(EXPECTED[name]["sparse"])  # ids ascend
    assert first.keys() == second.keys()
    json.dumps([first, second])  # of Python's own types alone


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kind", ["dense_vecs", "lexical_weights", "colbert_vecs"])
def test_one_kind(name, kind):
    (alone,) = SHAPES[name]({key: FOUND[key][:1] if key == kind else None for key in FOUND})
    assert alone.items() <= EXPECTED[name].items() and len(alone) == 1


@pytest.mark.parametrize("name", SHAPES)
def test_single_text_and_none(name, nano):
    model = bgem3.BGEM3FlagModel(str(nano), use_fp16=False, return_sparse=True, return_colbert_vecs=True)
    (alone,) = SHAPES[name](model.encode("a text"))
    (listed,) = SHAPES[name](model.encode(["a text"]))
    assert alone == listed
    (tensors,) = SHAPES[name](model.encode(["a text"], convert_to_numpy=False))
    assert tensors == listed
    assert SHAPES[name](model.encode([])) == []


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("count", [None, 0, 1, 2], ids=["single", "none", "one", "two"])
def test_from_json(name, count):
    """Lists in place of arrays give the same."""
    lists = {key: [value if key == "lexical_weights" else value.tolist() for value in FOUND[key]] for key in FOUND}
    lists["lexical_weights"] = [
        {token: float(value) for token, value in row.items()} for row in FOUND["lexical_weights"]
    ]
    given = {key: values[0] if count is None else values[:count] for key, values in lists.items()}
    expected = SHAPES[name](FOUND)[: 1 if count is None else count]
    assert SHAPES[name](json.loads(json.dumps(given))) == expected
    for key, values in given.items():  # each kind alone
        alone = SHAPES[name]({key: values})
        assert [row.items() <= full.items() for row, full in zip(alone, expected, strict=True)] == [True] * len(
            expected
        )


REFUSED = [
    ({"lexical_weights": [{-3: 1.0}]}, "keys of lexical weights should be token ids, found -3"),
    ({"lexical_weights": [{"-3": 1.0}]}, "keys of lexical weights should be token ids, found '-3'"),
    ({"lexical_weights": [{3.5: 1.0}]}, "keys of lexical weights should be token ids, found 3.5"),
    ({"lexical_weights": [{3: 1.0, "3": 2.0}]}, "lexical weights should have each token id once"),
    ({"lexical_weights": {3: float("nan")}}, "lexical weights should be finite numbers, found nan"),
    ({"lexical_weights": [{3: np.float32("inf")}]}, "lexical weights should be finite numbers, found .*inf"),
    ({"lexical_weights": [{3: "much"}]}, "lexical weights should be finite numbers, found 'much'"),
    ({"lexical_weights": [0.5]}, "lexical weights should be a dict from token ids to weights, found 0.5"),
    (
        {"dense_vecs": [0.1, float("nan")]},
        r"dense_vecs should be finite numbers \[D\] for each text, found \[0.1",
    ),
    ({"dense_vecs": np.array([[np.inf]])}, r"dense_vecs should be finite numbers \[D\]"),
    ({"dense_vecs": [[[0.1]]]}, r"dense_vecs should be finite numbers \[D\]"),
    ({"dense_vecs": ["0.1"]}, r"dense_vecs should be finite numbers \[D\]"),
    ({"dense_vecs": "0.1"}, "dense_vecs should be an array for each text, found str"),
    ({"colbert_vecs": [0.1, 0.2]}, r"colbert_vecs should be finite numbers \[rows, C\]"),
    ({"colbert_vecs": [[[0.1], [0.2, 0.3]]]}, r"colbert_vecs should be finite numbers \[rows, C\]"),
    (
        {"dense_vecs": [[0.1], [0.2]], "lexical_weights": [{3: 1.0}]},
        "each kind should have the same number of texts, found 2 in dense_vecs, 1 in lexical_weights",
    ),
]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("found, message", REFUSED, ids=[str(found) for found, _ in REFUSED])
def test_wrong_values_are_refused_by_name(name, found, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SHAPES[name](found)


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_refused(name):
    with pytest.raises(TypeError, match="expected the dict that BGEM3FlagModel.encode gives, found ndarray"):
        SHAPES[name](FOUND["dense_vecs"])
    with pytest.raises(ValueError, match="expected one of dense_vecs, lexical_weights, colbert_vecs, found none"):
        SHAPES[name]({})
    with pytest.raises(ValueError, match="keys of lexical weights should be token ids, found 'cat'"):
        SHAPES[name]({"lexical_weights": [{"cat": 0.5}]})


def test_limits_of_databases():
    with pytest.raises(ValueError, match=r"pass vocabulary=len\(model.tokenizer\)"):
        vectors.for_pgvector(FOUND)
    with pytest.raises(ValueError, match="token ids should be below vocabulary, 70, found 70"):
        vectors.for_pgvector(FOUND, vocabulary=70)
    assert vectors.for_pgvector({"dense_vecs": FOUND["dense_vecs"]})[1] == {"dense": "[0.25,2.0]"}
    with pytest.raises(ValueError, match="OpenSearch takes positive weights, found -0.5"):
        vectors.for_opensearch({"lexical_weights": [{"9": -0.5}]})


def test_floats_survive_text():
    numbers = np.random.default_rng(1).standard_normal((1, 100)).astype(np.float32)
    (row,) = vectors.for_pgvector({"dense_vecs": numbers})
    np.testing.assert_array_equal(np.array(json.loads(row["dense"]), np.float32), numbers[0])
