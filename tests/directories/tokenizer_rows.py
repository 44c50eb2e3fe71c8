"""Rows of model directories whose tokenizer files are other than usual."""

from collections.abc import Callable
from typing import Any

import torch
from directory import Directory
from safetensors.torch import load_file, save_file
from table import (
    FLAGS,
    ROWS,
    WIDTH,
    Build,
    pipeline,
)


def tokenizer(name: str, *refused: str) -> Callable[[Build], Build]:
    def keep(build: Build) -> Build:
        @ROWS.add(f"tokenizer: {name}", *refused)
        def _(directory: Directory) -> None:
            pipeline(directory)
            build(directory)

        return build

    return keep


@tokenizer("model_max_length")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", model_max_length=15)


@tokenizer("truncation_side left")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", model_max_length=15, truncation_side="left")


for class_name in ("PreTrainedTokenizerFast", "TokenizersBackend", "XLMRobertaTokenizerFast", "XLMRobertaTokenizer"):

    @tokenizer(f"class {class_name}")
    def _(directory: Directory, class_name: str = class_name) -> None:
        directory.edit("tokenizer_config.json", tokenizer_class=class_name)


@tokenizer("class BertTokenizer", "BertTokenizer needs a WordPiece model", "Unigram", "tokenizer_class")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", tokenizer_class="BertTokenizer")


@tokenizer("class in config.json")
def _(directory: Directory) -> None:
    directory.drop("tokenizer_config.json")
    directory.edit("config.json", tokenizer_class="PreTrainedTokenizerFast")


@tokenizer("only tokenizer.json")
def _(directory: Directory) -> None:
    directory.drop("sentencepiece.bpe.model", "tokenizer_config.json", "special_tokens_map.json")


@tokenizer("only the sentencepiece model")
def _(directory: Directory) -> None:
    directory.drop("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def grow(directory: Directory, rows: int = 4) -> None:
    """Room in the word embedding for tokens that are added."""
    weights = load_file((directory.path / "model.safetensors").resolve())
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    torch.manual_seed(5)
    weights[name] = torch.cat([weights[name], torch.randn(rows, WIDTH)])
    directory.drop("model.safetensors")
    save_file(weights, directory.path / "model.safetensors", metadata={"format": "pt"})
    directory.edit("config.json", vocab_size=len(weights[name]))


def vocabulary_size(directory: Directory) -> int:
    return len(directory.read("tokenizer.json")["model"]["vocab"])


for name, flags in {
    "as it is": {},
    "lstrip": {"lstrip": True},
    "rstrip": {"rstrip": True},
    "normalized": {"normalized": True},
    "not special": {"special": False},
    "a single word": {"single_word": True},
}.items():
    for class_name in ("XLMRobertaTokenizer", "PreTrainedTokenizerFast"):

        @tokenizer(f"an added token, {name}, {class_name}")
        def _(directory: Directory, flags: dict[str, bool] = flags, class_name: str = class_name) -> None:
            grow(directory)
            token = {"id": vocabulary_size(directory), "content": "<new>", **FLAGS, **flags}
            directory.edit("tokenizer.json", lambda content: content["added_tokens"].append(token))
            directory.edit("tokenizer_config.json", tokenizer_class=class_name)


@tokenizer("added_tokens.json")
def _(directory: Directory) -> None:
    grow(directory)
    directory.write(
        "added_tokens.json", {"<new>": vocabulary_size(directory), "<newer>": vocabulary_size(directory) + 1}
    )


@tokenizer("added_tokens.json beside the sentencepiece model")
def _(directory: Directory) -> None:
    grow(directory)
    directory.write("added_tokens.json", {"<new>": vocabulary_size(directory)})
    directory.drop("tokenizer.json")


@tokenizer("added_tokens_decoder")
def _(directory: Directory) -> None:
    grow(directory)
    names = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>", vocabulary_size(directory) - 1: "<mask>"}
    names[vocabulary_size(directory)] = "<new>"
    decoder = {str(i): {"content": content, **FLAGS} for i, content in names.items()}
    directory.edit("tokenizer_config.json", added_tokens_decoder=decoder)


@tokenizer("additional_special_tokens")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer_config.json", additional_special_tokens=["<new>", "<newer>"])


@tokenizer("more tokens than rows of the word embedding", "vocab_size")
def _(directory: Directory) -> None:
    directory.write("added_tokens.json", {"<new>": vocabulary_size(directory)})


@tokenizer("an id that is not next", "added token '<new>'", "5000")
def _(directory: Directory) -> None:
    grow(directory)
    directory.write("added_tokens.json", {"<new>": 5000})


@tokenizer("a trimmed vocabulary beside the old sentencepiece model")
def _(directory: Directory) -> None:
    def trim(content: Any) -> None:
        vocabulary = content["model"]["vocab"]
        kept = vocabulary[:500] + vocabulary[-1:]
        content["model"]["vocab"] = kept
        for token in content["added_tokens"]:
            token["id"] = next(i for i, (piece, _) in enumerate(kept) if piece == token["content"])

    directory.edit("tokenizer.json", trim)


def as_written(directory: Directory, change: Callable[[Any], Any]) -> None:
    directory.edit("tokenizer.json", change)
    directory.edit("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")


def lower(content: Any) -> None:
    content["normalizer"]["normalizers"].insert(0, {"type": "Lowercase"})


@tokenizer("a Lowercase step that transformers passes over")
def _(directory: Directory) -> None:
    directory.edit("tokenizer.json", lower)


@tokenizer("a Lowercase step as written", "tokenizer.json", "normalizer", "Lowercase")
def _(directory: Directory) -> None:
    as_written(directory, lower)


@tokenizer("no normalizer")
def _(directory: Directory) -> None:
    directory.edit("tokenizer.json", normalizer=None)


@tokenizer("Digits as written", "tokenizer.json", "pre_tokenizer", "Digits")
def _(directory: Directory) -> None:
    as_written(directory, lambda content: content.update(pre_tokenizer={"type": "Digits", "individual_digits": True}))


@tokenizer("no post-processor as written", "tokenizer.json", "post_processor")
def _(directory: Directory) -> None:
    as_written(directory, lambda content: content.update(post_processor=None))


@tokenizer("a RobertaProcessing that is taken for BertProcessing", "tokenizer.json", "post_processor")
def _(directory: Directory) -> None:
    processor = {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2], "trim_offsets": True}
    as_written(directory, lambda content: content.update(post_processor=processor))


@tokenizer("RobertaProcessing as written")
def _(directory: Directory) -> None:
    processor = {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]}
    flags = {"trim_offsets": True, "add_prefix_space": False}
    as_written(directory, lambda content: content.update(post_processor={**processor, **flags}))


@tokenizer("spaces that become marks before words are split as written")
def _(directory: Directory) -> None:
    merge = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}
    mark = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}

    def edit(content: dict) -> None:
        content["normalizer"]["normalizers"][1:] = [merge]
        content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, mark]}

    as_written(directory, edit)


@tokenizer("truncation of tokenizer.json")
def _(directory: Directory) -> None:
    truncation = {"direction": "Left", "max_length": 7, "strategy": "LongestFirst", "stride": 0}
    directory.edit("tokenizer.json", truncation=truncation)
    directory.edit("tokenizer_config.json", model_max_length=15)


@tokenizer("an unknown key of tokenizer_config.json", "tokenizer_config.json", "fix_mistral_regex")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", fix_mistral_regex=True)
