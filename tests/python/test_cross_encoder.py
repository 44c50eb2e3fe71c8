"""CrossEncoder against sentence-transformers', call by call."""

import copy
import inspect
import pathlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bgem3
import numpy as np
import pytest
import sentence_transformers
import torch
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator

TOLERANCE = 5e-6
QUERY = "what is a panda?"
PAIRS = [
    (QUERY, "hi"),
    (QUERY, "The giant panda is a bear species endemic to China."),
    ("東京は日本の首都です。", "Tokyo is the capital of Japan."),
    ("", "an empty query"),
    ("word " * 20, "a " * 30),
]
DOCUMENTS = ["hi", "a bear", "hi", "東京", ""]


@dataclass
class Both:
    """One directory, opened by both packages with the same arguments."""

    theirs: sentence_transformers.CrossEncoder
    ours: bgem3.CrossEncoder

    @classmethod
    def open(cls, directory: pathlib.Path, *arguments: Any, **options: Any) -> "Both":
        options = options if len(arguments) > 3 else {"device": "cpu", **options}
        # sentence-transformers changes dicts that it is given
        theirs = sentence_transformers.CrossEncoder(str(directory), *arguments, **copy.deepcopy(options))
        return cls(theirs, bgem3.CrossEncoder(directory, *arguments, **options))

    def compare(self, *arguments: Any, method: str = "predict", **options: Any) -> Any:
        ours, theirs = (getattr(model, method)(*arguments, **options) for model in (self.ours, self.theirs))
        same(ours, theirs)
        return ours


def settled(ranking: list[Any]) -> list[Any]:
    """With neighbours of equal score by their number: on some processors torch gives a text other last bits in another
    batch, so that sentence-transformers ranks equal documents by chance."""
    result, score, group = [], None, 0
    for entry in ranking:
        if not isinstance(entry, dict):
            return ranking
        group += score is not None and abs(entry["score"] - score) > TOLERANCE
        score = entry["score"]
        result.append((group, entry["corpus_id"], entry))
    return [entry for _, _, entry in sorted(result, key=lambda each: each[:2])]


def same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for mine, other in zip(settled(ours), settled(theirs)):
            same(mine, other)
    elif isinstance(theirs, dict):
        assert {**ours, "score": 0} == {**theirs, "score": 0}
        same(ours["score"], theirs["score"])
    elif isinstance(theirs, float):
        assert abs(ours - theirs) <= TOLERANCE
    else:
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert np.abs(np.asarray(ours.tolist()) - np.asarray(theirs.tolist())).max() <= TOLERANCE


@pytest.fixture(scope="module")
def both(nano_reranker) -> Both:
    return Both.open(nano_reranker)


@pytest.fixture(scope="module")
def ours(both) -> bgem3.CrossEncoder:
    return both.ours


@pytest.fixture(scope="module")
def stating(nano_reranker, tmp_path_factory) -> pathlib.Path:
    """A directory with prompts and an activation, as sentence-transformers writes it."""
    directory = tmp_path_factory.mktemp("stating")
    model = sentence_transformers.CrossEncoder(
        str(nano_reranker), prompts={"query": "Query: ", "web": "Web: "}, activation_fn=torch.nn.Tanh(), device="cpu"
    )
    model.save_pretrained(str(directory))
    return directory


# predict


OUTPUTS = [{}, {"convert_to_numpy": False}, {"convert_to_tensor": True}, {"convert_to_tensor": True, "batch_size": 2}]


@pytest.mark.parametrize("options", OUTPUTS, ids=str)
@pytest.mark.parametrize(
    "pairs",
    [PAIRS, PAIRS[:1], PAIRS[0], list(PAIRS[0]), tuple(PAIRS), np.array(PAIRS[:2]), np.array(PAIRS[0])],
    ids=["many", "one", "tuple", "list", "tuple of pairs", "array", "array of one"],
)
def test_predict(both, pairs, options):
    both.compare(pairs, **options)


@pytest.mark.parametrize("options", OUTPUTS[:3], ids=str)
def test_no_pairs(both, options):
    ours, theirs = (model.predict([], **options) for model in (both.ours, both.theirs))
    assert type(ours) is type(theirs) and len(ours) == len(theirs) == 0


