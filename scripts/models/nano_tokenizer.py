"""Cuts XLM-RoBERTa's vocabulary to some 900 pieces, for tests that are not about tokens: it loads in no time.

    python scripts/models/nano_tokenizer.py OUT --tokenizer models/xlm-r-tokenizer

The files are laid out as xlmr_tokenizer.py's, as far as bge-m3 goes. Rules, scores and the order of ids are the real
ones: the most frequent pieces come first, and every ASCII character is among them; what is missing becomes <unk>.
"""

import argparse
import json
import pathlib
import shutil

import layout
import xlmr_tokenizer
from sentencepiece import sentencepiece_model_pb2 as model_pb2

FIRST = 900
HUB = pathlib.Path("hub", "bge-m3")


def is_kept(index: int, piece: str) -> bool:
    return index < FIRST or (len(piece) == 1 and piece.isascii()) or piece == "<mask>"


def make(out: pathlib.Path, tokenizer: pathlib.Path) -> None:
    """Writes the files under `out`; `tokenizer` is what xlmr_tokenizer.py made."""
    (out / HUB).mkdir(parents=True)
    description = json.loads((tokenizer / HUB / "tokenizer.json").read_text("utf-8"))
    vocabulary = [entry for index, entry in enumerate(description["model"]["vocab"]) if is_kept(index, entry[0])]
    if len(vocabulary) != layout.NANO_VOCABULARY:
        raise SystemExit(f"{len(vocabulary)} pieces are kept, expected {layout.NANO_VOCABULARY}")
    description["model"]["vocab"] = vocabulary
    for token in description["added_tokens"]:
        token["id"] = [piece for piece, _ in vocabulary].index(token["content"])
    (out / HUB / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(tokenizer / HUB / name, out / HUB)
    whole = model_pb2.ModelProto.FromString((tokenizer / "sentencepiece.bpe.model").read_bytes())
    pieces, scores = zip(*vocabulary)
    rules = whole.normalizer_spec.precompiled_charsmap
    (out / "sentencepiece.bpe.model").write_bytes(xlmr_tokenizer.sentencepiece_model([*pieces], [*scores], rules))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="directory made by xlmr_tokenizer.py")
    make(**vars(parser.parse_args()))
