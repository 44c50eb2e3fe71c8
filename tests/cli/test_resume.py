"""--resume goes on with what it can tell was begun by the same command, and refuses all else."""

import json
import pathlib
import shutil
import signal
import subprocess

import numpy as np
import pytest
from command import FIRST_CHUNK, as_jsonl, as_lines, limit_file_size, many_texts, parse_records
from waiting import wait_for

TEXTS = many_texts(60)
FORMATS = ["jsonl", "npy"]


class Output:
    """Of a finished run over TEXTS, and what is beside it."""

    def __init__(self, bgem3, path: pathlib.Path, *options: object, texts: list[str] = TEXTS):
        self.path, self.notes = path, path.with_name(path.name + ".resume")
        self._bgem3, self._options = bgem3, options
        self.run(texts)
        self._before = self.contents()

    def arguments(self, *others: object) -> list[object]:
        return ["encode", "--output", self.path, *self._options, *others]

    def run(self, texts: list[str], *others: object) -> None:
        self._bgem3(*self.arguments(*others), stdin=as_lines(texts))

    def resume(self, texts: list[str] = TEXTS, *others: object) -> None:
        self.run(texts, "--resume", *others)

    def contents(self) -> tuple[bytes, bytes]:
        return self.path.read_bytes(), self.notes.read_bytes()

    def refuse(self, texts: list[str] = TEXTS, *others: object) -> str:
        """The message; nothing that is there may have changed."""
        before = self.contents()
        message = self._bgem3.fail(*self.arguments("--resume", *others), stdin=as_lines(texts))
        assert self.contents() == before
        assert "run without --resume, which starts again" in message
        return message

    def restore(self) -> None:
        data, notes = self._before
        self.path.write_bytes(data)
        self.notes.write_bytes(notes)


@pytest.fixture(params=FORMATS)
def output(bgem3, tmp_path, request) -> Output:
    return Output(bgem3, tmp_path / f"out.{request.param}")


