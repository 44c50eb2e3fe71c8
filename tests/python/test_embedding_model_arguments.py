"""What programs for sentence-transformers pass to EmbeddingModel: the same result as there, or a message."""

import copy
import inspect
import json

import bgem3
import numpy as np
import pytest
import torch
from bgem3._sentence.arguments import hub_name
from bgem3._sentence.precision import quantize
from sentence_models import TEXTS, Models, nano_pipeline, same
from sentence_transformers import SentenceTransformer, SimilarityFunction
from sentence_transformers.util import quantize_embeddings

# In the order of versions 3 to 5; version 6 takes names alone.
POSITIONAL = """model_name_or_path modules device prompts default_prompt_name similarity_fn_name cache_folder
    trust_remote_code revision local_files_only token use_auth_token truncate_dim model_kwargs tokenizer_kwargs
    config_kwargs model_card_data backend""".split()


@pytest.fixture(scope="module")
def directory(nano, tmp_path_factory):
    return nano_pipeline(nano, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def models(directory):
    return Models.load(directory)


# The constructor


def test_positional_arguments_are_those_of_version_5(directory):
    parameters = [*inspect.signature(bgem3.EmbeddingModel).parameters.values()]
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == POSITIONAL
    model = bgem3.EmbeddingModel(str(directory), None, "cpu", {"query": "q: "}, "query", "euclidean")
    assert (model.prompts["query"], model.similarity_fn_name) == ("q: ", "euclidean")


def test_all_arguments_of_version_6_are_there():
    known = inspect.signature(bgem3.EmbeddingModel).parameters
    assert inspect.signature(SentenceTransformer).parameters.keys() <= known.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        {
            "trust_remote_code": True,
            "model_kwargs": {
                "torch_dtype": torch.float32,
                "attn_implementation": "eager",
                "trust_remote_code": True,
                "low_cpu_mem_usage": True,
                "add_pooling_layer": False,
            },
            "tokenizer_kwargs": {"model_max_length": 16, "padding_side": "right", "use_fast": False},
            "config_kwargs": {"hidden_dropout_prob": 0.5},
            "truncate_dim": 32,
        },
        {
            "model_kwargs": {"dtype": "float32", "device_map": {"": "cpu"}},
            "processor_kwargs": {"truncation_side": "right", "clean_up_tokenization_spaces": True},
            "similarity_fn_name": SimilarityFunction.EUCLIDEAN,
            "default_prompt_name": "query",
            "backend": "torch",
        },
    ],
    ids=["older", "newer"],
)
def test_arguments_that_are_followed(directory, arguments):
    # sentence-transformers changes dicts that it is given
    theirs = SentenceTransformer(str(directory), device=torch.device("cpu"), **copy.deepcopy(arguments))
    both = Models(theirs, bgem3.EmbeddingModel(directory, device=torch.device("cpu"), **arguments))
    both.compare(TEXTS)
    for name in ("device", "dtype", "max_seq_length", "similarity_fn_name", "truncate_dim", "default_prompt_name"):
        assert getattr(both.ours, name) == getattr(both.theirs, name), name


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        ({"backend": "onnx"}, ValueError, "backend='onnx' is not supported.*leave backend out"),
        ({"backend": "openvino"}, ValueError, "openvino"),
        ({"backend": "nix"}, ValueError, "should be 'torch', found 'nix'"),
        ({"modules": []}, ValueError, "modules.json"),
        ({"model_kwargs": {"quantization_config": 1}}, TypeError, "model_kwargs got 'quantization_config'"),
        ({"model_kwargs": {"attn_implementation": "nix"}}, ValueError, "attn_implementation should be one of|'eager'"),
        ({"model_kwargs": {"dtype": "float32", "torch_dtype": "bfloat16"}}, ValueError, "'bfloat16', 'float32'"),
        ({"model_kwargs": {"dtype": "float32"}, "dtype": "int8"}, ValueError, "'float32', 'int8'"),
        ({"model_kwargs": {"dtype": 32}}, ValueError, "torch.dtype, found 32"),
        ({"model_kwargs": {"device_map": "balanced"}}, ValueError, "'balanced'.*pass device="),
        ({"model_kwargs": {"device_map": {"embeddings": "cpu", "encoder": 0}}}, ValueError, "pass device="),
        ({"model_kwargs": {"torch_dtype": torch.float16}}, ValueError, "on the CPU use float32"),
        ({"processor_kwargs": {"padding_side": "left"}}, ValueError, "padding_side should be 'right', found 'left'"),
        ({"processor_kwargs": {"truncation_side": "left"}}, ValueError, "truncation_side"),
        ({"tokenizer_kwargs": {"do_lower_case": True}}, TypeError, "'do_lower_case'"),
        ({"tokenizer_kwargs": {}, "processor_kwargs": {}}, TypeError, "names of one argument"),
        ({"processor_kwargs": {"model_max_length": 1}}, ValueError, "from 2 to 8192, found 1"),
        ({"config_kwargs": {"num_hidden_layers": 1}}, TypeError, "config_kwargs got 'num_hidden_layers'"),
        ({"token": "a", "use_auth_token": "b"}, TypeError, "token and use_auth_token"),
        ({"truncate_dim": 0}, ValueError, "positive int, found 0"),
        ({"prompts": ["query: "]}, TypeError, "prompts should be a dict of str"),
        ({"prompts": {"query": None}}, TypeError, "prompts should be a dict of str"),
        ({"similarity_fn_name": SimilarityFunction.MAXSIM}, ValueError, "'manhattan', found 'maxsim'"),
        ({"device": "mps"}, ValueError, "'mps' is not known"),
        ({"nix": 1}, TypeError, "nix"),
    ],
    ids=str,
)
def test_arguments_that_are_refused(directory, arguments, kind, message):
    with pytest.raises(kind, match=message):
        bgem3.EmbeddingModel(directory, **{"device": "cpu", **arguments})


