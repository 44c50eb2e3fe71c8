"""Chooses the model of scripts/demo: prints its directory on stdout, and which one and why on stderr.

1. BGEM3_MODEL, a directory. 2. BAAI/bge-m3 from the Hugging Face cache, or downloaded into it. 3. The default that this
project can make by itself, multilingual-e5-small. HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they always do.
"""

import os
import pathlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import huggingface_hub
import make

REPOSITORY = "BAAI/bge-m3"
FILES = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "sentencepiece.bpe.model",
    "pytorch_model.bin",
    "sparse_linear.pt",
    "colbert_linear.pt",
)
ANSWER_SECONDS = 3  # how long to wait for the Hub before going on without it


@dataclass(frozen=True)
class Choice:
    """A model directory and the reason for it."""

    directory: pathlib.Path
    reason: str


class Unavailable(Exception):
    """The Hub's model cannot be had; the message says why."""


def from_environment(environment: Mapping[str, str]) -> Choice | None:
    """The directory BGEM3_MODEL names, if it is set; exits when that is not a model directory."""
    value = environment.get("BGEM3_MODEL")
    if not value:
        return None
    directory = pathlib.Path(value).expanduser()
    if not (directory / "config.json").is_file():
        raise SystemExit(f"BGEM3_MODEL={value}: not a model directory (it has no config.json)")
    return Choice(directory, "BGEM3_MODEL names it")


def from_cache() -> Choice | None:
    """BAAI/bge-m3 in the Hugging Face cache, if every file is there."""
    found = [huggingface_hub.try_to_load_from_cache(REPOSITORY, name) for name in FILES]
    if not all(isinstance(path, str) for path in found):
        return None
    return Choice(pathlib.Path(found[0]).parent, f"{REPOSITORY} is in the Hugging Face cache")


def download_size() -> int:
    """Bytes of the files to download. Raises Unavailable when the Hub does not answer."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise Unavailable("HF_HUB_OFFLINE is set")
    try:
        info = huggingface_hub.HfApi().model_info(REPOSITORY, files_metadata=True, timeout=ANSWER_SECONDS)
    except Exception as error:  # whatever keeps the Hub away, the demo goes on without it
        raise Unavailable(f"the Hugging Face Hub did not answer ({type(error).__name__})") from error
    return sum(file.size or 0 for file in info.siblings or [] if file.rfilename in FILES)


def from_hub() -> Choice:
    """Downloads BAAI/bge-m3 with a progress bar. Raises Unavailable."""
    say(f"downloading {REPOSITORY}: {download_size() / 1e9:.1f} GB into {huggingface_hub.constants.HF_HUB_CACHE}")
    try:
        directory = huggingface_hub.snapshot_download(REPOSITORY, allow_patterns=list(FILES))
    except Exception as error:  # a connection may break at any point; what has arrived stays in the cache
        raise Unavailable(f"the download stopped: {error}") from error
    return Choice(pathlib.Path(directory), f"{REPOSITORY} was downloaded")


def default(why: str) -> Choice:
    """The model made from packages that are already installed."""
    return Choice(make.make("e5-small"), f"the default, because {REPOSITORY} is not in the cache and {why}")


def choose(environment: Mapping[str, str]) -> Choice:
    """The first of the three that is there."""
    choice = from_environment(environment) or from_cache()
    if choice:
        return choice
    try:
        return from_hub()
    except Unavailable as error:
        return default(str(error))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    chosen = choose(os.environ)
    say(f"model: {chosen.directory} ({chosen.reason})")
    print(chosen.directory)
