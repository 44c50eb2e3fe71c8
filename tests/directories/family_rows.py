"""Rows of the table of model directories: families of encoders beside XLM-RoBERTa's, what of their config.json is followed
and refused, and what lies beside their weights."""

from typing import Any

import torch
from adapter_rows import CONFIG as ADAPTER_CONFIG
from adapter_rows import WEIGHTS as ADAPTER_WEIGHTS
from directory import Directory
from prepared import model_directory
from safetensors.torch import load_file
from table import ROWS, TOKENIZER, WIDTH, pipeline

PREFIXES = {"distilbert": "distilbert.", "roberta": "roberta.", "camembert": "roberta.", "mpnet": "mpnet."}


def of_family(directory: Directory, family: str, pooling: str = "mean") -> dict[str, torch.Tensor]:
    """A pipeline with that encoder; returns its weights."""
    pipeline(directory, {"pooling_mode": pooling})
    source = model_directory(f"nano-{family}")
    directory.link("config.json", "model.safetensors", source=source)
    return load_file(source / "model.safetensors")


def family_row(family: str, name: str, values: dict[str, Any], *refused: str) -> None:
    @ROWS.add(f"{family}: {name}", *refused)
    def _(directory: Directory) -> None:
        of_family(directory, family, "cls")
        directory.edit("config.json", **values)


family_row("distilbert", "positions that were sines", {"sinusoidal_pos_embds": True})
family_row("distilbert", "an epsilon that it does not look at", {"layer_norm_eps": 0.5})
family_row("distilbert", "keys of training", {"tie_weights_": True, "dropout": 0.3, "qa_dropout": 0.3})
family_row("distilbert", "another activation", {"activation": "relu"}, "config.json", "activation 'relu'")
family_row("distilbert", "a key of BERT beside its own", {"hidden_size": WIDTH}, "config.json", "'hidden_size'")
family_row("distilbert", "no size", {"dim": None}, "config.json", "'dim'")
family_row("roberta", "another padding", {"pad_token_id": 0})
family_row("camembert", "keys of older versions", {"pad_token_id": 0, "eos_token_ids": 0, "output_past": True})
family_row("camembert", "another activation", {"hidden_act": "gelu_new"}, "config.json", "hidden_act")
family_row("mpnet", "a padding that it does not look at", {"pad_token_id": 0})
family_row("mpnet", "other buckets", {"relative_attention_num_buckets": 64}, "config.json", "expected 32")

for family in PREFIXES:

    @ROWS.add(f"{family}: a language model")
    def _(directory: Directory, family: str = family) -> None:
        tensors = {PREFIXES[family] + name: tensor for name, tensor in of_family(directory, family).items()}
        heads = ("vocab_transform", "vocab_layer_norm", "vocab_projector") if family == "distilbert" else ("lm_head",)
        tensors |= {f"{head}.weight": torch.zeros(WIDTH, WIDTH) for head in heads}
        directory.save("model.safetensors", tensors)

    @ROWS.add(f"{family}: a layer more", "unexpected", "layer.3.")
    def _(directory: Directory, family: str = family) -> None:
        tensors = of_family(directory, family)
        more = {n.replace("layer.2.", "layer.3."): t.clone() for n, t in tensors.items() if "layer.2." in n}
        directory.save("model.safetensors", tensors | more)


@ROWS.add("mpnet: no biases", "missing", "encoder.relative_attention_bias.weight")
def _(directory: Directory) -> None:
    tensors = of_family(directory, "mpnet")
    directory.save("model.safetensors", {n: t for n, t in tensors.items() if "relative_attention_bias" not in n})


for family in ("roberta", "camembert", "mpnet"):

    @ROWS.add(f"cross-encoder: {family}", kind="reranker")
    def _(directory: Directory, family: str = family) -> None:
        source = model_directory(f"nano-{family}")
        directory.link("config.json", source=source)
        directory.link(*TOKENIZER)
        tensors = load_file(source / "model.safetensors")
        tensors = {PREFIXES[family] + name: tensor for name, tensor in tensors.items()}
        torch.manual_seed(3)
        tensors |= {
            "classifier.dense.weight": torch.randn(WIDTH, WIDTH) / 8,
            "classifier.dense.bias": torch.randn(WIDTH),
        }
        tensors |= {"classifier.out_proj.weight": torch.randn(1, WIDTH), "classifier.out_proj.bias": torch.randn(1)}
        directory.save("model.safetensors", tensors)
        architecture = {"roberta": "Roberta", "camembert": "Camembert", "mpnet": "MPNet"}[family]
        labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
        directory.edit("config.json", architectures=[f"{architecture}ForSequenceClassification"], **labels)


SQUARE, UP, DOWN = (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)
# Layer → inputs, outputs. MPNet's table of biases is no layer of an adapter, though it has a matrix.
LINEAR = {
    "distilbert": {f"transformer.layer.{{}}.attention.{part}_lin": SQUARE for part in ("q", "k", "v", "out")}
    | {"transformer.layer.{}.ffn.lin1": UP, "transformer.layer.{}.ffn.lin2": DOWN},
    "mpnet": {f"encoder.layer.{{}}.attention.attn.{part}": SQUARE for part in "qkvo"}
    | {"encoder.layer.{}.intermediate.dense": UP, "encoder.layer.{}.output.dense": DOWN},
}
for family in LINEAR:

    @ROWS.add(f"adapter: of all linear layers of {family}")
    def _(directory: Directory, family: str = family) -> None:
        pipeline(directory)
        directory.drop("config.json", "model.safetensors")
        torch.manual_seed(1)
        tensors = {}
        for number in range(3):
            for layer, (inputs, outputs) in LINEAR[family].items():
                name = f"base_model.model.{layer.format(number)}"
                tensors[f"{name}.lora_A.weight"] = torch.randn(4, inputs) / 8
                tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, 4) / 8
        directory.save(ADAPTER_WEIGHTS, tensors)
        base = {"peft_type": "LORA", "base_model_name_or_path": str(model_directory(f"nano-{family}"))}
        directory.write(ADAPTER_CONFIG, {**base, "target_modules": "all-linear", "r": 4, "lora_alpha": 8})