def test_truncation_side_of_the_model(directory, tmp_path):
    """What is asked for is what the model does anyway."""
    for file in directory.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "tokenizer_config.json").unlink()
    stated = json.loads((directory / "tokenizer_config.json").read_text()) | {"truncation_side": "left"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(stated))
    bgem3.EmbeddingModel(tmp_path, processor_kwargs={"truncation_side": "left"})
    with pytest.raises(ValueError, match="truncation_side should be 'left', found 'right'"):
        bgem3.EmbeddingModel(tmp_path, processor_kwargs={"truncation_side": "right"})


@pytest.mark.parametrize(
    "name, found",
    [
        ("paraphrase-multilingual-MiniLM-L12-v2", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"),
        ("stsb-xlm-r-multilingual", "sentence-transformers/stsb-xlm-r-multilingual"),
        ("BAAI/bge-m3", "BAAI/bge-m3"),
        ("bge-m3", "bge-m3"),
        ("xlm-roberta-base", "xlm-roberta-base"),
        ("", ""),
        (".", "."),
        ("a b", "a b"),
    ],
)
def test_names_without_an_organisation(name, found):
    assert hub_name(name) == found


# encode()


def test_arguments_of_encode_are_in_the_same_order():
    for name in ("encode", "encode_multi_process", "start_multi_process_pool", "similarity", "similarity_pairwise"):
        ours, theirs = (
            [*inspect.signature(getattr(c, name)).parameters] for c in (bgem3.EmbeddingModel, SentenceTransformer)
        )
        theirs = [parameter for parameter in theirs if parameter != "kwargs"]
        assert ours[: len(theirs)] == theirs


@pytest.mark.parametrize("method", ["encode", "encode_query", "encode_document"])
def test_arguments_by_position_and_by_either_name(models, method):
    arguments = ("query", None, 2, False, "sentence_embedding", "binary", False, True, "cpu", True, 40, None, 5)
    models.compare(TEXTS, method)
    for model in (models.ours, models.theirs):
        encode = getattr(model, method)
        expected = encode(TEXTS, *arguments)
        assert expected.dtype == torch.int8 and expected.shape == (len(TEXTS), 5)
        assert torch.equal(
            encode(
                inputs=TEXTS,
                prompt_name="query",
                truncate_dim=40,
                precision="binary",
                normalize_embeddings=True,
                convert_to_tensor=True,
            ),
            expected,
        )
        assert np.array_equal(encode(sentences=TEXTS), encode(TEXTS))


@pytest.mark.parametrize("sentences", [[("a", "b")], [["a", "b"]], [{"text": "a"}], [3], [None]], ids=str)
@pytest.mark.parametrize("method", ["encode", "tokenize", "preprocess"])
def test_inputs_that_are_no_texts(models, method, sentences):
    with pytest.raises(TypeError, match="text 0 should be a str"):
        getattr(models.ours, method)(sentences)


def test_prompts_that_are_set_later(directory):
    both = Models.load(directory)
    for model in (both.ours, both.theirs):
        model.prompts, model.default_prompt_name = {"corpus": "c: ", "other": "o: "}, "other"
    for method in ("encode", "encode_query", "encode_document"):
        both.compare(TEXTS[:2], method)


# Precision


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8", "binary", "ubinary"])
@pytest.mark.parametrize("count, width", [(2, 64), (100, 33), (300, 384)])
@pytest.mark.filterwarnings("ignore:precision:RuntimeWarning")
def test_quantised_vectors_are_equal_bit_by_bit(precision, count, width):
    vectors = np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)
    vectors[:, 0], vectors[0, 1], vectors[1, 1] = 0.25, 0, -0.0
    ours, theirs = quantize(vectors, precision), quantize_embeddings(vectors, precision)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("precision", [None, "int8", "uint8", "binary", "ubinary"])
