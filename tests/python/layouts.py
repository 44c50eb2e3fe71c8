"""Small model directories laid out as those of known families; weights are random."""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

WIDTH = 64
TOKENIZER = ("sentencepiece.bpe.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def write_json(file: pathlib.Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))


def link(source: pathlib.Path, out: pathlib.Path, names: Iterable[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        (out / name).symlink_to(source.resolve() / name)


def pipeline(
    out: pathlib.Path, pooling: str, *, normalize: bool, max_seq_length: int = 128, stated: dict[str, Any] | None = None
) -> pathlib.Path:
    """What sentence-transformers reads; `stated` is config_sentence_transformers.json. Gives `out`."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling"} | ({"2_Normalize": "Normalize"} if normalize else {})
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    write_json(out / "modules.json", modules)
    modes = {f"pooling_mode_{mode}_tokens": mode == pooling for mode in ("mean", "max")}
    modes |= {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": pooling == "cls"}
    write_json(out / "1_Pooling" / "config.json", modes)
    write_json(out / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})
    if stated is not None:
        write_json(out / "config_sentence_transformers.json", stated)
    return out


def xlm_roberta(source: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Encoder and tokenizer of `source` and nothing else."""
    link(source, out, ("config.json", "model.safetensors", *TOKENIZER))
    return out


def masked_language_model(source: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """The same encoder as an XLMRobertaForMaskedLM checkpoint: names with `roberta.`, a head, no pooler."""
    link(source, out, TOKENIZER)
    encoder = {name: value for name, value in load_file(source / "model.safetensors").items() if "pooler" not in name}
    tensors = {f"roberta.{name}": value for name, value in encoder.items()}
    config = json.loads((source / "config.json").read_text())
    tensors |= {"lm_head.bias": torch.zeros(config["vocab_size"]), "lm_head.dense.weight": torch.randn(WIDTH, WIDTH)}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    write_json(out / "config.json", config | {"architectures": ["XLMRobertaForMaskedLM"]})
    return out


def bert(source: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """BERT with a pooler and the vocabulary of `source`, which has fewer entries than the word embedding has rows."""
    torch.manual_seed(11)
    entries = json.loads((source / "config.json").read_text())["vocab_size"]
    config = BertConfig(
        vocab_size=entries + 35,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * WIDTH,
        initializer_range=0.2,
        tokenizer_class="XLMRobertaTokenizer",
    )
    BertModel(config).save_pretrained(out)
    link(source, out, TOKENIZER)
    return out
