"""Uses a function of milvus-model as its documentation does, with default settings.

python milvus_functions.py BGEM3EmbeddingFunction|BGERerankFunction OUTPUT PASSAGES
"""

import json
import pathlib
import sys
from typing import Any

QUERY = "What is the capital of France?"


def embeddings(passages: list[str]) -> dict[str, Any]:
    from milvus_model.hybrid import BGEM3EmbeddingFunction

    function = BGEM3EmbeddingFunction()
    found = {"queries": function.encode_queries([QUERY]), "documents": function.encode_documents(passages)}
    return {"dim": function.dim} | {
        kind: {
            "dense": [vector.tolist() for vector in vectors["dense"]],
            "sparse": vectors["sparse"].toarray()[:, vectors["sparse"].toarray().any(axis=0)].tolist(),
        }
        for kind, vectors in found.items()
    }


def ranking(passages: list[str]) -> list[Any]:
    from milvus_model.reranker import BGERerankFunction

    return [result.to_dict() for result in BGERerankFunction()(QUERY, passages)]


def main() -> None:
    name, output, passages = sys.argv[1:]
    work = {"BGEM3EmbeddingFunction": embeddings, "BGERerankFunction": ranking}[name]
    pathlib.Path(output).write_text(json.dumps(work(json.loads(passages))))


if __name__ == "__main__":
    main()
