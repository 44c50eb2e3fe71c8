"""Numbers that callers give: integers of Python, NumPy and torch alike; all else is refused by the name of the argument."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import bgem3

TEXTS = ["a text", "another"]
NOT_COUNTS = [1.5, float("nan"), "8", True, -1, [1], np.float32(2), torch.tensor([1, 2])]


@pytest.fixture(scope="module")
def calls(nano, nano_reranker) -> dict[str, Callable[[Any], Any]]:
    m3, flag, model = bgem3.BGEM3FlagModel(nano), bgem3.FlagModel(nano), bgem3.EmbeddingModel(nano)
    reranker, cross, sparse = (
        bgem3.FlagReranker(nano_reranker),
        bgem3.CrossEncoder(nano_reranker),
        bgem3.SparseEncoder(nano),
    )
    batching, of_pairs = bgem3.BatchingEmbedder(nano), bgem3.BatchingReranker(nano_reranker)
    pair = ("a query", "a text")
    return {
        "batch_size of FlagModel": lambda n: bgem3.FlagModel(nano, batch_size=n),
        "passage_max_length of FlagModel": lambda n: bgem3.FlagModel(nano, passage_max_length=n),
        "query_max_length of BGEM3FlagModel": lambda n: bgem3.BGEM3FlagModel(nano, query_max_length=n),
        "truncate_dim of FlagModel": lambda n: bgem3.FlagModel(nano, truncate_dim=n),
        "truncate_dim of EmbeddingModel": lambda n: bgem3.EmbeddingModel(nano, truncate_dim=n),
        "batch_size of FlagReranker": lambda n: bgem3.FlagReranker(nano_reranker, batch_size=n),
        "threads of FlagModel": lambda n: bgem3.FlagModel(nano, threads=n),
        "parallel_calls of EmbeddingModel": lambda n: bgem3.EmbeddingModel(nano, parallel_calls=n),
        "queue_texts of BatchingEmbedder": lambda n: bgem3.BatchingEmbedder(nano, queue_texts=n),
        "batch_size of M3's encode()": lambda n: m3.encode(TEXTS, batch_size=n),
        "max_length of M3's encode()": lambda n: m3.encode(TEXTS, max_length=n),
        "batch_size of M3's compute_score()": lambda n: m3.compute_score([pair], batch_size=n),
        "max_length of encode_queries()": lambda n: flag.encode_queries(TEXTS, max_length=n),
        "batch_size of encode()": lambda n: model.encode(TEXTS, batch_size=n),
        "truncate_dim of encode()": lambda n: model.encode(TEXTS, truncate_dim=n),
        "chunk_size of encode()": lambda n: model.encode(TEXTS, chunk_size=n),
        "max_active_dims of encode()": lambda n: sparse.encode(TEXTS, max_active_dims=n),
        "batch_size of compute_score()": lambda n: reranker.compute_score([pair], batch_size=n),
        "query_max_length of compute_score()": lambda n: reranker.compute_score([pair], query_max_length=n),
        "top_k of rank()": lambda n: reranker.rank("a query", TEXTS, top_k=n),
        "top_k of CrossEncoder's rank()": lambda n: cross.rank("a query", TEXTS, top_k=n),
        "max_length of submit()": lambda n: batching.submit(TEXTS, max_length=n).result(),
        "query_max_length of BatchingReranker": lambda n: of_pairs.score([pair], query_max_length=n),
    }


def test_no_counts_are_refused_by_name(calls):
    for name, call in calls.items():
        for value in NOT_COUNTS:
            with pytest.raises(ValueError, match=f"^{name.split(' ')[0]} should be .*, found"):
                call(value)


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8, torch.tensor])
def test_integers_of_every_kind_are_counts(calls, kind):
    for call in calls.values():
        call(kind(2))


def test_zero_is_no_dimension(nano):
    for make in (bgem3.BGEM3FlagModel, bgem3.FlagModel, bgem3.EmbeddingModel):
        with pytest.raises(ValueError, match="truncate_dim should be a positive int, found 0"):
            make(nano, truncate_dim=0)


# Devices of single calls


@pytest.fixture(scope="module")
def on_device(nano, nano_reranker) -> list[Callable[[Any], Any]]:
    m3, flag, reranker = bgem3.BGEM3FlagModel(nano), bgem3.FlagModel(nano), bgem3.FlagReranker(nano_reranker)
    pair = ("a query", "a text")
    return [
        lambda device: m3.encode_single_device(TEXTS, device=device),
        lambda device: flag.encode_single_device(TEXTS, device=device),
        lambda device: m3.compute_score_single_device([pair], device=device),
        lambda device: reranker.compute_score_single_gpu([pair], device=device),
    ]


def test_names_of_a_device(on_device):
    for call in on_device:
        for device in (None, "cpu", "cpu:0", torch.device("cpu")):
            assert len(call(device))


def test_another_device_is_refused(on_device):
    for call in on_device:
        for device in (0, np.int64(0), "cuda", "cuda:1", torch.device("cuda:0"), "", False, [], ["cpu"], -1):
            with pytest.raises(ValueError, match="device"):
                call(device)


def test_weights_of_scores(nano):
    model = bgem3.BGEM3FlagModel(nano)
    for weights in ("123", {"dense": 1}):
        with pytest.raises(TypeError, match="weights_for_different_modes should be 3 numbers"):
            model.compute_score([("a", "b")], weights_for_different_modes=weights)
    for weights in ([1, 2], [1, 2, "3"], [0, 0, 0], [0, 0, 1], [1, -1, 5]):
        with pytest.raises(ValueError, match="weights_for_different_modes"):
            model.compute_score([("a", "b")], weights_for_different_modes=weights)
