"""Makes a random cross-encoder, for tests: in the directory layout of BAAI/bge-reranker-v2-m3, XLM-R with one label, or
of BERT, whose pairs have two token types.

    python scripts/models/random_reranker.py OUT --size tiny --tokenizer models/xlm-r-tokenizer

FlagEmbedding, sentence-transformers and transformers load the directory.
"""

import argparse
import pathlib

import layout
import torch
from random_model import SIZES, config, draw, draw_encoder, random_encoder
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel, XLMRobertaForSequenceClassification

# Widens the logits, so that the pairs of a test lie well apart; with the default seed on both sides of zero.
LOGIT_SPREAD = 4.0


@torch.no_grad()
def random_bert(size: str, seed: int) -> BertForSequenceClassification:
    """random_reranker(), of BERT."""
    settings = BertConfig(**SIZES[size], max_position_embeddings=layout.BERT_POSITIONS, type_vocab_size=2, num_labels=1)
    with torch.device("meta"):
        model = BertForSequenceClassification(settings)
    draw_encoder(model.bert, seed)
    model.classifier.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed + 1)
    for name, parameter in model.classifier.named_parameters():
        draw(parameter, name, generator)
    model.classifier.weight.mul_(LOGIT_SPREAD)
    return model.eval()


@torch.no_grad()
def random_reranker(size: str, seed: int) -> XLMRobertaForSequenceClassification:
    """A float32 cross-encoder; equal sizes and seeds give equal weights."""
    settings = config(size)
    settings.num_labels = 1
    with torch.device("meta"):
        model = XLMRobertaForSequenceClassification(settings)
    model.roberta = random_encoder(size, seed)
    model.roberta.pooler = None  # the classification head takes its place
    model.classifier.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed + 1)
    for name, parameter in model.classifier.named_parameters():
        draw(parameter, name, generator)
    model.classifier.out_proj.weight.mul_(LOGIT_SPREAD)
    return model.eval()


def make(
    out: pathlib.Path, tokenizer: pathlib.Path, size: str = "tiny", family: str = "xlm-roberta", seed: int = 20240111
) -> None:
    """Writes the model directory `out`; `tokenizer` is what xlmr_tokenizer.py made, of BERT bert_tokenizer.py."""
    out.mkdir(parents=True, exist_ok=True)
    model: PreTrainedModel = random_bert(size, seed) if family == "bert" else random_reranker(size, seed)
    model.save_pretrained(out)
    if family == "bert":
        layout.copy_files(tokenizer, out)
    else:
        layout.copy_tokenizer(tokenizer, "bge-m3", out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by xlmr_tokenizer.py")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--family", choices=("xlm-roberta", "bert"), default="xlm-roberta")
    parser.add_argument("--seed", type=int, default=20240111)
    make(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