def test_a_finished_run_stays_as_it_is(output):
    before = output.contents()
    output.resume()
    assert output.contents() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sparse", "--dense"], "kinds was dense, is dense+sparse"),
        (["--colbert"], "kinds was dense, is colbert"),
        (["--truncate-dim", 32], "dimension was 64, is 32"),
        (["--max-length", 5], "max_length was 8192, is 5"),
        (["--dtype", "bfloat16"], "dtype was float32, is bfloat16"),
        (["--pipeline", "replace"], "pipeline was auto, is tokenizer-json"),
        (["--prompt", "query: "], "prompt was none, is one of 7 bytes"),
        (["--format", "npy"], "format was jsonl, is npy"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_other_options(bgem3, tmp_path, options, told):
    assert told in Output(bgem3, tmp_path / "out").refuse(TEXTS, *options)


def test_all_that_differs_is_told_together(bgem3, tmp_path):
    message = Output(bgem3, tmp_path / "out").refuse(TEXTS, "--prompt", "b", "--sparse")
    assert "kinds was dense, is sparse; prompt was none, is one of 1 bytes" in message


def test_options_that_only_cut_batches_may_differ(bgem3, tmp_path):
    output = Output(bgem3, tmp_path / "out", texts=TEXTS[:30])
    output.resume(TEXTS, "--batch-size", 3, "--threads", 1, "--batch-tokens", 100)
    assert len(parse_records(output.path.read_bytes())) == len(TEXTS)


def change_weights(data: bytes) -> bytes:
    """One bit."""
    return data[:-4] + bytes([data[-4] ^ 1]) + data[-3:]


def change_tokenizer(data: bytes) -> bytes:
    tokenizer = json.loads(data)
    tokenizer["model"]["vocab"][100][1] -= 0.5
    return json.dumps(tokenizer).encode()


def change_config(data: bytes) -> bytes:
    return json.dumps({**json.loads(data), "layer_norm_eps": 0.001}).encode()


CHANGES = {"model.safetensors": change_weights, "tokenizer.json": change_tokenizer, "config.json": change_config}


def test_another_model(bgem3, nano, tmp_path):
    """Only a copy is the same."""
    output = Output(bgem3, tmp_path / "out", texts=["a"])
    model = pathlib.Path(shutil.copytree(nano, tmp_path / "model"))
    environment = {"BGEM3_MODEL": str(model)}
    bgem3(*output.arguments("--resume"), stdin="a\n", environment=environment)
    for name, change in CHANGES.items():
        data = (model / name).read_bytes()
        (model / name).write_bytes(change(data))
        message = bgem3.fail(*output.arguments("--resume"), stdin="a\n", environment=environment)
        assert "begun with other options or another model: model was " in message
        (model / name).write_bytes(data)


def test_another_input(output):
    changed = [*TEXTS[:20], "another", *TEXTS[21:]]
    reordered = [TEXTS[1], TEXTS[0], *TEXTS[2:]]
    joined = [TEXTS[0] + " " + TEXTS[1], *TEXTS[2:], "one more"]
    assert "standard input, texts 13 to 36: not what" in output.refuse(changed)
    assert "standard input, texts 1 to 12: not what" in output.refuse(reordered)
    assert "standard input, texts 1 to 12: not what" in output.refuse(joined)


def test_a_shorter_input(output):
    assert "they do not belong together" in output.refuse(TEXTS[:-1])
    assert "they do not belong together" in output.refuse([])


def test_other_ids(bgem3, tmp_path):
    output, source = tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    arguments = ["encode", "--input", source, "--output", output]
    source.write_text(as_jsonl({"id": i, "text": "a"} for i in range(5)))
    bgem3(*arguments)
    source.write_text(as_jsonl({"id": i + 1, "text": "a"} for i in range(5)))
    assert "texts 1 to 5: not what" in bgem3.fail(*arguments, "--resume")


def rows(path: pathlib.Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path)
    return np.array([record["dense"] for record in parse_records(path.read_bytes())], np.float32)


def test_an_input_that_has_grown(bgem3, output, tmp_path):
    before = rows(output.path)
    more = [*TEXTS, *many_texts(100)[60:]]
    output.resume(more)
    after = rows(output.path)
    assert np.array_equal(after[: len(before)], before)
    bgem3("encode", "--output", tmp_path / f"whole{output.path.suffix}", stdin=as_lines(more))
    assert np.allclose(after, rows(tmp_path / f"whole{output.path.suffix}"), atol=1e-5)


def test_damage_is_noticed_wherever_it_is(output):
    """A byte of each record, zeros, an end that is missing."""
    data = output.path.read_bytes()
    begin = 128 if output.path.suffix == ".npy" else 0
    record = (len(data) - begin) // len(TEXTS)
    for at in (begin, begin + 5 * record, begin + 20 * record, len(data) - 1):
        damaged = bytearray(data)
        damaged[at] ^= 1
        output.path.write_bytes(damaged)
        first = (at - begin) // record + 1
        expected = "records 1 to 12" if first <= 12 else "records 13 to 36" if first <= 36 else "records 37 to 60"
        assert f"'{output.path}', {expected} of 60: not as they were written" in output.refuse()
    output.path.write_bytes(data[: begin + 10 * record] + bytes(5 * record) + data[begin + 15 * record :])
    assert "records 1 to 12 of 60" in output.refuse()
    output.path.write_bytes(data[:-1])
    assert f"has {len(data) - 1} bytes, {len(data)} were written to it" in output.refuse()
    output.path.write_bytes(b"")
    assert "has 0 bytes" in output.refuse()


def test_what_came_after_the_last_note_is_cut_off(output):
    before = output.path.read_bytes()
    output.path.write_bytes(before + b'{"id":60,"dense":[0.5')
    output.resume()
    assert output.path.read_bytes() == before


def test_header_of_npy(bgem3, tmp_path):
    output = Output(bgem3, tmp_path / "out.npy")
    data = output.path.read_bytes()
    output.path.write_bytes(data.replace(b"(60, 64)", b"(61, 64)"))  # as a run that was killed may leave it
    output.resume()
    assert output.path.read_bytes() == data
    output.path.write_bytes(data.replace(b"<f4", b"<f2"))
    assert "does not begin as an npy file" in output.refuse()


def test_without_notes(output):
    """They were removed, or the output is of an earlier version."""
    output.notes.unlink()
    message = output._bgem3.fail(*output.arguments("--resume"), stdin=as_lines(TEXTS))
    assert f"has no '{output.notes}' beside it" in message and "run without --resume" in message
    output.run(TEXTS)
    output.resume()


def test_notes_that_cannot_be_used(bgem3, tmp_path):
    output = Output(bgem3, tmp_path / "out.jsonl")
    notes = output.notes.read_bytes()
    for bad, told in [
        (notes[:-2] + b"0\n", "is damaged"),
        (notes.replace(b"float32", b"float16"), "is damaged"),
        (notes[:100], "is damaged"),
        (notes.replace(b'resume":1', b'resume":9'), "is damaged"),
        (notes.ljust(256 * 1024 + 1), "is larger than 262144 bytes"),
    ]:
        output.notes.write_bytes(bad)
        assert f"'{output.notes}', which --resume goes by, {told}" in output.refuse()
    output.restore()
    output.resume()
    output.notes.write_bytes(notes[:-2] + b"0\n")
    output.run(TEXTS)  # starts again
    output.resume()


@pytest.mark.parametrize("name", ["out.jsonl.resume", "out.jsonl.resume.new"])
def test_notes_in_no_regular_file(bgem3, tmp_path, name):
    output, notes = tmp_path / "out.jsonl", tmp_path / name
    notes.mkdir()
    for resume in ([], ["--resume"]):
        assert str(notes) in bgem3.fail("encode", "--output", output, *resume, stdin="a\n")
    assert notes.is_dir()


def test_disk_that_is_full_for_the_notes(bgem3, tmp_path):
    """They are larger than the limit from the start on."""
    output = tmp_path / "out.jsonl"
    message = bgem3.fail("encode", "--output", output, stdin="a\n", preexec_fn=limit_file_size(100))
    assert f"'{output}.resume.new', which --resume goes by, cannot be written: File too large" in message
    assert list(tmp_path.iterdir()) == []
    bgem3("encode", "--output", output, "--resume", stdin="a\n")
    assert len(parse_records(output.read_bytes())) == 1


def test_bad_line_can_be_mended_and_the_run_goes_on(bgem3, tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    good = as_jsonl({"id": i, "text": "a"} for i in range(20))
    source.write_text(good + "bad\n")
    arguments = ["encode", "--input", source, "--output", output]
    bgem3.fail(*arguments)
    source.write_text(good + '{"id": 20, "text": "good"}\n')
    bgem3(*arguments, "--resume")
    assert [record["id"] for record in parse_records(output.read_bytes())] == list(range(21))


def test_another_column(bgem3, tmp_path):
    table, output = tmp_path / "table.csv", tmp_path / "out.jsonl"
    table.write_text("one,two\nsame,same\n")
    arguments = ["encode", "--input", table, "--output", output]
    bgem3(*arguments, "--column", "one")
    assert "column was one of 3 bytes" in bgem3.fail(*arguments, "--column", "two", "--resume")
    assert "header was as by default, is no" in bgem3.fail(*arguments, "--column", "one", "--no-header", "--resume")


def test_records_without_a_text(bgem3, tmp_path):
    records = ['{"text": "a"}', "damaged", '{"text": "b"}', "damaged"]
    output = tmp_path / "out.jsonl"
    arguments = ["encode", "--input-format", "jsonl", "--on-error", "null", "--output", output]
    bgem3(*arguments, stdin=as_lines(records))
    before = output.read_bytes()
    bgem3(*arguments, "--resume", stdin=as_lines([*records, '{"text": "c"}']))
    assert output.read_bytes().startswith(before)
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [record["dense"] is None for record in found] == [False, True, False, True, False]
    mended = ['{"text": "a"}', '{"text": ""}', *records[2:]]
    assert "text 1 to 4" in bgem3.fail(*arguments, "--resume", stdin=as_lines(mended)).replace("texts", "text")


def test_a_new_run_over_an_old_output_that_is_killed(bgem3, tmp_path):
    """Old notes never stand beside a new output."""
    output = Output(bgem3, tmp_path / "out.jsonl")
    arguments = ["encode", "--output", output.path, "--sparse"]
    process = bgem3.start(*arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(FIRST_CHUNK)
    process.stdin.flush()
    notes = output.notes.read_bytes()
    wait_for(lambda: output.notes.read_bytes() != notes)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    bgem3(*arguments, "--resume", stdin=as_lines(TEXTS))
    assert all("sparse" in record for record in parse_records(output.path.read_bytes()))
