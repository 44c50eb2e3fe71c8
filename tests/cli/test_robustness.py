"""Streams that are closed, full, slow or failing, and input made to hurt: an error message, and nothing lost."""

import json
import os
import pty
import signal
import subprocess
import time

import numpy as np
import pytest
from command import as_lines, killed_at_exit, limit_file_size, many_texts, parse_records
from waiting import wait_for

FILE_SIZE_MAX = 20_000


def test_file_size_limit_is_an_error_like_a_full_disk(bgem3, tmp_path):
    output = tmp_path / "out.jsonl"
    message = bgem3.fail(
        "encode", "--output", output, stdin=as_lines(many_texts(300)), preexec_fn=limit_file_size(FILE_SIZE_MAX)
    )
    count = len(parse_records(output.read_bytes()))
    assert 0 < count < 300
    assert f"{count} texts are safe in it; make room and run again with --resume" in message


@pytest.mark.parametrize("before", [b"", b"an earlier line\n"])
def test_redirected_output_keeps_whole_lines_on_a_full_disk(bgem3, tmp_path, before):
    (tmp_path / "out").write_bytes(before)
    with (tmp_path / "out").open("ab") as output:
        message = bgem3.fail(
            "encode", stdin=as_lines(many_texts(300)), stdout=output, preexec_fn=limit_file_size(FILE_SIZE_MAX)
        )
    data = (tmp_path / "out").read_bytes()
    assert data.startswith(before)
    count = len(parse_records(data.removeprefix(before)))
    assert 0 < count < 300
    assert message.endswith(f"{count} texts are safe in it\n")  # no --resume, which needs --output


@pytest.mark.parametrize("room", [0, 50])
def test_npy_without_room_can_be_resumed(bgem3, tmp_path, room):
    """What lies beside it needs more room than its header."""
    arguments = ["encode", "--output", tmp_path / "out.npy", "--resume"]
    assert "File too large" in bgem3.fail(*arguments, stdin="a\n", preexec_fn=limit_file_size(room))
    assert list(tmp_path.iterdir()) == []
    bgem3(*arguments, stdin="a\n")
    assert len(np.load(tmp_path / "out.npy")) == 1


def test_npy_without_room_for_its_header(bgem3, tmp_path):
    arguments = ["encode", "--output", tmp_path / "out.npy", "--resume"]
    bgem3(*arguments)  # leaves notes, so that the header is all that is written next
    assert "0 texts are safe" in bgem3.fail(*arguments, stdin="a\n", preexec_fn=limit_file_size(50))
    assert (tmp_path / "out.npy").read_bytes() == b""
    bgem3(*arguments, stdin="a\n")
    assert len(np.load(tmp_path / "out.npy")) == 1


def test_output_named_npy_is_npy(bgem3, tmp_path):
    bgem3("encode", "--output", tmp_path / "out.npy", stdin="a\nb\n")
    assert len(np.load(tmp_path / "out.npy")) == 2


@pytest.mark.parametrize("command", ["encode", "tokenize"])
def test_failed_read_is_not_the_end_of_the_input(bgem3, command):
    """The terminal side of a pseudo terminal hangs up: what it sent arrives, then reading fails with EIO."""
    ours, theirs = pty.openpty()
    os.write(theirs, b"one\ntwo\n")
    os.close(theirs)
    with os.fdopen(ours, "rb") as source:
        process = bgem3.start(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, message = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out.count(b"\n") == 2
    assert message == b"bgem3: standard input cannot be read: Input/output error\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["encode", "tokenize"])
def test_signal_ends_the_wait_for_input(bgem3, command, number):
    process = bgem3.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with killed_at_exit(process):
        process.stdin.write(b"one\n")
        process.stdin.flush()
        # Only a handler that is in place can be tested; before, the signal ends the process.
        status = f"/proc/{process.pid}/status"
        wait_for(lambda: caught_signals(status) & (1 << (number - 1)))
        time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(timeout=10) == 128 + number
        assert process.stdout.read().count(b"\n") in (0, 1)


def caught_signals(status: str) -> int:
    with open(status) as lines:
        return next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))


def test_full_stderr_changes_nothing(bgem3, tmp_path):
    with open("/dev/full", "wb") as full:
        assert bgem3.attempt("info", "--model", tmp_path / "none", stderr=full).status == 1
        assert bgem3.attempt("encode", "--densest", stderr=full).status == 2
        result = bgem3("encode", "--max-length", 3, stdin="a text that is cut\n", stderr=full)
    assert len(result.records) == 1


