"""Rows of model directories that hold a PEFT adapter: what was learned on top of another model."""

import shutil
from collections.abc import Callable
from typing import Any

import torch
from directory import Directory
from safetensors.torch import load_file, save_file
from table import MODULES, ROWS, SENTENCE, TOKENIZER, WIDTH, pipeline

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
RANK = 4
# Layer → inputs, outputs.
ATTENTION = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
ALL = ATTENTION | {
    "attention.output.dense": (WIDTH, WIDTH),
    "intermediate.dense": (WIDTH, 4 * WIDTH),
    "output.dense": (4 * WIDTH, WIDTH),
}


def layers_of(directory: Directory) -> int:
    return int(directory.read("config.json")["num_hidden_layers"])


def adapter(
    directory: Directory,
    ends: tuple[str, ...] = ("query", "value"),
    ranks: dict[str, int] | None = None,
    folder: str = "",
    **config: Any,
) -> None:
    """An adapter instead of the encoder, with a pair of matrices for each layer whose name ends so."""
    torch.manual_seed(1)
    tensors = {}
    for number in range(layers_of(directory)):
        for layer, (inputs, outputs) in ALL.items():
            end = next((end for end in ends if layer.endswith(end)), None)
            if end is None:
                continue
            rank = (ranks or {}).get(end, RANK)
            name = f"base_model.model.encoder.layer.{number}.{layer}"
            tensors[f"{name}.lora_A.weight"] = torch.randn(rank, inputs) / 8
            tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, rank) / 8
    base = {"peft_type": "LORA", "base_model_name_or_path": str(directory.source), "target_modules": list(ends)}
    directory.drop("config.json", "model.safetensors")
    directory.write(f"{folder}{CONFIG}", {**base, "r": RANK, "lora_alpha": 8, **config})
    save_file(tensors, directory.path / folder / WEIGHTS)


def adapter_row(
    name: str,
    *refused: str,
    change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None,
    **arguments: Any,
) -> None:
    """`change`: of the tensors."""

    @ROWS.add(f"adapter: {name}", *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        adapter(directory, **arguments)
        if change is not None:
            file = directory.path / WEIGHTS
            save_file(change(load_file(file)), file)


def renamed(old: str, new: str) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    return lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()}


def without(part: str) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name}


def only(part: str) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part in name}


adapter_row("as it is")
adapter_row("of all linear layers", ends=("query", "key", "value", "dense"), target_modules="all-linear")
adapter_row("rank-stabilised", use_rslora=True)
adapter_row("with ranks of its own", ranks={"query": 2}, rank_pattern={"query": 2}, alpha_pattern={"self.value": 3})
adapter_row("with ranks by whole names", alpha_pattern={"^encoder.layer.0.attention.self.query": 5, "key": 100})
adapter_row("of one layer", layers_to_transform=[0], layers_pattern="layer", change=only("layer.0."))
adapter_row("of a layer without pattern", layers_to_transform=0, change=only("layer.0."))
adapter_row("of a layer by patterns", layers_to_transform=[1], layers_pattern=["x", "layer"], change=only("layer.1."))
adapter_row("that leaves some out", ends=("query",), target_modules=["query", "value"], exclude_modules=["value"])
adapter_row("begun otherwise", init_lora_weights="gaussian")
adapter_row("named as a classifier's", change=renamed("base_model.model.", "base_model.model.roberta."))
adapter_row("named by no program", change=renamed("base_model.model.", ""))

adapter_row("of another kind", CONFIG, "peft_type", "IA3", peft_type="IA3")
adapter_row("with magnitudes", CONFIG, "use_dora", use_dora=True)
adapter_row("with biases", CONFIG, "'bias'", bias="lora_only")
adapter_row("with whole modules", CONFIG, "modules_to_save", modules_to_save=["pooler"])
adapter_row("begun by changes of the base", CONFIG, "init_lora_weights", "pissa", init_lora_weights="pissa")
adapter_row("of layers that a pattern names", CONFIG, "target_modules", target_modules=".*query|.*value")
adapter_row("ranked by an expression", CONFIG, "rank_pattern", rank_pattern={"(query|value)": 2})
adapter_row("with an unknown key", CONFIG, "lora_gamma", lora_gamma=2)
adapter_row("of a certain revision", CONFIG, "revision", revision="v2")
adapter_row("of layers that are not named", "value", "does not name", target_modules=["query"])
adapter_row("of layers that it lacks", "key", "no tensors", target_modules=["query", "value", "key"])
adapter_row("of half a pair", "lora_B", "self.query", change=without("layer.0.attention.self.query.lora_B"))
adapter_row("of another rank", WEIGHTS, "expected lora_A [2, 64]", r=2)
adapter_row("of embeddings", "lora_embedding_A", change=renamed("lora_A.weight", "lora_embedding_A"))
adapter_row("of another encoder", "encoder.block", change=renamed("encoder.layer", "encoder.block"))
adapter_row("whose base is nowhere", "base_model_name_or_path", "no/model", base_model_name_or_path="no/model")
adapter_row("whose base is no name", "base_model_name_or_path", "/no/model", base_model_name_or_path="/no/model")


@ROWS.add("adapter: beside the weights that it changes")
def _(directory: Directory) -> None:
    pipeline(directory)
    adapter(directory)
    directory.link("config.json", "model.safetensors")


@ROWS.add("adapter: without weights", WEIGHTS)
def _(directory: Directory) -> None:
    pipeline(directory)
    adapter(directory)
    directory.drop(WEIGHTS)


@ROWS.add("adapter: on an adapter", "an adapter itself")
def _(directory: Directory) -> None:
    pipeline(directory)
    adapter(directory, folder="below/")
    directory.link("config.json")
    adapter(directory, base_model_name_or_path=str(directory.path / "below"))


@ROWS.add("adapter: in 0_Transformer", f"0_Transformer/{CONFIG}", "merge_and_unload")
def _(directory: Directory) -> None:
    pipeline(directory)
    adapter(directory, folder="0_Transformer/")
    directory.drop(*TOKENIZER)
    directory.link(*TOKENIZER, into="0_Transformer")
    directory.write(f"0_Transformer/{SENTENCE}", {"max_seq_length": 20})
    directory.edit(MODULES, lambda entries: entries[0].update(path="0_Transformer"))


@ROWS.add("adapter: without modules.json")
def _(directory: Directory) -> None:
    directory.link("config.json", *TOKENIZER)
    adapter(directory)


@ROWS.add("adapter: saved by sentence-transformers")
def _(directory: Directory) -> None:
    from peft import LoraConfig
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(directory.source), device="cpu")
    model.add_adapter(LoraConfig(r=RANK, target_modules="all-linear", use_rslora=True))
    torch.manual_seed(2)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    saved = directory.path / "saved"
    model.save_pretrained(str(saved))
    for file in saved.iterdir():
        shutil.move(file, directory.path)
    saved.rmdir()


@ROWS.add("adapter: of a cross-encoder", CONFIG, "merge_and_unload", kind="reranker")
def _(directory: Directory) -> None:
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    adapter(directory)
