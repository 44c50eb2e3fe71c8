"""Makes a random model of a family of BERT's kind, for tests: small, mean pooling, 512 tokens.

    python scripts/models/random_family.py OUT --family mpnet --tokenizer models/nano-tokenizer

transformers and sentence-transformers load the directory. RoBERTa and CamemBERT have a tokenizer of their class, the
others that of XLM-RoBERTa: what their tokens are is no part of the encoder. Weights are drawn as in random_model.py.
"""

import argparse
import pathlib
import shutil

import layout
import torch
from random_model import SIZES, draw
from roberta_tokenizer import PIECES

MAX_LENGTH = 512
SIZE = SIZES["nano"]
# Rows of the position embedding, and what differs from the defaults of the family's configuration.
FAMILIES = {
    "distilbert": {"max_position_embeddings": MAX_LENGTH, "hidden_dim": SIZE["intermediate_size"]},
    "roberta": {
        "max_position_embeddings": MAX_LENGTH + 2,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "vocab_size": PIECES,
    },
    "camembert": {
        "max_position_embeddings": MAX_LENGTH + 2,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "vocab_size": layout.NANO_VOCABULARY + 3,  # its class has special pieces of its own
    },
    "mpnet": {"max_position_embeddings": MAX_LENGTH + 2, "layer_norm_eps": 1e-5},
}
# What BERT calls a parameter: random_model.py draws by these names.
NAMES_OF_BERT = {
    "q_lin": "query",
    "k_lin": "key",
    "v_lin": "value",
    "out_lin": "attention.output.dense",
    "lin1": "intermediate.dense",
    "lin2": "output.dense",
    "sa_layer_norm": "LayerNorm",
    "output_layer_norm": "LayerNorm",
    "attn.q": "query",
    "attn.k": "key",
    "attn.v": "value",
    "attn.o": "attention.output.dense",
}
BIAS_SPREAD = 1.5  # beside scores that are as far apart


def name_of_bert(name: str) -> str:
    """The name of a parameter with the part that BERT has for it."""
    module, _, kind = name.rpartition(".")
    for theirs, of_bert in NAMES_OF_BERT.items():
        if module.endswith(theirs):
            return f"{of_bert}.{kind}"
    return name


@torch.no_grad()
def random_encoder(family: str, seed: int) -> torch.nn.Module:
    """A float32 encoder; equal families and seeds give equal weights."""
    from transformers import AutoConfig, AutoModel

    settings = SIZE | FAMILIES[family]
    if "hidden_dim" in settings:
        del settings["intermediate_size"]  # it would be written, and stay without effect
    model = AutoModel.from_config(AutoConfig.for_model(family, **settings))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "relative_attention_bias" in name:
            parameter.normal_(0, BIAS_SPREAD, generator=generator)
        else:
            draw(parameter, name_of_bert(name), generator)
    return model.eval()


def write_tokenizer(tokenizer: pathlib.Path, family: str, out: pathlib.Path) -> None:
    if family == "roberta":
        layout.copy_files(tokenizer, out)
    elif family == "camembert":
        from transformers import CamembertTokenizer

        shutil.copy(tokenizer / "sentencepiece.bpe.model", out)
        CamembertTokenizer.from_pretrained(out, model_max_length=MAX_LENGTH).save_pretrained(out)
    else:
        layout.copy_tokenizer(tokenizer, "bge-m3", out)


def make(out: pathlib.Path, tokenizer: pathlib.Path, family: str, seed: int = 20240121) -> None:
    """Writes the model directory `out`; `tokenizer` is what nano_tokenizer.py made, or roberta_tokenizer.py."""
    out.mkdir(parents=True, exist_ok=True)
    random_encoder(family, seed).save_pretrained(out)
    layout.write_pipeline(out, pooling="mean", dimension=SIZE["hidden_size"], max_length=MAX_LENGTH)
    write_tokenizer(tokenizer, family, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made for the family")
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--seed", type=int, default=20240121)
    make(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
