"""Small models under the names that programs ask for, in a Hugging Face cache of their own.

Weights are those of models/, rounded to what float16 can hold: with `use_fp16=True`, which some programs have written in,
FlagEmbedding rounds them on the CPU too, and then computes in float32 as bgem3 does. So results can be compared to 1e-6
either way.
"""

import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file

COMMIT = "f" * 40
HEAD = "classifier.out_proj.weight"
HEAD_SEED = 5  # for which a random cross-encoder passes FlagEmbedding's test that Paris is the capital of France
# Logits within about 1. Those of models/tiny-reranker are wider, and FlagEmbedding's own error there, of float32 against
# float64, is 2e-6.
HEAD_SCALE = 1 / 8
# Name on the Hub: directory below models/, and the pooling that FlagEmbedding has for that name.
MODELS = {
    "BAAI/bge-m3": ("tiny", "cls"),
    "BAAI/bge-base-en-v1.5": ("e5-small", "cls"),
    "BAAI/bge-small-en-v1.5": ("e5-small", "cls"),
    "intfloat/multilingual-e5-small": ("e5-small", "mean"),
    "BAAI/bge-reranker-base": ("tiny-reranker", None),
    "BAAI/bge-reranker-large": ("tiny-reranker", None),
    "BAAI/bge-reranker-v2-m3": ("tiny-reranker", None),
}


def make_cache(home: pathlib.Path, models: pathlib.Path) -> None:
    """Writes HF_HOME. Names of one model share its files."""
    made: dict[tuple[str, str | None], pathlib.Path] = {}
    for name, kind in MODELS.items():
        repository = home / "hub" / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / COMMIT
        snapshot.parent.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
        if kind in made:
            snapshot.symlink_to(made[kind], target_is_directory=True)
        else:
            made[kind] = _copy(models / kind[0], snapshot, kind[1])


def _copy(model: pathlib.Path, out: pathlib.Path, pooling: str | None) -> pathlib.Path:
    shutil.copytree(model, out)
    _rewrite_weights(out)
    if pooling is not None:
        _state_pooling(out / "1_Pooling" / "config.json", pooling)
    return out


def _rounded(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half().to(tensor.dtype) if tensor.is_floating_point() else tensor


def _drawn(shape: torch.Size) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(HEAD_SEED)) * HEAD_SCALE


def _rewrite_weights(directory: pathlib.Path) -> None:
    file = directory / "model.safetensors"
    weights = load_file(file)
    if HEAD in weights:
        weights[HEAD] = _drawn(weights[HEAD].shape)
    save_file({name: _rounded(value) for name, value in weights.items()}, file, {"format": "pt"})
    for head in directory.glob("*_linear.pt"):
        torch.save({name: _rounded(value) for name, value in torch.load(head).items()}, head)


def _state_pooling(file: pathlib.Path, pooling: str) -> None:
    stated = json.loads(file.read_text())
    stated.update({f"pooling_mode_{mode}": mode.startswith(pooling) for mode in ("cls_token", "mean_tokens")})
    file.write_text(json.dumps(stated))
