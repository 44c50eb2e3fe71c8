"""Arguments that FlagEmbedding's classes take for every model: followed, or refused where they would be passed over."""

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch

CLASSES = {"BGEM3FlagModel": "nano", "FlagModel": "nano", "FlagReranker": "nano_reranker"}
NOTHING = {
    "examples_for_task": None,
    "examples_instruction_format": "{}{}",
    "domain_for_pseudo_moe": None,
    "peft_path": None,
    "prompt": None,
    "cutoff_layers": None,
    "compress_layers": None,
    "compress_ratio": 1,
    "trust_remote_code": True,
    "use_bf16": False,
    "device": None,
}
SOMETHING = {
    "examples_for_task": [{"instruct": "i", "query": "q", "response": "r"}],
    "domain_for_pseudo_moe": "coding",
    "peft_path": "an/adapter",
    "prompt": "Is it relevant?",
    "cutoff_layers": [28],
    "compress_layers": [8],
    "compress_ratio": 2,
}


@pytest.fixture(params=CLASSES)
def case(request):
    return request.param, str(request.getfixturevalue(CLASSES[request.param]))


def result(package, name, directory, **options):
    model = getattr(package, name)(directory, use_fp16=False, **options)
    if name == "FlagReranker":
        return model.compute_score([("a query", "a text"), ("another", "a longer text")])
    found = model.encode(["a text", "another"])
    return found["dense_vecs"] if isinstance(found, dict) else found


def test_what_asks_for_nothing_is_taken(case):
    ours, theirs = (result(package, *case, **NOTHING) for package in (bgem3, FlagEmbedding))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("option", SOMETHING)
def test_what_is_for_language_models_is_refused(case, option):
    with pytest.raises(ValueError, match=f"^{option} is for FlagEmbedding's language models"):
        getattr(bgem3, case[0])(case[1], **{option: SOMETHING[option]})


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), None])
def test_device(case, device):
    name, directory = case
    model = getattr(bgem3, name)(directory, device=device)
    assert model.target_devices == ["cpu"]
    np.testing.assert_allclose(
        result(bgem3, name, directory, device=device), result(FlagEmbedding, name, directory, device=device), atol=1e-5
    )


def test_device_and_devices(case):
    name, directory = case
    kind = getattr(bgem3, name)
    assert kind(directory, devices=["cpu"], device="cpu").target_devices == ["cpu"]
    with pytest.raises(ValueError, match="devices='cpu' and device='cuda:0' contradict"):
        kind(directory, devices="cpu", device="cuda:0")
    with pytest.raises(ValueError, match="CUDA cannot be used|cuda:1"):  # and no silent way to the CPU
        kind(directory, device=1)
    with pytest.raises(ValueError, match="device should be a str, an int or a torch.device"):
        kind(directory, device=1.5)


def test_dtype(case):
    name, directory = case
    assert getattr(bgem3, name)(directory, dtype=torch.float32).info["dtype"] == "float32"
    with pytest.raises(ValueError, match="dtype should be a str such as 'float32', or a torch.dtype, found <class"):
        getattr(bgem3, name)(directory, dtype=float)


def test_automatic_choice_passes_them_on(nano, nano_reranker):
    embedder = bgem3.FlagAutoModel.from_finetuned(str(nano), **NOTHING)
    reranker = bgem3.FlagAutoReranker.from_finetuned(str(nano_reranker), **NOTHING)
    assert type(embedder) is bgem3.BGEM3FlagModel and type(reranker) is bgem3.FlagReranker
    with pytest.raises(ValueError, match="cutoff_layers is for"):
        bgem3.FlagAutoReranker.from_finetuned(str(nano_reranker), cutoff_layers=[8])


@pytest.mark.parametrize("pooling", [None, "cls", "mean"])
def test_pooling_of_a_named_class(e5_small, pooling):
    """Without a word about it "cls", whatever the directory states, which is "mean" here."""
    options = {"model_class": "encoder-only-base", "use_fp16": False, "devices": "cpu", "pooling_method": pooling}
    ours, theirs = (
        package.FlagAutoModel.from_finetuned(str(e5_small), **options).encode(["a text", "another"])
        for package in (bgem3, FlagEmbedding)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_bfloat16_of_a_reranker_is_a_wish(nano_reranker):
    """As of the embedders: computed in it where the processor can."""
    dtype = "bfloat16" if bgem3._core.processor_has("bfloat16") else "float32"
    assert bgem3.FlagReranker(nano_reranker, use_bf16=True).info["dtype"] == dtype


def test_repr(case):
    name, directory = case
    model = getattr(bgem3, name)(directory)
    assert repr(model) == f"{name}({directory!r}, dtype='float32', devices=['cpu'])"
    model.close()
    assert repr(model) == f"{name}({directory!r}, closed)"
