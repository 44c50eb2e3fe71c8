"""What programs print and write, and how far two runs of one lie apart."""

import json
import math
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

_NUMBER = re.compile(r"[-+]?\d+\.\d*(?:e[-+]?\d+)?", re.IGNORECASE)
_OUTCOME = re.compile(r"^([A-Z]+) \S+::(\w+)", re.MULTILINE)


class Differs(Exception):
    """Two outputs have not the same parts, or one is not what it should be."""


def printed(_directory: pathlib.Path, text: str) -> Any:
    """Words and numbers in their order, up to the rule below which examples print what they expect."""
    text = text.split("-----")[0]
    return [_NUMBER.sub("", text).split(), [float(number) for number in _NUMBER.findall(text)]]


def of_tests(_directory: pathlib.Path, text: str) -> Any:
    """Outcome of each test, as `pytest -rA` tells it."""
    outcomes = {name: outcome for outcome, name in _OUTCOME.findall(text)}
    if not outcomes or set(outcomes.values()) != {"PASSED"}:
        raise Differs(f"tests that did not pass: {outcomes}")
    return outcomes


def written(*patterns: str) -> Callable[[pathlib.Path, str], Any]:
    """Contents of JSON and JSON-lines files, by their path."""

    def read(directory: pathlib.Path, _text: str) -> Any:
        files = sorted(file for pattern in patterns for file in directory.glob(pattern))
        if not files:
            raise Differs(f"no file {patterns} was written")
        return {str(file.relative_to(directory)): _parsed(file) for file in files}

    return read


def _parsed(file: pathlib.Path) -> Any:
    text = file.read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else json.loads(text)


def difference(ours: Any, theirs: Any) -> tuple[int, float]:
    """How many numbers or words were compared, and the largest difference, relative to numbers above 1.

    Raises:
        Differs: names, texts, lengths or order differ
    """
    pairs = list(_numbers(ours, theirs, "output"))
    return len(pairs), max((abs(mine - their) / max(1.0, abs(their)) for mine, their in pairs), default=0.0)


def _numbers(ours: Any, theirs: Any, where: str) -> Iterator[tuple[float, float]]:
    if isinstance(theirs, (float, int)) and isinstance(ours, (float, int)) and math.isfinite(ours - theirs):
        yield float(ours), float(theirs)
    elif isinstance(theirs, (dict, list)) and type(ours) is type(theirs):
        keys, their_keys = (list(v) if isinstance(v, dict) else list(range(len(v))) for v in (ours, theirs))
        if keys != their_keys:
            raise Differs(f"{where}: {keys!r:.150} in place of {their_keys!r:.150}")
        for key in keys:
            yield from _numbers(ours[key], theirs[key], f"{where}/{key}")
    elif ours == theirs:
        yield 0.0, 0.0
    else:
        raise Differs(f"{where}: {ours!r:.150} in place of {theirs!r:.150}")
