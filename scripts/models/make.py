"""Makes the models that demo and tests need, under models/ at the repository root or in the directory that --root names;
what is complete is left alone. BGEM3_TEST_MODELS says where tests look for models, and changes nothing here.

python scripts/models/make.py tokenizer e5-small tiny full
python scripts/models/make.py --list
"""

import argparse
import importlib
import os
import pathlib
import shutil
import sys
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2] / "models"
STAMP = ".made-by"  # written last: a directory without it is not complete


@dataclass(frozen=True)
class Recipe:
    """How to make one model. Raise `version` whenever its files change."""

    summary: str
    module: str
    options: dict = field(default_factory=dict)
    version: int = 1
    directory: str = ""
    tokenizer: str = "tokenizer"  # the recipe of the one that it takes, if any

    @property
    def stamp(self) -> str:
        return f"{self.module} {self.version}\n"


def _random(summary: str, tokenizer: str = "tokenizer", **options) -> Recipe:
    return Recipe(summary, "random_model", options, version=2, tokenizer=tokenizer)


def _cut(summary: str, size: str = "nano", **options) -> Recipe:
    return _random(summary, "nano-tokenizer", size=size, **options)


def _family(family: str, tokenizer: str = "nano-tokenizer") -> Recipe:
    summary = f"random encoder of model_type {family}, 3 layers, 64 wide, with {tokenizer}"
    return Recipe(summary, "random_family", {"family": family}, version=2, tokenizer=tokenizer)


RECIPES = {
    "tokenizer": Recipe("XLM-R's tokenizer files", "xlmr_tokenizer", directory="xlm-r-tokenizer", tokenizer=""),
    "nano-tokenizer": Recipe("the same, cut to 900 pieces", "nano_tokenizer"),
    "e5-small": Recipe("multilingual-e5-small, real weights, 450 MB", "e5_small"),
    "minilm": Recipe("all-MiniLM-L6-v2, real weights, 90 MB", "minilm", tokenizer=""),
    "tiny": _random("random, 3 layers, 64 wide, 66 MB", size="tiny"),
    "tiny-reranker": Recipe("random cross-encoder, 3 layers, 64 wide", "random_reranker"),
    "nano": _cut("tiny with the vocabulary of nano-tokenizer, 3 MB"),
    "nano-f16": _cut("nano stored in float16", dtype="f16"),
    "nano-bf16": _cut("nano stored in bfloat16", dtype="bf16"),
    "nano-bin": _cut("nano as pytorch_model.bin", file_format="bin"),
    "nano-shards": _cut("nano as safetensors shards", shards=2),
    "nano-bin-shards": _cut("nano as pytorch_model.bin shards", file_format="bin", shards=3),
    "wide": _cut("as wide as full, 3 layers, that vocabulary, 200 MB", size="wide"),
    "nano-reranker": Recipe(
        "tiny-reranker with that vocabulary", "random_reranker", {"size": "nano"}, tokenizer="nano-tokenizer"
    ),
    "bert-tokenizer": Recipe("an uncased BertTokenizer of 900 pieces", "bert_tokenizer", tokenizer="nano-tokenizer"),
    "roberta-tokenizer": Recipe("a RobertaTokenizer of 8,000 pieces", "roberta_tokenizer", version=2),
    "bert-reranker": Recipe(
        "random cross-encoder of BERT, with that vocabulary",
        "random_reranker",
        {"size": "nano", "family": "bert"},
        tokenizer="bert-tokenizer",
    ),
    **{f"nano-{family}": _family(family) for family in ("distilbert", "camembert", "mpnet")},
    "nano-roberta": _family("roberta", "roberta-tokenizer"),
    "full": _random("random, BGE-M3's own size, 2.3 GB", size="full"),
}


def make(name: str, root: pathlib.Path = ROOT) -> pathlib.Path:
    """Makes model `name` and what it needs, unless complete; returns its directory."""
    recipe = RECIPES[name]
    out = root / (recipe.directory or name)
    stamp = out / STAMP
    if stamp.is_file() and stamp.read_text() == recipe.stamp:
        return out
    options = dict(recipe.options)
    if recipe.tokenizer:
        options["tokenizer"] = make(recipe.tokenizer, root)
    print(f"making {out} ({recipe.summary}) ...", file=sys.stderr, flush=True)
    started = time.monotonic()
    _make_whole(recipe, options, out)
    print(f"made {out} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return out


def _make_whole(recipe: Recipe, options: dict, out: pathlib.Path) -> None:
    """Makes into a directory beside `out` and renames it, so that an interrupted run leaves nothing half-made."""
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        importlib.import_module(recipe.module).make(draft, **options)
        (draft / STAMP).write_text(recipe.stamp)
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*RECIPES, []], metavar="NAME", help="models to make")
    parser.add_argument(
        "--root", type=pathlib.Path, default=ROOT, help="where they go; default: models/ of this checkout"
    )
    parser.add_argument("--list", action="store_true", help="list the models and stop")
    arguments = parser.parse_args()
    if arguments.list or not arguments.names:
        for name, recipe in RECIPES.items():
            print(f"{name:16} {recipe.summary}")
        return
    for name in arguments.names:
        make(name, arguments.root)


if __name__ == "__main__":
    main()
