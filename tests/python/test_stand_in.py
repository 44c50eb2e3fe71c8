"""`model.model`, where FlagEmbedding has a torch module: the same sizes, and no forward pass."""

import copy
import pickle

import bgem3
import FlagEmbedding
import pytest
import torch

CASES = {"BGEM3FlagModel": "nano", "FlagModel": "nano", "FlagReranker": "nano_reranker"}


@pytest.fixture(scope="module", params=CASES)
def pair(request):
    """Ours and theirs."""
    directory = str(request.getfixturevalue(CASES[request.param]))
    return tuple(getattr(package, request.param)(directory, use_fp16=False) for package in (bgem3, FlagEmbedding))


def test_sizes_are_those_of_the_module(pair):
    ours, theirs = (model.model for model in pair)
    for name in ("hidden_size", "num_hidden_layers", "vocab_size"):
        assert getattr(ours.config, name) == getattr(getattr(theirs, "model", theirs).config, name), name
    for head in ("colbert_linear", "sparse_linear"):
        if hasattr(theirs, head):  # not FlagModel's, which passes over heads
            for size in ("in_features", "out_features"):
                assert getattr(getattr(ours, head), size) == getattr(getattr(theirs, head), size)
    assert (ours.dtype, ours.device) == (torch.float32, torch.device("cpu"))


def test_one_level_deeper(pair):
    assert pair[0].model.model.config.hidden_size == pair[0].info["hidden_size"]


def test_the_name_may_be_set_as_evaluation_does(pair):
    for model in pair:
        model.model.config._name_or_path = "a/name"
        assert model.model.config._name_or_path == "a/name"


def test_calls_without_effect_give_the_stand_in(pair):
    ours = pair[0].model
    calls = (ours.eval(), ours.to("cpu"), ours.to(torch.device("cpu")), ours.to(torch.float32), ours.cpu(), ours.cuda())
    for found in (*calls, ours.half(), ours.float(), ours.train(False)):
        assert found is ours


def test_what_would_have_an_effect_is_refused(pair):
    ours = pair[0].model
    for call in (ours.bfloat16, lambda: ours.to(torch.bfloat16), lambda: ours.to(dtype=torch.bfloat16)):
        with pytest.raises(ValueError, match="pass dtype='bfloat16' when it is opened"):
            call()
    with pytest.raises(ValueError, match="does not train"):
        ours.train()
    with pytest.raises(AttributeError, match="cannot set 'pooler'"):
        ours.pooler = None


def test_a_forward_pass_says_what_to_call_instead(pair):
    for call in (pair[0].model, pair[0].model.forward, pair[0].model.model):
        with pytest.raises(TypeError, match=r"Call encode\(\) or compute_score\(\)"):
            call(input_ids=[0])
    with pytest.raises(AttributeError, match="no 'state_dict'"):
        pair[0].model.state_dict()


def test_it_is_copied(pair):
    for make in (copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))):
        assert make(pair[0].model).config.hidden_size == pair[0].info["hidden_size"]
