"""A byte-level tokenizer that hides nothing: its merges reach across words, so that ids tell where words are split."""

import functools
import itertools
import json

import tokenizer_texts as texts
from token_ids import MODELS, golden_texts, unlimited
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

PIECES = 12_000


def byte_level(prefix: bool, regex: bool = True) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


# The second and third regular expression of Split, before a ByteLevel that has none.
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
OTHERS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    name: rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}|{OTHERS}"
    for name, digits in (("cl100k", r"\p{N}{1,3}"), ("qwen", r"\p{N}"))
}


def split(pattern: str) -> dict:
    """Those steps, for a name of PATTERNS."""
    step = {"type": "Split", "pattern": {"Regex": PATTERNS[pattern]}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [step, byte_level(prefix=False, regex=False)]}


def pairs_of_kinds() -> list[str]:
    """A space, a letter, a number and the like beside each other, in all orders."""
    kinds = [
        "a",
        "é",
        "中",
        "7",
        "٣",
        "!",
        "'",
        " ",
        "  ",
        "\n",
        "\r",
        "\u3000",
        "\xa0",
        "s",
        "lL",
        "\u017f",
        "e\u0301",
    ]
    return ["".join(each) for each in itertools.product(kinds, repeat=3)]


@functools.cache
def description() -> dict:
    """tokenizer.json of RobertaTokenizer, trained on texts that are not split."""
    content = json.loads((MODELS / "roberta-tokenizer" / "tokenizer.json").read_text("utf-8"))
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        special_tokens=texts.SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=16,
        show_progress=False,
    )
    parts = [text[at : at + 80] for text in golden_texts()[::3] for at in range(0, len(text), 80)]
    trained.train_from_iterator([*parts, *pairs_of_kinds() * 3], trainer)
    model = json.loads(trained.to_str())["model"]
    content["model"] |= {"vocab": model["vocab"], "merges": model["merges"]}
    for token in content["added_tokens"]:
        token["id"] = model["vocab"][token["content"]]
    ids = {name: model["vocab"][name] for name in ("<s>", "</s>")}
    content["post_processor"] |= {"cls": ["<s>", ids["<s>"]], "sep": ["</s>", ids["</s>"]]}
    return content


def written(pre_tokenizer: dict, trim: bool = True, prefix: bool = False) -> tuple[str, Tokenizer]:
    """tokenizer.json with that pre-tokenizer, and a post-processor of these flags; the tokenizer that it describes."""
    content = description()
    processing = content["post_processor"] | {"trim_offsets": trim, "add_prefix_space": prefix}
    text = json.dumps(content | {"pre_tokenizer": pre_tokenizer, "post_processor": processing})
    return text, unlimited(Tokenizer.from_str(text))
