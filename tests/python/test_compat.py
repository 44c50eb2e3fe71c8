"""bgem3.compat: the names of FlagEmbedding, and programs that run with them."""

import dataclasses
import importlib
import inspect
import json
import pathlib
import subprocess
import sys
from typing import Any

import bgem3.compat
import FlagEmbedding
import numpy as np
import pytest
from bgem3.compat import FlagEmbedding as alias
from bgem3.compat import __main__ as command
from bgem3.compat import _real_parts

PACKAGES = {"FlagEmbedding": FlagEmbedding, "bgem3.compat": alias}
OURS = "bgem3.compat.FlagEmbedding"
CLASSES = {"BaseEmbedder": "FlagModel", "M3Embedder": "BGEM3FlagModel", "BaseReranker": "FlagReranker"} | {
    "BaseLLMEmbedder": "FlagLLMModel",
    "ICLLLMEmbedder": "FlagICLModel",
    "PseudoMoELLMEmbedder": "FlagPseudoMoEModel",
    "BaseLLMReranker": "FlagLLMReranker",
    "LayerWiseLLMReranker": "LayerWiseFlagLLMReranker",
    "LightweightLLMReranker": "LightWeightFlagLLMReranker",
}
LANGUAGE_MODELS = [name for name in CLASSES.values() if name not in ("FlagModel", "BGEM3FlagModel", "FlagReranker")]


def both(module: str) -> tuple[Any, Any]:
    """Ours and theirs."""
    return importlib.import_module(f"{OURS}{module}"), importlib.import_module(f"FlagEmbedding{module}")


def classes(module: Any) -> set[str]:
    return {name for name, value in vars(module).items() if inspect.isclass(value)}


# Names


def test_all_classes_of_the_package_are_there():
    assert classes(alias) == classes(FlagEmbedding)
    assert set(alias.__all__) == classes(FlagEmbedding)


@pytest.mark.parametrize(
    "module",
    [
        ".abc.inference",
        ".inference",
        ".inference.embedder",
        ".inference.embedder.encoder_only",
        ".inference.embedder.decoder_only",
        ".inference.reranker",
        ".inference.reranker.encoder_only",
        ".inference.reranker.decoder_only",
    ],
)
def test_names_of_a_module(module):
    ours, theirs = both(module)
    assert set(ours.__all__) == set(theirs.__all__)
    assert all(hasattr(ours, name) for name in theirs.__all__)


@pytest.mark.parametrize(
    "module, name",
    [
        (".abc.inference.AbsEmbedder", "AbsEmbedder"),
        (".abc.inference.AbsReranker", "AbsReranker"),
        (".inference.auto_embedder", "FlagAutoModel"),
        (".inference.auto_reranker", "FlagAutoReranker"),
        (".inference.embedder.encoder_only.base", "BaseEmbedder"),
        (".inference.embedder.encoder_only.m3", "M3Embedder"),
        (".inference.reranker.encoder_only.base", "BaseReranker"),
    ],
)
def test_class_of_a_module(module, name):
    assert all(inspect.isclass(getattr(each, name)) for each in both(module))


def as_data(value: Any) -> Any:
    """Of a mapping's key or entry, with the name that this package exports a class under."""
    if inspect.isclass(value):
        return CLASSES.get(value.__name__, value.__name__)
    if dataclasses.is_dataclass(value):
        return {field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return getattr(value, "value", value)


@pytest.mark.parametrize("kind, name", [("embedder", "EMBEDDER"), ("reranker", "RERANKER")])
def test_model_mapping(kind, name):
    ours, theirs = both(f".inference.{kind}.model_mapping")
    for mapping in (f"AUTO_{name}_MAPPING", f"{name}_CLASS_MAPPING"):
        found, expected = getattr(ours, mapping), getattr(theirs, mapping)
        assert [as_data(key) for key in found] == [as_data(key) for key in expected]
        assert [as_data(value) for value in found.values()] == [as_data(value) for value in expected.values()]
        with pytest.raises(TypeError):
            found["mine"] = None  # it would have no effect


def test_lists_and_enumerations_of_embedders():
    ours, theirs = both(".inference.embedder.model_mapping")
    assert ours.support_native_bge_model_list() == theirs.support_native_bge_model_list()
    assert ours.support_model_list() == theirs.support_model_list()
    for name in ("EmbedderModelClass", "PoolingMethod"):
        assert [(m.name, m.value) for m in getattr(ours, name)] == [(m.name, m.value) for m in getattr(theirs, name)]


def test_models_are_of_the_abstract_classes(nano, nano_reranker):
    embedder, reranker = alias.BGEM3FlagModel(str(nano)), alias.FlagReranker(str(nano_reranker))
    assert isinstance(embedder, alias.AbsEmbedder) and not isinstance(embedder, alias.AbsReranker)
    assert isinstance(reranker, alias.AbsReranker) and not isinstance(reranker, alias.AbsEmbedder)
    assert issubclass(alias.FlagModel, alias.AbsEmbedder)
    assert issubclass(alias.FlagLLMReranker, alias.AbsReranker)


# What is refused


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_language_models(name):
    with pytest.raises(NotImplementedError, match=f"{name} runs a language model.*use .*Flag.*FlagEmbedding itself"):
        getattr(alias, name)("BAAI/some-model", use_fp16=True)


@pytest.mark.parametrize("base, instead", [("AbsEmbedder", "BGEM3FlagModel"), ("AbsReranker", "FlagReranker")])
def test_classes_derived_from_abstract_ones(base, instead):
    class Own(getattr(alias, base)):  # type: ignore[misc]
        def __init__(self):
            """Would do without the base."""

    with pytest.raises(NotImplementedError, match=f"Own derives from .*{instead}"):
        Own()


@pytest.mark.parametrize("module", [".finetune", ".abc.finetune", ".finetune.embedder.encoder_only.m3"])
def test_training(module):
    with pytest.raises(ImportError, match="does not train"):
        importlib.import_module(f"{OURS}{module}")


def test_install_where_flagembedding_is_imported_already():
    with pytest.raises(RuntimeError, match="imported already.*python -m bgem3.compat"):
        bgem3.compat.install()
    assert sys.modules["FlagEmbedding"] is FlagEmbedding


# FlagEmbedding's own tests, after tests/test_infer_*_basic.py


@pytest.mark.parametrize("name", PACKAGES)
def test_embedder(name, nano):
    model = PACKAGES[name].FlagModel(str(nano), device="cpu")
    one, other = model.encode("What is the capital of France?"), model.encode("Paris is the capital of France.")
    assert isinstance(one, np.ndarray) and one.ndim == other.ndim == 1
    assert np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)) <= 1.00001
    assert model.encode(["first", "second"]).shape == (2, *one.shape)


