"""Parquet, where bgem3 was built with Apache Arrow; pyarrow and pandas write it."""

import json
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from command import as_jsonl, expect_handler, killed_at_exit, many_texts

LIBRARY = "libbgem3_cli_parquet.so"
TEXTS = [
    "Hello World",
    "",
    'with, comma and "quotes"',
    "zwei Äpfel 世界 \U0001f600",
    "tab\tand\nline end\0",
    *many_texts(300),
]
IDS = [f"id {number}" for number in range(len(TEXTS))]
MIB = 1 << 20


@pytest.fixture(scope="session")
def has_library(bgem3) -> bool:
    return pathlib.Path(bgem3.program).with_name(LIBRARY).exists()


@pytest.fixture(autouse=True)
def expect_library(request, has_library):
    if "copied" not in request.fixturenames and not has_library:
        pytest.skip("built without Apache Arrow, see BGEM3_PYARROW in docs/building.md")


@pytest.fixture
def write(tmp_path):
    """Writes columns to a file."""

    def run(columns: dict[str, object], **options) -> pathlib.Path:
        path = tmp_path / "in.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
        return path

    return run


OPTIONS = {
    "as by default": {},
    "small groups and pages": {"row_group_size": 70, "data_page_size": 500, "write_batch_size": 10},
    "no dictionary": {"use_dictionary": False, "compression": "none"},
    "delta": {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}, "compression": "gzip"},
    "version 1, zstd": {"version": "1.0", "compression": "zstd", "data_page_version": "1.0"},
    "version 2, brotli": {"compression": "brotli", "data_page_version": "2.0", "write_page_checksum": True},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_as_json_lines(bgem3, write, options):
    """Whatever the rows are grouped, encoded and compressed by."""
    path = write({"title": IDS, "text": TEXTS}, **options)
    expected = bgem3("tokenize", "--input-format", "jsonl", stdin=as_jsonl({"text": text} for text in TEXTS)).lines
    assert bgem3("tokenize", "--input", path).lines == expected
    with path.open("rb") as source:
        redirected = bgem3.start("tokenize", stdin=source, stdout=subprocess.PIPE)
    assert redirected.communicate(timeout=60)[0].decode().splitlines() == expected


@pytest.mark.parametrize(
    "ids",
    [
        IDS,
        list(range(len(TEXTS))),
        pyarrow.array(range(len(TEXTS)), pyarrow.int32()),
        [-(2**63), 2**63 - 1, None, *range(len(TEXTS) - 3)],
        pyarrow.array([2**64 - 1, *range(len(TEXTS) - 1)], pyarrow.uint64()),
        pyarrow.array([2**32 - 1, *range(len(TEXTS) - 1)], pyarrow.uint32()),
        pyarrow.array(IDS).dictionary_encode(),
    ],
    ids=["strings", "integers", "int32", "limits", "uint64", "uint32", "categories"],
)
def test_ids_and_vectors(bgem3, write, ids):
    found = bgem3("encode", "--input", write({"id": ids, "text": TEXTS})).records
    values = ids.to_pylist() if isinstance(ids, pyarrow.Array) else ids
    records = [{"id": value, "text": text} for value, text in zip(values, TEXTS, strict=True)]
    expected = bgem3("encode", "--input-format", "jsonl", stdin=as_jsonl(records)).records
    assert [record["id"] for record in found] == values
    assert found == expected


@pytest.mark.parametrize(
    "texts",
    [
        pandas.Series(TEXTS),
        pandas.Categorical(TEXTS),
        pyarrow.array(TEXTS, pyarrow.large_string()),
        pyarrow.array(TEXTS, pyarrow.string_view()),
    ],
    ids=["pandas", "categories", "large", "views"],
)
def test_kinds_of_strings(bgem3, write, texts):
    lines = bgem3("tokenize", "--input", write({"one": texts})).lines
    assert lines == bgem3("tokenize", "--input", write({"text": TEXTS, "other": IDS})).lines


