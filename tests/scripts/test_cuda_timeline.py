"""bench/cuda_timeline.py: what the profiler saw is split into parts that add up to the call."""

import cuda_timeline
import pytest


def event(cat: str, name: str, ts: float, dur: float, correlation: int | None = None) -> dict:
    args = {} if correlation is None else {"correlation": correlation}
    return {"cat": cat, "name": name, "ts": ts, "dur": dur, "args": args}


def call_at(ts: float, first_launch: int = 0) -> list[dict]:
    """A call of 100 µs: a copy from 20 on, two kernels that overlap, one for which the processor is late, the end."""
    return [
        event("user_annotation", cuda_timeline.MARK, ts, 100),
        event("cuda_runtime", "cudaMemcpyAsync", ts + 15, 2, first_launch + 1),
        event("gpu_memcpy", "Memcpy HtoD", ts + 20, 5, first_launch + 1),
        event("cuda_runtime", "cudaLaunchKernel", ts + 18, 2, first_launch + 2),
        event("kernel", "first", ts + 26, 14, first_launch + 2),
        event("cuda_runtime", "cudaLaunchKernel", ts + 20, 2, first_launch + 3),
        event("kernel", "second", ts + 35, 15, first_launch + 3),
        event("cuda_runtime", "cudaLaunchKernel", ts + 52, 4, first_launch + 4),
        event("kernel", "first", ts + 60, 30, first_launch + 4),
    ]


def test_parts_of_a_call():
    found = cuda_timeline.parts(call_at(1000) + call_at(2000, 10))
    assert found["before"] == pytest.approx(0.020)
    assert found["busy"] == pytest.approx(0.005 + 0.024 + 0.030)
    assert found["waits"] == pytest.approx(0.001 + 0.010)
    assert found["late"] == pytest.approx(0.006)
    assert found["after"] == pytest.approx(0.010)
    assert found["before"] + found["busy"] + found["waits"] + found["after"] == pytest.approx(found["all"])
    assert found["pieces"] == 4


def test_kernels_are_counted_per_call():
    found = cuda_timeline.parts(call_at(1000) + call_at(2000, 10))
    assert found["kernels"]["first"] == [2, pytest.approx(0.044)]
    assert found["kernels"]["second"] == [1, pytest.approx(0.015)]
