"""The Python examples of the documents run as they stand, with small models in place of the named ones."""

import re

import pytest
from prepared import ROOT, model_directory

EXAMPLE = re.compile(r"<!-- python example: (\w+) -->\n```python\n(.*?)```", re.S)
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "python.md")
EXAMPLES = {name: text for path in DOCUMENTS for name, text in EXAMPLE.findall(path.read_text("utf-8"))}
MODELS = {
    "BAAI/bge-m3": "tiny",
    "intfloat/multilingual-e5-small": "e5-small",
    "BAAI/bge-reranker-v2-m3": "tiny-reranker",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, capsys):
    source = EXAMPLES[name]
    for model, stand_in in MODELS.items():
        if model not in source:
            continue
        source = source.replace(f'"{model}"', repr(str(model_directory(stand_in))))
    exec(compile(source, name, "exec"), {})
    assert capsys.readouterr().out.strip()


def test_there_are_examples():
    assert {"m3", "others", "sentence_transformers"} <= EXAMPLES.keys()
