"""Paths, names and files that somebody hostile has chosen: used, or refused by name, and never waited for."""

import json
import os
import pathlib
import pickle
import shutil

import bgem3
import pytest
from bgem3 import errors, hub

NOT_UTF8 = b"model-\xff\x1b[31m"


@pytest.fixture(scope="module")
def named_badly(nano, tmp_path_factory) -> bytes:
    """`nano` in a directory whose name is neither UTF-8 nor printable."""
    directory = os.path.join(os.fsencode(tmp_path_factory.mktemp("names")), NOT_UTF8)
    shutil.copytree(os.fsencode(nano), directory)
    return directory


def forms(directory: bytes) -> list:
    return [directory, os.fsdecode(directory), pathlib.Path(os.fsdecode(directory))]


@pytest.mark.parametrize("form", range(3))
def test_directory_that_is_not_utf8(named_badly, form):
    path = forms(named_badly)[form]
    model = bgem3.EmbeddingModel(path, device="cpu")
    assert os.fsencode(model.info["directory"]) == named_badly
    assert all(os.fsencode(file).startswith(named_badly) for file in model.info["weight_files"])
    assert os.fsencode(model.info["tokenizer_file"]).startswith(named_badly)
    assert model.encode("text").shape == (64,)


def test_message_about_such_a_directory(named_badly, tmp_path):
    without = os.fsencode(tmp_path) + b"/" + NOT_UTF8
    os.mkdir(without)
    for path in forms(without):
        with pytest.raises(bgem3.BadModelError) as caught:
            bgem3.EmbeddingModel(path, device="cpu")
        assert "model-\\xff\\x1b[31m': config.json is missing" in str(caught.value)
        str(caught.value).encode()
    for path in forms(without + b"none"):
        with pytest.raises(bgem3.BadModelError, match="is not a directory") as caught:
            hub.resolve_model(path)
        assert "model-\\xff\\x1b[31mnone'" in str(caught.value)


def fifo(path: pathlib.Path) -> None:
    os.mkfifo(path)


def endless(path: pathlib.Path) -> None:
    path.symlink_to("/dev/zero")


def deep(path: pathlib.Path) -> None:
    path.write_text("[" * 100_000)


def circle(path: pathlib.Path) -> None:
    path.symlink_to(path.name)


def huge(path: pathlib.Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("make", [fifo, endless, deep, circle, huge])
@pytest.mark.parametrize("name", ["adapter_config.json", "modules.json"])
def test_file_that_is_none(nano, tmp_path, name, make):
    """Python reads these two before the library does."""
    directory = shutil.copytree(nano, tmp_path / "model")
    (directory / name).unlink(missing_ok=True)
    make(directory / name)
    assert hub.resolve_model(directory) == directory
    assert hub._module_folders(directory) == [""] or name != "modules.json"
    with pytest.raises(bgem3.Error, match=name):
        bgem3.EmbeddingModel(str(directory), device="cpu")


@pytest.mark.parametrize("folders", [[5, None, "a"], [["b"], "a"]])
def test_folders_that_are_none(tmp_path, folders):
    modules = [{"path": folder, "type": "sentence_transformers.models.Dense"} for folder in folders]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert hub._module_folders(tmp_path) == ["a"]


def test_messages_are_printable_and_short():
    error = bgem3.BadModelError("\x1b[31m\x9b\u202e\ud800\udcff\n日本")
    assert str(error) == "\\x1b[31m\\u009b\\u202e\\ud800\\xff\n日本"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error.code == "bad_model" and isinstance(error, OSError)
    for size in (7_900, 8_000, 8_001, 100_000):
        for character in "x\x1b語\udcff":
            shown = str(bgem3.Error(character * size))
            assert len(shown.encode()) <= 8_000
            assert str(bgem3.Error(shown)) == shown


@pytest.mark.parametrize("kind", [each for each in errors._KINDS if each is not errors.Error])
def test_every_kind_of_error(kind):
    assert str(kind("\x1b")) == str(errors.make_error(kind.code, "\x1b")) == "\\x1b"
    assert str(kind()) == "" and kind("a").args == ("a",)


def test_lists_in_messages(nano):
    assert errors.listed(range(20)) == ", ".join(map(str, range(20)))
    assert errors.listed(range(21)).endswith(", 19 and 1 more")
    assert len(errors.listed(["x" * 100_000] * 100)) < 20 * 204
    model = bgem3.EmbeddingModel(str(nano), prompts={f"{i}\x1b": "" for i in range(100)}, device="cpu")
    with pytest.raises(ValueError, match=r" and 82 more; found 'none'") as caught:
        model.encode("text", prompt_name="none")
    assert "\x1b" not in str(caught.value)


def test_names_in_files(nano, tmp_path):
    directory = shutil.copytree(nano, tmp_path / "model")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "\x1b[31m\u202e": 1, "num_hidden_layers": 3}))
    with pytest.raises(bgem3.BadModelError, match=r"key '\\x1b\[31m\\u202e'"):
        bgem3.EmbeddingModel(str(directory), device="cpu")
