"""Directories laid out as those of the repositories in docs/models_that_work.json: the files are theirs, as far as that
list tells; the encoder is small, and its weights are random."""

import json
import pathlib
import shutil
from typing import Any

import torch
import transformers
from directory import Directory
from prepared import ROOT, model_directory
from table import MODULES, POOLING, SENTENCE, STATED, WIDTH, dense

NAMED = json.loads((ROOT / "docs" / "models_that_work.json").read_text("utf-8"))
LAYERS, HEADS, INNER = 2, 4, 2 * WIDTH
SPREAD = 1.5  # of what the attention looks at: with the weights that training begins with, it would look at nothing
CONFIG = "tokenizer_config.json"
POOLINGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
IDENTITY = "torch.nn.modules.linear.Identity"

Row = dict[str, Any]


class Parts:
    """What the directories share, made once: tokenizers, and encoders of one shape."""

    def __init__(self, root: pathlib.Path):
        self._root = root

    def tokenizer(self, row: Row) -> pathlib.Path:
        """A folder with the files of its tokenizer."""
        name = f"{row['tokenizer']}{'-cased' * row.get('cased', False)}-{row['max_length']}"
        return self._once(name, lambda out: write_tokenizer(row, out))

    def encoder(self, row: Row, is_reranker: bool) -> pathlib.Path:
        """A folder with config.json and the weights."""
        shape = (row["encoder"], vocabulary_size(self.tokenizer(row)), positions(row), is_reranker, row.get("config"))
        return self._once(str(shape).replace("/", "-"), lambda out: write_encoder(*shape, out))

    def _once(self, name: str, write: Any) -> pathlib.Path:
        out = self._root / name
        if not out.exists():
            out.mkdir(parents=True)
            write(out)
        return out


def positions(row: Row) -> int:
    """Rows of the table of positions, of which RoBERTa's kinds use all but two."""
    rows = max(512, row["max_length"])
    return rows if row["encoder"] in ("bert", "distilbert") else rows + 2


def vocabulary_size(tokenizer: pathlib.Path) -> int:
    return len(json.loads((tokenizer / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])


def write_json(file: pathlib.Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False), "utf-8")


def write_tokenizer(row: Row, out: pathlib.Path) -> None:
    if row["pieces"] == "Unigram":
        write_unigram(row, out)
    elif row["pieces"] == "WordPiece":
        write_word_piece(row, out)
    else:
        for file in model_directory("roberta-tokenizer").iterdir():
            shutil.copy(file, out)
    config = json.loads((out / CONFIG).read_text("utf-8"))
    # A sentence_bert_config.json that says less counts; the tokenizer's own file says what there are positions for.
    write_json(out / CONFIG, config | {"model_max_length": max(512, row["max_length"])})


def write_unigram(row: Row, out: pathlib.Path) -> None:
    source = model_directory("nano-tokenizer")
    for file in [source / "sentencepiece.bpe.model", *(source / "hub" / "bge-m3").iterdir()]:
        shutil.copy(file, out)
    if row["tokenizer"] == "PreTrainedTokenizerFast":
        # With keys of BERT's tokenizer, which this class does not look at.
        config = json.loads((out / CONFIG).read_text("utf-8")) | {"tokenizer_class": row["tokenizer"]}
        write_json(
            out / CONFIG, config | {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None}
        )


