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


def pairs_of_kinds() -> list[str]:
    """A space, a letter, a number and the like beside each other, in all orders."""
    kinds = ["a", "é", "中", "7", "٣", "!", "'", " ", "  ", "\n", "\u3000", "\xa0", "s", "ll", "e\u0301"]
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


def written(prefix: bool, regex: bool, trim: bool = True) -> tuple[str, Tokenizer]:
    """tokenizer.json with these options, and the tokenizer that it describes."""
    content = description()
    processing = content["post_processor"] | {"trim_offsets": trim, "add_prefix_space": prefix}
    text = json.dumps(content | {"pre_tokenizer": byte_level(prefix, regex), "post_processor": processing})
    return text, unlimited(Tokenizer.from_str(text))
