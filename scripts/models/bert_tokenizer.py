"""Makes the files of a BertTokenizer, uncased, out of the pieces of nano_tokenizer.py, for tests of cross-encoders.

    python scripts/models/bert_tokenizer.py OUT --tokenizer models/nano-tokenizer

Every printable ASCII character is a piece, at the beginning of a word and within one; what is missing becomes [UNK].
"""

import argparse
import json
import pathlib
import string

import layout
from nano_tokenizer import HUB

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORD_MARK = "▁"


def vocabulary(tokenizer: pathlib.Path) -> list[str]:
    """All pieces in order, as many as the models named nano have rows for."""
    found = dict.fromkeys(SPECIAL)
    for character in string.printable.strip().lower():
        found |= {character: None, "##" + character: None}
    description = json.loads((tokenizer / HUB / "tokenizer.json").read_text("utf-8"))
    for piece, _ in description["model"]["vocab"]:
        text = piece.removeprefix(WORD_MARK)
        if text.isalpha() and text.isascii():
            found[("" if piece.startswith(WORD_MARK) else "##") + text.lower()] = None
    return list(found)[: layout.NANO_VOCABULARY]


def make(out: pathlib.Path, tokenizer: pathlib.Path) -> None:
    """Writes the files under `out`; `tokenizer` is what nano_tokenizer.py made."""
    from transformers import BertTokenizer

    pieces = vocabulary(tokenizer)
    made = BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, model_max_length=layout.BERT_POSITIONS)
    made.save_pretrained(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by nano_tokenizer.py")
    make(**vars(parser.parse_args()))
