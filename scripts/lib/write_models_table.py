"""Writes the table of README.md that lists the models of docs/models_that_work.json. scripts/write_models_table calls it;
tests/lint/check_models_table.py tells when the two differ."""

import json
import pathlib
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
FACTS = ROOT / "docs/models_that_work.json"
DOCUMENT = ROOT / "README.md"
BEGIN, END = "<!-- models: scripts/write_models_table -->\n", "<!-- end of models -->\n"
HEAD = ("model", "encoder", "tokenizer", "pooling", "tokens", "licence", "weights in the test")

Row = dict[str, Any]


def tokenizer(row: Row) -> str:
    return f"{row['tokenizer']} ({row['pieces']}{', cased' if row.get('cased') else ''})"


def pooling(row: Row) -> str:
    """What becomes of the hidden states; of a cross-encoder, of its logit."""
    if "activation" in row:
        return "cross-encoder" + (f", {row['activation']}" if row["activation"] != "Identity" else "")
    steps = [row["pooling"]]
    if "dense" in row:
        steps.append(f"Dense ({row['dense']['out_features']}, {row['dense']['activation']})")
    return ", ".join(steps + ["normalised"] * row["normalize"])


def line(name: str, row: Row) -> str:
    weights = "real" if "weights" in row else "random"
    cells = (name, row["encoder"], tokenizer(row), pooling(row), row["max_length"], row["licence"], weights)
    return "| " + " | ".join(map(str, cells)) + " |\n"


def listing() -> str:
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    rows = [line(name, row) for kind in facts.values() for name, row in kind.items()]
    return "".join([f"| {' | '.join(HEAD)} |\n", f"|{' --- |' * len(HEAD)}\n", *rows])


def with_listing(document: str) -> str:
    head, rest = document.split(BEGIN)
    return head + BEGIN + listing() + END + rest.split(END)[1]


def is_stale() -> bool:
    document = DOCUMENT.read_text(encoding="utf-8")
    return with_listing(document) != document


def main() -> None:
    DOCUMENT.write_text(with_listing(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote the table of {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
