"""A program as users write them, which type checkers are run on."""

import asyncio
import pickle

import numpy as np
import numpy.typing as npt

from bgem3 import BGEM3FlagModel, EmbeddingModel, FlagModel, FlagReranker, OverloadedError
from bgem3.types import TextVectors, Vectors


def best(query: TextVectors, passages: Vectors) -> int:
    scores: npt.NDArray[np.float32] = passages["dense_vecs"] @ query["dense_vecs"]
    return int(scores.argmax())


def lexical(model: BGEM3FlagModel, query: TextVectors, passages: Vectors) -> list[float]:
    weights = query["lexical_weights"]
    return [model.compute_lexical_matching_score(weights, other) for other in passages["lexical_weights"]]


def main(texts: list[str]) -> None:
    with BGEM3FlagModel("BAAI/bge-m3", devices="cpu", use_fp16=False) as model:
        query = model.encode_queries("how to bake bread", return_sparse=True, return_colbert_vecs=True)
        passages = model.encode_corpus(texts, 12, 8192, return_sparse=True, return_colbert_vecs=True)
        print(texts[best(query, passages)], sum(lexical(model, query, passages)))
        print(model.colbert_score(query["colbert_vecs"], passages["colbert_vecs"][0]).item())
        print(model.compute_score(("a query", "a text"))["dense"] + 1.0)
        print(max(model.compute_score([("a query", "a text"), ["another", "text"]])["colbert+sparse+dense"]))
        try:
            print(asyncio.run(model.aencode(texts, timeout=1.0))["dense_vecs"].shape)
        except (OverloadedError, TimeoutError) as error:
            print(error)
        copy: BGEM3FlagModel = pickle.loads(pickle.dumps(model))
        print(copy.model.config.hidden_size, copy.info["dtype"], copy.tokenizer("a text")["input_ids"])
    print(FlagModel("BAAI/bge-m3").encode(texts).mean(axis=0), FlagModel("BAAI/bge-m3").encode("one text").tolist())
    dense = EmbeddingModel("intfloat/multilingual-e5-small", device="cpu", truncate_dim=128)
    print(dense.similarity(dense.encode_query(texts), dense.encode_document(texts)).shape)
    reranker = FlagReranker("BAAI/bge-reranker-v2-m3")
    print(sorted(reranker.compute_score([("a query", text) for text in texts], normalize=True), reverse=True))
    print(reranker.rank("a query", texts, top_k=3)[0]["score"])


if __name__ == "__main__":
    main(["Knead the dough.", "Raise the rates."])