def test_messages_for_a_closed_stderr_do_not_reach_the_output(bgem3, tmp_path):
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--max-length", 3, "--output", output]
    bgem3(*arguments, stdin="a text that is cut\n", stderr=None, preexec_fn=lambda: os.close(2))
    assert len(parse_records(output.read_bytes())) == 1


def test_closed_standard_output_is_an_error(bgem3):
    message = bgem3.fail("tokenize", stdin="a\n", stdout=None, preexec_fn=lambda: os.close(1))
    assert "standard output" in message


def test_output_over_redirected_input_is_refused(bgem3, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("precious\n")
    with path.open("rb") as source:
        process = bgem3.start("encode", "--output", path, stdin=source, stderr=subprocess.PIPE)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 1 and b"is the input" in message
    assert path.read_text() == "precious\n"


@pytest.mark.parametrize("key", ["123456789012345678901234567890", "0.1000000000000000055511151231257827", "-7", "1E5"])
def test_id_keeps_its_digits(bgem3, key):
    result = bgem3("encode", "--input-format", "jsonl", stdin=f'{{"id": {key}, "text": "a"}}\n')
    assert result.stdout.startswith(f'{{"id":{key},"dense":'.encode())


@pytest.mark.parametrize("name", ["id", "other"])
def test_deeply_nested_line(bgem3, name):
    depth = 500_000
    line = f'{{"{name}": {"[" * depth}{"]" * depth}, "text": "a"}}\n'
    result = bgem3.attempt("tokenize", "--input-format", "jsonl", stdin=line)
    if name == "id":
        assert result.status == 1 and 'found "id" of type array' in result.stderr
    else:
        assert result.status == 0 and result.lines == ["0 10 2"]


def test_only_the_outermost_text_counts(bgem3):
    line = json.dumps({"meta": {"text": "wrong", "id": 9}, "text": "a", "tags": ["text", {"text": 5}], "id": 3})
    assert [r["id"] for r in bgem3("encode", "--input-format", "jsonl", stdin=line).records] == [3]
    assert bgem3("tokenize", "--input-format", "jsonl", stdin=line).lines == ["0 10 2"]


def test_text_with_nul_and_line_ends(bgem3):
    line = json.dumps({"text": "a\x00b\nc\r"})
    assert len(bgem3("tokenize", "--input-format", "jsonl", stdin=line).lines) == 1


def test_long_lines_cross_the_read_buffer(bgem3):
    texts = ["x " * 200_000, "y", "z " * 150_000]
    lines = bgem3("tokenize", "--max-length", 5, stdin=as_lines(texts)).lines
    assert lines == [bgem3("tokenize", "--max-length", 5, stdin=text[:100]).lines[0] for text in texts]


@pytest.mark.parametrize("option", ["--max-length", "--truncate-dim", "--batch-tokens"])
def test_sizes_are_positive(bgem3, option):
    assert option in bgem3.fail("encode", option, "-5", status=2)


@pytest.mark.parametrize(
    "option",
    [
        ["--input", "-"],
        ["--input-format", "lines"],
        ["--column", "1"],
        ["--delimiter", ";"],
        ["--no-header"],
        ["--on-error", "skip"],
    ],
    ids=lambda option: option[0],
)
def test_texts_and_input_together_are_refused(bgem3, option):
    assert option[0] in bgem3.fail("similarity", *option, "--", "a", "b", status=2)


def test_terminal_of_one_column(bgem3, tmp_path):
    (tmp_path / "in.txt").write_text(as_lines(many_texts(200)))
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "1"], stdin=theirs, check=True)
    arguments = ["encode", "--input", tmp_path / "in.txt", "--output", tmp_path / "out"]
    with killed_at_exit(bgem3.start(*arguments, stderr=theirs)) as process:
        os.close(theirs)
        try:
            while os.read(ours, 65536):
                pass
        except OSError:  # the other side is closed
            pass
        os.close(ours)
        assert process.wait(timeout=60) == 0


def test_info_names_the_configuration(bgem3, nano):
    assert json.loads(bgem3("info", "--json").stdout)["config"] == str(nano / "config.json")