@pytest.mark.parametrize("options", [{}, {"convert_to_tensor": True}, {"convert_to_numpy": False}], ids=str)
@pytest.mark.filterwarnings("ignore:precision:RuntimeWarning")
def test_precision(models, precision, options):
    ours, theirs = (m.encode(TEXTS, precision=precision, **options) for m in (models.ours, models.theirs))
    assert type(ours) is type(theirs)
    if isinstance(theirs, list):
        ours, theirs = torch.stack(ours), torch.stack(theirs)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    if precision is not None:  # a float on the border of two steps may fall to either side
        assert np.abs(np.asarray(ours, np.int64) - np.asarray(theirs, np.int64)).max() <= (
            1 if "int8" in precision else 0
        )


def test_precision_of_few_texts(models):
    with pytest.warns(RuntimeWarning, match="from the 2 vectors of this call"):
        models.ours.encode(TEXTS[:2], precision="uint8")
    for sentences in ("a", ["a"]):
        for model in (models.ours, models.theirs):
            with pytest.raises(ValueError, match="single|there is one"):
                model.encode(sentences, precision="int8")
        models.compare(sentences, precision="ubinary")
    for precision, width, dtype in (("int8", 64, np.int8), ("ubinary", 8, np.uint8)):
        nothing = models.ours.encode([], precision=precision)
        assert (nothing.shape, nothing.dtype) == ((0, width), dtype)


# Similarity


FORMS = {
    "array": lambda vectors: vectors,
    "read-only": lambda vectors: np.broadcast_to(vectors, vectors.shape),
    "arrays": lambda vectors: [*vectors],
    "tensor": torch.from_numpy,
    "tensors": lambda vectors: [*torch.from_numpy(vectors)],
    "floats": lambda vectors: vectors.tolist(),
    "float64": lambda vectors: vectors.astype(np.float64),
    "float16": lambda vectors: vectors.astype(np.float16),
    "vector": lambda vectors: vectors[0],
}


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
@pytest.mark.parametrize("form", FORMS)
def test_similarity_of_all_forms(models, monkeypatch, name, form):
    for model in (models.ours, models.theirs):
        monkeypatch.setattr(model, "similarity_fn_name", SimilarityFunction(name))
        assert model.similarity_fn_name == name
    vectors = models.ours.encode(TEXTS)
    first, second = FORMS[form](vectors), FORMS[form](vectors[::-1].copy())
    for method in ("similarity", "similarity_pairwise"):
        ours, theirs = (getattr(model, method)(first, second) for model in (models.ours, models.theirs))
        same(ours, theirs, theirs.abs().max().item())


@pytest.mark.parametrize("method", ["similarity", "similarity_pairwise"])
@pytest.mark.filterwarnings("ignore:precision:RuntimeWarning")
def test_similarity_of_integers_is_refused(models, method):
    """sentence-transformers gives products that have overflowed, or an error of torch."""
    vectors = models.ours.encode(TEXTS, precision="int8")
    with pytest.raises(TypeError, match="should be floats, found int8"):
        getattr(models.ours, method)(vectors, vectors)


def test_similarity_name_that_is_unset(models, monkeypatch):
    monkeypatch.setattr(models.ours, "similarity_fn_name", None)
    assert models.ours.similarity_fn_name == "dot"  # as the directory states
