"""Texts as the routes take them, vectors as they answer: /score, /embed and /v1/embeddings."""

import numpy as np
import orjson


def body_of(route: str, texts: list[str]) -> bytes:
    return orjson.dumps({"inputs" if route.endswith("/embed") else "input": texts})


def vectors_in(body: bytes) -> np.ndarray:
    """[texts, D]; ValueError for what is not JSON, and for what holds no vectors."""
    found = orjson.loads(body)
    try:
        vectors = np.array([item["embedding"] for item in found["data"]] if isinstance(found, dict) else found)
    except (KeyError, TypeError):
        raise ValueError("expected vectors in data[].embedding, found another object") from None
    if vectors.ndim != 2 or vectors.dtype.kind not in "fi":
        raise ValueError("expected a list of vectors, found something else")
    return vectors
