"""Embedding columns of Spark data frames: `pip install pyspark pandas pyarrow`.

from pyspark.sql import SparkSession
from bgem3.spark import embedding_udf

spark = SparkSession.builder.getOrCreate()
texts = spark.createDataFrame([("a text",), ("another",)], "text string")
texts.withColumn("embedding", embedding_udf("BAAI/bge-m3")("text")).show()
"""

import os
from collections.abc import Iterator
from typing import Any

from ._model.columns import KINDS, shared_embedder
from ._optional import need
from .errors import InvalidArgumentError

_TYPES = {"dense": "array<float>", "sparse": "map<int, float>", "colbert": "array<array<float>>"}


def embedding_udf(model: str | os.PathLike[str], kind: str = "dense", **options: Any) -> Any:
    """A pandas UDF from a column of texts to one of embeddings. Null becomes null.

    Each Python worker of Spark loads the model once. It is found where the worker runs, so a directory has to be
    there on every machine. Spark tells OpenMP to use `spark.task.cpus` threads; more do good for this.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        kind: "dense" gives array<float> [D]; "sparse" map<int, float>, from token id to weight; "colbert"
            array<array<float>> [tokens - 1, C]
        options: `device`, `max_length`, `truncate_dim`, `batch_size`, `prompt`, `cuda_graphs`, `threads`,
            `copy`
    """
    if kind not in KINDS:
        raise InvalidArgumentError(f"kind should be one of {', '.join(KINDS)}, found {kind!r}")
    for package in ("pyspark", "pandas", "pyarrow"):
        need(package, package)
    import pandas
    from pyspark.sql.functions import pandas_udf

    name, wanted = os.fspath(model), tuple(sorted(options.items()))

    def embed(batches: Iterator[pandas.Series]) -> Iterator[pandas.Series]:
        embedder = shared_embedder(name, (kind,), wanted)
        for texts in batches:
            present = zip(texts, texts.notna())
            column = embedder.columns([text if there else None for text, there in present])[kind]
            yield column.to_pandas(maps_as_pydicts="strict")

    return pandas_udf(embed, _TYPES[kind])  # type: ignore[call-overload]  # its stub leaves out iterators
