"""Directories of tokenizers that differ from a model's in one way each, as AutoTokenizer reads them."""

import json
import pathlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from token_ids import check, ours, theirs, unlimited
from transformers import AutoTokenizer

JSON, CONFIG, MAP, MODEL = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json"
NEW = "<new>"
AS_WRITTEN = {"tokenizer_class": "TokenizersBackend"}


@dataclass(frozen=True)
class Change:
    """Files that are left out, keys that others have more, and files that are new."""

    without: tuple[str, ...] = ()
    config: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    files: dict[str, dict] = field(default_factory=dict)
    edit: Callable[[dict], object] = lambda content: None


def model(**options) -> Callable[[dict], object]:
    return lambda content: content["model"].update(options)


def top(**members) -> Callable[[dict], object]:
    return lambda content: content.update(members)


def one_token_more(number: int, **flags: bool) -> Callable[[dict], object]:
    token = {"id": number, "content": NEW, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True}
    return lambda content: content["added_tokens"].append(token | {"special": False} | flags)


def decoder(**tokens: dict) -> dict:
    """added_tokens_decoder by id, which Python's keywords cannot be."""
    return {"added_tokens_decoder": {number.removeprefix("_"): token for number, token in tokens.items()}}


def update(file: pathlib.Path, keys: dict) -> None:
    if keys:
        content = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(json.dumps(content | keys), "utf-8")


def write(change: Change, source: pathlib.Path, files: Iterable[str], out: pathlib.Path) -> None:
    """Writes those of the files of `source` that the change leaves."""
    for name in {*files} - {*change.without}:
        shutil.copy(source / name, out)
    update(out / CONFIG, change.config)
    update(out / MODEL, change.model)
    if JSON not in change.without:
        content = json.loads((out / JSON).read_text("utf-8"))
        change.edit(content)
        (out / JSON).write_text(json.dumps(content), "utf-8")
    for name, content in change.files.items():
        (out / name).write_text(json.dumps(content), "utf-8")


def compare(directory: pathlib.Path, batch: list[str]) -> None:
    reference = unlimited(AutoTokenizer.from_pretrained(directory).backend_tokenizer)
    check(ours(directory, "auto", batch), theirs(reference, batch), batch)
