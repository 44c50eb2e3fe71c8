"""When memory counts as growing."""

import numpy as np
import pytest
from memory import drift_of

TIMES = np.arange(0, 100, 0.25)
NOISE = np.random.default_rng(0).normal(scale=1, size=len(TIMES))


def drift(megabytes: np.ndarray):
    found = drift_of(list(zip(TIMES.tolist(), megabytes.tolist())), texts=160_000)
    assert found is not None
    return found


def test_flat():
    assert drift(500 + NOISE).is_flat


def test_what_fills_up_at_the_start_is_no_drift():
    found = drift(500 - 200 * np.exp(-TIMES / 5) + NOISE)
    assert found.is_flat and found.end_mb == pytest.approx(500, abs=2)


@pytest.mark.parametrize("per_second", [0.25, 1, 10])
def test_growth(per_second):
    found = drift(500 + per_second * TIMES + NOISE)
    assert not found.is_flat
    assert found.slope_mb_per_minute == pytest.approx(60 * per_second, rel=0.1)


def test_what_shrinks_does_not_grow():
    assert drift(500 - TIMES).is_flat


def test_too_short_to_tell():
    samples = [(0.25 * i, 100.0 + 10 * i) for i in range(40)]
    assert drift_of(samples[:10], texts=160_000) is None
    few = drift_of(samples, texts=100)
    assert few and few.is_flat is None
