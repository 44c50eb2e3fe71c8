"""examples/hybrid_search.py finds what comparing the query with all texts finds."""

import importlib.util
import sys

import numpy as np
import pytest
from postgresql import installations, server
from prepared import ROOT

from bgem3 import BGEM3FlagModel

PROGRAM = ROOT / "examples" / "hybrid_search.py"
TEXTS = [line for line in (ROOT / "examples" / "demo_texts.txt").read_text("utf-8").splitlines() if line.strip()]
QUERY = "What do cats like?"
COUNT, CANDIDATES = 3, 6


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("hybrid_search", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules["hybrid_search"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(tiny) -> BGEM3FlagModel:
    return BGEM3FlagModel(tiny, use_fp16=False)


@pytest.fixture(scope="module", params=["distribution", "package", "Milvus Lite"])
def address(request, tmp_path_factory):
    if request.param == "Milvus Lite":
        yield str(tmp_path_factory.mktemp("milvus") / "milvus.db")
        return
    programs = installations()[request.param]
    if programs is None:
        pytest.skip(f"no PostgreSQL with pgvector in the {request.param}: install postgresql and postgresql-N-pgvector")
    with server(programs) as address:
        yield address


@pytest.fixture(scope="module")
def scores(model) -> dict[str, np.ndarray]:
    """Of all texts, by NumPy."""
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    query, texts = model.encode_queries([QUERY], **kinds), model.encode_corpus(TEXTS, **kinds)
    (asked,) = query["colbert_vecs"]
    return {
        "dense": texts["dense_vecs"] @ query["dense_vecs"][0],
        "sparse": model.compute_lexical_matching_score(query["lexical_weights"], texts["lexical_weights"])[0],
        "colbert": np.array([(asked @ rows.T).max(axis=1).mean() for rows in texts["colbert_vecs"]]),
    }


def test_results_are_those_of_numpy(example, model, address, scores):
    store = (example.PostgreSQL if address.startswith("host=") else example.Milvus)(model, address)
    store.add(TEXTS)
    found = example.search(store, QUERY, COUNT, CANDIDATES)
    for kind in ("dense", "sparse"):
        hits = getattr(found, kind)
        expected = np.sort(scores[kind])[::-1][:CANDIDATES]
        np.testing.assert_allclose([score for _, score in hits], expected[expected > 0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose([scores[kind][number] for number, _ in hits], expected[expected > 0], rtol=1e-5)
    candidates = example.fuse(found.dense, found.sparse)[:CANDIDATES]
    assert set(candidates) <= {number for number, _ in found.dense + found.sparse}
    expected = sorted(candidates, key=lambda number: -scores["colbert"][number])[:COUNT]
    assert [number for number, _ in found.best] == expected
    np.testing.assert_allclose([score for _, score in found.best], scores["colbert"][expected], rtol=1e-5)


def test_program_prints_the_best(example, address, tiny, scores, monkeypatch, capsys):
    options = ["--model", tiny, "--database", address, "--query", QUERY, "--candidates", len(TEXTS), "--count", 1]
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), *map(str, options)])
    example.main()
    best = int(np.argmax(scores["colbert"]))
    assert capsys.readouterr().out == f"{scores['colbert'][best]:.3f}  {TEXTS[best]}\n"


def test_fusion_adds_reciprocal_ranks(example):
    assert example.fuse([(1, 0.9), (2, 0.8)], [(3, 7.0), (2, 5.0)]) == [2, 1, 3]