def test_scores_tell_pairs_apart(ours):
    scores = ours.predict(PAIRS, activation_fn=torch.nn.Identity())
    assert np.abs(scores[:, None] - scores)[~np.eye(len(PAIRS), dtype=bool)].min() > 1000 * TOLERANCE


ACTIVATIONS = {
    "logits": torch.nn.Identity(),
    "tanh": torch.nn.Tanh(),
    "of one score": torch.nn.Softmax(dim=-1),
    "of all": lambda logits: torch.softmax(logits, dim=0),
    "two scores": lambda logits: torch.cat([logits, -logits], dim=1),
    "half": lambda logits: logits.to(torch.float64) * 2,
}


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
@pytest.mark.parametrize("options", [*OUTPUTS[:3], {"apply_softmax": True}, {"apply_softmax": None}], ids=str)
def test_activation(both, activation, options):
    both.compare(PAIRS, activation_fn=activation, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": "Query: "},
        {"prompt": "", "show_progress_bar": False, "chunk_size": 3},
        {"batch_size": 1, "device": "cpu"},
        {"activation_fct": torch.nn.Tanh(), "num_workers": 0},
        {"device": torch.device("cpu")},
    ],
    ids=str,
)
def test_arguments(both, options):
    both.compare(PAIRS, **options)
    both.compare(sentences=PAIRS, **options)


def test_places_of_arguments(both):
    both.compare(PAIRS, None, "Query: ", 2, False, torch.nn.Tanh(), False, False)
    both.compare(QUERY, DOCUMENTS, 3, True, None, "Query: ", 2, False, torch.nn.Tanh(), method="rank")


def test_progress_bar(ours, capsys):
    ours.predict(PAIRS, batch_size=2)
    assert capsys.readouterr().err == ""
    ours.predict(PAIRS, batch_size=2, show_progress_bar=True)
    assert "Batches: 100%" in capsys.readouterr().err


# rank


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 2, "return_documents": True},
        {"top_k": 0},
        {"top_k": 100, "prompt": "Query: "},
        {"activation_fn": torch.nn.Identity(), "batch_size": 2},
        {"activation_fct": torch.nn.Identity()},
        {"apply_softmax": True, "convert_to_numpy": False, "convert_to_tensor": True, "num_workers": 2},
    ],
    ids=str,
)
def test_rank(both, options):
    both.compare(QUERY, DOCUMENTS, method="rank", **options)
    both.compare(QUERY, tuple(DOCUMENTS), method="rank", **options)


def test_rank_of_nothing(both):
    assert both.compare(QUERY, [], method="rank") == []


# What a model is opened with


@pytest.mark.parametrize(
    "arguments, options",
    [
        ((1, 16, torch.nn.Tanh(), "cpu"), {}),
        ((), {"max_length": 37, "activation_fn": torch.nn.Identity(), "num_labels": 1}),
        ((), {"default_activation_function": torch.nn.Tanh(), "tokenizer_args": {"model_max_length": 20}}),
        ((), {"prompts": {"query": "Q: "}, "default_prompt_name": "query", "config_args": {"num_labels": 1}}),
        (
            (),
            {
                "automodel_args": {"torch_dtype": torch.float32, "attn_implementation": "eager"},
                "processor_kwargs": {"model_max_length": 25, "use_fast": True},
                "trust_remote_code": True,
                "local_files_only": True,
                "cache_dir": None,
                "revision": None,
                "token": False,
                "backend": "torch",
                "classifier_dropout": 0.1,
                "keep_in_fp32_modules": [],
            },
        ),
    ],
    ids=["in their places", "named", "older names", "prompts", "without effect"],
)
def test_opened_with(nano_reranker, arguments, options):
    both = Both.open(nano_reranker, *arguments, **options)
    both.compare(PAIRS)
    both.compare(QUERY, DOCUMENTS, method="rank")
    for name in ("max_length", "max_seq_length", "num_labels", "prompts", "default_prompt_name"):
        assert getattr(both.ours, name) == getattr(both.theirs, name), name
    assert repr(both.ours.activation_fn) == repr(both.theirs.activation_fn)


