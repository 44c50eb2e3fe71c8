"""Texts that are put before an input, by name."""

import re
from collections.abc import Mapping
from typing import Any

from ..errors import listed

DOCUMENT_NAMES = ("document", "passage", "corpus")  # the first that there is a prompt of

# What families expect before a text and their repositories do not say. From their model cards.
_FAMILIES = {
    r"multilingual-e5-(small|base|large)$|(^|/)e5-small$": {"query": "query: ", "document": "passage: "},
    r"multilingual-e5-large-instruct$": {
        "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "document": "",
    },
    r"snowflake-arctic-embed-[lm]-v2\.0$": {"query": "query: ", "document": ""},
}


def merge_prompts(given: Any, stated: Mapping[str, str], model_name: str) -> dict[str, str]:
    """What the caller gives, even if it is empty, then what the directory states. Where neither has a text, names that they
    leave out have what the family of the model is known to expect."""
    named = {**stated, **as_prompts(given)}
    families = (family for pattern, family in _FAMILIES.items() if re.search(pattern, model_name.rstrip("/")))
    known = {} if any(named.values()) else next(families, {})
    return {"query": "", "document": "", **known, **named}


def as_prompts(given: Any) -> Mapping[str, str]:
    """Prompts by name, as callers give them; None: none.

    Raises:
        TypeError: no dict of str
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(text, str) for item in given.items() for text in item):
        raise TypeError(f"prompts should be a dict of str, such as {{'query': 'query: '}}, found {given!r:.200}")
    return given


def prompt_of(prompts: Mapping[str, str], name: str | None, prompt: str | None) -> str:
    """`prompt`, or that of the name; neither: none."""
    if prompt is None and name is not None:
        if name not in prompts:
            raise ValueError(f"prompt_name should be one of {listed(prompts)}; found {listed([name])}")
        prompt = prompts[name]
    if not isinstance(prompt, (str, type(None))):
        raise TypeError(f"prompt should be a str, found {type(prompt).__name__}")
    return prompt or ""


def first_of(prompts: Mapping[str, str], *names: str) -> str | None:
    """The first of the names that there is a prompt of."""
    return next((name for name in names if name in prompts), None)
