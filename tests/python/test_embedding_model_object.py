"""EmbeddingModel as an object: where and in what it computes, what it tells of itself, beside sentence-transformers'."""

import copy
import pickle
from typing import Any

import bgem3
import numpy as np
import pytest
import torch
from bgem3._model.engine import Engine
from bgem3._sentence.missing import _INSTEAD
from bgem3._model.devices import find_device, same_devices
from pair import same_array
from sentence_models import TEXTS, Models, nano_pipeline
from sentence_transformers import SentenceTransformer


@pytest.fixture(scope="module")
def directory(nano, tmp_path_factory):
    return nano_pipeline(nano, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def models(directory):
    return Models.load(directory)


@pytest.fixture
def model(directory):
    """To be changed."""
    return bgem3.EmbeddingModel(directory, device="cpu")


# Pools, several devices


def test_pools(models):
    expected = models.compare(TEXTS, normalize_embeddings=True)
    pool = models.ours.start_multi_process_pool(["cpu", "cpu:0", torch.device("cpu")])
    assert pool["processes"] == ["cpu"]
    same_array(models.ours.encode(TEXTS, pool=pool, chunk_size=3, normalize_embeddings=True), expected)
    same_array(models.ours.encode_multi_process(TEXTS, pool, None, None, 2, 3, False, "float32", True), expected)
    models.ours.stop_multi_process_pool(pool)
    with pytest.raises(RuntimeError, match="this pool was stopped"):
        models.ours.encode(TEXTS, pool=pool)
    same_array(models.ours.encode(TEXTS, device=["cpu", "cpu"], normalize_embeddings=True), expected)


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu"), torch.device("cpu", 0), ["cpu"]], ids=str)
def test_device_of_a_call(models, device):
    same_array(models.ours.encode(TEXTS, device=device), models.ours.encode(TEXTS))


def test_names_of_one_device():
    assert same_devices(["cuda", "cuda:1"], ["cuda:1", "cuda:0", "cuda"]) and not same_devices(["cuda"], ["cpu"])
    assert (find_device("cuda:0", ["cuda:1", "cuda"]), find_device("cuda:2", ["cuda"])) == ("cuda", None)


def test_pool_without_a_device(models):
    with pytest.raises(ValueError, match="at least one device"):
        models.ours.start_multi_process_pool([])
    with pytest.raises(TypeError, match="start_multi_process_pool"):
        models.ours.stop_multi_process_pool({})


# Where and in what it computes


@pytest.mark.parametrize(
    "move",
    [
        lambda m: m.to("cpu"),
        lambda m: m.to(torch.device("cpu"), torch.float32, non_blocking=True),
        lambda m: m.to(device="cpu:0", dtype=torch.float32),
        lambda m: m.to(torch.empty(0)),
        lambda m: m.to(None),
        lambda m: m.cpu().float().eval().train(False),
    ],
    ids=range(6),
)
def test_moves_that_change_nothing(models, move):
    engine = models.ours._engine
    assert move(models.ours) is models.ours
    assert move(models.theirs) is models.theirs
    assert models.ours._engine is engine
    assert models.ours.device == models.theirs.device == torch.device("cpu")
    assert models.ours.dtype == models.theirs.dtype == torch.float32


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_another_dtype(model, directory, dtype):
    if not bgem3._core.processor_has(dtype):
        pytest.skip(f"this processor has no {dtype}")
    before = model.encode(TEXTS)
    expected = bgem3.EmbeddingModel(directory, device="cpu", dtype=dtype).encode(TEXTS)
    assert model.to(getattr(torch, dtype)).dtype == getattr(torch, dtype)
    assert model.info["dtype"] == dtype
    same_array(model.encode(TEXTS), expected)
    assert np.abs(expected - before).max() > 1e-4
    same_array(model.float().encode(TEXTS), before)
    if dtype == "bfloat16":
        same_array(model.bfloat16().encode(TEXTS), expected)


def test_dtype_on_another_device(model, monkeypatch):
    """What was named once holds for good."""
    asked = []
    monkeypatch.setattr(Engine, "opened_again", lambda engine, *how: asked.append(how) or engine)
    model.to("cuda")
    model.float().to("cuda:1").to(2, torch.bfloat16)
    model.start_multi_process_pool(["cuda:3"])
    model.encode("a", device=["cuda:4", "cuda:5"])
    assert asked == [
        (["cuda"], None),
        (["cuda:1"], "float32"),
        (["cuda:2"], "bfloat16"),
        (["cuda:3"], "bfloat16"),
        (["cuda:4", "cuda:5"], "bfloat16"),
    ]


@pytest.mark.parametrize(
    "move, kind, message",
    [
        (lambda m: m.half(), ValueError, "on the CPU use float32"),
        (lambda m: m.to(torch.float64), ValueError, "float64"),
        (lambda m: m.cuda(), ValueError, "CUDA"),
        (lambda m: m.to("cuda:1"), ValueError, "CUDA"),
        (lambda m: m.encode("a", device="cuda"), ValueError, "CUDA"),
        (lambda m: m.to(nix=1), TypeError, "'nix'"),
        (lambda m: m.to(3.5), ValueError, "found 3.5"),
        (lambda m: m.train(), ValueError, "does not train"),
    ],
)
def test_moves_that_cannot_be(model, move, kind, message):
    before = model.encode(TEXTS)
    with pytest.raises(kind, match=message):
        move(model)
    same_array(model.encode(TEXTS), before)


def test_moved_models_keep_what_was_set(model):
    if not bgem3._core.processor_has("bfloat16"):
        pytest.skip("this processor has no bfloat16")
    model.max_seq_length, model.truncate_dim, model.default_prompt_name = 16, 8, "query"
    copied = pickle.loads(pickle.dumps(model.bfloat16()))
    assert (copied.max_seq_length, copied.truncate_dim, copied.dtype) == (16, 8, torch.bfloat16)
    same_array(copied.encode(TEXTS), model.encode(TEXTS))
    shallow = copy.copy(model)
    assert (shallow.float().dtype, model.dtype) == (torch.float32, torch.bfloat16)


def test_closing(model):
    with model as opened:
        assert opened.encode("a").shape == (64,)
    assert repr(model) == f"EmbeddingModel('{model.model_name_or_path}', closed)"
    for call in (model.encode, model.encode_query, lambda text: model.to("cpu"), lambda text: model.dtype):
        with pytest.raises(RuntimeError, match="this model was closed"):
            call("a")


# What it is


def test_token_ids(models):
    for method in ("tokenize", "preprocess"):
        for texts in (TEXTS, TEXTS[:1], []):
            ours, theirs = (getattr(model, method)(texts) for model in (models.ours, models.theirs))
            assert_same_features(ours, theirs)
    ours, theirs = (model.preprocess(TEXTS, prompt="query: ") for model in (models.ours, models.theirs))
    assert_same_features(ours, theirs)
    with pytest.raises(TypeError, match="found str"):
        models.ours.tokenize("letters")


def assert_same_features(ours: Any, theirs: Any) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value


@pytest.mark.filterwarnings("ignore:.*has been renamed:FutureWarning")
def test_truncating_for_a_while(models):
    for method in ("truncate_embeddings", "truncate_sentence_embeddings"):
        for dimension in (16, None):
            contexts = [getattr(model, method)(truncate_dim=dimension) for model in (models.ours, models.theirs)]
            with contexts[0], contexts[1]:
                assert models.compare(TEXTS).shape[1] == (dimension or 64)
                assert models.ours.get_embedding_dimension() == models.theirs.get_embedding_dimension()
        assert models.compare(TEXTS).shape[1] == 64
    with pytest.raises(ValueError, match="positive int, found 0"), models.ours.truncate_embeddings(0):
        pass


@pytest.mark.parametrize("length", [1, 8193, 0, -3, None, "16", 16.0, True], ids=repr)
def test_lengths_that_cannot_be(model, length):
    with pytest.raises(ValueError, match="max_seq_length should be an int from 2 to 8192, found"):
        model.max_seq_length = length
    assert model.max_seq_length == model.get_max_seq_length() == 128


def test_length_of_the_tokenizer_is_that_of_the_model(directory):
    both = Models.load(directory)
    for model in (both.ours, both.theirs):
        model.tokenizer.model_max_length = 9
    both.compare(TEXTS)
    assert both.ours.max_seq_length == both.theirs.max_seq_length == 9
    both.ours.tokenizer.model_max_length = int(1e30)
    with pytest.raises(ValueError, match="max_seq_length"):
        both.ours.encode("a")
    with pytest.raises(AttributeError, match="set `max_seq_length`"):
        both.ours.tokenizer = both.theirs.tokenizer


def test_properties(models):
    for name in ("get_backend", "get_model_kwargs", "get_max_seq_length", "get_embedding_dimension"):
        assert getattr(models.ours, name)() == getattr(models.theirs, name)(), name
    assert models.ours.modalities == models.theirs.modalities
    for modality in ("text", "image", ("text", "image")):
        assert models.ours.supports(modality) == models.theirs.supports(modality)
    assert "dtype='float32', devices=['cpu']" in repr(models.ours)


def test_every_name_of_sentence_transformers(models):
    """Is there, or says what is there instead. Those of torch.nn.Module are few in programs."""
    names = {name for name in dir(SentenceTransformer) if not name.startswith("_")} - {*dir(torch.nn.Sequential)}
    unknown = {name for name in names if not hasattr(models.ours, name) and name not in _INSTEAD}
    assert unknown == {
        "SUPPORTED_SIMILARITY_FN_NAMES",
        "default_huggingface_organization",
        "is_singular_input",
        "load",  # until version 3 the way to open a directory
        "model_card_data_class",
        "model_type",
        # of adapters, and of models that several devices share
        "active_adapter",
        "active_adapters",
        "check_peft_compatible_model",
        "clear_placement_cache",
        "delete_adapter",
        "disable_adapters",
        "enable_adapters",
        "get_adapter_state_dict",
        "has_peft_compatible_model",
    }
    for name in _INSTEAD:
        with pytest.raises(AttributeError, match=f"'EmbeddingModel' has no attribute '{name}': "):
            getattr(models.ours, name)
    with pytest.raises(AttributeError, match="has no attribute 'nix'$"):
        models.ours.nix
    with pytest.raises(TypeError, match="cannot be indexed: there are no modules of torch"):
        models.ours[0].auto_model
