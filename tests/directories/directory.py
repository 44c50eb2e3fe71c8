"""Builds model directories out of the files of a small model, most of them links."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import save_file


class Directory:
    """A directory with the files of `source` beside encoder, tokenizer and modules that are changed."""

    def __init__(self, path: pathlib.Path, source: pathlib.Path):
        self.path, self.source = path, source.resolve()
        path.mkdir(parents=True)

    def link(self, *names: str, into: str = "", source: pathlib.Path | None = None) -> None:
        for name in names:
            target = self.path / into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to((source or self.source).resolve() / name)

    def drop(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def write(self, name: str, value: Any) -> None:
        """A JSON file, instead of a link of that name."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(json.dumps(value, ensure_ascii=False), "utf-8")

    def save(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """A safetensors file, instead of a link of that name."""
        self.drop(name)
        save_file(tensors, self.path / name, metadata={"format": "pt"})

    def read(self, name: str) -> Any:
        return json.loads((self.path / name).read_text("utf-8"))

    def edit(self, name: str, change: Callable[[Any], Any] | None = None, **values: Any) -> None:
        """Changes a JSON file: `values` are set, `change` gets the whole."""
        content = self.read(name)
        if change is not None:
            change(content)
        if values:
            content.update(values)
        self.write(name, content)
