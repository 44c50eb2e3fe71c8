"""The examples of docs/integrations.md, and those at the top of the adapters' modules, run as they stand, with small models
in place of the named ones."""

import importlib
import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from prepared import ROOT, model_directory

_, *SECTIONS = re.split(r"^## ", (ROOT / "docs" / "integrations.md").read_text("utf-8"), flags=re.M)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.S | re.M)
EXAMPLES = {section.split("\n", 1)[0]: block for section in SECTIONS for block in BLOCK.findall(section)}
ADAPTERS = [file.stem for file in (ROOT / "python/bgem3/integrations").glob("[!_]*.py")]
MODULES = [*(f"bgem3.integrations.{name}" for name in sorted(ADAPTERS)), "bgem3.ray", "bgem3.spark", "bgem3.vectors"]
MODELS = {"BAAI/bge-m3": "tiny", "BAAI/bge-reranker-v2-m3": "tiny-reranker"}
# What a recipe takes for granted: data, and processors for its actors.
BEFORE = {
    "bgem3.integrations.mteb": "import mteb, test_mteb; mteb.get_tasks = lambda _: [test_mteb.Similarity()]",
    "bgem3.ray": "import ray; ray.init(num_cpus=4); ray.data.from_items([{'text': 'a text'}]).write_parquet('texts')",
}


def with_small_models(program: str) -> str:
    found = [model for model in MODELS if f'"{model}"' in program]
    assert found, "the program names no model"
    for model in found:
        program = program.replace(f'"{model}"', repr(str(model_directory(MODELS[model]))))
    return program


def run(program: str, directory: pathlib.Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["MTEB_CACHE"] = str(directory / "mteb")
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=directory, env=environment
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def skip_without_java(name: str) -> None:
    if "spark" in name.lower() and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path):
    skip_without_java(name)
    assert run(with_small_models(EXAMPLES[name]), tmp_path).strip()


@pytest.mark.parametrize("name", MODULES)
def test_recipe(name, tmp_path):
    skip_without_java(name)
    _title, recipe = inspect.getdoc(importlib.import_module(name)).split("\n\n", 1)
    run(f"{BEFORE.get(name, '')}\n{with_small_models(recipe)}", tmp_path)


def test_every_section_has_an_example():
    assert len(EXAMPLES) == len(SECTIONS)
    for name in MODULES:
        assert any(f"from {name} import" in example for example in EXAMPLES.values()), name
