"""The full-size model takes hardly more memory than its weights."""

import json

from command import as_lines
from sample_texts import TEXTS


def test_peak_memory(bgem3, full, tmp_path):
    (tmp_path / "in.txt").write_text(as_lines(TEXTS))
    weight_bytes = json.loads(bgem3("info", "--model", full, "--json").stdout)["weight_bytes"]
    assert weight_bytes > 2 << 30
    assert bgem3.peak_memory("info", "--model", full) < 1.15 * weight_bytes, "loading keeps two copies"
    peak = bgem3.peak_memory(
        "encode", "--model", full, "--dense", "--sparse", "--colbert", "--input", tmp_path / "in.txt"
    )
    assert peak < 1.15 * weight_bytes
