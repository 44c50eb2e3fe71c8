"""The references, computed live: transformers for hidden states, FlagEmbedding for embeddings and scores."""

import copy
import functools
import pathlib
from dataclasses import dataclass

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

MAX_LENGTH = 8192


@functools.cache
def tokenizer(model: pathlib.Path):
    """The fast tokenizer that transformers builds for the directory."""
    return AutoTokenizer.from_pretrained(model)


def count_tokens(model: pathlib.Path, text: str) -> int:
    """Tokens of a text before truncation."""
    return len(tokenizer(model)(text)["input_ids"])


@functools.lru_cache(maxsize=2)  # the full-size model takes 2.3 GB
def _encoder(model: pathlib.Path):
    return AutoModel.from_pretrained(model, dtype=torch.float32).eval()


@torch.inference_mode()
def hidden_states(
    model: pathlib.Path, texts: list[str], max_length: int = MAX_LENGTH, dtype: torch.dtype = torch.float32
) -> list[list[np.ndarray]]:
    """[text][layer] -> [n, D]; one text at a time, so without padding. float64 gives the exact values."""
    encoder = _encoder(model)
    if dtype != torch.float32:
        encoder = copy.deepcopy(encoder).to(dtype)
    results = []
    for text in texts:
        inputs = tokenizer(model)(text, truncation=True, max_length=max_length, return_tensors="pt")
        states = encoder(**inputs, output_hidden_states=True).hidden_states
        results.append([state[0].numpy() for state in states])
    return results


@dataclass(frozen=True)
class Reference:
    """What FlagEmbedding returns for B texts."""

    dense: np.ndarray
    sparse: list[dict[int, float]]
    colbert: list[np.ndarray]


@functools.lru_cache(maxsize=2)
def flag_model(model: pathlib.Path):
    """FlagEmbedding's BGEM3FlagModel in float32 on the CPU; it computes a batch that comes twice in a row once."""
    from FlagEmbedding import BGEM3FlagModel  # seconds to import, and only some tests need it

    reference = BGEM3FlagModel(str(model), use_fp16=False, devices="cpu")
    answer_repeats_once(reference.model)
    return reference


def answer_repeats_once(module: torch.nn.Module) -> None:
    """Makes `module` give its last output again for the same inputs: FlagEmbedding runs the longest batch twice."""
    forward, last = module.forward, None

    def equal(a, b) -> bool:
        return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)

    def remember(inputs, **options):
        nonlocal last
        given = {name: value for name, value in options.items() if value is not None}
        if last is None or last[1] != given or not equal(last[0], inputs):
            last = inputs, given, forward(inputs, **options)
        return last[2]

    module.forward = remember


def flag_embeddings(model: pathlib.Path, texts: list[str], batch_size: int) -> Reference:
    """All three kinds. A batch size of 1 avoids padding, which costs most of the time on mixed lengths."""
    reference = flag_model(model)
    output = reference.encode(
        texts,
        batch_size=batch_size,
        max_length=MAX_LENGTH,
        return_dense=True,
        return_sparse=True,
        return_colbert_vecs=True,
    )
    sparse = [{int(i): float(w) for i, w in weights.items()} for weights in output["lexical_weights"]]
    return Reference(output["dense_vecs"], sparse, output["colbert_vecs"])


def flag_scores(model: pathlib.Path, pairs: list[tuple[str, str]]) -> np.ndarray:
    """[pairs, 5]: dense, sparse, colbert, sparse+dense, colbert+sparse+dense.

    One pair at a time: in a padded batch FlagEmbedding lets the zero rows of the padding take part in ColBERT's
    maximum, so that a pair's score depends on its neighbours.
    """
    scores = flag_model(model).compute_score(
        pairs, batch_size=1, max_query_length=MAX_LENGTH, max_passage_length=MAX_LENGTH
    )
    kinds = ("dense", "sparse", "colbert", "sparse+dense", "colbert+sparse+dense")
    return np.array([scores[kind] for kind in kinds]).T
