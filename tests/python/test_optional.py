"""What needs other packages says so, and what to install, where they are missing."""

import subprocess
import sys

import pytest

NEEDED = {
    "bgem3.integrations.chroma": "chromadb",
    "bgem3.integrations.langchain": "langchain-core",
    "bgem3.integrations.langchain_qdrant": "langchain-qdrant",
    "bgem3.integrations.llama_index": "llama-index-core",
    "bgem3.integrations.haystack": "haystack-ai",
    "bgem3.integrations.milvus": "scipy",
    "bgem3.integrations.mteb": "mteb",
}
# Packages that are there are hidden: None in sys.modules makes their import fail.
HIDDEN = [
    "chromadb",
    "langchain_core",
    "langchain_qdrant",
    "llama_index",
    "haystack",
    "scipy",
    "mteb",
    "ray",
    "pyspark",
]


def error_of(program: str) -> str:
    hide = f"import sys; sys.modules.update(dict.fromkeys({HIDDEN}))\n"
    result = subprocess.run([sys.executable, "-c", hide + program], capture_output=True, text=True)
    assert result.returncode == 1
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("module, package", NEEDED.items())
def test_adapters(module, package):
    assert error_of(f"import {module}") == f"ImportError: this part of bgem3 needs {package}: pip install '{package}'"


def test_ray_and_spark(nano):
    assert "pip install 'ray[data]'" in error_of(f"import bgem3.ray; bgem3.ray.Embed({str(nano)!r})")
    assert "pip install 'pyspark'" in error_of(f"import bgem3.spark; bgem3.spark.embedding_udf({str(nano)!r})")
