import asyncio
import operator

import joblib
import numpy as np
import pytest
import torch
from samples import ANSWER, QUERY, TEXTS
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.postprocessor import SentenceTransformerRerank
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.flag_embedding_reranker import FlagEmbeddingReranker

import bgem3
from bgem3.integrations.llama_index import BGEM3Embedding, BGEM3Reranker


@pytest.fixture(scope="module")
def embedding(e5_small) -> BGEM3Embedding:
    return BGEM3Embedding(e5_small, embed_batch_size=2)


def test_vectors_are_the_models(embedding, e5_small):
    model = bgem3.EmbeddingModel(e5_small)
    assert isinstance(embedding, BaseEmbedding)
    np.testing.assert_allclose(embedding.get_text_embedding_batch(TEXTS), model.encode_document(TEXTS), atol=1e-6)
    np.testing.assert_allclose(embedding.get_text_embedding(TEXTS[0]), model.encode_document(TEXTS[0]), atol=1e-6)
    np.testing.assert_allclose(embedding.get_query_embedding(QUERY), model.encode_query(QUERY), atol=1e-6)


def test_asynchronous(embedding):
    async def all_three():
        return (
            await embedding.aget_text_embedding_batch(TEXTS),
            await embedding.aget_text_embedding(TEXTS[0]),
            await embedding.aget_query_embedding(QUERY),
        )

    several, one, query = asyncio.run(all_three())
    np.testing.assert_allclose(several, embedding.get_text_embedding_batch(TEXTS), atol=1e-6)
    np.testing.assert_allclose(one, embedding.get_text_embedding(TEXTS[0]), atol=1e-6)
    np.testing.assert_allclose(query, embedding.get_query_embedding(QUERY), atol=1e-6)


def test_index(embedding):
    index = VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS], embed_model=embedding)
    (found,) = index.as_retriever(similarity_top_k=1).retrieve(QUERY)
    assert found.node.get_content() == ANSWER


def test_settings_are_fields(embedding, e5_small):
    fields = embedding.to_dict()
    assert (fields["model_name"], fields["embed_batch_size"], fields["class_name"]) == (e5_small, 2, "BGEM3Embedding")


@pytest.mark.parametrize("way", ["dict", "json"])
def test_made_again_from_its_fields(tiny, way):
    options = {"truncate_dim": 8, "device": torch.device("cpu"), "model_kwargs": {"torch_dtype": torch.float32}}
    prompts = {"query": "Q: ", "document": "D: "}
    embedding = BGEM3Embedding(tiny, embed_batch_size=2, num_workers=3, prompts=prompts, token="secret", **options)
    fields = getattr(embedding, f"to_{way}")()
    assert "secret" not in str(fields)
    again = getattr(BGEM3Embedding, f"from_{way}")(fields)
    assert again.to_dict() == embedding.to_dict()
    assert (again.embed_batch_size, again.num_workers, len(again.get_query_embedding(QUERY))) == (2, 3, 8)
    np.testing.assert_allclose(again.get_query_embedding(QUERY), embedding.get_query_embedding(QUERY), atol=1e-6)
    assert BGEM3Embedding.from_dict(embedding.to_dict(), embed_batch_size=5).embed_batch_size == 5
    with pytest.raises(ValueError, match="frozen"):
        embedding.model_name = "another"


def test_loaded_model_is_made_again_with_that(tiny):
    model = bgem3.EmbeddingModel(tiny, truncate_dim=8)
    fields = BGEM3Embedding(model, embed_batch_size=2).to_dict()
    with pytest.raises(ValueError, match=r"given loaded: pass from_dict\(\) a model"):
        BGEM3Embedding.from_dict(fields)
    again = BGEM3Embedding.from_dict(fields, model=model)
    assert (again.embed_batch_size, len(again.get_query_embedding(QUERY))) == (2, 8)


def test_letters_are_no_texts(embedding):
    with pytest.raises(TypeError, match="texts should be a list of str, found str"):
        embedding.get_text_embedding_batch("abc")
    with pytest.raises(TypeError, match="texts should be a list of str, found str"):
        asyncio.run(embedding.aget_text_embedding_batch("abc"))


# Several processes


@pytest.mark.parametrize("loaded", [False, True])
def test_pipeline_with_workers(tiny, loaded):
    options = {"truncate_dim": 8}
    model = bgem3.EmbeddingModel(tiny, **options)
    embedding = BGEM3Embedding(model) if loaded else BGEM3Embedding(tiny, **options)
    documents = [Document(text=f"{text} {i}") for i in range(4) for text in TEXTS]
    found = IngestionPipeline(transformations=[embedding]).run(documents=documents, num_workers=2)
    assert [node.text for node in found] == [document.text for document in documents]
    expected = model.encode_document([document.text for document in documents])
    np.testing.assert_allclose([node.embedding for node in found], expected, atol=1e-6)


