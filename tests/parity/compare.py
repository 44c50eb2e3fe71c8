"""Comparisons of the parity tests; each names the text that is worst and returns its figure for the report.

Tolerances, and where they come from. The reference itself is known only up to float32 rounding. Between the two
attention implementations of transformers, single hidden values (relative to the layer's root mean square) differ by
2.7e-5 after layer 11 of e5-small and 9e-6 after layer 24 of the full-size random model; there, sparse weights near
zero, which are differences of numbers around 1, differ by up to 1.6e-4 of themselves.
"""

import numpy as np

DENSE_COSINE = 0.999999
DENSE_DELTA = 5e-6
COLBERT_COSINE = 0.99999
SPARSE_RELATIVE = 1e-5
# A sparse weight is ReLU(w . h + b): D products of size 1 / sqrt(D) that may cancel. What rounding leaves of the sum
# is absolute, so weights near zero have no relative accuracy, in the reference as little as here: on the full-size
# random model transformers in float32 is up to 4.5e-6 away from itself in float64. Twice that, for two such results.
SPARSE_FLOOR = 1e-5


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines of the rows of a and b in float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def check_dense(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """[B, D] each. Returns the lowest cosine and the largest difference."""
    assert ours.shape == theirs.shape
    cosines, deltas = cosine(ours, theirs), np.abs(ours - theirs).max(-1)
    lowest, largest = int(cosines.argmin()), int(deltas.argmax())
    assert cosines[lowest] >= DENSE_COSINE, f"text {lowest}: dense cosine {cosines[lowest]:.9f}"
    assert deltas[largest] <= DENSE_DELTA, f"text {largest}: dense differs by {deltas[largest]:.2e}"
    return float(cosines[lowest]), float(deltas[largest])


def check_sparse(ours: list[dict[int, float]], theirs: list[dict[int, float]]) -> dict[str, float]:
    """Same ids, same weights. An id may be missing on one side only with a weight that rounding explains."""
    assert len(ours) == len(theirs)
    pairs = []
    for text, (a, b) in enumerate(zip(ours, theirs)):
        for token in a.keys() ^ b.keys():
            weight = a.get(token, b.get(token))
            assert weight <= SPARSE_FLOOR, f"text {text}: only one side has id {token}, with weight {weight:.3e}"
        pairs += [(text, token, a[token], b[token]) for token in a.keys() & b.keys()]
    found, expected = np.array([p[2] for p in pairs]), np.array([p[3] for p in pairs])
    delta = np.abs(found - expected)
    excess = delta - SPARSE_RELATIVE * expected
    text, token, a, b = pairs[int(excess.argmax())]
    assert excess.max() <= SPARSE_FLOOR, f"text {text}, id {token}: weight {a:.9g}, reference {b:.9g}"
    relative = delta / expected
    return {
        "weights": len(pairs),
        "max_abs": float(delta.max()),
        "max_relative": float(relative.max()),
        "share_above_1e-5": float((relative > SPARSE_RELATIVE).mean()),
        "floor_needed": float(max(excess.max(), 0)),
    }


def check_colbert(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """One matrix [n - 1, C] per text. Returns the lowest cosine of all rows."""
    lowest = 1.0
    for text, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.shape == b.shape, f"text {text}: ColBERT is {a.shape}, reference {b.shape}"
        cosines = cosine(a, b)
        row = int(cosines.argmin())
        assert cosines[row] >= COLBERT_COSINE, f"text {text}, row {row}: ColBERT cosine {cosines[row]:.9f}"
        lowest = min(lowest, float(cosines[row]))
    return lowest


def layer_tolerance(layer: int) -> float:
    """Largest difference of a hidden value after a layer: twice what transformers' own implementations differ by."""
    return 5e-6 * (1 + layer)


def check_layer(ours: np.ndarray, theirs: np.ndarray, layer: int) -> float:
    """[N, D] each. Differences count relative to the layer's root mean square; returns the largest."""
    assert ours.shape == theirs.shape, f"layer {layer}: {ours.shape}, reference {theirs.shape}"
    difference = float(np.abs(ours - theirs).max() / np.sqrt(np.square(theirs).mean()))
    assert difference <= layer_tolerance(layer), f"first wrong layer: {layer}, differs by {difference:.2e}"
    return difference
