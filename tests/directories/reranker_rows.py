"""Rows of cross-encoders, those of BERT among them, of which pairs have token types."""

from collections.abc import Callable
from typing import Any

import torch
from directory import Directory
from prepared import model_directory
from safetensors.torch import load_file
from table import ROWS, TOKENIZER

BERT_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def reranker(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)


def bert_reranker(directory: Directory) -> None:
    directory.link(*BERT_FILES, source=model_directory("bert-reranker"))


def bert_reranker_of_vocab_txt(directory: Directory) -> None:
    bert_reranker(directory)
    vocabulary = directory.read("tokenizer.json")["model"]["vocab"]
    directory.drop("tokenizer.json")
    text = "".join(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.__getitem__))
    (directory.path / "vocab.txt").write_text(text, "utf-8")


def bert_reranker_of_xlmr(directory: Directory) -> None:
    bert_reranker(directory)
    directory.link(*TOKENIZER)


def one_token_type(directory: Directory) -> None:
    bert_reranker(directory)
    directory.edit("config.json", type_vocab_size=1)
    tensors = load_file((directory.path / "model.safetensors").resolve())
    name = "bert.embeddings.token_type_embeddings.weight"
    directory.save("model.safetensors", tensors | {name: tensors[name][:1].clone()})


def reranker_row(
    name: str,
    values: dict[str, Any],
    *refused: str,
    file: str = "config.json",
    build: Callable[[Directory], None] = reranker,
) -> None:
    @ROWS.add(f"cross-encoder: {name}", *refused, kind="reranker")
    def _(directory: Directory) -> None:
        build(directory)
        if values:
            directory.edit(file, **values)


def head_row(name: str, head: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], *refused: str) -> None:
    @ROWS.add(f"cross-encoder of BERT: {name}", *refused, kind="reranker")
    def _(directory: Directory) -> None:
        bert_reranker(directory)
        tensors = load_file((directory.path / "model.safetensors").resolve())
        directory.save("model.safetensors", tensors | head(tensors))


CONFIG = "tokenizer_config.json"
IDENTITY = "torch.nn.modules.linear.Identity"
reranker_row("as it is", {})
reranker_row("of BERT", {}, build=bert_reranker)
reranker_row("of BERT, an identity", {"sentence_transformers": {"activation_fn": IDENTITY}}, build=bert_reranker)
reranker_row("of BERT, its own length", {"model_max_length": 20}, file="tokenizer_config.json", build=bert_reranker)
reranker_row("of BERT, without tokenizer.json", {}, build=bert_reranker_of_vocab_txt)
# Tokens have types where transformers hands them on.
for class_name in ("PreTrainedTokenizerFast", "DistilBertTokenizer"):
    reranker_row(f"of BERT, {class_name}", {"tokenizer_class": class_name}, file=CONFIG, build=bert_reranker)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    reranker_row(
        f"of BERT, {class_name} with types",
        {"tokenizer_class": class_name, "model_input_names": names},
        file=CONFIG,
        build=bert_reranker,
    )
reranker_row(
    "of BERT, without types", {"model_input_names": ["input_ids", "attention_mask"]}, file=CONFIG, build=bert_reranker
)
reranker_row("of BERT, input names as a text", {"model_input_names": "ids"}, "model_input_names", file=CONFIG)
reranker_row("of BERT with XLM-R's vocabulary", {}, build=bert_reranker_of_xlmr)
reranker_row("of BERT by the names of XLM-R", {"model_type": "bert"}, "missing", "pooler.dense.weight")
reranker_row("of BERT with one token type", {}, "type_vocab_size 1", build=one_token_type)
for build in (reranker, bert_reranker):
    reranker_row(
        f"several labels, {build.__name__}",
        {"id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1}},
        "config.json: 'id2label'",
        "expected one label",
        build=build,
    )
head_row(
    "a head of two labels",
    lambda tensors: {name: torch.cat([tensors[name]] * 2) for name in ("classifier.weight", "classifier.bias")},
    "classifier.weight of one label, found 2",
    "take transformers",
)
head_row("another parameter", lambda tensors: {"classifier.scale": torch.ones(1)}, "unexpected: classifier.scale")
reranker_row("an identity", {"sentence_transformers": {"activation_fn": IDENTITY, "version": "5.0.0"}})
reranker_row("an identity of older files", {"sbert_ce_default_activation_function": IDENTITY})
reranker_row("its own length", {"model_max_length": 20}, file="tokenizer_config.json")
reranker_row(
    "an unknown activation", {"sentence_transformers": {"activation_fn": "torch.nn.GLU"}}, "config.json", "GLU"
)
reranker_row("cut at the left", {"truncation_side": "left"}, "truncation_side", file="tokenizer_config.json")
