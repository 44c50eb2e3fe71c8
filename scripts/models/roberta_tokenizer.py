"""Makes the files of a RobertaTokenizer, for tests: byte-level BPE, trained on the pieces of XLM-RoBERTa's vocabulary.

    python scripts/models/roberta_tokenizer.py OUT --tokenizer models/xlm-r-tokenizer

Its merges are of all languages; so are they across spaces and within characters of several bytes.
"""

import argparse
import json
import pathlib
from collections.abc import Iterator

from nano_tokenizer import HUB

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PIECES = 8_000
POSITIONS = 512


def lines(tokenizer: pathlib.Path) -> Iterator[str]:
    description = json.loads((tokenizer / HUB / "tokenizer.json").read_text("utf-8"))
    pieces = [piece.replace("▁", " ") for piece, _ in description["model"]["vocab"]]
    return ("".join(pieces[i : i + 40]) for i in range(0, len(pieces), 40))


def make(out: pathlib.Path, tokenizer: pathlib.Path, size: int = PIECES) -> None:
    """Writes the files under `out`; `tokenizer` is what xlmr_tokenizer.py or nano_tokenizer.py made."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import RobertaTokenizer

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(lines(tokenizer), trainer)
    model = json.loads(backend.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    made = RobertaTokenizer(vocab=model["vocab"], merges=merges, model_max_length=POSITIONS)
    made.save_pretrained(out)
    backend.model.save(str(out))  # vocab.json and merges.txt, which older repositories have


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by xlmr_tokenizer.py")
    parser.add_argument("--size", type=int, default=PIECES, help="pieces")
    make(**vars(parser.parse_args()))
