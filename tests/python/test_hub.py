"""Names of models: directories, the cache of huggingface_hub, and a Hub, which a server on this machine plays."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import bgem3
import pytest
import torch
from fake_hub import COMMITS, FakeHub
from safetensors.torch import save_file

# Not asked for, although the repository has them.
SUPERFLUOUS = ["README.md", "onnx/model.onnx", "flax_model.msgpack", "imgs/picture.png"]


KINDS = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}
MODULES = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in KINDS.items()]


def link_model(source: pathlib.Path, target: pathlib.Path, without: str = "") -> pathlib.Path:
    target.mkdir(parents=True)
    for file in source.rglob("*"):
        if file.is_file() and file.name != without:
            (target / file.relative_to(source)).parent.mkdir(exist_ok=True)
            (target / file.relative_to(source)).symlink_to(file)
    return target


def write_adapter(nano: pathlib.Path, directory: pathlib.Path, base: str) -> pathlib.Path:
    """`nano` without its weights, and an adapter instead."""
    link_model(nano, directory, without="model.safetensors")
    for name in ("config.json", "sparse_linear.pt", "colbert_linear.pt"):
        (directory / name).unlink()
    config = {"peft_type": "LORA", "base_model_name_or_path": base, "target_modules": ["layer.0.attention.self.query"]}
    (directory / "adapter_config.json").write_text(json.dumps({**config, "r": 2}))
    layer = "base_model.model.encoder.layer.0.attention.self.query"
    torch.manual_seed(0)
    pair = {f"{layer}.lora_A.weight": torch.randn(2, 64), f"{layer}.lora_B.weight": torch.randn(64, 2)}
    save_file(pair, directory / "adapter_model.safetensors")
    return directory


@pytest.fixture(scope="module")
def hub(nano, tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    both = link_model(nano, root / "both")
    for name in [*SUPERFLUOUS, "pytorch_model.bin"]:
        (both / name).parent.mkdir(exist_ok=True)
        (both / name).write_text("not what anybody wants")
    torch_only = link_model(nano.parent / "nano-bin", root / "torch_only")
    dense = link_model(nano, root / "dense", without="modules.json")
    (dense / "modules.json").write_text(json.dumps(MODULES))
    (dense / "2_Dense").mkdir()
    for name in ("config.json", "pytorch_model.bin", "notes.txt"):
        (dense / "2_Dense" / name).write_text(f"of {name}")  # files of the same content are fetched once
    repositories = {
        "acme/adapter": {"main": write_adapter(nano, root / "adapter", base="acme/m3")},
        "acme/dense": {"main": dense},
        "acme/m3": {"main": both, "old": link_model(nano, root / "old", without="colbert_linear.pt")},
        "acme/torch": {"main": torch_only},
        "acme/private": {"main": both},
        "acme/gated": {"main": both},
    }
    with FakeHub(repositories, private={"acme/private"}, gated={"acme/gated"}).running() as running:
        yield running


class User:
    """Somebody with a cache of their own, who runs programs. A process each: huggingface_hub reads its settings once."""

    def __init__(self, home: pathlib.Path, address: str):
        self.home = home
        known = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        self.settings = {**known, "HF_HOME": str(home), "HF_ENDPOINT": address, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

    def run(self, program: str, **settings: str) -> str:
        """What it prints; its error's type and text, if it ends with one."""
        guarded = f"import bgem3\ntry: {program}\nexcept Exception as e: print(f'{{type(e).__name__}}: {{e}}')"
        result = subprocess.run(
            [sys.executable, "-c", guarded], capture_output=True, text=True, env={**self.settings, **settings}
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def resolve(self, name: str, arguments: str = "", **settings: str) -> str:
        return self.run(f"print(bgem3.resolve_model({name!r}{arguments}))", **settings)

    def snapshot(self, name: str, revision: str = "main") -> pathlib.Path:
        return self.home / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / COMMITS[revision]


@pytest.fixture
def user(hub, tmp_path) -> User:
    hub.fetched.clear()
    return User(tmp_path / "home", hub.address)


# Directories


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_directory(nano, kind):
    assert bgem3.resolve_model(kind(nano)) == nano


def test_home_directory(nano, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    link_model(nano, tmp_path / "model")
    assert bgem3.BGEM3FlagModel("~/model", devices="cpu").encode("x")["dense_vecs"].shape == (64,)


def test_directory_goes_before_a_repository_of_that_name(nano, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    link_model(nano, tmp_path / "acme" / "m3")
    assert bgem3.resolve_model("acme/m3") == pathlib.Path("acme/m3")


@pytest.mark.parametrize("name", ["/no/such/directory", "no such model", "a/b/c", "", "../gone", "~/gone/model"])
def test_neither_directory_nor_name(name):
    with pytest.raises(
        bgem3.BadModelError, match="expected one with config.json and weights, or a name on the"
    ) as error:
        bgem3.resolve_model(name)
    assert repr(name) in str(error.value)
    assert isinstance(error.value, OSError)  # as FlagEmbedding's, by way of transformers


def test_file(nano):
    with pytest.raises(bgem3.BadModelError, match="is a file; expected the directory"):
        bgem3.resolve_model(nano / "config.json")


# The Hub


def test_download_asks_only_for_what_is_needed(hub, user, nano):
    assert user.resolve("acme/m3") == str(user.snapshot("acme/m3"))
    assert set(hub.fetched).isdisjoint([*SUPERFLUOUS, "pytorch_model.bin"])
    assert {"config.json", "model.safetensors", "sparse_linear.pt", "colbert_linear.pt"} <= set(hub.fetched)
    assert (user.snapshot("acme/m3") / "model.safetensors").read_bytes() == (nano / "model.safetensors").read_bytes()


def test_second_time_comes_from_the_cache(hub, user):
    user.resolve("acme/m3")
    hub.fetched.clear()
    assert user.resolve("acme/m3") == str(user.snapshot("acme/m3"))
    assert hub.fetched == []


def test_torch_weights_where_there_are_no_others(hub, user):
    assert user.resolve("acme/torch") == str(user.snapshot("acme/torch"))
    assert "pytorch_model.bin" in hub.fetched


def test_model_of_the_hub_gives_the_vectors_of_its_directory(user, nano):
    program = "print(bgem3.BGEM3FlagModel({!r}, devices='cpu').encode('text')['dense_vecs'].tolist())"
    found = user.run(program.format("acme/m3"))
    assert found.startswith("[") and found == user.run(program.format(str(nano)))


def test_revision(user):
    assert user.resolve("acme/m3", ", revision='old'") == str(user.snapshot("acme/m3", "old"))
    assert not (user.snapshot("acme/m3", "old") / "colbert_linear.pt").exists()


def test_revision_by_commit(user):
    assert user.resolve("acme/m3", f", revision={COMMITS['old']!r}") == str(user.snapshot("acme/m3", "old"))


def test_cache_directory_as_argument(user, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    found = user.run(f"print(bgem3.BGEM3FlagModel('acme/m3', cache_dir={str(elsewhere)!r}).info['directory'])")
    assert found.startswith(str(elsewhere))
    assert not user.snapshot("acme/m3").exists()


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_token(hub, user, way):
    given = (", token='hf_secret'", {}) if way == "argument" else ("", {"HF_TOKEN": "hf_secret"})
    assert user.resolve("acme/private", given[0], **given[1]) == str(user.snapshot("acme/private"))


def test_modules_bring_their_files(hub, user):
    hub.fetched.clear()
    assert user.resolve("acme/dense") == str(user.snapshot("acme/dense"))
    assert {"model.safetensors", "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin"} <= set(
        hub.fetched
    )
    assert "2_Dense/notes.txt" not in hub.fetched


def test_adapter_brings_its_base(hub, user, nano, tmp_path):
    """From the cache that it came to itself, whichever that is."""
    show = "print(bgem3.EmbeddingModel({!r}{}, device='cpu').encode(['one text'])[0, :2].tolist())"
    from_hub = user.run(show.format("acme/adapter", f", cache_folder={str(tmp_path / 'other')!r}"))
    assert {"adapter_model.safetensors", "model.safetensors"} <= set(hub.fetched)
    directory = write_adapter(nano, tmp_path / "adapter", base="acme/m3")
    of_directory = user.run(show.format(str(directory), ""))
    assert from_hub == of_directory
    assert of_directory.startswith("[")
    assert of_directory != user.run(show.format("acme/m3", ""))


@pytest.mark.parametrize(
    "name, meant",
    [
        ("BAAI/bge-m33", "BAAI/bge-m3"),
        ("baai/BGE-M3", "BAAI/bge-m3"),
        ("bge-m3", "BAAI/bge-m3"),
        ("intfloat/multilingual-e5-smal", "intfloat/multilingual-e5-small"),
        ("BAAI/bge-m3", None),
        ("acme/something-else", None),
    ],
)
def test_name_that_is_nearly_right(user, name, meant):
    answer = user.resolve(name, HF_HUB_OFFLINE="1")
    assert answer.startswith("BadModelError: ")
    assert ("did you mean" in answer) == (meant is not None)
    assert meant is None or f"did you mean '{meant}'?" in answer


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_offline(hub, user, way):
    user.resolve("acme/m3")
    offline = (", local_files_only=True", {}) if way == "argument" else ("", {"HF_HUB_OFFLINE": "1"})
    elsewhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # where nothing answers
    found = user.resolve("acme/m3", offline[0], **elsewhere, **offline[1])
    assert found == str(user.snapshot("acme/m3"))


def test_cache_that_another_program_filled(user, nano):
    snapshot = link_model(nano, user.snapshot("acme/other"))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMITS["main"])
    assert user.resolve("acme/other", HF_HUB_OFFLINE="1") == str(snapshot)


@pytest.mark.parametrize(
    "name, arguments, settings, expected",
    [
        ("acme/unknown", "", {}, "the Hub has no such repository for you; check the name, or `hf auth login`"),
        ("acme/private", "", {}, "the Hub has no such repository for you; check the name, or `hf auth login`"),
        ("acme/gated", "", {}, "the Hub wants its licence accepted first; do so at its page"),
        ("acme/m3", ", revision='new'", {}, "its repository has no revision 'new'; check the revision"),
        ("acme/m3", "", {"HF_HUB_OFFLINE": "1"}, "unset HF_HUB_OFFLINE, or pass the path of a directory"),
        ("acme/m3", ", local_files_only=True", {}, "it is not (or not wholly) in the cache"),
        ("acme/m3", "", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "check the connection"),
    ],
)
def test_errors_say_what_to_do(user, name, arguments, settings, expected):
    answer = user.resolve(name, arguments, **settings)
    assert answer.startswith(f"BadModelError: model '{name}': no directory of that name, and ")
    assert expected in answer


def test_cache_that_lacks_the_weights_says_so(user, nano):
    snapshot = link_model(nano, user.snapshot("acme/other"), without="model.safetensors")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMITS["main"])
    answer = user.run("bgem3.BGEM3FlagModel('acme/other', devices='cpu')", HF_HUB_OFFLINE="1")
    assert answer.startswith("BadModelError: ") and "model.safetensors" in answer


def test_every_name_is_shared_by_all_classes(user, tmp_path):
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    for kind in ("BGEM3FlagModel", "FlagModel", "EmbeddingModel"):
        found = user.run(f"print(bgem3.{kind}('acme/m3', revision='old').info['directory'])")
        assert found == str(user.snapshot("acme/m3", "old"))
