"""Rankings, scores of pairs, and the languages of clouds and of Ollama: what the Python package computes for the same."""

import numpy as np
import pytest
import transformers
from sample_texts import TEXTS
from server import BODIES, OTHER_BODIES, refused
from vectors import assert_close, unit

import bgem3

# /rerank


@pytest.mark.parametrize("raw", [True, False])
def test_rerank(ask, scores, raw):
    found = ask("/rerank", {"query": "What is a model?", "texts": TEXTS, "raw_scores": raw})
    assert [item["score"] for item in found] == sorted((item["score"] for item in found), reverse=True)
    assert sorted(item["index"] for item in found) == list(range(len(TEXTS)))
    assert_close([item["score"] for item in found], scores[raw][[item["index"] for item in found]])
    assert not any(item.get("text") for item in found)


def test_rerank_returns_texts(ask):
    found = ask("/rerank", {"query": "What is a model?", "texts": TEXTS, "return_text": True})
    assert [item["text"] for item in found] == [TEXTS[item["index"]] for item in found]


def test_rerank_scores_are_logistic_by_default(ask, scores):
    found = ask("/rerank", {"query": "What is a model?", "texts": TEXTS[:1]})
    assert found[0]["score"] == pytest.approx(scores[False][0], rel=1e-4)


QUESTION = "What is a model?"


@pytest.mark.parametrize("route", ["/v1/rerank", "/v2/rerank", "/rerank"])
@pytest.mark.parametrize("as_objects", [False, True])
def test_rerank_documents(ask, scores, route, as_objects):
    documents = [{"text": text, "title": "of no effect"} for text in TEXTS] if as_objects else TEXTS
    answer = ask(route, {"query": QUESTION, "documents": documents, "return_documents": True})
    found = answer["results"]
    best = np.argsort(-scores[True], kind="stable")
    assert [item["index"] for item in found] == best.tolist()
    assert_close([item["relevance_score"] for item in found], scores[False][best])
    assert [item["document"] for item in found] == [{"text": TEXTS[i]} for i in best]
    assert answer["id"] and answer["model"] and answer["usage"]["total_tokens"] > len(TEXTS)
    (first,) = ask(route, {"query": QUESTION, "documents": documents, "top_n": 1})["results"]
    assert first == {name: found[0][name] for name in ("index", "relevance_score")}
    for every in (0, -1, 100):
        assert len(ask(route, {"query": QUESTION, "documents": documents, "top_n": every})["results"]) == len(TEXTS)


def test_documents_are_shortened(ask, reference, tiny_reranker):
    """To their first tokens; pairs as a whole by another field."""
    tokens = reference.tokenizer(TEXTS, add_special_tokens=False, return_offsets_mapping=True)
    starts = [
        text[: places[4][1]] if len(places) > 5 else text for text, places in zip(TEXTS, tokens["offset_mapping"])
    ]
    assert starts != TEXTS

    def results(documents: list[str], **fields) -> dict:
        answer = ask("/v1/rerank", {"query": QUESTION, "documents": documents, **fields})
        return {item["index"]: item["relevance_score"] for item in answer["results"]}

    assert results(TEXTS, max_tokens_per_doc=5) == pytest.approx(results(starts), rel=1e-4)
    with bgem3.FlagReranker(str(tiny_reranker), dtype="float32", devices="cpu", max_length=20) as model:
        wanted = model.compute_score([(QUESTION, text) for text in TEXTS])
    found = results(TEXTS, truncate_prompt_tokens=20, use_activation=False)
    assert_close([found[i] for i in range(len(TEXTS))], wanted)


@pytest.mark.parametrize("route", ["/v1/score", "/score"])
@pytest.mark.parametrize("names", [("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2")])
def test_scores_of_pairs(ask, scores, route, names):
    for first in (QUESTION, [QUESTION] * len(TEXTS)):
        answer = ask(route, dict(zip(names, (first, TEXTS))))
        assert_close([item["score"] for item in answer["data"]], scores[False])
        assert [item["index"] for item in answer["data"]] == list(range(len(TEXTS)))


