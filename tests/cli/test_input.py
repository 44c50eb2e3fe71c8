"""What `--input` may be: each kind gives the right rows, or is refused by name."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import tarfile
import threading
import zipfile
import zlib

import numpy as np
import pandas
import pyarrow
import pytest
from command import as_jsonl, as_lines, expect_handler, killed_at_exit, many_texts

TEXTS = ["Hello World", "", 'with, comma and "quotes"', "zwei Äpfel 世界 \U0001f600", "tab\tand\nline end", " spaces "]
RECORDS = [{"id": str(number), "text": text} for number, text in enumerate(TEXTS)]
JSONL = as_jsonl(RECORDS).encode()


def zstd(data: bytes) -> bytes:
    return pyarrow.compress(data, codec="zstd", asbytes=True)


def table(delimiter: str, line_end: str = "\n") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "text"], delimiter=delimiter, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(RECORDS)
    return out.getvalue().encode()


def halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


def as_feather() -> bytes:
    out = io.BytesIO()
    pandas.DataFrame(RECORDS).to_feather(out)
    return out.getvalue()


READ = {
    "in.jsonl": JSONL,
    "in.ndjson": JSONL,
    "mark.jsonl": b"\xef\xbb\xbf" + JSONL,
    "utf16.jsonl": JSONL.decode().encode("utf-16"),
    "utf16be.jsonl": b"\xfe\xff" + JSONL.decode().encode("utf-16-be"),
    "in.jsonl.gz": gzip.compress(JSONL),
    "members.jsonl.gz": b"".join(map(gzip.compress, halves(JSONL))),
    "utf16.jsonl.gz": gzip.compress(JSONL.decode().encode("utf-16")),
    "padded.jsonl.gz": gzip.compress(JSONL) + bytes(100_000) + gzip.compress(b"") + bytes(512),
    "in.jsonl.zst": zstd(JSONL),
    "frames.jsonl.zst": b"".join(map(zstd, halves(JSONL))),
    "unpacked_on_the_way.jsonl.gz": JSONL,
    "packed_without_a_name.jsonl": gzip.compress(JSONL),
    "in.csv": table(","),
    "windows.csv": b"\xef\xbb\xbf" + table(",", "\r\n"),
    "utf16.csv": table(",").decode().encode("utf-16"),
    "blank_lines.csv": b"\n\r\n" + table(",").replace(b"\n0,", b"\n\n\r\n0,") + b"\n\r\n\n",
    "in.tsv": table("\t"),
    "in.csv.gz": gzip.compress(table(",")),
    "in.tsv.zst": zstd(table("\t")),
}


def archive(make) -> bytes:
    out = io.BytesIO()
    make(out)
    return out.getvalue()


def as_tar(out) -> None:
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("texts.txt")
        info.size = len(JSONL)
        tar.addfile(info, io.BytesIO(JSONL))


def as_zip(out) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("texts.txt", JSONL)


def as_sqlite() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("create table texts (text)")
        return database.serialize()


REFUSED = {
    "in.xz": (lzma.compress(JSONL), "xz"),
    "in.bz2": (bz2.compress(JSONL), "bzip2"),
    "in.zip": (archive(as_zip), "a zip archive"),
    "in.tar": (archive(as_tar), "a tar archive"),
    "in.tar.gz": (gzip.compress(archive(as_tar)), "a tar archive"),
    "twice.gz": (gzip.compress(gzip.compress(JSONL)), "gzip in what was decompressed"),
    "in.feather": (as_feather(), "Arrow"),
    "in.npy": (archive(lambda out: np.save(out, np.ones(3))), "a NumPy array"),
    "in.npz": (archive(lambda out: np.savez(out, np.ones(3))), "a zip archive (or npz"),
    "in.pkl": (pickle.dumps(TEXTS), "a Python pickle"),
    "in.sqlite": (as_sqlite(), "an SQLite database"),
    "in.pdf": (b"%PDF-1.7\n", "a PDF document"),
    "utf32.txt": (as_lines(["text"]).encode("utf-32"), "UTF-32"),
    "utf16.txt": (as_lines(["text"]).encode("utf-16-le"), "UTF-16 without a byte order mark"),
    "latin1.txt": ("café\n".encode("latin-1"), "the byte 0xE9 at 4 of the line"),
    "latin1.csv": ("text\ncafé\n".encode("latin-1"), "the byte 0xE9 at 4 of the line"),
    "latin1.jsonl": ('{"text": "café"}\n'.encode("latin-1"), "the byte 0xE9 at 14 of the line"),
    "zeros": (bytes(100), "binary data"),
    "lines.txt": (JSONL, "found JSON lines"),
    "array.txt": (json.dumps(RECORDS).encode(), "found a JSON document"),
    "array.jsonl": (json.dumps(RECORDS).encode(), "found a JSON array"),
    "pretty.jsonl": (json.dumps(RECORDS[0], indent=1).encode(), "found JSON over several lines"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
}


@pytest.fixture(scope="module")
def expected(bgem3):
    return bgem3("tokenize", "--input-format", "jsonl", stdin=JSONL).lines


@pytest.mark.parametrize("name", READ)
def test_kinds_that_are_read(bgem3, expected, tmp_path, name):
    (tmp_path / name).write_bytes(READ[name])
    assert bgem3("tokenize", "--input", tmp_path / name).lines == expected
    kind = re.search(r"csv|tsv|jsonl|ndjson", name)[0].replace("nd", "")
    kind = {"json": "jsonl"}.get(kind, kind)
    assert bgem3("tokenize", "--input-format", kind, stdin=READ[name]).lines == expected


@pytest.mark.parametrize("command", ["encode", "tokenize", "similarity"])
@pytest.mark.parametrize("name", ["in.csv.gz", "utf16.jsonl"])
def test_every_command_reads_them(bgem3, tmp_path, name, command):
    for file in name, "in.jsonl":
        (tmp_path / file).write_bytes(READ[file])
    options = {"similarity": ["--format", "json"]}.get(command, [])
    results = [bgem3(command, "--input", tmp_path / file, *options).stdout for file in (name, "in.jsonl")]
    assert results[0] == results[1]


@pytest.mark.parametrize("name", REFUSED)
def test_kinds_that_are_refused(bgem3, tmp_path, name):
    data, named = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    result = bgem3.attempt("tokenize", "--input", tmp_path / name)
    assert result.status == 1 and result.stdout == b""
    assert result.stderr.startswith(f"bgem3: '{tmp_path / name}'") and named in result.stderr


@pytest.mark.parametrize("command", ["encode", "similarity"])
@pytest.mark.parametrize("name", ["in.feather", "in.xz", "utf32.txt"])
def test_refused_kinds_leave_the_output_alone(bgem3, tmp_path, name, command):
    data, named = REFUSED[name]
    output = tmp_path / "out"
    output.write_text("an earlier result")
    options = ["--output", output] if command == "encode" else []
    for on_error in "stop", "skip":
        assert named in bgem3.fail(command, *options, "--on-error", on_error, stdin=data)
    assert output.read_text() == "an earlier result"


@pytest.mark.parametrize("name", ["in.feather", "latin1.txt", "in.xz", "in.bz2"])
def test_advice_helps(bgem3, tmp_path, name):
    """The command that a message names makes of the input what is read."""
    (tmp_path / "FILE").write_bytes(REFUSED[name][0])
    message = bgem3.fail("tokenize", "--input", tmp_path / "FILE")
    (command,) = re.findall(r"(?:: |: it: )((?:python3|iconv|xz|bzip2) .*?)(?: \| bgem3 …|\. --on-error|\n)", message)
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, stdin=(tmp_path / "FILE").open("rb"), stdout=subprocess.PIPE, check=True
    )
    made = tmp_path / "FILE.jsonl"
    texts = made.read_bytes() if made.exists() else done.stdout
    if name == "latin1.txt":
        assert texts.decode() == "café\n"
    else:
        assert [record["text"] for record in map(json.loads, texts.decode().splitlines())] == TEXTS


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_damaged_archives_are_errors(bgem3, tmp_path, pack):
    packed = pack(as_lines(many_texts(2000)).encode())
    assert len(bgem3("tokenize", stdin=packed).lines) == 2000
    damaged = [packed[:length] for length in (5, 12, len(packed) // 2, len(packed) - 9, len(packed) - 1)]
    damaged.append(packed + b"more")
    if pack is not zstd:  # whose frames have a checksum where one is asked for
        damaged += [flip(packed, at) for at in (len(packed) // 2, -6 + len(packed), -2 + len(packed))]
    for data in damaged:
        path = tmp_path / "in.gz"
        path.write_bytes(data)
        assert f"'{path}' cannot be read: damaged" in bgem3.fail("tokenize", "--input", path)


@pytest.mark.parametrize("name", ["in.txt.gz", "in.jsonl.zst"])
def test_an_empty_archive_is_damaged(bgem3, tmp_path, name):
    (tmp_path / name).touch()
    assert "damaged archive: it is empty" in bgem3.fail("tokenize", "--input", tmp_path / name)


def test_a_line_without_end_is_refused_at_the_limit(bgem3, tmp_path):
    """Eighty megabytes in eighty kilobytes; twice, to see where the next line begins."""
    packer = zlib.compressobj(1, wbits=31)
    line = [b"a" * (16 << 20)] * 5
    with (tmp_path / "in.gz").open("wb") as out:
        for part in [*line, b"\ngood\n", *line]:
            out.write(packer.compress(part))
        out.write(packer.flush())
    options = ["tokenize", "--input", tmp_path / "in.gz"]
    assert "line 1: expected at most 67108864 bytes in a line" in bgem3.fail(*options)
    assert bgem3(*options, "--on-error", "null").lines == ["", *bgem3("tokenize", stdin="good\n").lines, ""]


def test_a_window_beyond_the_limit_is_refused(bgem3):
    frame = b"\x28\xb5\x2f\xfd" + bytes([0, (31 - 10) << 3, 1, 0, 0])
    assert "damaged zstd: Frame requires too much memory" in bgem3.fail("tokenize", stdin=frame)


def test_column_options_are_for_tables(bgem3):
    assert "--column is for CSV and TSV" in bgem3.fail("tokenize", "--column", "text", stdin="a\n")
    assert "--no-header is for CSV and TSV" in bgem3.fail("tokenize", "--no-header", stdin="a\n")
    rows = ["tokenize", "--input-format", "tsv", "--no-header"]
    assert bgem3(*rows, "--column", 2, stdin="1\tone\n2\ttwo\n").lines == bgem3("tokenize", stdin="one\ntwo\n").lines
    assert "which column has the texts?" in bgem3.fail(*rows, stdin="1\tone\n2\ttwo\n")


def read_record(process) -> bytes:
    """The next line of its output, while its input is open."""
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()))
    reader.start()
    reader.join(timeout=60)
    assert lines, "nothing came"
    return lines[0]


@pytest.mark.parametrize("kind", ["lines", "gzip", "utf-16", "csv"])
def test_a_first_line_is_not_waited_behind(bgem3, kind):
    """It is encoded while the next one is still to come."""
    packer = zlib.compressobj(wbits=31)
    first, second = {
        "lines": (b"one\n", b"two\n"),
        "gzip": (
            packer.compress(b"one\n") + packer.flush(zlib.Z_SYNC_FLUSH),
            packer.compress(b"two\n") + packer.flush(),
        ),
        "utf-16": ("one\n".encode("utf-16"), "two\n".encode("utf-16-le")),
        "csv": (b"text\none\n", b"two\n"),
    }[kind]
    options = ["--input-format", "csv"] if kind == "csv" else []
    process = bgem3.start("encode", "--batch-size", 1, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with killed_at_exit(process):
        process.stdin.write(first)
        process.stdin.flush()
        assert read_record(process).startswith(b'{"id":0,')
        rest, _ = process.communicate(second, timeout=60)
        assert rest.startswith(b'{"id":1,') and process.returncode == 0


@pytest.mark.parametrize(
    "begin", [b"", gzip.compress(b"one\ntwo\n")[:12], "one".encode("utf-16")[:-1]], ids=["", "gzip", "utf-16"]
)
def test_a_signal_is_no_damage(bgem3, begin):
    process = bgem3.start("tokenize", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with killed_at_exit(process):
        process.stdin.write(begin)
        process.stdin.flush()
        expect_handler(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 128 + signal.SIGINT
        assert process.stderr.read() == b""


def test_pipes_and_devices(bgem3, tmp_path):
    fifo = tmp_path / "in.csv.gz"
    os.mkfifo(fifo)
    process = bgem3.start("tokenize", "--input", fifo, stdout=subprocess.PIPE)
    with killed_at_exit(process):
        fifo.write_bytes(READ["in.csv.gz"])
        assert process.communicate(timeout=60)[0].count(b"\n") == len(TEXTS)
    assert process.returncode == 0
    assert "binary data" in bgem3.fail("tokenize", "--input", "/dev/zero")
    assert bgem3("tokenize", "--input", "/dev/null").stdout == b""