def write_word_piece(row: Row, out: pathlib.Path) -> None:
    """vocab.txt and tokenizer.json, and tokenizer_config.json with the keys of that time."""
    vocabulary = json.loads((model_directory("bert-tokenizer") / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    if row["tokenizer"] == "MPNetTokenizer":
        pieces = ["<s>", "<pad>", "</s>", "<unk>", *pieces, "<mask>"]
    (out / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), "utf-8")
    is_uncased = not row.get("cased", False)
    tokenizer_class = getattr(transformers, row["tokenizer"])
    made = tokenizer_class(vocab={piece: i for i, piece in enumerate(pieces)}, do_lower_case=is_uncased)
    made.save_pretrained(out)
    tokens = {name: str(token) for name, token in made.special_tokens_map.items()}
    write_json(out / "special_tokens_map.json", tokens)
    options = {"do_lower_case": is_uncased, "strip_accents": None, "tokenize_chinese_chars": True}
    older = {"do_basic_tokenize": True, "never_split": None} if "<s>" not in pieces else {}
    write_json(out / CONFIG, tokens | options | older | {"tokenizer_class": row["tokenizer"]})


@torch.no_grad()
def write_encoder(
    encoder: str, vocabulary: int, rows: int, is_reranker: bool, values: dict[str, Any] | None, out: pathlib.Path
) -> None:
    sizes = {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
    }
    if encoder == "distilbert":
        sizes = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": INNER}
    elif encoder in ("xlm-roberta", "roberta"):
        sizes |= {"layer_norm_eps": 1e-5, "type_vocab_size": 1}
    sizes |= {"vocab_size": vocabulary, "max_position_embeddings": rows}
    config = transformers.AutoConfig.for_model(encoder, **sizes | (values or {}))
    if is_reranker:
        config.num_labels = 1
    of = transformers.AutoModelForSequenceClassification if is_reranker else transformers.AutoModel
    torch.manual_seed(5)
    model = of.from_config(config)
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() == 2 and "embedding" not in name
        parameter.normal_(
            float("norm.weight" in name.lower()), SPREAD / parameter.shape[1] ** 0.5 if is_matrix else 0.3
        )
    model.eval().save_pretrained(out)


def embedder(row: Row, parts: Parts, path: pathlib.Path) -> pathlib.Path:
    """The directory of an embedder, with modules.json and what it names."""
    directory = Directory(path, parts.tokenizer(row))
    link_all(directory, parts, row, is_reranker=False)
    write_modules(directory, row)
    if "stated_by" not in row:
        directory.write(SENTENCE, {"max_seq_length": row["max_length"], "do_lower_case": row.get("lowercase", False)})
    version = {"__version__": {"sentence_transformers": "2.7.0", "transformers": "4.39.3", "pytorch": "2.1.0"}}
    directory.write(STATED, version | ({"prompts": row["prompts"]} if "prompts" in row else {}))
    if row.get("heads"):
        directory.link("sparse_linear.pt", "colbert_linear.pt", source=model_directory("nano"))
    return path


def link_all(directory: Directory, parts: Parts, row: Row, *, is_reranker: bool) -> None:
    for source in (parts.tokenizer(row), parts.encoder(row, is_reranker)):
        directory.link(*(file.name for file in source.iterdir()), source=source)


def write_modules(directory: Directory, row: Row) -> None:
    kinds = ["Transformer", "Pooling", *["Dense"] * ("dense" in row), *["Normalize"] * row["normalize"]]
    paths = ["" if i == 0 else f"{i}_{kind}" for i, kind in enumerate(kinds)]
    directory.write(
        MODULES,
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(zip(paths, kinds))
        ],
    )
    modes = {f"pooling_mode_{mode}": mode.startswith(row["pooling"] + "_tok") for mode in POOLINGS}
    directory.write(POOLING, {"word_embedding_dimension": WIDTH, **modes})
    if "dense" in row:
        activation = f"torch.nn.modules.activation.{row['dense']['activation']}"
        sizes = (WIDTH, row["dense"]["out_features"])
        dense(directory, "2_Dense", sizes, bias=True, activation_function=activation)


def cross_encoder(row: Row, parts: Parts, path: pathlib.Path) -> pathlib.Path:
    """The directory of a cross-encoder; what it makes of its logit is in config.json, or the Sigmoid that is usual."""
    directory = Directory(path, parts.tokenizer(row))
    link_all(directory, parts, row, is_reranker=True)
    if row["activation"] == "Identity":
        directory.edit("config.json", sbert_ce_default_activation_function=IDENTITY)
    return path
