import os
import shutil
import sys

import numpy as np
import pytest
from samples import TEXTS

import bgem3

if shutil.which("java") is None:
    pytest.skip("Spark needs Java, which is not installed", allow_module_level=True)

from pyspark.sql import SparkSession

from bgem3.spark import embedding_udf


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with settings.config("spark.sql.execution.arrow.maxRecordsPerBatch", "2").getOrCreate() as session:
        session.sparkContext.setLogLevel("ERROR")
        yield session


@pytest.fixture(scope="module")
def frame(spark):
    return spark.createDataFrame([*enumerate(TEXTS), (len(TEXTS), None)], "id int, text string").repartition(2)


def embedded(frame, udf) -> list:
    return [row.embedding for row in frame.withColumn("embedding", udf("text")).orderBy("id").collect()]


@pytest.fixture(scope="module")
def expected(tiny):
    return bgem3.BGEM3FlagModel(tiny).encode(TEXTS, return_sparse=True, return_colbert_vecs=True)


def test_dense(frame, tiny, expected):
    *found, null = embedded(frame, embedding_udf(tiny))
    np.testing.assert_allclose(found, expected["dense_vecs"], atol=1e-5)
    assert null is None


def test_sparse(frame, tiny, expected):
    *found, null = embedded(frame, embedding_udf(tiny, "sparse"))
    for ours, weights in zip(found, expected["lexical_weights"], strict=True):
        assert {str(token): weight for token, weight in ours.items()} == pytest.approx(weights, abs=1e-5)
    assert null is None


def test_colbert(frame, tiny, expected):
    *found, null = embedded(frame, embedding_udf(tiny, "colbert"))
    for ours, vectors in zip(found, expected["colbert_vecs"], strict=True):
        np.testing.assert_allclose(ours, vectors, atol=1e-5)
    assert null is None


def test_options(frame, tiny):
    found = embedded(frame, embedding_udf(tiny, truncate_dim=8, prompt="query: "))
    reference = bgem3.BGEM3FlagModel(tiny, truncate_dim=8).encode(["query: " + text for text in TEXTS])
    np.testing.assert_allclose(found[:-1], reference["dense_vecs"], atol=1e-5)
    with pytest.raises(bgem3.InvalidArgumentError, match="kind should be one of dense, sparse, colbert, found 'both'"):
        embedding_udf(tiny, "both")