@pytest.mark.parametrize("name", PACKAGES)
def test_reranker(name, nano_reranker):
    model = PACKAGES[name].FlagReranker(str(nano_reranker), device="cpu")
    scores = model.compute_score([("capital of France?", "Paris."), ("capital of France?", "Berlin.")])
    assert isinstance(scores, list) and len(scores) == 2
    assert all(isinstance(score, float) for score in scores)


# Programs

# What a program can tell of how it was started, and `FlagEmbedding` where the alias is wanted.
TELLS = """
import json, pickle, sys
class Kept: pass
pickle.loads(pickle.dumps(Kept()))
names = ("__name__", "__file__", "__package__", "__doc__")
told = {"argv": sys.argv, "first": sys.path[0], "names": {n: globals().get(n) for n in names}, "spec": str(__spec__)[:40]}
told["main"] = sys.modules["__main__"].__dict__ is globals()
print(json.dumps(told))
sys.exit(3)
"""

USES = """
import multiprocessing, subprocess, sys
import FlagEmbedding.inference.embedder.model_mapping as mapping
from FlagEmbedding import BGEM3FlagModel

def in_child(answers):
    import FlagEmbedding
    answers.put(FlagEmbedding.BGEM3FlagModel.__module__)

if __name__ == "__main__":
    print(BGEM3FlagModel.__module__, mapping.FlagModel.__module__)
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        answers = context.Queue()
        child = context.Process(target=in_child, args=(answers,))
        child.start()
        print(answers.get(timeout=60))
        child.join()
    text = "import FlagEmbedding.abc.inference as abc; print(abc.AbsEmbedder.__module__)"
    print(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True).stdout)
    print(*sorted({"torch", "transformers", "scipy"} & set(sys.modules)))
"""


def run(*arguments: str, directory: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=directory, capture_output=True, text=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["folder/tells.py", "a", "-b"],
        ["-m", "folder.tells", "a"],
        ["-c", TELLS, "a", "-m"],
        ["folder/link"],
    ],
)
def test_program_is_started_as_python_does(tmp_path, arguments):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "tells.py").write_text(TELLS)
    (tmp_path / "elsewhere").write_text(TELLS)
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    ours, pythons = (run(*first, *arguments, directory=tmp_path) for first in (["-m", "bgem3.compat"], []))
    assert (ours.returncode, ours.stderr) == (pythons.returncode, pythons.stderr) == (3, "")
    assert json.loads(ours.stdout) == json.loads(pythons.stdout)


def test_directory_as_a_program(tmp_path):
    (tmp_path / "__main__.py").write_text(TELLS)
    ours, pythons = (run(*first, str(tmp_path), "a", directory=tmp_path) for first in (["-m", "bgem3.compat"], []))
    assert (ours.returncode, ours.stderr) == (3, "")
    assert json.loads(ours.stdout) == json.loads(pythons.stdout)


def test_program_and_its_processes_have_the_alias(tmp_path):
    (tmp_path / "uses.py").write_text(USES)
    ended = run("-m", "bgem3.compat", "uses.py", directory=tmp_path)
    assert ended.returncode == 0, ended.stderr
    parent, *children, imported = ended.stdout.splitlines()
    assert parent == "bgem3.m3 bgem3.flag_model"
    assert [line for line in children if line] == ["bgem3.m3", "bgem3.m3", f"{OURS}.abc.inference.AbsEmbedder"]
    assert imported == ""


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-x", "program.py"]])
def test_wrong_use_of_the_command(monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["bgem3.compat", *arguments])
    with pytest.raises(SystemExit, match="usage: python -m bgem3.compat PROGRAM"):
        command.main()


def test_program_that_is_not_there(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bgem3.compat", "no.py"])
    with pytest.raises(SystemExit, match="cannot open 'no.py': No such file"):
        command.main()


# Parts of FlagEmbedding itself


@pytest.mark.parametrize("part", ["evaluation", "abc.evaluation"])
def test_evaluation_is_that_of_flagembedding(part):
    name = f"FlagEmbedding.{part}"
    found, (real,) = _real_parts.Finder().find_spec(name), FlagEmbedding.__path__
    assert found is not None and found.origin == str(pathlib.Path(real, *part.split("."), "__init__.py"))
    assert _real_parts.Finder().find_spec("FlagEmbedding.utils") is None


def test_evaluation_without_flagembedding(monkeypatch):
    monkeypatch.setattr(sys, "path", [_real_parts.CHILDREN])
    with pytest.raises(ModuleNotFoundError, match="pip install FlagEmbedding"):
        _real_parts.Finder().find_spec("FlagEmbedding.evaluation")
