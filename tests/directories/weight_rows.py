"""Rows of the table of model directories: the formats of weights, and what lies in them."""

from collections.abc import Callable
from typing import Any

import torch
from directory import Directory
from safetensors.torch import load_file
from table import ROWS, dense, modules, pipeline

OLD = {"_use_new_zipfile_serialization": False}  # as torch before 1.6 saved


def dense_weights_row(name: str, **how: Any) -> None:
    @ROWS.add(name)
    def _(directory: Directory) -> None:
        pipeline(directory)
        modules(directory, root="Transformer", pool="Pooling", dense="Dense")
        dense(directory, "dense")
        weights = directory.path / "dense" / "model.safetensors"
        torch.save(load_file(weights), directory.path / "dense" / "pytorch_model.bin", **how)
        weights.unlink()


dense_weights_row("dense weights in pytorch_model.bin")
dense_weights_row("dense weights in pytorch_model.bin of old torch", **OLD)


def weights_row(
    name: str,
    change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]],
    saved: dict[str, Any] | None = None,
    refused: tuple[str, ...] = (),
) -> None:
    """`saved`: by torch.save with these options, instead of safetensors."""

    @ROWS.add(f"weights: {name}", *refused)
    def _(directory: Directory) -> None:
        pipeline(directory)
        file = directory.path / "model.safetensors"
        tensors = change(load_file(file.resolve()))
        file.unlink()
        if saved is not None:
            torch.save(tensors, directory.path / "pytorch_model.bin", **saved)
        else:
            directory.save("model.safetensors", tensors)


def old_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors.items()
    }


weights_row("TensorFlow's names of norms", old_names)
weights_row("float64", lambda tensors: {name: tensor.double() for name, tensor in tensors.items()})


def transposed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n: t.t().contiguous().t() if t.dim() == 2 else t for n, t in tensors.items()}


def sliced(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n: torch.cat([t, t])[: len(t)] for n, t in tensors.items()}


def tied(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Both layers are the first."""
    return {n: tensors[n.replace("layer.1.", "layer.0.")] for n in tensors}


def negated(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n: torch._neg_view(t) for n, t in tensors.items()}


weights_row("views", transposed, {})
weights_row("negated views", negated, {}, ("pytorch_model.bin", "negates"))
weights_row("slices", sliced, {})
weights_row("tied", tied, {})
weights_row("of old torch", dict, OLD)
weights_row("of old torch, float16", lambda tensors: {n: t.half() for n, t in tensors.items()}, OLD)
weights_row("of old torch, views", transposed, OLD)
weights_row("of old torch, slices", sliced, OLD)
weights_row("of old torch, tied", tied, OLD)
