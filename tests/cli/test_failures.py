"""Bad input and full disks: a clear message, and nothing that was done is lost."""

import resource
import shutil
import signal
import zipfile

import numpy as np
import pytest
from command import as_jsonl, as_lines, many_texts, parse_records
from prepared import model_directory

FILE_SIZE_MAX = 40_000


def limit_file_size() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE_MAX, FILE_SIZE_MAX))


@pytest.mark.parametrize("output_format", ["jsonl", "npy"])
def test_full_disk_keeps_whole_records(bgem3, tmp_path, output_format):
    output = tmp_path / "out"
    arguments = ["encode", "--format", output_format, "--output", output]
    texts = as_lines(many_texts(500))
    message = bgem3.fail(*arguments, stdin=texts, preexec_fn=limit_file_size)
    count = len(np.load(output)) if output_format == "npy" else len(parse_records(output.read_bytes()))
    assert 0 < count < 500
    assert f"'{output}' cannot be written: File too large. {count} texts are safe in it" in message
    bgem3(*arguments, "--resume", stdin=texts)
    done = len(np.load(output)) if output_format == "npy" else len(parse_records(output.read_bytes()))
    assert done == 500


def test_full_device(bgem3):
    message = bgem3.fail("encode", "--output", "/dev/full", stdin="text\n")
    assert "'/dev/full' cannot be written: No space left on device. 0 texts are safe" in message


@pytest.mark.parametrize(
    "arguments", [["encode"], ["tokenize"], ["similarity", "a", "b"], ["info"], ["--help"]], ids=lambda a: a[0]
)
def test_full_standard_output(bgem3, arguments):
    with open("/dev/full", "wb") as full:
        message = bgem3.fail(*arguments, stdin="text\n", stdout=full)
    assert "standard output" in message and "No space left on device" in message


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"text": "half', "invalid JSON"),
        ("plain words", "invalid JSON"),
        ("", "a blank line"),
        ('["a"]', "array"),
        ('{"txt": "a"}', 'no "text"'),
        ('{"text": 5}', "number"),
    ],
)
def test_bad_json_line(bgem3, tmp_path, line, found):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(as_jsonl({"id": i, "text": "a"} for i in range(20)) + line + '\n{"text": "after"}\n')
    message = bgem3.fail("encode", "--input", source, "--output", output)
    assert f"'{source}', line 21: expected a JSON object" in message and found in message
    assert [record["id"] for record in parse_records(output.read_bytes())] == list(range(20))


def test_json_line_that_is_not_utf8(bgem3):
    message = bgem3.fail("tokenize", "--input-format", "jsonl", stdin=b'{"text": "caf\xe9"}\n')
    assert "standard input, line 1" in message


@pytest.mark.parametrize("command", ["encode", "tokenize", "similarity"])
def test_input_that_cannot_be_read(bgem3, tmp_path, command):
    assert "No such file" in bgem3.fail(command, "--input", tmp_path / "none.txt")
    assert "Is a directory" in bgem3.fail(command, "--input", tmp_path)


def test_output_that_cannot_be_opened(bgem3, tmp_path):
    message = bgem3.fail("encode", "--output", tmp_path / "none" / "out", stdin="x\n")
    assert str(tmp_path / "none" / "out") in message and "No such file" in message


@pytest.mark.parametrize("command", ["info", "encode", "tokenize"])
def test_model_that_is_none(bgem3, tmp_path, command):
    missing, file = tmp_path / "none", tmp_path / "file"
    file.touch()
    for path in missing, file, tmp_path:
        message = bgem3.fail(command, "--model", path)
        assert str(path) in message


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--format", "npy"], "--output"),
        (["--format", "npy", "--sparse"], "jsonl"),
        (["--format", "npy", "--dense", "--colbert"], "jsonl"),
        (["--resume"], "--output"),
        (["--max-length", "1"], "max_length"),
        (["--max-length", "100000"], "8192"),
        (["--truncate-dim", "65"], "64"),
    ],
)
def test_options_that_do_not_fit(bgem3, options, named):
    assert named in bgem3.fail("encode", *options, stdin="text\n")


@pytest.mark.parametrize(
    "options", [["--max-length", "1"], ["--truncate-dim", "65"], ["--format", "npy", "--sparse"]], ids=lambda o: o[-2]
)
def test_refused_options_leave_the_output_alone(bgem3, tmp_path, options):
    output = tmp_path / "out"
    output.write_text("an earlier result")
    bgem3.fail("encode", "--output", output, *options, stdin="text\n")
    assert output.read_text() == "an earlier result"


def test_output_over_the_input_is_refused(bgem3, tmp_path):
    (tmp_path / "texts.txt").write_text("precious\n")
    (tmp_path / "link").symlink_to(tmp_path / "texts.txt")
    message = bgem3.fail("encode", "--input", tmp_path / "texts.txt", "--output", tmp_path / "link")
    assert "is the input" in message
    assert (tmp_path / "texts.txt").read_text() == "precious\n"


@pytest.mark.parametrize("record", ["version", "byteorder", "data.pkl", "data/0"])
def test_archive_that_inflates_is_refused_before_it_does(bgem3, tmp_path, record):
    """Two hundred megabytes of zeros in two hundred kilobytes, wherever they are."""
    model = shutil.copytree(model_directory("nano-bin"), tmp_path / "model")
    with (
        zipfile.ZipFile(model_directory("nano-bin") / "pytorch_model.bin") as whole,
        zipfile.ZipFile(model / "pytorch_model.bin", "w") as archive,
    ):
        names = whole.namelist()
        folder = names[0].split("/")[0]
        for name in {*names, f"{folder}/{record}"}:
            if name == f"{folder}/{record}":
                archive.writestr(name, bytes(200 << 20), zipfile.ZIP_DEFLATED)
            else:
                archive.writestr(name, whole.read(name))
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (200 << 20, 200 << 20))}
    message = bgem3.fail("info", "--model", model, **limited)
    assert f"'{folder}/{record}' is compressed; expected an archive as torch.save writes it" in message


@pytest.mark.parametrize("forbidden", [".", "model.safetensors", "sentencepiece.bpe.model", "config.json"])
def test_model_without_read_permission(bgem3, nano, unprivileged, public_folder, forbidden):
    model = public_folder / "model"
    shutil.copytree(nano, model, ignore=shutil.ignore_patterns("tokenizer.json"))
    (model / "model.safetensors").chmod(0o644)
    assert bgem3.attempt("info", "--model", model, **unprivileged).status == 0
    (model / forbidden).chmod(0)
    message = bgem3.fail("info", "--model", model, **unprivileged)
    assert str(model / forbidden) in message
    assert "ermission denied" in message
