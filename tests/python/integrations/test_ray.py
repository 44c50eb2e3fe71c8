import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
import ray

import bgem3
from bgem3.ray import Embed, embed_parquet

ROOT = pathlib.Path(__file__).resolve().parents[3]
COUNT = 600
TEXTS = [f"text number {i}" + " with more in it" * (i % 5) for i in range(COUNT)]
KINDS = {"dense": "embedding", "sparse": "weights", "colbert": "vectors"}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def without_ray() -> dict[str, str]:
    """The environment of a process that does not belong to this one's cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


@pytest.fixture
def source(tmp_path) -> pathlib.Path:
    """Two files, one in a directory of its own, in row groups of 100 rows; and what a reader must not touch."""
    directory = tmp_path / "source"
    (directory / "more").mkdir(parents=True)
    table = pa.table({"id": range(COUNT), "text": TEXTS})
    pyarrow.parquet.write_table(table[:300], directory / "first.parquet", row_group_size=100)
    pyarrow.parquet.write_table(table[300:], directory / "more" / "second.parquet", row_group_size=100)
    (directory / "_SUCCESS").write_text("")
    (directory / "_hidden.parquet").write_text("no Parquet")
    return directory


def check_embedded(target: pathlib.Path, model: bgem3.BGEM3FlagModel) -> None:
    """Every row is there once, with the vector of its text."""
    table = pyarrow.dataset.dataset(target).to_table().sort_by("id")
    assert table["id"].to_pylist() == list(range(COUNT))
    assert table["text"].to_pylist() == TEXTS
    np.testing.assert_allclose(np.stack(table["embedding"].to_numpy()), model.encode(TEXTS)["dense_vecs"], atol=1e-5)


# Batches


@pytest.mark.parametrize("batch_format", ["numpy", "pandas", "pyarrow"])
def test_map_batches(tiny, batch_format):
    data = ray.data.from_items([{"id": i, "text": text} for i, text in enumerate(TEXTS[:40])])
    embedded = data.map_batches(
        Embed, fn_constructor_kwargs={"model": tiny, "columns": KINDS}, batch_format=batch_format, concurrency=1
    )
    table = pa.concat_tables(ray.get(embedded.to_arrow_refs())).sort_by("id")
    expected = bgem3.BGEM3FlagModel(tiny).encode(TEXTS[:40], return_sparse=True, return_colbert_vecs=True)
    assert table["text"].to_pylist() == TEXTS[:40]
    np.testing.assert_allclose(np.stack(table["embedding"].to_numpy()), expected["dense_vecs"], atol=1e-5)
    for found, weights in zip(table["weights"].to_pylist(), expected["lexical_weights"], strict=True):
        assert {str(token): weight for token, weight in found} == pytest.approx(weights, abs=1e-5)
    for found, vectors in zip(table["vectors"].to_pylist(), expected["colbert_vecs"], strict=True):
        np.testing.assert_allclose(np.array(found), vectors, atol=1e-5)


def test_null_and_no_rows(tiny):
    embed = Embed(tiny, columns=KINDS)
    found = embed(pa.table({"text": ["one", None, "two"]}))
    assert all(found[name].is_null().to_pylist() == [False, True, False] for name in KINDS.values())
    assert embed(pa.table({"text": pa.array([], pa.string())})).num_rows == 0
    only_null = embed(pa.table({"text": pa.array([None], pa.string())}))
    assert only_null["embedding"].null_count == 1
    assert only_null.schema == found.schema


def test_options_and_errors(tiny):
    assert Embed(tiny, truncate_dim=8)(pa.table({"text": ["x"]}))["embedding"].type.list_size == 8
    prompted = Embed(tiny, prompt="query: ")(pa.table({"text": ["x"]}))["embedding"]
    assert prompted == Embed(tiny)(pa.table({"text": ["query: x"]}))["embedding"]
    with pytest.raises(bgem3.InvalidArgumentError, match="text_column should be one of .'body'., found 'text'"):
        Embed(tiny)(pa.table({"body": ["x"]}))
    with pytest.raises(bgem3.InvalidArgumentError, match="kinds should be some of dense, sparse, colbert"):
        Embed(tiny, columns={"dens": "embedding"})
    with pytest.raises(TypeError, match="text 0 should be a str, found int"):
        Embed(tiny)(pa.table({"text": [7]}))


# Files


def test_files(tiny, source, tmp_path):
    target = tmp_path / "target"
    assert embed_parquet(source, target, {"model": tiny}, concurrency=2) == COUNT
    check_embedded(target, bgem3.BGEM3FlagModel(tiny))
    assert sorted(str(file.relative_to(target)) for file in target.rglob("*.parquet")) == [
        *(f"first-{k:05}.parquet" for k in range(3)),
        *(f"more/second-{k:05}.parquet" for k in range(3)),
    ]
    assert embed_parquet(source, target, {"model": tiny}) == 0  # nothing is left to do


def finished(target: pathlib.Path) -> dict[pathlib.Path, int]:
    files = (file for file in target.rglob("*.parquet") if not file.name.startswith("."))
    return {file: file.stat().st_mtime_ns for file in files}


def kill_when_some_is_done(program: str, target: pathlib.Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", program], env=without_ray(), stderr=subprocess.DEVNULL)
    give_up = time.monotonic() + 120
    while len(finished(target)) < 5 and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it should have been killed before it was done"


def test_goes_on_after_being_killed(tiny, tmp_path):
    table = pa.table({"id": range(COUNT), "text": TEXTS})
    (tmp_path / "source").mkdir()
    pyarrow.parquet.write_table(table, tmp_path / "source" / "file.parquet", row_group_size=3)
    target = tmp_path / "target"
    program = "import ray, bgem3.ray; ray.init(num_cpus=1, include_dashboard=False)\n"
    program += f"bgem3.ray.embed_parquet({str(tmp_path / 'source')!r}, {str(target)!r}, {{'model': {tiny!r}}})"
    kill_when_some_is_done(program, target)
    time.sleep(3)  # Ray's processes notice that their driver is gone
    done = finished(target)
    assert 5 <= len(done) < 200
    assert embed_parquet(tmp_path / "source", target, {"model": tiny}) == COUNT - 3 * len(done)
    assert all(finished(target)[file] == time_written for file, time_written in done.items())
    check_embedded(target, bgem3.BGEM3FlagModel(tiny))
    assert {file.name for file in target.iterdir() if file.suffix != ".parquet"} == {"_bgem3.json"}


def test_other_arguments_are_refused(tiny, source, tmp_path):
    embed_parquet(source, tmp_path / "target", {"model": tiny})
    with pytest.raises(bgem3.InvalidArgumentError, match="holds a run with other arguments.*Take another target"):
        embed_parquet(source, tmp_path / "target", {"model": tiny, "truncate_dim": 8})


def test_nothing_to_read(tiny, tmp_path):
    with pytest.raises(bgem3.InvalidArgumentError, match="found none in"):
        embed_parquet(tmp_path, tmp_path / "target", {"model": tiny})


def test_example(tiny, tmp_path):
    command = [sys.executable, ROOT / "examples" / "ray_parquet.py", "--model", tiny, "--target", tmp_path / "vectors"]
    for expected in ("embedded 9 rows", "embedded 0 rows"):
        result = subprocess.run(command, capture_output=True, text=True, env=without_ray())
        assert result.returncode == 0, result.stderr
        assert expected in result.stdout and "the nearest to" in result.stdout
