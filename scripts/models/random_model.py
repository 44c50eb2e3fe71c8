"""Makes a random model in the directory layout of BAAI/bge-m3, for tests: XLM-R, both heads, tokenizer.

    python scripts/models/random_model.py OUT --size tiny --tokenizer models/xlm-r-tokenizer

Positions are the real ones, so every text of up to 8192 tokens works; vocabulary and tokenizer as well, but for the
sizes nano and wide, which take those of nano_tokenizer.py. Weights are drawn so
that signals neither fade nor explode and attention looks at content and position: a model initialised as for training
has almost uniform attention, and many mistakes would not show. FlagEmbedding and transformers load the directory.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import pathlib
from typing import TYPE_CHECKING

import layout
import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, XLMRobertaConfig, XLMRobertaModel

XLMR_VOCABULARY = 250002
SMALL = {"num_hidden_layers": 3, "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 256}
LARGE = {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096}
SIZES = {
    "tiny": SMALL | {"vocab_size": XLMR_VOCABULARY},
    "full": LARGE | {"vocab_size": XLMR_VOCABULARY},
    "nano": SMALL | {"vocab_size": layout.NANO_VOCABULARY},
    "wide": LARGE | {"num_hidden_layers": 3, "vocab_size": layout.NANO_VOCABULARY},
}
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
MAX_LENGTH = 8192
# Standard deviation of a parameter by a part of its name, first match; FAN_SPREAD's are divided by sqrt(inputs). Sharp
# attention and weak branches beside the residual: otherwise the tokens of a text grow alike within a few layers.
SPREAD = {"token_type_embeddings": 0.1, "embeddings.weight": 0.5}
FAN_SPREAD = {
    "query": 1.8,
    "key": 1.8,
    "value": 1.0,
    "attention.output.dense": 0.3,
    "intermediate.dense": 1.0,
    "output.dense": 0.4,
}
VECTOR_SPREAD = 0.05  # biases and norms


def config(size: str) -> XLMRobertaConfig:
    """XLM-R with bge-m3's positions."""
    from transformers import XLMRobertaConfig

    return XLMRobertaConfig(
        **SIZES[size],
        max_position_embeddings=MAX_LENGTH + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )


def spread(name: str, inputs: int) -> float:
    """Standard deviation of the matrix `name` whose rows have `inputs` values."""
    for part, value in SPREAD.items():
        if part in name:
            return value
    return next((value for part, value in FAN_SPREAD.items() if part in name), 1.0) / math.sqrt(inputs)


def draw(parameter: torch.Tensor, name: str, generator: torch.Generator) -> None:
    """Fills one parameter in place; `name` says what it is for."""
    if parameter.dim() == 2:
        parameter.normal_(0, spread(name, parameter.shape[1]), generator=generator)
    else:
        parameter.normal_(float(name.endswith("LayerNorm.weight")), VECTOR_SPREAD, generator=generator)


@torch.no_grad()
def random_encoder(size: str, seed: int) -> XLMRobertaModel:
    """A float32 encoder; equal sizes and seeds give equal weights."""
    from transformers import XLMRobertaModel

    with torch.device("meta"):
        model = XLMRobertaModel(config(size))
    return draw_encoder(model, seed)


@torch.no_grad()
def draw_encoder(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Fills an encoder of the meta device that has BERT's modules."""
    model.to_empty(device="cpu")
    model.embeddings.position_ids.copy_(torch.arange(model.config.max_position_embeddings).unsqueeze(0))
    model.embeddings.token_type_ids.zero_()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        draw(parameter, name, generator)
    return model.eval()


@torch.no_grad()
def random_head(rows: int, width: int, bias: float, seed: int) -> torch.nn.Linear:
    """A linear layer [rows, width] over the encoder's output."""
    head = torch.nn.Linear(width, rows)
    generator = torch.Generator().manual_seed(seed)
    head.weight.normal_(0, 1 / math.sqrt(width), generator=generator)
    head.bias.fill_(bias)
    return head


def save_encoder(model: XLMRobertaModel, out: pathlib.Path, file_format: str, shards: int) -> None:
    """config.json and the weights, as `shards` or more files plus an index when `shards` is above 1."""
    if file_format == "safetensors":
        total = sum(p.numel() * p.element_size() for p in model.parameters())
        model.save_pretrained(out, max_shard_size=math.ceil(total / shards))
        return
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(out)
    # transformers before 4.31 stored this buffer; checkpoints with it are still around, so readers must skip it.
    state = model.state_dict() | {"embeddings.position_ids": model.embeddings.position_ids}
    save_bin(state, out, shards)


def save_bin(state: dict[str, torch.Tensor], out: pathlib.Path, shards: int) -> None:
    """pytorch_model.bin, or numbered shards with pytorch_model.bin.index.json."""
    if shards == 1:
        torch.save(state, out / "pytorch_model.bin")
        return
    names = list(state)
    files = [f"pytorch_model-{i + 1:05}-of-{shards:05}.bin" for i in range(shards)]
    for i, file in enumerate(files):
        torch.save({name: state[name] for name in names[i::shards]}, out / file)
    size = sum(t.numel() * t.element_size() for t in state.values())
    weight_map = {name: files[i % shards] for i, name in enumerate(names)}
    layout.write_json(
        out / "pytorch_model.bin.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map}
    )


def make(
    out: pathlib.Path,
    tokenizer: pathlib.Path,
    size: str = "tiny",
    file_format: str = "safetensors",
    dtype: str = "f32",
    shards: int = 1,
    seed: int = 20240101,
) -> None:
    """Writes the model directory `out`; `tokenizer` is what xlmr_tokenizer.py or nano_tokenizer.py made."""
    out.mkdir(parents=True, exist_ok=True)
    width = SIZES[size]["hidden_size"]
    if importlib.util.find_spec("transformers") is None:
        import plain_encoder

        plain_encoder.save(size, seed, out, file_format, DTYPES[dtype], shards)
    else:
        save_encoder(random_encoder(size, seed).to(DTYPES[dtype]), out, file_format, shards)
    # A small positive bias: most tokens get a weight, as in the real model, and some are cut off by the ReLU.
    sparse = random_head(1, width, 0.5, seed + 1).to(DTYPES[dtype])
    colbert = random_head(width, width, 0.0, seed + 2).to(DTYPES[dtype])
    torch.save(sparse.state_dict(), out / "sparse_linear.pt")
    torch.save(colbert.state_dict(), out / "colbert_linear.pt")
    layout.write_pipeline(out, pooling="cls", dimension=width, max_length=MAX_LENGTH)
    layout.copy_tokenizer(tokenizer, "bge-m3", out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by xlmr_tokenizer.py")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--format", choices=("safetensors", "bin"), default="safetensors", dest="file_format")
    parser.add_argument("--dtype", choices=DTYPES, default="f32")
    parser.add_argument("--shards", type=int, default=1, help="files to split the weights into, at least")
    parser.add_argument("--seed", type=int, default=20240101)
    make(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
