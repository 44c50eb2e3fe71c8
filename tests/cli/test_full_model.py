"""A large model takes hardly more memory than its weights."""

import json

import pytest
from command import as_lines
from sample_texts import TEXTS


def weight_bytes(bgem3, model) -> int:
    return json.loads(bgem3("info", "--model", model, "--json").stdout)["weight_bytes"]


def test_peak_memory_of_a_wide_model(bgem3, nano, wide, tmp_path):
    """Beyond what a small one takes, most of which is LibTorch's."""
    (tmp_path / "in.txt").write_text(as_lines(TEXTS))
    more = weight_bytes(bgem3, wide) - weight_bytes(bgem3, nano)
    for command in (["info"], ["encode", "--dense", "--sparse", "--colbert", "--input", tmp_path / "in.txt"]):
        small, large = (bgem3.peak_memory(*command, "--model", model) for model in (nano, wide))
        assert large - small < 1.3 * more, "loading keeps two copies"


@pytest.mark.slow
def test_peak_memory(bgem3, full, tmp_path):
    (tmp_path / "in.txt").write_text(as_lines(TEXTS))
    whole = weight_bytes(bgem3, full)
    assert whole > 2 << 30
    assert bgem3.peak_memory("info", "--model", full) < 1.15 * whole, "loading keeps two copies"
    peak = bgem3.peak_memory(
        "encode", "--model", full, "--dense", "--sparse", "--colbert", "--input", tmp_path / "in.txt"
    )
    assert peak < 1.15 * whole
