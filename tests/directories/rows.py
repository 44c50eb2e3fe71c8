"""Model directories, a row each: how to build one out of the small model, and, where it is refused, what the message has
to name. What is not refused has to give the vectors of sentence-transformers."""

import shutil
from typing import Any

import torch
from directory import Directory
from prepared import model_directory
from reranker_rows import reranker
from table import (
    MODULES,
    ROWS,
    SENTENCE,
    STATED,
    TOKENIZER,
    WIDTH,
    dense,
    modules,
    pipeline,
    row,
)

# Modules


@row("a folder that modules.json names is missing", MODULES, "pool/config.json is missing")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.drop("pool/config.json")


@row("no pooling", MODULES, "no Pooling module")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", norm="Normalize")


@row("two poolings")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", second="Pooling")
    directory.write("second/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_max_tokens": True})


@row("normalised before pooling")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", norm="Normalize", pool="Pooling")


@row("normalised, then pooled again")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", norm="Normalize", second="Pooling")
    directory.write("second/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": True})


@row("an unknown module", MODULES, "WeightedLayerPooling")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", layers="WeightedLayerPooling", pool="Pooling")


@row("code of its own", MODULES, "custom_st.Transformer")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.edit(MODULES, lambda entries: entries[0].update(type="custom_st.Transformer"))


@row("modules in another order than idx says")
def _(directory: Directory) -> None:
    pipeline(directory, normalize=True)
    directory.edit(MODULES, lambda entries: [entry.update(idx=9 - i) for i, entry in enumerate(entries)])


@row("dropout")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", drop="Dropout")
    directory.write("drop/config.json", {"dropout": 0.5})


@row("an empty sentence_bert_config.json before one with a length")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.write(SENTENCE, {})
    directory.write("sentence_roberta_config.json", {"max_seq_length": 20})


@row("a key of modules.json that is not known", MODULES, "'kwargs'")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.edit(MODULES, lambda entries: entries[0].update(kwargs=["task"]))


# No modules.json


@row("no modules.json")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)


@row("modules.json got lost", MODULES, SENTENCE)
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.write(SENTENCE, {"max_seq_length": 20})
    directory.drop(MODULES)


# Pooling


def pooled(name: str, config: dict[str, Any], *refused: str) -> None:
    ROWS.add(f"pooling {name}", *refused)(lambda directory: pipeline(directory, config))


for mode in ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"):
    pooled(f"by the flag {mode}", {f"pooling_mode_{mode}": True})
for mode in ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"):
    pooled(f"by the name {mode}", {"pooling_mode": mode})
pooled("in a list of one", {"pooling_mode": ["mean"]})
pooled("of several names", {"pooling_mode": ["lasttoken", "cls", "mean"]})
pooled(
    "of all flags", {f"pooling_mode_{mode}_tokens": True for mode in ("mean_sqrt_len", "max", "mean", "weightedmean")}
)
pooled("by no flag that is set", {"pooling_mode_cls_token": False})
pooled("by a name and a flag", {"pooling_mode": "mean", "pooling_mode_cls_token": True})
pooled("unknown", {"pooling_mode": "attention"}, "pool/config.json", "pooling_mode", "attention")
pooled("without the prompt", {"pooling_mode": "mean", "include_prompt": False}, "pool/config.json", "include_prompt")
pooled("with an unknown key", {"pooling_mode": "mean", "power": 3}, "pool/config.json", "'power'")


# Dense


