"""The encoder of random_model.py without transformers, for machines that have torch alone: same names, same numbers."""

import json
import pathlib
import sys

import layout
import random_model
import torch


def parameter_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter by its name, in the order of transformers' XLMRobertaModel.named_parameters()."""
    sizes = random_model.SIZES[size]
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {}

    def add_linear(name: str, rows: int, columns: int) -> None:
        shapes[f"{name}.weight"] = (rows, columns)
        shapes[f"{name}.bias"] = (rows,)

    def add_norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)

    shapes["embeddings.word_embeddings.weight"] = (sizes["vocab_size"], width)
    shapes["embeddings.token_type_embeddings.weight"] = (1, width)
    add_norm("embeddings.LayerNorm")
    shapes["embeddings.position_embeddings.weight"] = (random_model.MAX_LENGTH + 2, width)
    for layer in range(sizes["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            add_linear(f"{prefix}.attention.self.{name}", width, width)
        add_linear(f"{prefix}.attention.output.dense", width, width)
        add_norm(f"{prefix}.attention.output.LayerNorm")
        add_linear(f"{prefix}.intermediate.dense", inner, width)
        add_linear(f"{prefix}.output.dense", width, inner)
        add_norm(f"{prefix}.output.LayerNorm")
    add_linear("pooler.dense", width, width)
    return shapes


def draw(size: str, seed: int) -> dict[str, torch.Tensor]:
    """All parameters, float32."""
    generator = torch.Generator().manual_seed(seed)
    state = {name: torch.empty(shape) for name, shape in parameter_shapes(size).items()}
    for name, parameter in state.items():
        random_model.draw(parameter, name, generator)
    return state


def save_safetensors(state: dict[str, torch.Tensor], file: pathlib.Path) -> None:
    """One file: length of the header, header, numbers one after the other."""
    dtypes = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    header, end = {}, 0
    for name, tensor in state.items():
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": dtypes[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    assert sys.byteorder == "little"
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for tensor in state.values():
            out.write(tensor.contiguous().view(torch.uint8).numpy().data)


def save(size: str, seed: int, out: pathlib.Path, file_format: str, dtype: torch.dtype, shards: int) -> None:
    """config.json, as far as readers need it, and the weights: model.safetensors, or pytorch_model.bin (several files in any case)."""
    config = {
        **random_model.SIZES[size],
        "architectures": ["XLMRobertaModel"],
        "model_type": "xlm-roberta",
        "hidden_act": "gelu",
        "max_position_embeddings": random_model.MAX_LENGTH + 2,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-05,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    layout.write_json(out / "config.json", config)
    state = {name: parameter.to(dtype) for name, parameter in draw(size, seed).items()}
    if file_format == "safetensors" and shards == 1:
        save_safetensors(state, out / "model.safetensors")
    else:
        random_model.save_bin(state, out, shards)
