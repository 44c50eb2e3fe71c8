"""Hybrid search in PostgreSQL with pgvector or in Milvus: dense vectors and lexical weights find candidates, both lists are
joined, and ColBERT vectors put the best in order.

    python examples/hybrid_search.py --model BAAI/bge-m3 --database postgresql:///test
    python examples/hybrid_search.py --model BAAI/bge-m3 --database milvus.db

Needs psycopg and pgvector 0.7 or later, or pymilvus and milvus-lite. The texts go to a temporary table of PostgreSQL, or to
a collection of Milvus that is made anew.
"""

import argparse
import pathlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bgem3 import BGEM3FlagModel
from bgem3.vectors import for_milvus, for_pgvector

if TYPE_CHECKING:
    from typing import LiteralString

TEXTS = pathlib.Path(__file__).resolve().with_name("demo_texts.txt")
KINDS = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}

Hits = list[tuple[int, float]]  # number of a text and its score, best first


class Store(Protocol):
    def add(self, texts: list[str]) -> None: ...

    def search(self, query: str, count: int) -> tuple[Hits, Hits]: ...  # best by dense vectors, and by lexical weights

    def rerank(self, query: str, numbers: list[int]) -> Hits: ...  # these texts by ColBERT vectors


class PostgreSQL:
    """All three kinds of vectors are stored, and PostgreSQL computes all scores."""

    def __init__(self, model: BGEM3FlagModel, address: str):
        import psycopg
        from psycopg.sql import SQL

        self.model = model
        self.connection = psycopg.connect(address, autocommit=True)
        self.connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        # Searched from end to end, which is exact. For many texts, CREATE INDEX … USING hnsw (dense vector_ip_ops).
        table = SQL(
            "CREATE TEMPORARY TABLE texts"
            " (number bigint PRIMARY KEY, dense vector({}), sparse sparsevec({}), colbert vector({})[])"
        )
        sizes = (model.info["dense_size"], len(model.tokenizer), model.info["colbert_dim"])
        self.connection.execute(table.format(*sizes))

    def add(self, texts: list[str]) -> None:
        rows = [{"number": i, **row} for i, row in enumerate(self._vectors(self.model.encode_corpus(texts, **KINDS)))]
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO texts VALUES"
                " (%(number)s, %(dense)s::vector, %(sparse)s::sparsevec, %(colbert)s::text[]::vector[])",
                rows,
            )

    def search(self, query: str, count: int) -> tuple[Hits, Hits]:
        (vectors,) = self._vectors(self.model.encode_queries(query, **KINDS))
        dense = self._hits(
            "SELECT number, -(dense <#> %(dense)s::vector) FROM texts"
            " ORDER BY dense <#> %(dense)s::vector LIMIT %(count)s",
            vectors,
            count=count,
        )
        sparse = self._hits(
            "SELECT number, -(sparse <#> %(sparse)s::sparsevec) FROM texts"
            " WHERE sparse <#> %(sparse)s::sparsevec < 0"  # some token is in both
            " ORDER BY sparse <#> %(sparse)s::sparsevec LIMIT %(count)s",
            vectors,
            count=count,
        )
        return dense, sparse

    def rerank(self, query: str, numbers: list[int]) -> Hits:
        (vectors,) = self._vectors(self.model.encode_queries(query, **KINDS))
        return self._hits(
            "WITH asked AS (SELECT * FROM unnest(%(colbert)s::text[]::vector[]) WITH ORDINALITY AS rows(vector, i)),"
            " best AS (SELECT number, i, max(-(asked.vector <#> row)) AS score"
            " FROM texts, unnest(colbert) AS row, asked WHERE number = ANY(%(numbers)s) GROUP BY number, i)"
            " SELECT number, avg(score) FROM best GROUP BY number ORDER BY avg(score) DESC",
            vectors,
            numbers=numbers,
        )

    def _vectors(self, found: Any) -> list[dict[str, Any]]:
        return for_pgvector(found, vocabulary=len(self.model.tokenizer))

    def _hits(self, statement: "LiteralString", vectors: dict[str, Any], **others: Any) -> Hits:
        return [(number, score) for number, score in self.connection.execute(statement, {**vectors, **others})]


