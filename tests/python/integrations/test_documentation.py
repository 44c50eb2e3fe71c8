"""The examples of docs/integrations.md run as they stand, with a small model in place of the named one."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECTION = re.compile(r"^## (\w+)\n.*?^```python\n(.*?)^```", re.S | re.M)
EXAMPLES = dict(SECTION.findall((ROOT / "docs" / "integrations.md").read_text("utf-8")))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tiny, tmp_path):
    if name == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    program = EXAMPLES[name].replace('"BAAI/bge-m3"', repr(tiny))
    assert program != EXAMPLES[name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment["PYSPARK_PYTHON"] = sys.executable
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_every_adapter_has_an_example():
    assert EXAMPLES.keys() == {"LangChain", "LlamaIndex", "Haystack", "Milvus", "mteb", "Ray", "Spark"}
