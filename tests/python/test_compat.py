"""bgem3.compat: the names of FlagEmbedding, and programs that run with them."""

import dataclasses
import importlib
import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import types
from typing import Any

import bgem3.compat
import FlagEmbedding
import numpy as np
import pytest
from bgem3.compat import FlagEmbedding as alias
from bgem3.compat import __main__ as command
from bgem3.compat import _parts

PACKAGES = {"FlagEmbedding": FlagEmbedding, "bgem3.compat": alias}
OURS = "bgem3.compat.FlagEmbedding"
FINDER = _parts.Finder("FlagEmbedding")
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


# Of FlagEmbedding's own code for models, which programs do not import.
INNER = {"EncoderOnlyEmbedderM3ModelForInference", "EncoderOnlyEmbedderM3Runner"}
INNER |= {"DatasetForReranker", "Collater", "Collater_for_lightweight", "LayerWiseMiniCPMForCausalLM"}


def modules() -> list[str]:
    """Names below the alias, by its files."""
    root = pathlib.Path(alias.__file__).parent
    files = (path.relative_to(root).with_suffix("") for path in root.rglob("*.py"))
    return sorted("".join(f".{part}" for part in file.parts if part != "__init__") for file in files)


@pytest.mark.parametrize("module", modules())
def test_classes_of_a_module(module):
    ours, theirs = both(module)
    own = {n for n in classes(theirs) if getattr(theirs, n).__module__.startswith("FlagEmbedding.")} - INNER
    assert own <= classes(ours)
    mappings = {name for name in vars(theirs) if name.startswith("AUTO_") or name.endswith("_CLASS_MAPPING")}
    assert mappings <= set(vars(ours))


def test_alias_imports_all_its_modules():
    text = "import sys, bgem3.compat.FlagEmbedding; print(*sys.modules)"
    assert {f"{OURS}{module}" for module in modules()} <= set(run("-c", text).stdout.split())


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
    with pytest.raises(TypeError, match=f"{name} runs a language model.*use .*Flag.*FlagEmbedding itself"):
        getattr(alias, name)("BAAI/some-model", use_fp16=True)


@pytest.mark.parametrize("base, instead", [("AbsEmbedder", "BGEM3FlagModel"), ("AbsReranker", "FlagReranker")])
def test_classes_derived_from_abstract_ones(base, instead):
    class Own(getattr(alias, base)):  # type: ignore[misc]
        def __init__(self):
            """Would do without the base."""

    with pytest.raises(TypeError, match=f"Own derives from .*{instead}"):
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
import multiprocessing, os, subprocess, sys
import FlagEmbedding.inference.embedder.model_mapping as mapping
from FlagEmbedding import BGEM3FlagModel

def in_child(answers):
    import FlagEmbedding
    answers.put(FlagEmbedding.BGEM3FlagModel.__module__)

if __name__ == "__main__":
    print("parent", BGEM3FlagModel.__module__, mapping.FlagModel.__module__)
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        answers = context.Queue()
        child = context.Process(target=in_child, args=(answers,))
        child.start()
        print(method, answers.get(timeout=60), flush=True)
        child.join()
    text = "import FlagEmbedding.abc.inference as abc; print(abc.AbsEmbedder.__module__)"
    for arguments in (["-c", text], ["folder/child.py"], ["-m", "folder.child"]):
        subprocess.run([sys.executable, *arguments], check=True)
    print("loaded", *sorted({"torch", "transformers", "scipy"} & set(sys.modules)))
