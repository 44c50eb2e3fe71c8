"""bench/cuda_model.py: operations are counted right, predictions are above the floor and grow with the work."""

import dataclasses
import itertools
import pathlib
import subprocess
import sys

import cuda_gpus
import cuda_model
import cuda_roofline
import pytest
from cuda_roofline import AFTER, BEFORE, Code

ROOT = pathlib.Path(__file__).resolve().parents[2]
GPUS = [cuda_gpus.load_gpu(name) for name in cuda_gpus.GPUS]
CODES = list(cuda_roofline.steps().values())
WORKLOADS = cuda_model.workloads()
any_gpu = pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.name)


def multiply(rows: int, inner: int, columns: int) -> int:
    return 2 * rows * inner * columns


def test_operations_are_those_of_the_matrices():
    """Of 12 texts of 512 tokens, matrix after matrix."""
    texts, n, d = 12, 512, 1024
    rows, pairs = texts * n, texts * 16
    attention = pairs * (multiply(n, 64, n) + multiply(n, n, 64))
    layer = 4 * multiply(rows, d, d) + attention + multiply(rows, d, 4 * d) + multiply(rows, 4 * d, d)
    first = pairs * (multiply(1, 64, n) + multiply(1, n, 64))
    rest = 2 * multiply(texts, d, d) + multiply(texts, d, 4 * d) + multiply(texts, 4 * d, d)
    last = 2 * multiply(rows, d, d) + first + rest
    assert cuda_roofline.count_flops([n] * texts) == 23 * layer + last


@pytest.mark.parametrize("name", WORKLOADS)
def test_percent_of_the_ceiling_is_what_the_benchmark_says(name):
    """bgem3_bench_cuda counts in C++."""
    measured = cuda_gpus.measured_benchmarks()[name]
    found = cuda_model.percent_of_ceiling(cuda_gpus.load_gpu("H100"), WORKLOADS[name], measured["real_time"])
    assert found == pytest.approx(measured["%ceiling"], rel=1e-3)


@any_gpu
@pytest.mark.parametrize("name", WORKLOADS)
def test_nothing_is_faster_than_the_floor(gpu, name):
    floor = cuda_roofline.floor_seconds(gpu, WORKLOADS[name])
    assert all(cuda_roofline.call_seconds(gpu, code, WORKLOADS[name]) > floor for code in CODES)


@any_gpu
def test_no_product_is_faster_than_its_operations_and_its_bytes(gpu):
    for rows, columns, inner in itertools.product((1, 32, 100, 6144, 16384), (1024, 4096), (1024, 4096)):
        found = cuda_roofline.product_seconds(gpu, rows, columns, inner)
        assert found >= multiply(rows, inner, columns) / gpu.matmul * (1 - 1e-12)
        assert found >= 2 * (rows * inner + inner * columns + rows * columns) / gpu.memory


@any_gpu
def test_what_fits_into_the_cache_moves_at_its_rate(gpu):
    fits, does_not = 0.5 * gpu.cache_bytes, gpu.cache_bytes
    assert cuda_roofline.moving_seconds(gpu, does_not) == does_not / gpu.memory
    assert cuda_roofline.moving_seconds(gpu, fits) == max(fits / gpu.cache, gpu.smallest_kernel)


def assert_grows(times: list[float]) -> None:
    assert all(a <= b * (1 + 1e-12) for a, b in itertools.pairwise(times)), times


# Where another kernel of attention takes over, a longer text may take less. So may one that leaves a batch to another: lengths
# here are far from where that happens.
LENGTHS = {
    "short": [2, 12, 13, 31, 32, 33, 63, 64],
    "flash": [65, 66, 128, 129, 255, 256],
    "long": [257, 258, 511, 512, 513, 1024, 1025, 3000, 8191, 8192],
}


@any_gpu
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("texts", [1, 2, 24])
def test_longer_texts_never_take_less(gpu, lengths, texts):
    for code in CODES:
        assert_grows([cuda_roofline.batch_seconds(gpu, code, [tokens] * texts) for tokens in lengths])
        assert_grows([cuda_roofline.call_seconds(gpu, code, [tokens] * texts) for tokens in lengths])