class Milvus:
    """Dense and sparse vectors are stored; ColBERT vectors are computed for the candidates of each query."""

    def __init__(self, model: BGEM3FlagModel, address: str):
        from pymilvus import DataType, MilvusClient

        self.model = model
        self.client = MilvusClient(address)
        schema = self.client.create_schema()
        schema.add_field("number", DataType.INT64, is_primary=True)
        schema.add_field("text", DataType.VARCHAR, max_length=65_535)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=model.info["dense_size"])
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        index = self.client.prepare_index_params()
        index.add_index("dense", index_type="FLAT", metric_type="IP")
        index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        self.client.drop_collection("texts")
        self.client.create_collection("texts", schema=schema, index_params=index)

    def add(self, texts: list[str]) -> None:
        vectors = for_milvus(self.model.encode_corpus(texts, return_sparse=True))
        self.client.insert("texts", [{"number": i, "text": texts[i], **row} for i, row in enumerate(vectors)])

    def search(self, query: str, count: int) -> tuple[Hits, Hits]:
        (vectors,) = for_milvus(self.model.encode_queries(query, return_sparse=True))
        return self._hits("dense", vectors["dense"], count), self._hits("sparse", vectors["sparse"], count)

    def rerank(self, query: str, numbers: list[int]) -> Hits:
        rows = self.client.get("texts", numbers, output_fields=["number", "text"])
        (asked,) = self.model.encode_queries([query], **KINDS)["colbert_vecs"]
        texts = self.model.encode_corpus([row["text"] for row in rows], **KINDS)["colbert_vecs"]
        scores = [float((asked @ text.T).max(axis=1).mean()) for text in texts]
        return sorted(((row["number"], score) for row, score in zip(rows, scores)), key=lambda hit: -hit[1])

    def _hits(self, kind: str, vector: Any, count: int) -> Hits:
        found = self.client.search("texts", [vector], anns_field=kind, limit=count)[0]
        return [(hit["number"], hit["distance"]) for hit in found]


@dataclass
class Result:
    dense: Hits
    sparse: Hits
    best: Hits


def search(store: Store, query: str, count: int, candidates: int) -> Result:
    dense, sparse = store.search(query, candidates)
    return Result(dense, sparse, store.rerank(query, fuse(dense, sparse)[:candidates])[:count])


def fuse(*lists: Hits) -> list[int]:
    """Numbers by reciprocal rank fusion: ranks are added up, for scores of different kinds cannot be."""
    scores: dict[int, float] = defaultdict(float)
    for hits in lists:
        for rank, (number, _) in enumerate(hits, 1):
            scores[number] += 1 / (60 + rank)
    return sorted(scores, key=lambda number: (-scores[number], number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="BAAI/bge-m3", help="a directory, or a name on the Hub [%(default)s]")
    parser.add_argument("--database", default="milvus.db", help="address of PostgreSQL, or a file [%(default)s]")
    parser.add_argument("--input", type=pathlib.Path, default=TEXTS, help="one text a line [%(default)s]")
    parser.add_argument("--query", default="What do cats like?", help="what to search for [%(default)s]")
    parser.add_argument("--count", type=int, default=3, help="how many texts to show [%(default)s]")
    parser.add_argument("--candidates", type=int, default=10, help="how many to put in order [%(default)s]")
    arguments = parser.parse_args()
    texts = [line for line in arguments.input.read_text("utf-8").splitlines() if line.strip()]
    model = BGEM3FlagModel(arguments.model)
    store: Store
    if arguments.database.startswith(("postgresql:", "postgres:", "host=")):
        store = PostgreSQL(model, arguments.database)
    else:
        store = Milvus(model, arguments.database)
    store.add(texts)
    for number, score in search(store, arguments.query, arguments.count, arguments.candidates).best:
        print(f"{score:.3f}  {texts[number]}")


if __name__ == "__main__":
    main()