"""

# The place of FlagEmbedding's clone, from which programs of its repository are run.
DECOY = "BGEM3FlagModel = type('BGEM3FlagModel', (), {'__module__': 'decoy'})"
CHILD = "import FlagEmbedding; print(FlagEmbedding.BGEM3FlagModel.__module__)"


def make_decoys(directory: pathlib.Path) -> None:
    for place in (directory / "FlagEmbedding", directory / "folder" / "FlagEmbedding"):
        place.mkdir(parents=True)
        (place / "__init__.py").write_text(DECOY)
    (directory / "folder" / "child.py").write_text(CHILD)


def run(*arguments: str, directory: pathlib.Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, *arguments], cwd=directory, capture_output=True, text=True, env=environment)


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
    make_decoys(tmp_path)
    (tmp_path / "uses.py").write_text(USES)
    ended = run("-m", "bgem3.compat", "uses.py", directory=tmp_path)
    assert ended.returncode == 0, ended.stderr
    children = ["fork bgem3.m3", "spawn bgem3.m3", "forkserver bgem3.m3"]
    started = [f"{OURS}.abc.inference.AbsEmbedder", "bgem3.m3", "bgem3.m3"]
    assert ended.stdout.splitlines() == [
        "parent bgem3.m3 bgem3.flag_model",
        *children,
        *started,
        "loaded",
    ]
    assert run("folder/child.py", directory=tmp_path).stdout == "decoy\n"


@pytest.mark.parametrize("option", ["ignore_environment", "no_site"])
def test_options_that_processes_inherit(monkeypatch, option):
    """An editable install is not found under -S."""
    names = ("ignore_environment", "no_site", "safe_path", "isolated")
    flags = types.SimpleNamespace(**{name: int(name == option) for name in names})
    started = types.SimpleNamespace(argv=["bgem3.compat", "-c", "pass"], flags=flags, exit=sys.exit)
    monkeypatch.setattr(command, "sys", started)
    with pytest.raises(SystemExit, match="-E and -S.*with -I"):
        command.main()


def test_isolated_program_and_its_processes_have_the_alias(tmp_path):
    make_decoys(tmp_path)
    (tmp_path / "uses.py").write_text(USES.replace('"fork", "spawn", "forkserver"', '"spawn",'))
    ended = run("-I", "-m", "bgem3.compat", "uses.py", directory=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[:2] == ["parent bgem3.m3 bgem3.flag_model", "spawn bgem3.m3"]
    assert "decoy" not in ended.stdout


STARTS = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {!r}]))"


def in_python(text: str) -> list[str]:
    """Arguments that run it in a process of a program under bgem3.compat."""
    return ["-m", "bgem3.compat", "-c", STARTS.format(text)]


def test_process_without_flagembedding_imports_nothing_of_bgem3(tmp_path):
    text = "import sys; print(*(name for name in sys.modules if name.split('.')[0] in ('bgem3', 'torch', 'numpy')))"
    ended = run(*in_python(text), directory=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")


def test_sitecustomize_of_the_environment_runs(tmp_path):
    """With another copy of ours before it, as of another installation."""
    copy, own = tmp_path / "copy", tmp_path / "own"
    shutil.copytree(_parts.CHILDREN, copy)
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys; sys.ran = [*getattr(sys, 'ran', []), __file__]")
    text = f"import sys, sitecustomize; print(sys.ran, sitecustomize.__file__); {CHILD}"
    ended = run(*in_python(text), directory=tmp_path, PYTHONPATH=os.pathsep.join(map(str, (copy, own))))
    file = str(own / "sitecustomize.py")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [f"{[file]} {file}", "bgem3.m3"]


def test_fault_in_the_sitecustomize_of_the_environment(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('theirs')")
    ended = run(*in_python(CHILD), directory=tmp_path, PYTHONPATH=str(tmp_path))
    assert ended.stdout == "bgem3.m3\n" and "ValueError: theirs" in ended.stderr


def test_python_path_of_nested_programs_does_not_grow(tmp_path):
    inner = "import os; print(os.environ['PYTHONPATH'])"
    text = STARTS.replace("'-c'", "'-m', 'bgem3.compat', '-c'").format(inner)
    outer, nested = (run("-m", "bgem3.compat", "-c", each, directory=tmp_path).stdout for each in (inner, text))
    assert nested == outer


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
    found, (real,) = FINDER.find_spec(name), FlagEmbedding.__path__
    assert found is not None and found.origin == str(pathlib.Path(real, *part.split("."), "__init__.py"))
    assert FINDER.find_spec(f"{name}.arguments") is None


@pytest.mark.parametrize("place", [None, "FlagEmbedding"])
def test_evaluation_without_flagembedding(monkeypatch, tmp_path, place):
    """Where there is nothing, and beside a clone, whose folder is no package."""
    (tmp_path / (place or "other")).mkdir()
    monkeypatch.setattr(sys, "path", [_parts.CHILDREN, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="pip install FlagEmbedding"):
        FINDER.find_spec("FlagEmbedding.evaluation")


MISSING = [".utils", ".utils.tokenizer_compat", ".inference.reranker.decoder_only.models", ".made_up"]


@pytest.mark.parametrize("module", MISSING)
def test_parts_that_are_missing(module):
    part = module.removesuffix(".tokenizer_compat")
    expected = f"does not have FlagEmbedding{part}: run .*FlagEmbedding itself, without bgem3.compat"
    with pytest.raises(ModuleNotFoundError, match=expected):
        importlib.import_module(f"{OURS}{module}")
    with pytest.raises(ModuleNotFoundError, match=expected):
        FINDER.find_spec(f"FlagEmbedding{part}")


def test_missing_parts_by_other_forms_of_import():
    with pytest.raises(ModuleNotFoundError, match="does not have FlagEmbedding.utils"):
        from bgem3.compat.FlagEmbedding import utils  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"install\(\), then import FlagEmbedding.evaluation"):
        importlib.import_module(f"{OURS}.evaluation")


def test_missing_part_in_a_program(tmp_path):
    """FlagEmbedding is installed here, and has it."""
    ended = run("-m", "bgem3.compat", "-c", "import FlagEmbedding.utils", directory=tmp_path)
    assert ended.returncode == 1 and "bgem3 does not have FlagEmbedding.utils" in ended.stderr
