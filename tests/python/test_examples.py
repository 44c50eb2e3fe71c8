"""The programs under examples/ and bench/ run as their headers say."""

import json
import os
import subprocess
import sys

import pytest
from prepared import ROOT


def run(*arguments: object) -> str:
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_heat_map_is_a_picture(nano, tmp_path):
    output = tmp_path / "map.png"
    assert str(output) in run(ROOT / "examples" / "similarity_heatmap.py", "--model", nano, "--output", output)
    assert output.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_comparison_with_flagembedding_tells_ratios(nano, tmp_path):
    output = tmp_path / "result.json"
    run(ROOT / "bench" / "python_vs_flagembedding.py", "--model", nano, "--repetitions", 1, "--json", output)
    rows = json.loads(output.read_text())["rows"]
    assert len(rows) == 5
    assert all(row["ratio"] > 0 for row in rows.values())
    assert all(row.get("max_difference", 0) <= 5e-6 for row in rows.values())


def test_comparison_with_peers_leaves_table_figures_and_chart(nano, tmp_path):
    works = ["1 x 16", "2 short"]
    options = ["--peers", "transformers", "--workloads", *works, "--repetitions", 2, "--cache", tmp_path / "cache"]
    printed = run(ROOT / "bench" / "compare_peers.py", "--model", nano, "--output", tmp_path / "peers", *options)
    assert "transformers" in printed and all(work in printed for work in works)
    rows = json.loads((tmp_path / "peers.json").read_text())["peers"]["transformers"]
    assert rows.keys() == set(works)
    assert all(row["ratio"] > 0 and row["cosine"] > 0.99999 for row in rows.values())
    assert (tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "peers.svg").read_text().startswith("<?xml")
