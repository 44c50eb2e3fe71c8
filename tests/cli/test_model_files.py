"""A model whose files are changed while the command computes with it."""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from command import as_lines, killed_at_exit, many_texts, parse_records


@pytest.fixture
def own(nano, tmp_path) -> pathlib.Path:
    """A model directory that may be changed."""
    return pathlib.Path(shutil.copytree(nano, tmp_path / "model", copy_function=shutil.copyfile))


def encode(bgem3, own, output: pathlib.Path, *options: str) -> tuple[int, str]:
    """Cuts the weights when the first texts are done; the exit status and the messages."""
    texts = many_texts(3000)
    command = ["encode", "--model", own, "--output", output, *options]
    started = bgem3.start(*command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with killed_at_exit(started) as process:
        process.stdin.write(as_lines(texts[:1000]).encode())
        process.stdin.flush()
        while not (output.exists() and output.stat().st_size > 1000):
            assert process.poll() is None
        os.truncate(own / "model.safetensors", 1000)
        _, messages = process.communicate(as_lines(texts[1000:]).encode(), timeout=300)
        return process.returncode, messages.decode()


def test_what_was_written_is_right_and_the_message_names_the_file(bgem3, own, tmp_path):
    output = tmp_path / "vectors.jsonl"
    status, messages = encode(bgem3, own, output)
    assert status == 1
    assert f"bgem3: '{own / 'model.safetensors'}' was changed while it was in use: it had " in messages
    assert "now it has 1000; load the model again" in messages
    records = parse_records(output.read_bytes())
    assert 0 < len(records) < 3000
    expected = bgem3("encode", stdin=as_lines(many_texts(3000)[: len(records)])).dense
    assert np.allclose([record["dense"] for record in records], expected, atol=1e-5)


def test_a_copy_goes_on(bgem3, own, tmp_path):
    output = tmp_path / "vectors.jsonl"
    status, messages = encode(bgem3, own, output, "--copy")
    assert (status, messages) == (0, "")
    assert len(parse_records(output.read_bytes())) == 3000


def test_info_takes_a_copy(bgem3):
    assert bgem3("info", "--copy", "--json").stdout
