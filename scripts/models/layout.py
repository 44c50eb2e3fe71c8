"""Files that model directories share: sentence-transformers' description of the pipeline, and the tokenizer."""

import json
import pathlib
import shutil

NANO_VOCABULARY = 933  # ids of nano_tokenizer.py, special tokens included; bert_tokenizer.py has no more
BERT_POSITIONS = 512
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def write_json(path: pathlib.Path, value: dict | list) -> None:
    """Writes `value` as transformers and sentence-transformers do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_pipeline(out: pathlib.Path, *, pooling: str, dimension: int, max_length: int) -> None:
    """modules.json, 1_Pooling/config.json and sentence_bert_config.json: encoder, pooling ("cls", "mean"), L2 norm."""
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    write_json(
        out / "modules.json",
        [
            {"idx": i, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (name, path, kind) in enumerate(modules)
        ],
    )
    write_json(
        out / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": dimension,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling == "mean",
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )
    write_json(out / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})


def copy_files(tokenizer: pathlib.Path, out: pathlib.Path) -> None:
    """The tokenizer files that bert_tokenizer.py made in `tokenizer`."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, out)


def copy_tokenizer(tokenizer: pathlib.Path, hub_name: str, out: pathlib.Path) -> None:
    """The tokenizer files of the Hub repository `hub_name`, as xlmr_tokenizer.py rebuilt them in `tokenizer`."""
    shutil.copy(tokenizer / "sentencepiece.bpe.model", out)
    for name in TOKENIZER_FILES:
        shutil.copy(tokenizer / "hub" / hub_name / name, out)
