"""Names, ids and files that somebody hostile has chosen: nothing hangs, nothing is lost, and the terminal is safe."""

import json
import os
import pathlib
import shutil
import socket

import pytest

RED = "\x1b[31m\u202e\x9b"
NOT_UTF8 = b"model-\xff\x1b[31m"


@pytest.fixture
def named_badly(nano, tmp_path) -> bytes:
    """`nano` in a directory whose name is neither UTF-8 nor printable."""
    directory = os.fsencode(tmp_path) + b"/" + NOT_UTF8
    shutil.copytree(os.fsencode(nano), directory)
    return directory


@pytest.fixture
def copied(nano, tmp_path) -> pathlib.Path:
    return shutil.copytree(nano, tmp_path / "copied")


def is_printable(text: str) -> bool:
    return all(c == "\n" or c.isprintable() for c in text)


def test_directory_that_is_not_utf8(bgem3, named_badly):
    """surrogateescape of Python writes the bytes on the command line as they are."""
    model = os.fsdecode(named_badly)
    assert bgem3("tokenize", "--model", model, stdin="text\n").lines == bgem3("tokenize", stdin="text\n").lines
    document = json.loads(bgem3("info", "--json", "--model", model).stdout)
    assert document["directory"].endswith("model-\ufffd\x1b[31m")
    shown = bgem3("info", "--model", model).stdout.decode()
    assert is_printable(shown) and "model-\\xff\\x1b[31m" in shown
    os.unlink(named_badly + b"/config.json")
    for command in ("info", "encode"):
        message = bgem3.fail(command, "--model", model, stdin="text\n")
        assert is_printable(message) and "model-\\xff\\x1b[31m': config.json is missing" in message


def test_names_in_files_do_not_reach_the_terminal(bgem3, copied):
    settings = copied / "config_sentence_transformers.json"
    settings.write_text(json.dumps({"prompts": {f"{RED}{i}": RED for i in range(30)}}))
    shown = bgem3("info", "--model", copied).stdout.decode()
    assert is_printable(shown) and "\\u202e" in shown
    message = bgem3.fail("encode", "--model", copied, "--prompt-name", f"none {RED}", stdin="text\n")
    assert is_printable(message) and " and 10 more; found 'none \\x1b[31m\\u202e\\u009b'" in message
    settings.write_text(json.dumps({f"{RED}\nforged: line": 1}))
    message = bgem3.fail("encode", "--model", copied, stdin="text\n")
    assert is_printable(message) and message.count("\n") == 1
    assert "key '\\x1b[31m\\u202e\\u009b\\nforged: line'" in message


def test_arguments_do_not_reach_the_terminal(bgem3):
    for arguments in (["encode", "--model", f"none{RED}"], [f"none{RED}"], ["encode", f"--none{RED}"]):
        result = bgem3.attempt(*arguments)
        assert result.status in (1, 2) and is_printable(result.stderr) and "\\x1b[31m" in result.stderr


def test_paths_add_no_line_to_a_message(bgem3, tmp_path):
    """Of input, output, what lies beside it, and the model, wherever a message names one."""
    folder = tmp_path / f"a{RED}\nbgem3: forged"
    folder.mkdir()
    source, output, notes = folder / "in.txt", folder / "out.jsonl", folder / "out.jsonl.resume"
    source.write_bytes(b"caf\xe9\n")
    (folder / "damaged.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\3damaged")
    good = ["encode", "--output", output]
    commands = [
        ["encode", "--input", folder / "none"],
        ["encode", "--input", folder],
        ["encode", "--input", source],
        ["tokenize", "--input", source, "--column", "text"],
        ["tokenize", "--input", folder / "damaged.gz"],
        ["encode", "--input", source, "--output", source],
        ["encode", "--output", folder / "none" / "out"],
        ["encode", "--output", folder],
        ["encode", "--model", folder],
        ["encode", "--output", "/dev/null", "--resume", "--column", RED],
        [*good, "--resume", "--max-length", 5],
        [*good, "--resume", "--input", source],
    ]
    bgem3(*good, stdin="a\n")
    for arguments in commands:
        message = bgem3.fail(*arguments, stdin="a\n")
        assert is_printable(message) and message.count("\n") == 1, arguments
    output.write_bytes(output.read_bytes().replace(b"0.", b"1.", 1))
    assert bgem3.fail(*good, "--resume", stdin="a\n").count("\n") == 1
    notes.write_text("somebody's")
    assert bgem3.fail(*good, stdin="a\n").count("\n") == 1
    notes.unlink()
    assert bgem3.fail(*good, "--resume", stdin="a\n").count("\n") == 1


