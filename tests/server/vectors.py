"""What it means that vectors are the same."""

import functools

import numpy as np

CLOSE = {"rtol": 1e-4, "atol": 2e-6}  # the texts of a batch decide the last digits

assert_close = functools.partial(np.testing.assert_allclose, **CLOSE)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
