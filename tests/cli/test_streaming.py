"""Memory does not grow with the input, and interrupted runs lose nothing."""

import signal
import subprocess

import numpy as np
import pytest
from command import as_lines, dense_of, killed_at_exit, many_texts, parse_records
from waiting import wait_for

MIB = 1 << 20
TEXT_COUNT = 1500


@pytest.fixture(scope="module")
def input_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "texts.txt"
    path.write_text(as_lines(many_texts(TEXT_COUNT)))
    return path


@pytest.fixture(scope="module")
def whole(bgem3, input_file):
    """Vectors of an uninterrupted run."""
    return bgem3("encode", "--input", input_file).dense


@pytest.mark.parametrize(
    ("command", "few", "many", "bound"),
    [
        ("tokenize", 70_000, 280_000, 10),
        pytest.param("tokenize", 70_000, 1_000_000, 20, marks=pytest.mark.slow),
        ("encode", 40_000, 160_000, 12),
    ],
)
def test_peak_memory(bgem3, tmp_path, command, few, many, bound):
    """Bounds in MiB. `few` texts fill the largest chunk, so that more of them must not take more memory."""
    path = tmp_path / "in.txt"

    def peak(count: int) -> int:
        path.write_text(as_lines(many_texts(500)) * (count // 500))
        return bgem3.peak_memory(command, "--input", path)

    small, large = peak(few), peak(many)
    assert large - small < bound * MIB, f"{small} bytes for {few} texts, {large} for {many}"


def stop(bgem3, arguments, output, number) -> int:
    """Sends signal `number` once some records are in the file; the exit status."""
    with killed_at_exit(bgem3.start(*arguments, stderr=subprocess.PIPE)) as process:
        wait_for(lambda: process.poll() is not None or (output.exists() and output.stat().st_size > 2048))
        process.send_signal(number)
        _, message = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert message.startswith(b"bgem3: stopped;") and b"--resume" in message
    return process.returncode


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_jsonl_is_whole_lines_and_resumes(bgem3, input_file, whole, tmp_path, number, status):
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--input", input_file, "--output", output, "--batch-size", 8]
    assert stop(bgem3, arguments, output, number) == status
    done = len(parse_records(output.read_bytes()))
    assert 0 < done < TEXT_COUNT
    bgem3(*arguments, "--resume")
    records = parse_records(output.read_bytes())
    assert [record["id"] for record in records] == list(range(TEXT_COUNT))
    assert np.allclose(dense_of(records), whole, atol=1e-5)


def test_stopped_npy_is_valid_and_resumes(bgem3, input_file, whole, tmp_path):
    output = tmp_path / "out.npy"
    arguments = ["encode", "--input", input_file, "--output", output, "--format", "npy", "--batch-size", 8]
    assert stop(bgem3, arguments, output, signal.SIGINT) == 130
    done = np.load(output)
    assert 0 < len(done) < TEXT_COUNT
    assert np.allclose(done, whole[: len(done)], atol=1e-5)
    bgem3(*arguments, "--resume")
    assert np.allclose(np.load(output), whole, atol=1e-5)


def test_half_a_line_of_a_killed_run_is_done_again(bgem3, input_file, whole, tmp_path):
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--input", input_file, "--output", output]
    assert stop(bgem3, arguments, output, signal.SIGKILL) == -signal.SIGKILL
    with output.open("ab") as file:
        file.write(b'{"id":1500,"dense":[0.')
    bgem3(*arguments, "--resume")
    assert np.allclose(dense_of(parse_records(output.read_bytes())), whole, atol=1e-5)


def test_half_a_row_of_a_killed_run_is_done_again(bgem3, input_file, whole, tmp_path):
    output = tmp_path / "out.npy"
    arguments = ["encode", "--input", input_file, "--output", output, "--format", "npy"]
    assert stop(bgem3, arguments, output, signal.SIGKILL) == -signal.SIGKILL
    with output.open("ab") as file:
        file.write(b"half")
    bgem3(*arguments, "--resume")
    assert np.allclose(np.load(output), whole, atol=1e-5)


def test_resuming_a_finished_run_changes_nothing(bgem3, tmp_path):
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--output", output, "--resume"]
    bgem3(*arguments, stdin="one\ntwo\n")
    before = output.read_bytes()
    bgem3(*arguments, stdin="one\ntwo\n")
    assert output.read_bytes() == before
    assert "do not belong together" in bgem3.fail(*arguments, stdin="one\n")


def test_resuming_a_file_of_another_kind_leaves_it_alone(bgem3, tmp_path):
    output = tmp_path / "out.npy"
    output.write_text("my notes, with no line end")
    for options in (["--format", "npy"], ["--format", "jsonl"]):
        assert "beside it" in bgem3.fail("encode", *options, "--resume", "--output", output, stdin="x\n")
    assert output.read_text() == "my notes, with no line end"


def test_a_reader_that_has_seen_enough(bgem3, input_file):
    process = bgem3.start("encode", "--input", input_file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with killed_at_exit(process):
        assert process.stdout.readline().startswith(b'{"id":0,')
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""