def test_texts_in_a_table_do_not_reach_the_terminal(bgem3):
    assert is_printable(bgem3("similarity", f"a{RED}b\u2028", "c").stdout.decode())


def fifo(path: pathlib.Path) -> None:
    os.mkfifo(path)


def bound_socket(path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # whose length is limited


def endless(path: pathlib.Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [fifo, bound_socket, endless])
def test_file_of_a_model_that_is_none(bgem3, copied, monkeypatch, make):
    """The whole of them is in unit/test_hostile_directory.cpp."""
    monkeypatch.chdir(copied)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copied / name).unlink()
        make(copied / name)
        message = bgem3.fail("tokenize", "--model", copied, stdin="text\n")
        assert f"{name}' is a " in message and "a regular file was expected" in message


@pytest.mark.parametrize(
    "written",
    [
        "12345678901234567890123",
        "-9223372036854775809",
        "18446744073709551616",
        "9223372036854775808",
        "-9223372036854775808",
        "1.0",
        "1",
        "-1",
        "0",
        "-0",
        "-0.0",
        "1E5",
        "1e-400",
        "0.1000000000000000055511151231257827",
        "null",
        "true",
    ],
)
def test_ids_stay_as_they_were_written(bgem3, tmp_path, written):
    out = tmp_path / "out.jsonl"
    line = f'{{"id": {written}, "text": "a"}}\n'
    bgem3("encode", "--input-format", "jsonl", "--output", out, stdin=line)
    assert out.read_text().startswith(f'{{"id":{written},')


def test_texts_as_ids(bgem3, tmp_path):
    """What they say stays, whatever escapes they were written with."""
    ids = ["", "a\x1b\x7f\u202e\u2028", "\U0001f642", '"\\', "\0", "1e400", "x" * 10_000]
    out = tmp_path / "out.jsonl"
    for ascii_only in (True, False):
        lines = [json.dumps({"id": each, "text": "a"}, ensure_ascii=ascii_only) + "\n" for each in ids]
        bgem3("encode", "--input-format", "jsonl", "--output", out, stdin="".join(lines))
        assert [json.loads(line)["id"] for line in out.read_text().split("\n") if line] == ids


def test_ids_may_be_the_same(bgem3):
    lines = '{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}\n{"id": 1, "id": 2, "text": "c"}\n'
    records = bgem3("encode", "--input-format", "jsonl", stdin=lines).records
    assert [record["id"] for record in records] == [1, 1, 2]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"id": 1e400, "text": "a"}', "found the number 1e400, beyond the range of float64"),
        ('{"text": "a", "score": -1e999}', "found the number -1e999, beyond the range of float64"),
        ('{"id": "\\ud800", "text": "a"}', '"id" of type string with half of a surrogate pair'),
        ('{"id": [1], "text": "a"}', '"id" of type array'),
        ('{"id": {}, "text": "a"}', '"id" of type object'),
    ],
)
def test_ids_that_cannot_be_kept(bgem3, line, found):
    message = bgem3.fail("tokenize", "--input-format", "jsonl", stdin=line + "\n")
    assert "line 1: expected a JSON object" in message and found in message


def test_number_of_a_million_digits(bgem3):
    for exponent in ("", "e400"):
        line = f'{{"text": "a", "id": {"9" * 1_000_000}{exponent}}}\n'
        message = bgem3.fail("tokenize", "--input-format", "jsonl", stdin=line)
        assert len(message) < 1_000
