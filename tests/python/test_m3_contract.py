"""The names and signatures of FlagEmbedding's BGEM3FlagModel."""

import inspect

import bgem3
import FlagEmbedding
import pytest
from pair import parameters

THEIRS, OURS = FlagEmbedding.BGEM3FlagModel, bgem3.BGEM3FlagModel

# What a program has no use for where devices are threads, and PyTorch's own object is not there.
LEFT_OUT = {
    "start_multi_process_pool": "no processes: devices share one",
    "stop_multi_process_pool": "no processes",
    "encode_multi_process": "encode() spreads over devices by itself",
    "compute_score_multi_process": "compute_score() spreads over devices by itself",
    "get_model_torch_dtype": "there is no torch model",
}


def public_methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}


SHARED = sorted(public_methods(THEIRS) & public_methods(OURS))


def test_nothing_else_is_missing():
    assert public_methods(THEIRS) - public_methods(OURS) == LEFT_OUT.keys()


@pytest.mark.parametrize("name", ["__init__", *SHARED])
def test_signature(name):
    assert parameters(getattr(OURS, name)) == parameters(getattr(THEIRS, name))


def test_attributes(tiny):
    ours, theirs = (package.BGEM3FlagModel(str(tiny), devices="cpu") for package in (bgem3, FlagEmbedding))
    internal = {"model", "pool", "kwargs"}
    missing = {name for name in vars(theirs) if not hasattr(ours, name)} - internal
    assert not missing
    for name in vars(theirs).keys() - internal - {"tokenizer"}:
        assert getattr(ours, name) == getattr(theirs, name), name


def test_every_public_thing_is_documented():
    for name in bgem3.__all__:
        thing = getattr(bgem3, name)
        assert name.startswith("__") or inspect.getdoc(thing), name
    for name in SHARED:
        assert inspect.getdoc(getattr(OURS, name)), name