@any_gpu
def test_before_longer_texts_never_take_less_anywhere(gpu):
    assert_grows([cuda_roofline.call_seconds(gpu, BEFORE, [tokens] * 12) for tokens in sum(LENGTHS.values(), [])])


@any_gpu
@pytest.mark.parametrize("code", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize("tokens", [12, 32, 64, 200, 512, 8192])
def test_more_texts_never_take_less(gpu, code, tokens):
    counts = [1, 2, 3, 5, 8, 12, 31, 32, 33, 96, 97, 300, 999, 1000, 1001, 2000]
    assert_grows([cuda_roofline.call_seconds(gpu, code, [tokens] * count) for count in counts])


@pytest.mark.parametrize("name", WORKLOADS)
def test_steps_lead_from_before_to_after(name):
    gpu, lengths, codes = GPUS[0], WORKLOADS[name], list(cuda_roofline.steps().values())
    times = [cuda_roofline.call_seconds(gpu, code, lengths) for code in codes]
    changes = [b - a for a, b in itertools.pairwise(times)]
    assert codes[0] == BEFORE and codes[-1] == AFTER and len(changes) == len(dataclasses.fields(Code))
    assert times[0] + sum(changes) == pytest.approx(cuda_roofline.call_seconds(gpu, AFTER, lengths))
    parts = cuda_roofline.call_parts(gpu, AFTER, lengths)
    assert sum(parts.values()) < times[-1] and parts["GELU"] == 0 < min(parts[kind] for kind in parts if kind != "GELU")


@pytest.mark.parametrize("code", CODES, ids=list(cuda_roofline.steps()))
@pytest.mark.parametrize("lengths", [[1], [12] * 3000, [9000, 3] * 40, WORKLOADS["24 mixed"]], ids=len)
def test_batches_have_each_text_once_and_keep_their_limits(code, lengths):
    batches = cuda_roofline.batches_of_call(code, lengths)
    assert sorted(sum(batches, [])) == sorted(lengths)
    assert all(len(batch) == 1 or sum(batch) <= 16384 for batch in batches)
    assert code.chunks_by_bytes or all(len(batch) <= 256 for batch in batches)


def test_short_queries_are_one_batch_since_chunks_go_by_bytes():
    assert [len(batch) for batch in cuda_roofline.batches_of_call(AFTER, [12] * 1000)] == [1000]
    assert [len(batch) for batch in cuda_roofline.batches_of_call(BEFORE, [12] * 1000)] == [
        *(32, 64, 128),
        *(256, 256, 256, 8),
    ]


def test_attention_goes_through_what_was_measured():
    found = cuda_gpus.load_gpu("H100").attention["long"].text_seconds(512)
    measured = cuda_gpus.measured_benchmarks()["attention 12 x 512, long"]["TFLOP/s"]
    assert 12 * found == pytest.approx(4 * 12 * 512**2 * 1024 / measured / 1e12)


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "bench" / "cuda_model.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_measured_figures_are_those_of_the_results():
    printed = run().stdout
    rows = [line for line in printed.splitlines() if line.startswith("measured after")]
    for name in WORKLOADS:
        assert f"{cuda_gpus.measured_benchmarks()[name]['real_time']:.2f}" in rows[0]
    assert "predicted only" not in printed


@pytest.mark.parametrize("name", ["A100", "T4"])
def test_a_gpu_that_was_not_measured_says_so(name):
    printed = run("--gpu", name).stdout
    assert "predicted only, no such GPU was measured" in printed
    assert "\nmeasured" not in printed and "profiled" not in printed


def test_an_unknown_gpu_is_refused():
    done = run("--gpu", "H800")
    assert done.returncode == 2 and "invalid choice: 'H800'" in done.stderr and not done.stdout
    with pytest.raises(cuda_gpus.NoResults, match="expected a GPU of H100, A100, T4, found 'H800'"):
        cuda_gpus.load_gpu("H800")


def test_missing_results_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cuda_gpus, "RESULTS", tmp_path)
    cuda_gpus.read_results.cache_clear()
    with pytest.raises(cuda_gpus.NoResults, match=f"{tmp_path / 'gpu-h100.json'}, found no such file"):
        cuda_gpus.h100()
