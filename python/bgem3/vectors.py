"""What BGEM3FlagModel.encode gives, in the shapes that databases take: lists, dicts, str, int and float of Python. Each
function has one row for each text, a dict with "dense", "sparse" and "colbert" as far as they were computed; a single str
is one row. Token ids are ascending, and weights of zero are left out.

from bgem3 import BGEM3FlagModel
from bgem3.vectors import for_qdrant

model = BGEM3FlagModel("BAAI/bge-m3")
rows = for_qdrant(model.encode(["a text", "another"], return_sparse=True))  # PointStruct(id=0, vector=rows[0])
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._model.texts import as_list

_KINDS = {"dense": "dense_vecs", "sparse": "lexical_weights", "colbert": "colbert_vecs"}
_OF_ONE_TEXT = {"dense": ("D",), "colbert": ("rows", "C")}


def for_qdrant(found: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Named vectors for `PointStruct(vector=row)`.

    Returns:
        "dense": D floats; "sparse": {"indices": ids, "values": weights}, which Pinecone takes as well; "colbert", a
        multivector: rows of C floats
    """
    return _rows(found, dense=_floats, sparse=indices_and_values, colbert=_floats)


def for_milvus(found: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Fields for `MilvusClient.insert`.

    Returns:
        "dense", FLOAT_VECTOR: D floats; "sparse", SPARSE_FLOAT_VECTOR: {id: weight}, which Milvus refuses where it is
        empty, as that of a text without words; "colbert": rows of C floats
    """
    return _rows(found, dense=_floats, sparse=lambda weights: dict(_by_id(weights)), colbert=_floats)


def for_pgvector(found: Mapping[Any, Any], vocabulary: int | None = None) -> list[dict[str, Any]]:
    """Values in PostgreSQL's text form, for parameters of every driver: `INSERT … VALUES (%s::vector, %s::sparsevec)`.

    Args:
        vocabulary: dimensions of the sparsevec, as in `len(model.tokenizer)`, which only sparse vectors need

    Returns:
        "dense", vector: "[0.1,…]"; "sparse", sparsevec (pgvector 0.7 and later): "{5:0.3,…}/250002", where 5 is token
        id 4, for pgvector counts from 1; "colbert", vector[]: one text "[0.1,…]" for each row
    """

    def sparse(weights: Mapping[Any, Any]) -> str:
        if vocabulary is None:
            raise ValueError("a sparsevec has a number of dimensions: pass vocabulary=len(model.tokenizer)")
        pairs = _by_id(weights)
        if pairs and pairs[-1][0] >= vocabulary:
            raise ValueError(f"token ids should be below vocabulary, {vocabulary}, found {pairs[-1][0]}")
        return "{" + ",".join(f"{token + 1}:{weight}" for token, weight in pairs) + f"}}/{vocabulary}"

    return _rows(found, dense=_text, sparse=sparse, colbert=lambda rows: [_text(row) for row in rows])


def for_opensearch(found: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Fields of a document.

    Returns:
        "dense", knn_vector: D floats; "sparse", rank_features or sparse_vector, and `query_tokens` of a neural_sparse
        query: {"id": weight}, all positive; "colbert": rows of C floats
    """
    return _rows(found, dense=_floats, sparse=_positive, colbert=_floats)


def for_vespa(found: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Fields of a document in Vespa's JSON.

    Returns:
        "dense", tensor<float>(x[D]): {"values": D floats}; "sparse", tensor<float>(token{}): {"cells": {"id": weight}};
        "colbert", tensor<float>(row{}, x[C]): {"blocks": {"0": C floats, "1": …}}
    """
    return _rows(
        found,
        dense=lambda vector: {"values": _floats(vector)},
        sparse=lambda weights: {"cells": {str(token): weight for token, weight in _by_id(weights)}},
        colbert=lambda rows: {"blocks": {str(i): row for i, row in enumerate(_floats(rows))}},
    )


def indices_and_values(weights: Mapping[Any, Any]) -> dict[str, list[Any]]:
    """The lexical weights of one text as {"indices": ids, "values": weights}."""
    pairs = _by_id(weights)
    return {"indices": [token for token, _ in pairs], "values": [weight for _, weight in pairs]}


def _rows(found: Mapping[Any, Any], **shapes: Callable[[Any], Any]) -> list[dict[str, Any]]:
    if not isinstance(found, Mapping):
        raise TypeError(f"expected the dict that BGEM3FlagModel.encode gives, found {type(found).__name__}")
    given = {kind: _each(kind, found[key]) for kind, key in _KINDS.items() if found.get(key) is not None}
    if not given:
        raise ValueError(f"expected one of {', '.join(_KINDS.values())}, found {', '.join(map(str, found)) or 'none'}")
    if len(set(map(len, given.values()))) > 1:
        numbers = ", ".join(f"{len(values)} in {_KINDS[kind]}" for kind, values in given.items())
        raise ValueError(f"each kind should have the same number of texts, found {numbers}")
    columns = [[shapes[kind](value) for value in values] for kind, values in given.items()]
    return [dict(zip(given, row)) for row in zip(*columns)]


def _each(kind: str, values: Any) -> list[Any]:
    """Of each text; a single text has no axis for that."""
    if kind == "sparse":
        return [values] if isinstance(values, Mapping) else as_list(values, _KINDS[kind], "a dict for each text")
    rows = as_list(values, _KINDS[kind], "an array for each text")
    axes = len(_OF_ONE_TEXT[kind])
    return [_numbers(kind, row) for row in ([values] if rows and _depth(rows, axes + 1) == axes else rows)]


def _depth(values: Any, limit: int) -> int:
    """How often the first elements, which may be arrays or lists, hold others; not beyond `limit`."""
    depth = 0
    while depth < limit and not isinstance(values, str) and hasattr(values, "__len__"):
        if getattr(values, "ndim", None) == 0:  # a number, which has no length
            break
        depth += 1
        if not len(values):
            break
        values = next(iter(values))
    return depth


def _numbers(kind: str, row: Any) -> np.ndarray:
    shape = _OF_ONE_TEXT[kind]
    try:
        array = np.asarray(row)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.ndim != len(shape) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        expected = f"finite numbers [{', '.join(shape)}] for each text"
        raise ValueError(f"{_KINDS[kind]} should be {expected}, found {row!r:.200}")
    return array


def _floats(array: Any) -> Any:
    return array.tolist()


def _text(vector: Any) -> str:
    return "[" + ",".join(map(repr, _floats(vector))) + "]"


def _by_id(weights: Mapping[Any, Any]) -> list[tuple[int, float]]:
    if not isinstance(weights, Mapping):
        raise TypeError(f"lexical weights should be a dict from token ids to weights, found {weights!r:.200}")
    by_id = {_token_id(token): _weight(weight) for token, weight in weights.items()}
    if len(by_id) < len(weights):
        raise ValueError(f"lexical weights should have each token id once, found {weights!r:.200}")
    return [(token, weight) for token, weight in sorted(by_id.items()) if weight]


def _token_id(token: Any) -> int:
    try:
        found = int(token) if isinstance(token, str) else operator.index(token)
    except (TypeError, ValueError):
        found = -1
    if found < 0:
        raise ValueError(f"keys of lexical weights should be token ids, found {token!r:.200}")
    return found


def _weight(weight: Any) -> float:
    try:
        found = float(weight)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"lexical weights should be finite numbers, found {weight!r:.200}")
    return found


def _positive(weights: Mapping[Any, Any]) -> dict[str, float]:
    pairs = _by_id(weights)
    negative = [weight for _, weight in pairs if weight < 0]
    if negative:
        raise ValueError(f"OpenSearch takes positive weights, found {negative[0]}")
    return {str(token): weight for token, weight in pairs}