def test_scores_of_pairs_without_a_cross_encoder(headless, expected):
    dense = expected["dense_vecs"]
    answer = headless.post("/v1/score", {"text_1": TEXTS[0], "text_2": TEXTS}).json()
    assert_close([item["score"] for item in answer["data"]], dense @ dense[0])
    answer = headless.post("/v1/score", {"text_1": TEXTS, "text_2": TEXTS[::-1]}).json()
    assert_close([item["score"] for item in answer["data"]], (dense * dense[::-1]).sum(axis=1))


def test_predict(ask, scores, tiny_reranker):
    label = transformers.AutoConfig.from_pretrained(tiny_reranker).id2label[0]
    found = ask("/predict", {"inputs": [[QUESTION, text] for text in TEXTS]})
    assert_close([score["score"] for (score,) in found], scores[False])
    assert {score["label"] for (score,) in found} == {label}
    (one,) = ask("/predict", {"inputs": [QUESTION, TEXTS[0]], "raw_scores": True})
    assert one == {"score": pytest.approx(scores[True][0], rel=1e-4), "label": label}


# Clouds


@pytest.mark.parametrize("route", ["/invocations", "/"])
def test_what_is_wanted_shows(ask, route):
    for kind in ("/embed", "/similarity", "/rerank"):
        body = {**BODIES, **OTHER_BODIES}[kind]
        assert ask(route, body) == ask(kind, body)


def test_vertex(ask, expected):
    found = ask("/vertex", {"instances": [{"inputs": TEXTS[0]}, {"inputs": TEXTS[1:]}]})["predictions"]
    assert [len(vectors) for vectors in found] == [1, len(TEXTS) - 1]
    assert_close(np.concatenate(found), expected["dense_vecs"])
    cut = ask("/vertex", {"instances": [{"inputs": text, "dimensions": 8} for text in TEXTS], "parameters": {}})
    assert_close(np.concatenate(cut["predictions"]), unit(expected["dense_vecs"][:, :8]))
    assert ask("/vertex", {"instances": []}) == {"predictions": []}


# Ollama's


def test_ollama_embed(ask, expected):
    answer = ask("/api/embed", {"model": "any:latest", "input": TEXTS, "keep_alive": "5m", "truncate": True})
    assert_close(answer["embeddings"], expected["dense_vecs"])
    assert answer["model"] == "any:latest" and answer["prompt_eval_count"] > 0
    assert ask("/api/embed", {"input": ""})["embeddings"] == ask("/api/embed", {"input": []})["embeddings"] == []
    assert len(ask("/api/embed", {"input": [""]})["embeddings"]) == 1


def test_ollama_embeddings_are_not_normalised(ask, server):
    wanted = server.post("/embed", {"inputs": TEXTS[0], "normalize": False}).json()[0]
    assert_close(ask("/api/embeddings", {"prompt": TEXTS[0]})["embedding"], wanted)
    assert ask("/api/embeddings", {"prompt": ""}) == {"embedding": []}


def test_names_of_the_models(server, start_server, tiny, tiny_reranker):
    listed = [model["id"] for model in server.get("/v1/models").json()["data"]]
    assert listed == [tiny.name, tiny_reranker.name]
    assert server.get(f"/v1/models/{tiny.name}").json()["id"] == tiny.name
    refused(server.get("/v1/models/gpt"), 404, "model_not_found")
    with start_server("--served-model-name", "BAAI/bge-m3") as named:
        for path in ("BAAI/bge-m3", "BAAI%2Fbge-m3"):
            assert named.get(f"/v1/models/{path}").json()["id"] == "BAAI/bge-m3"
        assert named.get("/api/tags").json()["models"][0]["name"] == "BAAI/bge-m3:latest"
        for name in ("BAAI/bge-m3", "BAAI/bge-m3:latest"):
            assert named.post("/api/show", {"model": name}).json()["capabilities"] == ["embedding"]
        assert "BAAI/bge-m3" in refused(named.post("/api/show", {"model": "x"}), 404, "model_not_found")