def test_columns(bgem3, write):
    path = write(
        {
            "a.b": ["one"],
            "list": [["one"]],
            "number": [1.5],
            "date": pyarrow.array([1], pyarrow.date32()),
            "bytes": [b"one"],
            "struct": [{"x": "one", "y": "two"}],
            "boolean": [True],
        }
    )
    expected = bgem3("tokenize", stdin="one\n").lines
    for column in ("a.b", "1"):
        assert bgem3("tokenize", "--input", path, "--column", column).lines == expected
    for column, found in [("list", "a list or struct"), ("struct", "a list or struct"), ("3", "DOUBLE")]:
        message = bgem3.fail("tokenize", "--input", path, "--column", column)
        assert "expected texts in the column" in message and f"found {found}" in message
    for column in ("date", "bytes", "boolean"):
        assert f"expected texts in the column '{column}'" in bgem3.fail("tokenize", "--input", path, "--column", column)
    assert "there is no column 'x'" in bgem3.fail("tokenize", "--input", path, "--column", "x")
    assert "there are 'a.b', 'list', 'number'" in bgem3.fail("tokenize", "--input", path)
    for ids in ([1.5], [["a"]], [True]):
        message = bgem3.fail("encode", "--input", write({"id": ids, "text": ["one"]}))
        assert "expected strings or integers in the column 'id'" in message


def test_options_of_text_do_not_fit(bgem3, write):
    path = write({"text": TEXTS})
    for options in (["--input-format", "csv"], ["--delimiter", ";"], ["--no-header"]):
        assert f"this is Parquet, which {options[0]} does not fit" in bgem3.fail("tokenize", "--input", path, *options)


def test_a_pipe(bgem3, write):
    message = bgem3.fail("tokenize", stdin=write({"text": TEXTS}).read_bytes())
    assert "standard input: Parquet is read from a file, not from a pipe" in message


def test_rows_that_cannot_be_read(bgem3, write):
    """A null, and what is not UTF-8, which the writer promised."""
    path = write(
        {"text": ["one", None, "two-??", "three"], "id": [1, 2, 3, 4]}, compression="none", use_dictionary=False
    )
    path.write_bytes(path.read_bytes().replace(b"two-??", b"two-\xff\xff"))
    assert f"'{path}', row 2: expected a text, found null" in bgem3.fail("encode", "--input", path)
    result = bgem3("encode", "--input", path, "--on-error", "null")
    assert "row 3: expected UTF-8, found the byte 0xFF at 5 of the text" in result.stderr
    assert [(record["id"], record["dense"] is None) for record in result.records] == [
        (1, False), (2, True), (3, True), (4, False)
    ]  # fmt: skip
    assert [record["id"] for record in bgem3("encode", "--input", path, "--on-error", "skip").records] == [1, 4]


def test_an_empty_file(bgem3, tmp_path):
    (tmp_path / "in.parquet").touch()
    assert "damaged Parquet: it is empty" in bgem3.fail("tokenize", "--input", tmp_path / "in.parquet")


def test_without_rows(bgem3, write):
    assert bgem3("tokenize", "--input", write({"text": pyarrow.array([], pyarrow.string())})).lines == []


def test_resume(bgem3, write, tmp_path):
    source, output = write({"text": TEXTS}, row_group_size=50), tmp_path / "out.npy"
    bgem3("encode", "--input", source, "--output", tmp_path / "whole.npy")
    write({"text": TEXTS[:100]})
    bgem3("encode", "--input", source, "--output", output)
    write({"text": TEXTS}, row_group_size=80)
    bgem3("encode", "--input", source, "--output", output, "--resume")
    assert np.allclose(np.load(output), np.load(tmp_path / "whole.npy"), atol=1e-5)
    write({"text": ["another", *TEXTS[1:]]})
    assert "not what" in bgem3.fail("encode", "--input", source, "--output", output, "--resume")


def test_a_text_beyond_the_limit(bgem3, write):
    path = write({"text": ["one", "a" * (64 * MIB + 1)]}, compression="zstd")
    assert "row 2: expected at most 67108864 bytes in the text, found 67108865" in bgem3.fail(
        "tokenize", "--input", path
    )


def varint(value: int) -> bytes:
    """A number as Thrift's compact protocol has it."""
    value *= 2
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def test_a_page_that_claims_more_memory_than_there_may_be(bgem3, write):
    size = 160 * MIB
    path = write({"text": ["a" * size]}, compression="zstd", use_dictionary=False, write_statistics=False)
    data = path.read_bytes()
    at = data.index(varint(size + 10), 4)  # which nulls there are takes 6 bytes, the length of the text 4
    claimed = varint(2**31 - 1)
    path.write_bytes(data[:at] + claimed + data[at + len(claimed) :])
    message = bgem3.fail("tokenize", "--input", path)
    assert "cannot be read as Parquet" in message and "cap exceeded" in message