@pytest.mark.parametrize("name", [None, "query", "web"])
def test_what_the_directory_states(stating, name):
    both = Both.open(stating, default_prompt_name=name)
    assert (both.ours.prompts, repr(both.ours.activation_fn)) == (both.theirs.prompts, "Tanh()")
    for options in (
        {},
        {"prompt_name": "web"},
        {"prompt": "P: "},
        {"prompt": ""},
        {"prompt": "P: ", "prompt_name": "web"},
    ):
        both.compare(PAIRS, **options)
        both.compare(QUERY, DOCUMENTS, method="rank", **options)


def test_the_longer_text_is_cut(nano_reranker):
    long = " ".join(f"word{i}" for i in range(30))
    both = Both.open(nano_reranker, max_length=64)
    for max_length in (64, 37, 16, 4):
        for model in (both.ours, both.theirs):
            model.max_length = max_length
            model.activation_fn = torch.nn.Identity()
        both.compare([("short", long), (long, "short"), (long, "and " + long), ("and " + long, long)])
        assert both.ours.max_seq_length == both.ours.tokenizer.model_max_length == max_length


# What it is


def test_signatures():
    for name in ("predict", "rank"):
        ours, theirs = (
            list(inspect.signature(getattr(package.CrossEncoder, name)).parameters)
            for package in (bgem3, sentence_transformers)
        )
        places = theirs[:-1] if name == "predict" else theirs  # without **kwargs
        assert ours[: len(places)] == places


def test_attributes(both):
    for name in ("num_labels", "max_length", "max_seq_length", "device", "dtype", "prompts", "default_prompt_name"):
        assert getattr(both.ours, name) == getattr(both.theirs, name), name
    for name in ("num_labels", "hidden_size", "vocab_size"):
        assert getattr(both.ours.config, name) == getattr(both.theirs.config, name), name
        assert getattr(both.ours.model.config, name) == getattr(both.theirs.model.config, name), name
    assert repr(both.ours.default_activation_function) == "Sigmoid()"
    assert both.ours.get_max_seq_length() == both.theirs.get_max_seq_length()
    assert "dtype='float32'" in repr(both.ours)


def test_preprocess(both):
    for method, options in (("preprocess", {}), ("preprocess", {"prompt": "Query: "}), ("tokenize", {})):
        ours, theirs = (getattr(model, method)(PAIRS, **options) for model in (both.ours, both.theirs))
        assert ours.keys() == theirs.keys() and ours.get("prompt_length") == theirs.get("prompt_length")
        assert all((ours[key] == theirs[key]).all() for key in ("input_ids", "attention_mask"))
    assert dict(both.ours.preprocess([])) == both.theirs.preprocess([]) == {}


def test_calls_that_programs_make(nano_reranker, ours):
    expected = ours.predict(PAIRS)
    with bgem3.CrossEncoder(nano_reranker, device="cpu") as model:
        assert model.eval().to("cpu").float() is model
        pool = model.start_multi_process_pool(["cpu", "cpu"])
        for options in ({"pool": pool, "chunk_size": 2}, {"device": ["cpu", "cpu"]}):
            same(model.predict(PAIRS, **options), expected)
        model.stop_multi_process_pool(pool)
        again = pickle.loads(pickle.dumps(model))
        same(again.predict(PAIRS), expected)
        same(copy.deepcopy(model).predict(PAIRS), expected)
    with pytest.raises(RuntimeError, match="closed"):
        model.predict(PAIRS)


def test_evaluator(both):
    samples = [{"query": QUERY, "positive": ["a bear", "hi"], "negative": ["東京", "bread", "a car"]}] * 2
    metrics = [CrossEncoderRerankingEvaluator(samples, write_csv=False)(model) for model in (both.theirs, both.ours)]
    assert metrics[0].keys() == metrics[1].keys()
    assert all(metrics[0][key] == pytest.approx(metrics[1][key], abs=1e-6) for key in metrics[0])