def dense_row(
    name: str, *refused: str, normalize: bool = False, sizes: tuple[int, int] = (WIDTH, 32), **config: Any
) -> None:
    @ROWS.add(f"dense {name}", *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        kinds = {"root": "Transformer", "pool": "Pooling", "dense": "Dense"}
        modules(directory, **kinds, **({"norm": "Normalize"} if normalize else {}))
        dense(directory, "dense", sizes, **config)


# Every activation that has a class without arguments of its own; which of them are refused, tells another test.
dense_row("as it is by default")
dense_row("of an identity, normalised", normalize=True, activation_function="torch.nn.modules.linear.Identity")
dense_row("without bias", bias=False, activation_function="torch.nn.modules.activation.Tanh")
dense_row("that adds its input", sizes=(WIDTH, WIDTH), use_residual=True)
dense_row("that adds a projection", use_residual=True, activation_function="torch.nn.modules.activation.ReLU")
dense_row("of code of its own", "dense/config.json", "activation_function", activation_function="my.Activation")
dense_row("on tokens", "dense/config.json", "module_input_name", module_input_name="token_embeddings")
dense_row("with an unknown key", "dense/config.json", "'scale'", scale=2)


@row("two dense layers, normalised between")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", one="Dense", norm="Normalize", three="Dense")
    dense(directory, "one", (WIDTH, 48))
    dense(directory, "three", (48, 24))


# Where things lie


@row("the encoder in 0_Transformer")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.drop("config.json", "model.safetensors", *TOKENIZER)
    directory.link("config.json", "model.safetensors", *TOKENIZER, into="0_Transformer")
    directory.write("0_Transformer/" + SENTENCE, {"max_seq_length": 20, "do_lower_case": False})
    directory.edit(MODULES, lambda entries: entries[0].update(path="0_Transformer"))


# Lengths


def sentence(name: str, config: dict[str, Any], *refused: str, file: str = SENTENCE) -> None:
    @ROWS.add(name, *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        directory.write(file, config)


for architecture in ("bert", "roberta", "distilbert", "xlm-roberta", "camembert"):
    file = f"sentence_{architecture}_config.json"
    sentence(f"max_seq_length in {file}", {"max_seq_length": 20, "do_lower_case": False}, file=file)
sentence("max_seq_length null", {"max_seq_length": None})
sentence("tokenizer_args before max_seq_length", {"max_seq_length": 20, "tokenizer_args": {"model_max_length": 12}})
sentence("max_length of processing_kwargs", {"processing_kwargs": {"text": {"max_length": 9}}})
sentence("truncated at the left", {"max_seq_length": 20, "tokenizer_args": {"truncation_side": "left"}})
sentence(
    "without special tokens",
    {"processing_kwargs": {"text": {"add_special_tokens": False}}},
    SENTENCE,
    "add_special_tokens",
)
sentence("lower case", {"do_lower_case": True}, SENTENCE, "do_lower_case")
sentence("lower case null", {"do_lower_case": None})
sentence("an unknown key of sentence_bert_config.json", {"max_sequence_length": 20}, SENTENCE, "max_sequence_length")
sentence("another task", {"transformer_task": "fill-mask"}, SENTENCE, "transformer_task")
sentence("changes to config.json", {"config_args": {"num_hidden_layers": 1}}, SENTENCE, "num_hidden_layers")
sentence("lengths of queries", {"query_length": 8}, SENTENCE, "query_length")


def lower_case(name: str, is_uncased: bool, *refused: str) -> None:
    """Of BERT's vocabulary, whose tokenizer lowers letters itself or not."""

    @ROWS.add(f"lower case, {name}", *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        directory.drop(*TOKENIZER)
        directory.link("tokenizer.json", "tokenizer_config.json", source=model_directory("bert-tokenizer"))
        directory.edit("tokenizer_config.json", do_lower_case=is_uncased)
        directory.write(SENTENCE, {"do_lower_case": True})


lower_case("uncased", True)
lower_case("cased", False, SENTENCE, "do_lower_case", "tokenizer.json")


# config_sentence_transformers.json

PROMPTS = {"query": "query: ", "document": "passage: "}


def stated(name: str, config: dict[str, Any], *refused: str) -> None:
    @ROWS.add(name, *refused)
    def _(directory: Directory) -> None:
        pipeline(directory, normalize=True)
        directory.write(STATED, config)


stated("a default prompt", {"prompts": PROMPTS, "default_prompt_name": "query"})
stated("prompts without a default", {"prompts": PROMPTS})
stated(
    "a default prompt that is none", {"prompts": PROMPTS, "default_prompt_name": "title"}, STATED, "default_prompt_name"
)
stated("a dimension", {"truncate_dim": 16})
stated("a similarity", {"similarity_fn_name": "dot", "prompts": {}})
stated("an unknown similarity", {"similarity_fn_name": "maxsim"}, STATED, "similarity_fn_name")
stated("a sparse encoder", {"model_type": "SparseEncoder"}, STATED, "SparseEncoder")
stated("an unknown key of config_sentence_transformers.json", {"soft_prompt": "x"}, STATED, "soft_prompt")


# config.json


def config(name: str, values: dict[str, Any], *refused: str) -> None:
    @ROWS.add(f"config.json: {name}", *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        directory.edit("config.json", **values)


config("another activation", {"hidden_act": "relu"}, "config.json", "hidden_act")
config("a decoder", {"is_decoder": True}, "config.json", "is_decoder")
config("quantised", {"quantization_config": {"quant_method": "bitsandbytes"}}, "config.json", "quantization_config")
config("an unknown key", {"rotary_dim": 8}, "config.json", "rotary_dim")
config("keys of training", {"classifier_dropout": 0.5, "gradient_checkpointing": True, "torch_dtype": "float32"})


# What programs write


@row("saved by sentence-transformers 6")
def _(directory: Directory) -> None:
    from sentence_transformers import SentenceTransformer

    pipeline(directory, normalize=True)
    saved = directory.path / "saved"
    SentenceTransformer(str(directory.path), prompts=PROMPTS, truncate_dim=32).save_pretrained(str(saved))
    _replace(directory, saved)


@row("cross-encoder: saved by sentence-transformers 6", kind="reranker")
def _(directory: Directory) -> None:
    from sentence_transformers import CrossEncoder

    reranker(directory)
    saved = directory.path / "saved"
    CrossEncoder(str(directory.path), activation_fn=torch.nn.Identity(), max_length=40).save_pretrained(str(saved))
    _replace(directory, saved)


@row("cross-encoder: a default prompt", STATED, "default_prompt_name", kind="reranker")
def _(directory: Directory) -> None:
    reranker(directory)
    modules(directory, root="Transformer")
    directory.write(STATED, {"model_type": "CrossEncoder", "prompts": PROMPTS, "default_prompt_name": "query"})


@row("a cross-encoder of sentence-transformers opened as an embedder", STATED, "open it by Reranker")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.write(STATED, {"model_type": "CrossEncoder"})


@row("cross-encoder: an embedder", MODULES, "opened by Embedder", kind="reranker")
def _(directory: Directory) -> None:
    pipeline(directory)


def _replace(directory: Directory, saved: Any) -> None:
    """The directory becomes what was saved out of it."""
    elsewhere = directory.path.with_name(directory.path.name + "-saved")
    shutil.move(saved, elsewhere)
    shutil.rmtree(directory.path)
    shutil.move(elsewhere, directory.path)