def test_joblib_with_workers(embedding, tiny_reranker):
    queries = [f"{QUERY} {i}" for i in range(4)]
    parallel = joblib.Parallel(n_jobs=2, backend="loky")
    # A bound method of LlamaIndex has no pickle; a call by name has.
    embed = (operator.methodcaller("get_query_embedding", query) for query in queries)
    vectors = parallel(joblib.delayed(call)(embedding) for call in embed)
    np.testing.assert_allclose(vectors, [embedding.get_query_embedding(query) for query in queries], atol=1e-6)
    reranker, given = BGEM3Reranker(tiny_reranker, normalize=True), nodes()
    rank = (operator.methodcaller("postprocess_nodes", given, query_str=query) for query in queries)
    ranked = parallel(joblib.delayed(call)(reranker) for call in rank)
    for query, found in zip(queries, ranked, strict=True):
        assert as_pairs(found) == as_pairs(reranker.postprocess_nodes(given, query_str=query))


# Re-ranking


def nodes() -> list[NodeWithScore]:
    made = (TextNode(text=text, metadata={"source": i}) for i, text in enumerate(TEXTS))
    return [NodeWithScore(node=node, score=0.5) for node in made]


def as_pairs(found: list[NodeWithScore]) -> list[tuple[int, float]]:
    return [(node.node.metadata["source"], pytest.approx(node.score, abs=1e-6)) for node in found]


@pytest.mark.parametrize("peer, normalize", [(FlagEmbeddingReranker, False), (SentenceTransformerRerank, True)])
def test_order_and_scores_are_theirs(tiny_reranker, peer, normalize):
    theirs = peer(model=tiny_reranker, top_n=2).postprocess_nodes(nodes(), query_str=QUERY)
    reranker = BGEM3Reranker(tiny_reranker, top_n=2, normalize=normalize)
    assert isinstance(reranker, BaseNodePostprocessor)
    given = nodes()
    found = reranker.postprocess_nodes(given, query_str=QUERY)
    assert as_pairs(found) == [(node.node.metadata["source"], node.score) for node in theirs]
    assert [node.score for node in given] == [0.5] * 3
    assert all(type(node.score) is float for node in found)


def test_reranker_in_a_query(embedding, tiny_reranker):
    index = VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS], embed_model=embedding)
    reranker = BGEM3Reranker(bgem3.FlagReranker(tiny_reranker), top_n=1)
    (best,) = reranker.postprocess_nodes(index.as_retriever(similarity_top_k=3).retrieve(QUERY), query_str=QUERY)
    scores = bgem3.FlagReranker(tiny_reranker).compute_score([(QUERY, text) for text in TEXTS])
    assert best.node.get_content() == TEXTS[int(np.argmax(scores))]
    given = nodes()
    expected = reranker.postprocess_nodes(given, query_str=QUERY)
    assert asyncio.run(reranker.apostprocess_nodes(given, query_str=QUERY)) == expected


def test_what_the_reranker_refuses(tiny_reranker):
    reranker = BGEM3Reranker(tiny_reranker)
    assert reranker.postprocess_nodes([], query_str=QUERY) == []
    with pytest.raises(ValueError, match="a query is needed: pass query_str or query_bundle"):
        reranker.postprocess_nodes(nodes())
    with pytest.raises(TypeError, match="nodes should be a list of NodeWithScore, found str"):
        reranker.postprocess_nodes("abc", query_str=QUERY)
    with pytest.raises(ValueError, match="top_n"):
        BGEM3Reranker(tiny_reranker, top_n=0)
    with pytest.raises(TypeError, match="nonsense"):
        BGEM3Reranker(tiny_reranker, nonsense=1)
    fields = reranker.to_dict()
    assert (fields["model"], fields["top_n"], fields["class_name"]) == (tiny_reranker, 2, "BGEM3Reranker")


def test_reranker_is_made_again_from_its_fields(tiny_reranker):
    options = {"normalize": True, "max_length": 10, "query_instruction_for_rerank": "Q: "}
    reranker = BGEM3Reranker(tiny_reranker, top_n=3, **options)
    expected = as_pairs(reranker.postprocess_nodes(nodes(), query_str=QUERY))
    for again in (BGEM3Reranker.from_dict(reranker.to_dict()), BGEM3Reranker.from_json(reranker.to_json())):
        assert as_pairs(again.postprocess_nodes(nodes(), query_str=QUERY)) == expected
    for name in options:  # each has an effect
        fields = reranker.to_dict()
        del fields["options"][name]
        other = BGEM3Reranker.from_dict(fields)
        assert as_pairs(other.postprocess_nodes(nodes(), query_str=QUERY)) != expected
    loaded = bgem3.FlagReranker(tiny_reranker, **options)
    fields = BGEM3Reranker(loaded, top_n=3).to_dict()
    with pytest.raises(ValueError, match=r"given loaded: pass from_dict\(\) a model"):
        BGEM3Reranker.from_dict(fields)
    again = BGEM3Reranker.from_dict(fields, model=loaded)
    assert as_pairs(again.postprocess_nodes(nodes(), query_str=QUERY)) == expected


def test_settings_of_the_reranker_are_checked_when_they_are_set(tiny_reranker):
    reranker = BGEM3Reranker(tiny_reranker)
    for name, value in {"top_n": -1, "model": "another", "options": {}}.items():
        with pytest.raises(ValueError, match=name):
            setattr(reranker, name, value)
    reranker.top_n = 1
    assert len(reranker.postprocess_nodes(nodes(), query_str=QUERY)) == 1
