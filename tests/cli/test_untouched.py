"""What stands in the way is told before an earlier output is touched, and before the input is waited for."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from command import FIRST_CHUNK, as_lines, expect_handler, killed_at_exit, many_texts, parse_records
from waiting import wait_for

EARLIER = "an earlier result"

# Options, input, and what the message says.
REFUSED = {
    "column": (["--input-format", "csv", "--column", "none"], "id,text\n1,a\n", "there is no column 'none'"),
    "which column": (["--input-format", "csv"], "a,b\n1,2\n", "which column has the texts?"),
    "delimiter": (["--input-format", "csv"], "id;text\n1;a\n", "expected columns, found one"),
    "JSON as lines": ([], '{"text": "a"}\n', "found JSON lines"),
    "lines as JSON": (["--input-format", "jsonl"], "plain words\n", "invalid JSON"),
    "NUL": ([], "a\0b\n" + "a\n" * 20, "binary data"),
    "not UTF-8": ([], b"caf\xe9\n", "expected UTF-8"),
    "damaged gzip": ([], b"\x1f\x8b\x08\0\0\0\0\0\0\3damaged", "damaged gzip"),
    "all bad": (["--input-format", "jsonl", "--on-error", "skip"], "1\n2\n", "all 2 records were bad"),
}


def notes_of(output: pathlib.Path) -> pathlib.Path:
    return output.with_name(output.name + ".resume")


@pytest.mark.parametrize("is_new", [False, True], ids=["earlier", "new"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_input(bgem3, tmp_path, name, is_new):
    options, data, told = REFUSED[name]
    output = tmp_path / "out.jsonl"
    if not is_new:
        output.write_text(EARLIER)
    assert told in bgem3.fail("encode", "--output", output, *options, stdin=data)
    if is_new:
        assert list(tmp_path.iterdir()) == []
    else:
        assert output.read_text() == EARLIER and not notes_of(output).exists()


def interrupt(process: subprocess.Popen) -> str:
    """The message; the process has to end at once."""
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGINT
    return message.decode()


@pytest.mark.parametrize("begin", [b"", b"a\n"], ids=["no text", "one text"])
def test_interrupt_before_the_first_texts(bgem3, tmp_path, begin):
    output = tmp_path / "out.jsonl"
    output.write_text(EARLIER)
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with killed_at_exit(bgem3.start("encode", "--output", output, **pipes)) as process:
        process.stdin.write(begin)
        process.stdin.flush()
        expect_handler(process)
        assert interrupt(process) == "bgem3: stopped; nothing was written\n"
    assert output.read_text() == EARLIER and not notes_of(output).exists()


def test_interrupt_while_the_input_is_compared(bgem3, tmp_path):
    """A text that did not come is none that is missing."""
    output, source = tmp_path / "out.jsonl", tmp_path / "in"
    texts = as_lines(many_texts(30)).encode()
    bgem3("encode", "--output", output, stdin=texts)
    before = output.read_bytes(), notes_of(output).read_bytes()
    os.mkfifo(source)
    arguments = ["encode", "--input", source, "--output", output, "--resume"]
    with killed_at_exit(bgem3.start(*arguments, stderr=subprocess.PIPE)) as process, source.open("wb") as pipe:
        pipe.write(texts[: len(texts) // 2])
        pipe.flush()
        expect_handler(process)
        assert interrupt(process) == "bgem3: stopped; nothing was written\n"
    assert (output.read_bytes(), notes_of(output).read_bytes()) == before


@pytest.fixture
def endless(bgem3, tmp_path):
    """Runs `encode` with an input that never comes."""

    def run(*arguments: object) -> str:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with killed_at_exit(bgem3.start("encode", *arguments, **pipes)) as process:
            assert process.wait(timeout=60) == 1
            return process.stderr.read().decode()

    return run


def test_options_are_refused_before_the_input_is_waited_for(bgem3, endless, tmp_path):
    output = tmp_path / "out.npy"
    assert "npy holds dense vectors only" in endless("--output", output, "--sparse")
    assert "No such file" in endless("--output", tmp_path / "none" / "out.npy")
    assert "npy needs a regular file" in endless("--format", "npy")
    assert "--resume needs --output" in endless("--resume")
    assert list(tmp_path.iterdir()) == []
    bgem3("encode", "--output", output, stdin="a\n")
    assert "max_length was 8192, is 5" in endless("--output", output, "--resume", "--max-length", 5)
    with output.open("r+b") as file:
        file.write(b"damaged")
    assert "does not begin as an npy file" in endless("--output", output, "--resume")
    notes_of(output).write_text("somebody's")
    assert "is no file of this command" in endless("--output", output)


def test_lock_is_told_before_the_input_is_waited_for(bgem3, endless, tmp_path):
    output = tmp_path / "out.jsonl"
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with killed_at_exit(bgem3.start("encode", "--output", output, **pipes)) as first:
        first.stdin.write(FIRST_CHUNK)
        first.stdin.flush()
        wait_for(notes_of(output).exists)
        assert "is being written by another process" in endless("--output", output)


def test_notes_in_a_directory_that_may_not_be_read(bgem3, nano, unprivileged, public_folder):
    """To be brought to the disk, it is opened for reading. Known in advance, old notes stay."""
    model = shutil.copytree(nano, public_folder / "model")
    (model / "model.safetensors").chmod(0o644)
    folder = public_folder / "results"
    folder.mkdir()
    arguments = ["encode", "--model", model, "--output", folder / "out.jsonl"]
    folder.chmod(0o777)
    bgem3(*arguments, stdin="a\n", **unprivileged)
    before = notes_of(folder / "out.jsonl").read_bytes()
    folder.chmod(0o333)
    assert "it tells of an earlier output" in bgem3.fail(*arguments, stdin="b\n", **unprivileged)
    assert notes_of(folder / "out.jsonl").read_bytes() == before


def test_file_that_is_made_for_nothing_is_removed_only_by_its_maker(bgem3, tmp_path):
    """Not where another has put one in its place, nor through a link."""
    output, link = tmp_path / "out.jsonl", tmp_path / "link"
    link.symlink_to("target")
    assert "binary data" in bgem3.fail("encode", "--output", link, stdin="\0" + "a\n" * 20)
    assert link.is_symlink()
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with killed_at_exit(bgem3.start("encode", "--output", output, **pipes)) as process:
        wait_for(output.exists)
        output.unlink()
        output.write_text("somebody else's")
        process.communicate(b'{"text": "a"}\n', timeout=60)
    assert process.returncode == 1 and output.read_text() == "somebody else's"


@pytest.mark.parametrize("output_format", ["jsonl", "npy"])
def test_output_whose_name_leaves_no_room_for_notes(bgem3, tmp_path, output_format):
    """An ordinary run goes on without them."""
    output = tmp_path / ("x" * (250 - len(output_format)) + "." + output_format)
    result = bgem3("encode", "--output", output, "--no-progress", stdin="a\n")
    assert "warning: " in result.stderr and "cannot be written: File name too long" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    before = output.read_bytes()
    message = bgem3.fail("encode", "--output", output, "--resume", stdin="a\n")
    assert "cannot be resumed" in message and "File name too long" in message
    assert output.read_bytes() == before


def test_output_in_a_directory_that_may_not_be_written_to(bgem3, nano, unprivileged, public_folder):
    model = shutil.copytree(nano, public_folder / "model")
    (model / "model.safetensors").chmod(0o644)
    folder = public_folder / "results"
    folder.mkdir()
    output = folder / "out.jsonl"
    output.write_text(EARLIER)
    output.chmod(0o666)
    folder.chmod(0o555)
    arguments = ["encode", "--model", model, "--output", output]
    message = bgem3.fail(*arguments, "--resume", stdin="a\n", **unprivileged)
    assert "cannot be resumed" in message and "Permission denied" in message and output.read_text() == EARLIER
    notes_of(output).write_text("")
    message = bgem3.fail(*arguments, stdin="a\n", **unprivileged)
    assert "it tells of an earlier output" in message and output.read_text() == EARLIER
    notes_of(output).unlink()
    result = bgem3(*arguments, stdin="a\n", **unprivileged)
    assert "out.jsonl.resume' cannot be written: Permission denied" in result.stderr
    assert len(parse_records(output.read_bytes())) == 1
