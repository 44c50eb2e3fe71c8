"""What bgem3.vectors makes goes into databases, and comes out with the scores that the model computes."""

import numpy as np
import psycopg
import pytest
from pgvector import SparseVector
from postgresql import installations, server
from pymilvus import DataType, MilvusClient, MilvusException
from qdrant_client import QdrantClient, models
from samples import QUERY, TEXTS

from bgem3 import BGEM3FlagModel
from bgem3.vectors import for_milvus, for_pgvector, for_qdrant

KINDS = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
ALL = [*TEXTS, ""]  # a text without lexical weights


@pytest.fixture(scope="module")
def model(tiny) -> BGEM3FlagModel:
    return BGEM3FlagModel(tiny, use_fp16=False)


@pytest.fixture(scope="module")
def texts(model):
    return model.encode(ALL, **KINDS)


@pytest.fixture(scope="module")
def query(model):
    return model.encode([TEXTS[0] + " " + QUERY], **KINDS)


@pytest.fixture(scope="module")
def scores(model, texts, query) -> dict[str, np.ndarray]:
    (asked,) = query["colbert_vecs"]
    return {
        "dense": texts["dense_vecs"] @ query["dense_vecs"][0],
        "sparse": model.compute_lexical_matching_score(query["lexical_weights"], texts["lexical_weights"])[0],
        "colbert": np.array([(asked @ rows.T).max(axis=1).sum() for rows in texts["colbert_vecs"]]),
    }


def check(found: dict[int, float], expected: np.ndarray) -> None:
    """Texts with no token in common may be left out."""
    assert {i for i, score in enumerate(expected) if score} <= found.keys()
    np.testing.assert_allclose([found[i] for i in found], expected[list(found)], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "sparse", "colbert"])
def test_qdrant(texts, query, scores, kind):
    rows = models.VectorParams(
        size=64,
        distance=models.Distance.DOT,
        multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
    )
    client = QdrantClient(":memory:")
    client.create_collection(
        "texts",
        vectors_config={"dense": models.VectorParams(size=64, distance=models.Distance.DOT), "colbert": rows},
        sparse_vectors_config={"sparse": models.SparseVectorParams()},
    )
    client.upsert("texts", [models.PointStruct(id=i, vector=row) for i, row in enumerate(for_qdrant(texts))])
    (asked,) = for_qdrant(query)
    asked["sparse"] = models.SparseVector(**asked["sparse"])
    hits = client.query_points("texts", query=asked[kind], using=kind, limit=10).points
    check({hit.id: hit.score for hit in hits}, scores[kind])


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_milvus(texts, query, scores, kind, tmp_path):
    client = MilvusClient(str(tmp_path / "milvus.db"))
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=64)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    index = client.prepare_index_params()
    index.add_index("dense", index_type="FLAT", metric_type="IP")
    index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection("texts", schema=schema, index_params=index)
    *rows, without = [
        {"id": i, "dense": row["dense"], "sparse": row["sparse"]} for i, row in enumerate(for_milvus(texts))
    ]
    with pytest.raises(MilvusException, match="must contain at least one nonzero float32 weight"):
        client.insert("texts", [without])
    client.insert("texts", rows)
    (asked,) = for_milvus(query)
    (hits,) = client.search("texts", [asked[kind]], anns_field=kind, limit=10)
    check({hit["id"]: hit["distance"] for hit in hits}, scores[kind][: len(TEXTS)])
    client.close()


@pytest.fixture(scope="module")
def postgresql():
    programs = [directory for directory in installations().values() if directory is not None]
    if not programs:
        pytest.skip("there is no PostgreSQL with pgvector")
    with server(programs[0]) as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        yield connection


def test_pgvector(model, texts, query, scores, postgresql):
    vocabulary = len(model.tokenizer)
    postgresql.execute(f"CREATE TABLE texts (id int, dense vector(64), sparse sparsevec({vocabulary}))")
    for i, row in enumerate(for_pgvector(texts, vocabulary)):
        postgresql.execute("INSERT INTO texts VALUES (%s, %s, %s)", (i, row["dense"], row["sparse"]))
    (asked,) = for_pgvector(query, vocabulary)
    for kind in ("dense", "sparse"):
        found = postgresql.execute(f"SELECT id, -({kind} <#> %s) FROM texts", (asked[kind],)).fetchall()
        check(dict(found), scores[kind])


def test_pgvector_counts_from_one(texts, postgresql):
    """As pgvector's own Python package, which takes ids from 0."""
    (row,) = for_pgvector({"lexical_weights": [{"0": 0.5, "3": 0.25}]}, vocabulary=4)
    assert row["sparse"] == SparseVector({0: 0.5, 3: 0.25}, 4).to_text()
    (dense,) = postgresql.execute("SELECT %s::sparsevec::vector::real[]", (row["sparse"],)).fetchone()
    assert dense == [0.5, 0, 0, 0.25]
    for weights, row in zip(texts["lexical_weights"], for_pgvector(texts, 300_000), strict=True):
        theirs = SparseVector({int(token): float(weight) for token, weight in weights.items()}, 300_000)
        assert row["sparse"] == theirs.to_text()
