"""Embeds by xinference's engine "flag", below its server. The weights are compared in one order: FlagEmbedding's dicts are in
that of the text, those of bgem3 in that of the token ids.

python xinference_embeddings.py MODEL OUTPUT PASSAGES
"""

import json
import pathlib
import sys

from huggingface_hub import snapshot_download
from xinference.model.embedding.core import EmbeddingModelFamilyV2, TransformersEmbeddingSpecV1
from xinference.model.embedding.flag.core import FLAG_EMBEDDER_MODEL_LIST, FlagEmbeddingModel

SPEC = TransformersEmbeddingSpecV1(
    model_format="pytorch", model_id="BAAI/bge-m3", model_uri=None, model_revision=None, quantization="none"
)


def family(size: int) -> EmbeddingModelFamilyV2:
    return EmbeddingModelFamilyV2(
        version=2,
        model_name="bge-m3",
        dimensions=size,
        max_tokens=8192,
        language=["en"],
        model_specs=[SPEC],
        cache_config=None,
        virtualenv=None,
    )


def main() -> None:
    directory, output, passages = snapshot_download(sys.argv[1]), pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])
    size = json.loads(pathlib.Path(directory, "config.json").read_text())["hidden_size"]
    model = FlagEmbeddingModel("uid", directory, family(size), None, "cpu", return_sparse=True)
    model.load()
    found = {
        "models": FLAG_EMBEDDER_MODEL_LIST,
        "dense": [each["embedding"] for each in model._create_embedding(passages)["data"]],
        "sparse": [
            dict(sorted(each["embedding"].items()))
            for each in model._create_embedding(passages, return_sparse=True)["data"]
        ],
        "one": model._create_embedding(passages[0])["data"][0]["embedding"],
        "cut": model._truncate_sentences(passages, 4),
    }
    output.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
