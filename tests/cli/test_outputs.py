"""No output takes the place of an input or of a file of the model, by whatever name it goes."""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from command import FIRST_CHUNK, killed_at_exit
from safetensors.numpy import save_file
from waiting import wait_for


@pytest.fixture
def model(nano, tmp_path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(nano, tmp_path / "model"))


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuse(bgem3, model, output, *arguments, **options) -> str:
    before = contents(model)
    message = bgem3.fail("encode", "--model", model, "--output", output, *arguments, stdin="a\n", **options)
    assert contents(model) == before
    return message


@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=["new", "resume"])
def test_files_of_the_model(bgem3, model, resume):
    for name in ["model.safetensors", "1_Pooling/config.json"] if not resume else ["model.safetensors"]:
        assert f"is a file of the model, '{model / name}'" in refuse(bgem3, model, model / name, *resume)


def test_a_new_file_in_the_model_directory(bgem3, model):
    for name in ("pytorch_model.bin", "vectors.npy", "1_Pooling/vectors.jsonl"):
        (model / name).parent.mkdir(exist_ok=True)
        message = refuse(bgem3, model, model / name)
        assert f"is in the model directory '{model}'" in message and "another directory" in message


def test_names_that_lead_into_the_model_directory(bgem3, model, tmp_path):
    (tmp_path / "folder").symlink_to(model)
    (tmp_path / "dangling").symlink_to("model/not-there")
    (tmp_path / "chain").symlink_to(tmp_path / "dangling")
    names = ["folder/x", "model/../model/x", "dangling", "chain", "folder/../folder/x"]
    for name in names:
        assert "is in the model directory" in refuse(bgem3, model, f"{tmp_path}/{name}")
    message = bgem3.fail("encode", "--model", ".", "--output", "out.npy", stdin="a\n", cwd=model)
    assert "is in the model directory" in message and not (model / "out.npy").exists()
    assert "is in the model directory" in refuse(bgem3, tmp_path / "folder", model / "x")


def test_links_to_a_file_of_the_model(bgem3, model, tmp_path):
    (tmp_path / "soft").symlink_to(model / "model.safetensors")
    os.link(model / "config.json", tmp_path / "hard")
    for name in ("soft", "hard"):
        assert "is a file of the model" in refuse(bgem3, model, tmp_path / name)


def test_blobs_that_a_snapshot_is_made_of(bgem3, nano, tmp_path):
    repository = tmp_path / "models--some--model"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / "a1"
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    for number, (name, data) in enumerate(sorted(contents(nano).items())):
        (blobs / str(number)).write_bytes(data)
        (snapshot / name).parent.mkdir(exist_ok=True)
        (snapshot / name).symlink_to(blobs / str(number))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a1")
    before = contents(blobs)
    for model, blob in ((repository, "0"), (snapshot, "1"), (snapshot, str(len(before) - 1))):
        message = bgem3.fail("encode", "--model", model, "--output", blobs / blob, stdin="a\n")
        assert "is a file of the model" in message
    assert contents(blobs) == before


def make_adapter(base: pathlib.Path, adapter: pathlib.Path) -> None:
    """Of rank 1, for the queries."""
    shutil.copytree(base, adapter, ignore=shutil.ignore_patterns("model.safetensors"))
    (adapter / "config.json").unlink()
    about = {"peft_type": "LORA", "base_model_name_or_path": str(base), "r": 1, "target_modules": ["query"]}
    (adapter / "adapter_config.json").write_text(json.dumps(about))
    shape = json.loads((base / "config.json").read_text())
    size = shape["hidden_size"]
    parts = {"A": np.zeros((1, size), np.float32), "B": np.zeros((size, 1), np.float32)}
    tensors = {
        f"base_model.model.encoder.layer.{layer}.attention.self.query.lora_{part}.weight": values
        for layer in range(shape["num_hidden_layers"])
        for part, values in parts.items()
    }
    save_file(tensors, adapter / "adapter_model.safetensors")


def test_base_of_an_adapter(bgem3, model, tmp_path):
    adapter = tmp_path / "adapter"
    make_adapter(model, adapter)
    for output, told in (("model.safetensors", "is a file of the model"), ("new", "is in the model directory")):
        message = bgem3.fail("encode", "--model", adapter, "--output", model / output, stdin="a\n")
        assert told in message


@pytest.mark.parametrize("link", ["symlink", "hard link", "same"])
def test_the_input(bgem3, tmp_path, link):
    source = tmp_path / "texts.txt"
    source.write_text("precious\n")
    output = {"symlink": tmp_path / "soft", "hard link": tmp_path / "hard", "same": source}[link]
    if link == "symlink":
        output.symlink_to(source)
    if link == "hard link":
        os.link(source, output)
    for resume in ([], ["--resume"]):
        assert "is the input" in bgem3.fail("encode", "--input", source, "--output", output, *resume)
    assert source.read_text() == "precious\n"


