"""What is taken where texts belong: collections in an order, of every package, and neither a table nor one text's letters."""

import asyncio
import collections
import types
from collections.abc import Callable
from typing import Any

import bgem3
import numpy as np
import pandas
import pyarrow
import pytest


TEXTS = ["a text", "another"]


class Rows:
    """Behaves like a mapping without being one, as rows of databases do."""

    def keys(self) -> list[str]:
        return ["text"]

    def __getitem__(self, name: str) -> str:
        return TEXTS[0]


class Table:
    """As Polars' and PySpark's."""

    columns = ["text"]


TABLES = {
    "dict": {"text": TEXTS},
    "UserDict": collections.UserDict(text=TEXTS),
    "mapping proxy": types.MappingProxyType({"text": TEXTS}),
    "keys of a mapping's": Rows(),
    "columns": Table(),
    "pandas": pandas.DataFrame({"text": TEXTS}),
    "pyarrow": pyarrow.table({"text": TEXTS}),
}
NO_LISTS = {"bytes": b"a text", "set": {"a text"}, "frozenset": frozenset(TEXTS), "int": 3, "None": None}
LISTS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "iterator": iter(TEXTS),
    "array": np.array(TEXTS),
    "Series": pandas.Series(TEXTS, index=["x", "y"]),
    "Index": pandas.Index(TEXTS),
    "keys": dict.fromkeys(TEXTS).keys(),
    "deque": collections.deque(TEXTS),
}


@pytest.fixture(scope="module")
def calls(nano, nano_reranker) -> dict[str, Callable[[Any], Any]]:
    """Every way that texts come in, by what it gives for TEXTS."""
    m3, model, reranker = bgem3.BGEM3FlagModel(nano), bgem3.EmbeddingModel(nano), bgem3.FlagReranker(nano_reranker)
    flag, batching = bgem3.FlagModel(nano), bgem3.BatchingEmbedder(nano)
    return {
        "BGEM3FlagModel.encode": lambda texts: m3.encode(texts)["dense_vecs"],
        "BGEM3FlagModel.encode_queries": lambda texts: m3.encode_queries(texts)["dense_vecs"],
        "BGEM3FlagModel.aencode": lambda texts: asyncio.run(m3.aencode(texts))["dense_vecs"],
        "FlagModel.encode_corpus": flag.encode_corpus,
        "EmbeddingModel.encode": model.encode,
        "EmbeddingModel.aencode": lambda texts: asyncio.run(model.aencode(texts)),
        "BatchingEmbedder.encode": lambda texts: batching.encode(texts)["dense"],
        "FlagReranker.rank": lambda texts: reranker.rank("a query", texts),
    }


PAIRS = {
    "BGEM3FlagModel.compute_score": (bgem3.BGEM3FlagModel, "compute_score"),
    "FlagReranker.compute_score": (bgem3.FlagReranker, "compute_score"),
    "FlagReranker.predict": (bgem3.FlagReranker, "predict"),
    "BatchingReranker.score": (bgem3.BatchingReranker, "score"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_refused_by_how_to_take_a_column(calls, name):
    for call in calls.values():
        with pytest.raises(TypeError, match=r"of a table pass one column, as in df\['column'\].tolist\(\)"):
            call(TABLES[name])


@pytest.mark.parametrize("name", NO_LISTS)
def test_what_has_no_order_or_no_items_is_refused(calls, name):
    for call in calls.values():
        with pytest.raises(TypeError, match=f"found {type(NO_LISTS[name]).__name__}"):
            call(NO_LISTS[name])


@pytest.mark.parametrize("name", LISTS)
def test_collections_of_every_kind_are_lists(calls, name):
    for call in calls.values():
        given = iter(TEXTS) if name == "iterator" else LISTS[name]
        assert len(call(given)) == 2


def test_a_str_is_one_text_or_refused(calls):
    for name, call in calls.items():
        if name in ("BatchingEmbedder.encode", "FlagReranker.rank"):
            with pytest.raises(TypeError, match="should be a list of str, found str"):
                call("a text")
        else:
            assert call("a text").ndim == 1


@pytest.mark.parametrize("name", PAIRS)
def test_a_str_is_no_pair(nano, nano_reranker, name):
    kind, method = PAIRS[name]
    model = kind(nano_reranker if "Reranker" in name else nano)
    for no_pairs in ("ab", {"ab": "cd"}, ["ab"], [["ab"]], ["ab", 3], TABLES["pandas"]):
        with pytest.raises(TypeError, match="pair"):
            getattr(model, method)(no_pairs)


def test_an_item_that_is_no_text_is_named(calls):
    for name, call in calls.items():
        with pytest.raises(TypeError, match="1 should be"):
            call(["a text", None])