# What is refused


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda m: m.predict("abc"), TypeError, "pair"),
        (lambda m: m.predict(["a", "b", "c"]), TypeError, "3 items"),
        (lambda m: m.predict([("a", "b"), ("a", "b", "c")]), TypeError, "pair 1 .*3 items"),
        (lambda m: m.predict([("a", None)]), TypeError, "pair 0"),
        (lambda m: m.predict(), TypeError, "pair"),
        (lambda m: m.predict(PAIRS, sentences=PAIRS), TypeError, "names of one argument"),
        (lambda m: m.predict(PAIRS, processing_kwargs={"text": {"max_length": 3}}), TypeError, "'processing_kwargs'"),
        (lambda m: m.predict(PAIRS, batch_size=0), ValueError, "batch_size .*0"),
        (lambda m: m.predict(PAIRS, prompt_name="nope"), ValueError, "prompt_name .*'nope'"),
        (lambda m: m.predict(PAIRS, prompt=3), TypeError, "prompt should be a str"),
        (lambda m: m.predict(PAIRS, device="cuda:7"), ValueError, "CUDA"),
        (lambda m: m.predict(PAIRS, pool={"processes": []}), TypeError, "start_multi_process_pool"),
        (lambda m: m.rank("a", "abc"), TypeError, "documents"),
        (lambda m: m.rank("a", ["b"], activation_fn=abs, activation_fct=abs), TypeError, "names of one argument"),
        (lambda m: m.rank("a", ["b"], batchsize=3), TypeError, "'batchsize'"),
        (lambda m: setattr(m, "max_length", 3), ValueError, "at least 4"),
        (lambda m: setattr(m, "max_length", 99_999), ValueError, "99999"),
        (lambda m: m.fit([]), AttributeError, "does not train"),
        (lambda m: m.save("x"), AttributeError, "info"),
    ],
)
def test_refused_calls(ours, call: Callable[[Any], Any], error, message):
    with pytest.raises(error, match=message):
        call(ours)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"num_labels": 3}, ValueError, "num_labels should be 1, found 3"),
        ({"config_kwargs": {"num_labels": 2}}, ValueError, "num_labels should be 1, found 2"),
        ({"backend": "onnx"}, ValueError, "backend"),
        ({"modules": []}, ValueError, "modules"),
        ({"model_kwargs": {"load_in_8bit": True}}, TypeError, "'load_in_8bit'"),
        ({"tokenizer_kwargs": {"truncation_side": "left"}}, ValueError, "truncation_side"),
        ({"max_len": 3}, TypeError, "CrossEncoder .*'max_len'"),
        ({"max_length": 2}, ValueError, "at least 4"),
        ({"default_prompt_name": "nope"}, ValueError, "'nope'"),
        ({"prompts": [1]}, TypeError, r"prompts should be a dict of str, .*found \[1\]"),
        ({"prompts": {"q": 5}}, TypeError, "prompts should be a dict of str, .*found {'q': 5}"),
        ({"prompts": {5: "q"}}, TypeError, "prompts should be a dict of str, .*found {5: 'q'}"),
        ({"config_kwargs": [1]}, TypeError, r"config_kwargs should be a dict of arguments, found \[1\]"),
        ({"model_kwargs": [1]}, TypeError, r"model_kwargs should be a dict of arguments, found \[1\]"),
        ({"processor_kwargs": "x"}, TypeError, "processor_kwargs should be a dict of arguments, found 'x'"),
        ({"tokenizer_kwargs": [1]}, TypeError, "should be a dict of arguments"),
        ({"cache_folder": "a", "cache_dir": "b"}, TypeError, "names of one argument"),
        ({"keep_in_fp32_modules": ["0"], "dtype": "int8"}, ValueError, "keep_in_fp32_modules .*int8"),
    ],
    ids=str,
)
def test_refused_arguments(nano_reranker, options, error, message):
    with pytest.raises(error, match=message):
        bgem3.CrossEncoder(nano_reranker, device="cpu", **options)


def test_embedding_model_is_refused(nano):
    with pytest.raises(bgem3.BadModelError, match="Embedder"):
        bgem3.CrossEncoder(nano)