@pytest.mark.parametrize("name", ["out.jsonl.resume", "out.jsonl.resume.new"])
def test_what_lies_beside_an_output_is_no_input_or_model(bgem3, model, tmp_path, name):
    output, beside = tmp_path / "out.jsonl", tmp_path / name
    beside.write_text("precious\n")
    assert "is the input" in bgem3.fail("encode", "--input", beside, "--output", output)
    assert beside.read_text() == "precious\n"
    beside.unlink()
    os.link(model / "config.json", beside)
    assert "is a file of the model" in refuse(bgem3, model, output)


@pytest.mark.parametrize("name", ["out.jsonl.resume", "out.jsonl.resume.new"])
def test_something_else_in_the_place_of_the_notes(bgem3, tmp_path, name):
    output, notes = tmp_path / "out.jsonl", tmp_path / name
    output.write_text("an earlier result")
    notes.write_text("my notes")
    for resume in ([], ["--resume"]):
        assert f"'{notes}' is no file of this command" in bgem3.fail("encode", "--output", output, *resume, stdin="a\n")
    assert notes.read_text() == "my notes" and output.read_text() == "an earlier result"


@pytest.mark.parametrize("text", ["", '{"bgem3_re', '{"bgem3_resume":1,"chunk'])
def test_draft_that_a_killed_run_left(bgem3, tmp_path, text):
    draft = tmp_path / "out.jsonl.resume.new"
    draft.write_text(text)
    bgem3("encode", "--output", tmp_path / "out.jsonl", stdin="a\n")
    assert not draft.exists()


@pytest.mark.parametrize("command", [["encode"], ["tokenize"], ["similarity"], ["info"]], ids=lambda c: c[0])
def test_standard_output(bgem3, model, tmp_path, command):
    """`>> file`, as `>` empties it before the command begins."""
    before = (model / "model.safetensors").read_bytes()
    with (model / "model.safetensors").open("ab") as output:
        result = bgem3.attempt(*command, "--model", model, stdin="a\nb\n", stdout=output)
    assert result.status == 1 and "standard output is a file of the model" in result.stderr
    assert (model / "model.safetensors").read_bytes() == before
    if command == ["info"]:
        return
    source = tmp_path / "in.txt"
    source.write_text("a\nb\n")
    with source.open("ab") as output:
        result = bgem3.attempt(*command, "--input", source, stdout=output)
    assert result.status == 1 and "standard output is the input" in result.stderr
    assert source.read_text() == "a\nb\n"


def test_files_that_are_nobodys_are_written(bgem3, model, tmp_path):
    """Beside the model, a name that begins like its directory's, a device, a pipe."""
    source = tmp_path / "in.txt"
    source.write_text("a\n")
    for output in (tmp_path / "out.jsonl", tmp_path / "model.npy", tmp_path / "model2", "/dev/null"):
        bgem3("encode", "--model", model, "--input", source, "--output", output)
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == 0
    os.mkfifo(tmp_path / "fifo")
    reader = subprocess.Popen(["cat", tmp_path / "fifo"], stdout=subprocess.PIPE)
    with killed_at_exit(reader):
        bgem3("encode", "--model", model, "--input", source, "--output", tmp_path / "fifo")
        assert reader.communicate(timeout=60)[0].startswith(b'{"id":0,')
    assert not (tmp_path / "fifo.resume").exists()


@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=["new", "resume"])
def test_two_processes_cannot_write_one_file(bgem3, tmp_path, resume):
    """Also by another name, and from the moment on that the file is made."""
    output, link = tmp_path / "out.jsonl", tmp_path / "link"
    first = bgem3.start(
        "encode", "--output", output, *resume, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with killed_at_exit(first):
        first.stdin.write(FIRST_CHUNK)
        first.stdin.flush()
        link.symlink_to(output)
        wait_for((tmp_path / "out.jsonl.resume").exists)
        for name in (output, link):
            message = bgem3.fail("encode", "--output", name, *resume, stdin="b\n")
            assert f"'{name}' is being written by another process" in message
        first.communicate(b"b\n", timeout=60)
        assert first.returncode == 0
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == list(range(13))


def test_an_output_that_is_replaced_meanwhile(bgem3, tmp_path):
    output = tmp_path / "out.jsonl"
    process = bgem3.start("encode", "--output", output, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with killed_at_exit(process):
        process.stdin.write(FIRST_CHUNK)
        process.stdin.flush()
        wait_for((tmp_path / "out.jsonl.resume").exists)
        output.unlink()
        output.write_text("somebody else's")
        _, message = process.communicate(b"a\n", timeout=60)
    assert process.returncode == 1 and b"was removed or replaced" in message
    assert output.read_text() == "somebody else's"


def test_model_that_is_a_file(bgem3, model):
    file = model / "tokenizer.json"
    before = file.read_bytes()
    with file.open("ab") as output:
        result = bgem3.attempt("tokenize", "--model", file, stdin="a\n", stdout=output)
    assert result.status == 1 and "standard output is a file of the model" in result.stderr
    assert file.read_bytes() == before
