"""Rows of model directories whose files say null, false or nothing at all, where that is not what a missing key says, and
of keys that are in two places."""

from typing import Any

import torch
from directory import Directory
from safetensors.torch import load_file
from table import FLAGS, MODULES, ROWS, SENTENCE, STATED, TOKENIZER, dense, modules, pipeline
from tokenizer_rows import grow, tokenizer, vocabulary_size

PROMPTS = {"query": "query: ", "document": "passage: "}
FAST = "PreTrainedTokenizerFast"
TANH = "torch.nn.modules.activation.Tanh"


def sentence(name: str, config: dict[str, Any], *refused: str, length: int | None = None) -> None:
    @ROWS.add(name, *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        directory.write(SENTENCE, config)
        if length is not None:
            directory.edit("tokenizer_config.json", model_max_length=length)


NO_LIMIT = {"model_max_length": None}
sentence("tokenizer_args without a limit, before max_seq_length", {"max_seq_length": 20, "tokenizer_args": NO_LIMIT})
sentence("tokenizer_args without a limit, before the tokenizer's", {"tokenizer_args": NO_LIMIT}, length=15)
sentence(
    "max_length of texts and of all inputs",
    {"processing_kwargs": {"text": {"max_length": 12}, "common": {"max_length": 9}}},
)
for key, value in {"truncation": None, "return_attention_mask": False, "add_special_tokens": None}.items():
    sentence(f"{key} {value}", {"processing_kwargs": {"text": {key: value}}}, SENTENCE, key)
for key, value in {
    "add_prefix_space": False,
    "added_tokens_decoder": {},
    "extra_special_tokens": [],
    "truncation_side": None,
}.items():
    sentence(f"tokenizer_args: {key} {value}", {"tokenizer_args": {key: value}}, SENTENCE, key)
sentence("the older weights", {"model_args": {"use_safetensors": False}}, SENTENCE, "use_safetensors")


@ROWS.add("pooling that says null to the prompt", "pool/config.json", "include_prompt")
def _(directory: Directory) -> None:
    pipeline(directory, {"pooling_mode": "mean", "include_prompt": None})
    directory.write(STATED, {"prompts": PROMPTS, "default_prompt_name": "query"})


@ROWS.add("dense with a bias that is null", "dense/config.json", "'bias'")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", dense="Dense")
    dense(directory, "dense", bias=None)


@ROWS.add("no dimension", STATED, "truncate_dim")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.write(STATED, {"truncate_dim": 0})


for name in ("query", "document"):

    @ROWS.add(f"a default prompt '{name}' that is not among the prompts")
    def _(directory: Directory, name: str = name) -> None:
        pipeline(directory)
        directory.write(STATED, {"prompts": {}, "default_prompt_name": name})


@ROWS.add("Normalize in the directory itself")
def _(directory: Directory) -> None:
    pipeline(directory)
    modules(directory, root="Transformer", pool="Pooling", norm="Normalize")
    directory.edit(MODULES, lambda entries: entries[2].update(path=""))


@ROWS.add("config.json: no type_vocab_size")
def _(directory: Directory) -> None:
    pipeline(directory)
    file = directory.path / "model.safetensors"
    tensors = load_file(file.resolve())
    name = next(name for name in tensors if name.endswith("token_type_embeddings.weight"))
    torch.manual_seed(3)
    tensors[name] = torch.cat([tensors[name], torch.randn(1, tensors[name].shape[1])])
    directory.save("model.safetensors", tensors)
    directory.edit("config.json", lambda content: content.pop("type_vocab_size"))


@ROWS.add("config.json: a decoder by its architecture", "config.json", "ForCausalLM")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    directory.edit("config.json", architectures=["XLMRobertaForCausalLM"])


# Chat templates


TEMPLATE = "User: {% for message in messages %}{{ message.content }}{% endfor %}"


@ROWS.add("a chat template where inputs are texts")
def _(directory: Directory) -> None:
    pipeline(directory)
    directory.edit("tokenizer_config.json", chat_template=TEMPLATE)


@ROWS.add("a chat template without modules.json", "tokenizer_config.json", "chat_template")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    directory.edit("tokenizer_config.json", chat_template=TEMPLATE)


@ROWS.add("a chat template in a file of its own", "chat_template.jinja")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    (directory.path / "chat_template.jinja").write_text(TEMPLATE, "utf-8")


# Cross-encoders


@ROWS.add("cross-encoder: a chat template", "chat_template", kind="reranker")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    directory.edit("tokenizer_config.json", chat_template=TEMPLATE)


@ROWS.add("cross-encoder: an activation that is null, before one of older files", kind="reranker")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    directory.edit(
        "config.json", sentence_transformers={"activation_fn": None}, sbert_ce_default_activation_function=TANH
    )


@ROWS.add("cross-encoder: a default prompt that is empty", kind="reranker")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    modules(directory, root="Transformer")
    texts = {"text": {"method": "forward", "method_output_name": "logits"}}
    task = {"transformer_task": "sequence-classification", "module_output_name": "scores"}
    directory.write(SENTENCE, {**task, "modality_config": texts})
    directory.write(STATED, {"model_type": "CrossEncoder", "prompts": {"query": ""}, "default_prompt_name": "query"})


# Tokenizers


def new_token(directory: Directory, content: str = "<new>", place: int = 0, **flags: Any) -> dict[str, Any]:
    return {"id": vocabulary_size(directory) + place, "content": content, **FLAGS, **flags}


@tokenizer("keys of other classes")
def _(directory: Directory) -> None:
    """As in paraphrase-multilingual-MiniLM-L12-v2."""
    other = {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None, "add_bos_token": False}
    directory.edit("tokenizer_config.json", **other)


@tokenizer("keys of other classes, as written")
def _(directory: Directory) -> None:
    other = {"do_lower_case": True, "tokenize_chinese_chars": True, "add_eos_token": False, "tokenizer_class": FAST}
    directory.edit("tokenizer_config.json", **other)


@tokenizer("the older name of model_max_length")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", lambda content: content.pop("model_max_length", None), max_len=15)


@tokenizer("add_prefix_space null", "tokenizer_config.json", "add_prefix_space")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", add_prefix_space=None)


@tokenizer("mask_token null", "tokenizer_config.json", "mask_token")
def _(directory: Directory) -> None:
    directory.edit("tokenizer_config.json", mask_token=None)


@tokenizer("another sentencepiece model beside the one", "tokenizer.model")
def _(directory: Directory) -> None:
    directory.drop("tokenizer.json")
    (directory.path / "tokenizer.model").symlink_to((directory.path / "sentencepiece.bpe.model").resolve())


@tokenizer("an empty added_tokens_decoder")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer.json", lambda content: content["added_tokens"].append(new_token(directory)))
    directory.write("added_tokens.json", {"<newer>": vocabulary_size(directory) + 1})
    directory.edit("tokenizer_config.json", added_tokens_decoder={})


for special in (True, False):

    @tokenizer(f"an added_tokens_decoder that does not say 'normalized', special {special}")
    def _(directory: Directory, special: bool = special) -> None:
        grow(directory)
        token = {"content": "Ａé", "lstrip": False, "rstrip": False, "single_word": False, "special": special}
        directory.edit("tokenizer_config.json", added_tokens_decoder={str(vocabulary_size(directory)): token})


@tokenizer("added tokens that are not in the order of their ids", "added token '<newer>'")
def _(directory: Directory) -> None:
    grow(directory)
    tokens = [new_token(directory, "<newer>", 1), new_token(directory)]
    directory.edit("tokenizer.json", lambda content: content["added_tokens"].extend(tokens))
    directory.edit("tokenizer_config.json", tokenizer_class=FAST)


@tokenizer("both names of extra tokens")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer_config.json", additional_special_tokens=["<new>"], extra_special_tokens=["<newer>"])


@tokenizer("an empty list of extra tokens beside the older name")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer_config.json", additional_special_tokens=["<newer>", "<new>"], extra_special_tokens=[])


@tokenizer("extra tokens of both files")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer_config.json", extra_special_tokens=["<newer>"])
    directory.edit("special_tokens_map.json", extra_special_tokens=["<new>"])


@tokenizer("additional tokens of special_tokens_map.json")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("special_tokens_map.json", additional_special_tokens=["<newer>", "<new>"])


@tokenizer("additional tokens of special_tokens_map.json that an empty list hides")
def _(directory: Directory) -> None:
    grow(directory)
    directory.edit("tokenizer_config.json", extra_special_tokens=[])
    directory.edit("special_tokens_map.json", additional_special_tokens=["<newer>", "<new>"])


@tokenizer("additional tokens beside the sentencepiece model", "special_tokens_map.json", "additional_special_tokens")
def _(directory: Directory) -> None:
    grow(directory)
    directory.drop("tokenizer.json")
    directory.edit("special_tokens_map.json", additional_special_tokens=["<new>"])


@tokenizer("added_tokens.json of a token that is special elsewhere")
def _(directory: Directory) -> None:
    grow(directory)
    directory.write("added_tokens.json", {"Ａé": vocabulary_size(directory)})
    directory.edit("tokenizer_config.json", extra_special_tokens=["Ａé"])


@tokenizer("no added tokens as written")
def _(directory: Directory) -> None:
    directory.edit("tokenizer.json", added_tokens=[])
    directory.write("tokenizer_config.json", {"tokenizer_class": FAST, "pad_token": "<pad>"})
    directory.drop("special_tokens_map.json")


def template_types(content: Any) -> None:
    for part in content["post_processor"]["single"]:
        next(iter(part.values()))["type_id"] = 1


@tokenizer("token types as written", "post_processor", "type_id 0")
def _(directory: Directory) -> None:
    directory.edit("tokenizer.json", template_types)
    directory.edit("tokenizer_config.json", tokenizer_class=FAST)


@tokenizer("padding by another token as written")
def _(directory: Directory) -> None:
    padding = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1}
    directory.edit("tokenizer.json", padding={**padding, "pad_type_id": 0, "pad_token": "[PAD]"})
    directory.edit("tokenizer_config.json", tokenizer_class=FAST)


@tokenizer("a model without type")
def _(directory: Directory) -> None:
    directory.edit("tokenizer.json", lambda content: content["model"].pop("type"))


@tokenizer("as transformers 4.40 converts a sentencepiece model, as written")
def _(directory: Directory) -> None:
    def convert(content: Any) -> None:
        rules = [step for step in content["normalizer"]["normalizers"] if step["type"] == "Precompiled"]
        strip = {"type": "Strip", "strip_left": False, "strip_right": True}
        replace = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}
        content["normalizer"] = {"type": "Sequence", "normalizers": [*rules, strip, replace]}
        content["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        content["added_tokens"].append(new_token(directory, "x  y", normalized=True))

    grow(directory)
    directory.edit("tokenizer.json", convert)
    directory.edit("tokenizer_config.json", tokenizer_class=FAST)
