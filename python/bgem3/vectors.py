"""What BGEM3FlagModel.encode gives, in the shapes that databases take: lists, dicts, str, int and float of Python. Each
function has one row for each text, a dict with "dense", "sparse" and "colbert" as far as they were computed; a single str
is one row. Token ids are ascending, and weights of zero are left out.

from bgem3 import BGEM3FlagModel
from bgem3.vectors import for_qdrant

model = BGEM3FlagModel("BAAI/bge-m3")
rows = for_qdrant(model.encode(["a text", "another"], return_sparse=True))  # PointStruct(id=0, vector=rows[0])
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_KINDS = {"dense": "dense_vecs", "sparse": "lexical_weights", "colbert": "colbert_vecs"}


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
    given = {kind: found[key] for kind, key in _KINDS.items() if found.get(key) is not None}
    if not given:
        raise ValueError(f"expected one of {', '.join(_KINDS.values())}, found {', '.join(map(str, found)) or 'none'}")
    columns = [[shapes[kind](value) for value in _each(kind, values)] for kind, values in given.items()]
    return [dict(zip(given, row)) for row in zip(*columns, strict=True)]


def _each(kind: str, values: Any) -> Any:
    """Of each text; a single text has no axis for that."""
    if kind == "sparse":
        single = isinstance(values, Mapping)
    else:
        single = getattr(values, "ndim", None) == (1 if kind == "dense" else 2)
    return [values] if single else values


def _floats(array: Any) -> Any:
    return np.asarray(array).tolist()


def _text(vector: Any) -> str:
    return "[" + ",".join(map(repr, _floats(vector))) + "]"


def _by_id(weights: Mapping[Any, Any]) -> list[tuple[int, float]]:
    pairs = sorted((_token_id(token), float(weight)) for token, weight in weights.items())
    return [(token, weight) for token, weight in pairs if weight]


def _token_id(token: Any) -> int:
    try:
        return int(token)
    except (TypeError, ValueError):
        raise ValueError(f"keys of lexical weights should be token ids, found {token!r}") from None


def _positive(weights: Mapping[Any, Any]) -> dict[str, float]:
    pairs = _by_id(weights)
    negative = [weight for _, weight in pairs if weight < 0]
    if negative:
        raise ValueError(f"OpenSearch takes positive weights, found {negative[0]}")
    return {str(token): weight for token, weight in pairs}
