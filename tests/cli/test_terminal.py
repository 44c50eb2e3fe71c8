"""What a person at a terminal sees."""

import os
import pty
import re
import subprocess

import pytest
from command import as_lines, killed_at_exit, many_texts


@pytest.fixture
def on_terminal(bgem3):
    """on_terminal(stream, *arguments) -> what arrives on a terminal behind stdout or stderr."""

    def run(stream, *arguments, environment=None):
        ours, theirs = pty.openpty()
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
        with killed_at_exit(bgem3.start(*arguments, environment=environment, **streams)) as process:
            os.close(theirs)
            shown = b""
            try:
                while part := os.read(ours, 65536):
                    shown += part
            except OSError:  # the other side is closed
                pass
            os.close(ours)
            assert process.wait(timeout=60) == 0
        return shown.decode()

    return run


@pytest.fixture
def encoding(tmp_path):
    """Arguments that encode some hundred texts."""
    (tmp_path / "in.txt").write_text(as_lines(many_texts(400)))
    return ["encode", "--input", tmp_path / "in.txt", "--output", tmp_path / "out.jsonl"]


def test_progress_bar(on_terminal, encoding):
    shown = on_terminal("stderr", *encoding)
    assert re.search(r"\r\x1b\[K *\d+ % [█░]+ \d+ texts  \d+ tokens/s  (\d+:\d\d|…) left", shown)
    assert re.search(r"\r\x1b\[K400 texts, \d+ tokens in \d+:\d\d \(\d+ tokens/s\)\r\n$", shown)


def test_no_progress_bar_on_demand(on_terminal, encoding):
    assert on_terminal("stderr", *encoding, "--no-progress") == ""


def test_no_progress_bar_without_a_terminal(bgem3, encoding):
    assert bgem3(*encoding).stderr == ""


def test_table_is_colored_unless_no_color(on_terminal):
    arguments = ["similarity", "one", "two", "three"]
    assert "\x1b[" in on_terminal("stdout", *arguments)
    assert "\x1b[" not in on_terminal("stdout", *arguments, environment={"NO_COLOR": "1"})