def test_a_page_with_fewer_values_than_it_claims(bgem3, write):
    """Of a group of 400 rows in two pages; what the decoder leaves out must not come from the page before."""
    texts = [f"page {number // 200} text {number}" for number in range(400)]
    options = {"use_dictionary": False, "compression": "none", "write_batch_size": 200, "data_page_size": 100}
    path = write({"text": texts}, column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY"}, **options)
    assert len(bgem3("tokenize", "--input", path).lines) == 400
    data = path.read_bytes()
    header = b"\x80\x01\x04\xc8\x01"  # of 200 lengths, in blocks of 128
    assert data.count(header) == 2
    at = data.rindex(header) + 3
    path.write_bytes(data[:at] + b"\xc7" + data[at + 1 :])
    assert "cannot be read as Parquet" in bgem3.fail("tokenize", "--input", path)


def test_a_group_with_fewer_rows_than_values(bgem3, write):
    path = write({"text": [f"text {number}" for number in range(50)]})
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    rows = b"\x16" + varint(50)
    end = data[footer:]
    assert end.count(rows) >= 2
    first, *middle, last = end.split(rows)
    path.write_bytes(data[:footer] + first + b"\x16" + varint(20) + rows.join(middle) + b"\x16" + varint(20) + last)
    assert "more values than there are rows" in bgem3.fail("tokenize", "--input", path)


@pytest.mark.parametrize("command", [["tokenize"], ["encode", "--on-error", "skip"]], ids=["texts", "nulls"])
def test_a_signal_ends_it(bgem3, write, command):
    is_null = command[0] == "encode"
    path = write(
        {"text": pyarrow.array([None if is_null else "a"], pyarrow.string()).take(np.zeros(20_000_000, np.int32))}
    )
    process = bgem3.start(*command, "--input", path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with killed_at_exit(process):
        expect_handler(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 128 + signal.SIGINT


def test_damage_is_an_error(bgem3, write, tmp_path):
    """A bit anywhere, an end that is missing: other texts, or a message, and never a crash."""
    data = write({"id": IDS[:40], "text": TEXTS[:40]}, row_group_size=15, write_page_checksum=True).read_bytes()
    source = random.Random(3)
    path = tmp_path / "damaged.parquet"
    told = 0
    for case in range(60):
        damaged = bytearray(data)
        for _ in range(source.randint(1, 3)):
            damaged[source.randrange(5, len(data))] ^= 1 << source.randrange(8)
        path.write_bytes(damaged if case % 6 else damaged[: source.randrange(5, len(data))])
        result = bgem3.attempt("tokenize", "--input", path)
        assert result.status in (0, 1), (case, result)
        assert result.status == 0 or result.stderr.startswith("bgem3: "), (case, result)
        told += result.status
    assert told > 30


def test_without_the_library(copied, write, tmp_path):
    """The message has a command that makes JSON lines of it."""
    path = write({"id": IDS, "text": TEXTS})
    message = copied.fail("tokenize", "--input", path)
    assert f"'{path}': expected text, found Parquet; make JSON lines of it: " in message
    (command,) = re.findall(r"make JSON lines of it: (python3 .*) FILE FILE.jsonl", message)
    command = shlex.split(command)
    subprocess.run([sys.executable, *command[1:], path, tmp_path / "made.jsonl"], check=True)
    made = [json.loads(line) for line in (tmp_path / "made.jsonl").read_text().splitlines()]
    assert made == [{"id": number, "text": text} for number, text in zip(IDS, TEXTS, strict=True)]


def test_library_of_another_arrow(bgem3, copied, write):
    """It is there, and the Arrow that it was built with is not."""
    library = pathlib.Path(bgem3.program).with_name(LIBRARY)
    if not library.exists():
        pytest.skip("built without Apache Arrow")
    moved = re.sub(
        rb"libparquet\.so\.\d+", lambda found: b"libparquet.so." + b"9" * (len(found[0]) - 14), library.read_bytes()
    )
    pathlib.Path(copied.program).with_name(LIBRARY).write_bytes(moved)
    message = copied.fail("tokenize", "--input", write({"text": TEXTS}))
    assert f"{LIBRARY} cannot be loaded" in message and "needs the Apache Arrow that it was built with" in message
