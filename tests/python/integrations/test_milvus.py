import numpy as np
import pytest
from samples import TEXTS
from pymilvus import DataType, MilvusClient

from bgem3.integrations.milvus import BGEM3EmbeddingFunction


@pytest.fixture(scope="module")
def function(tiny) -> BGEM3EmbeddingFunction:
    return BGEM3EmbeddingFunction(tiny, return_colbert_vecs=True)


@pytest.mark.parametrize("method", ["encode_queries", "encode_documents", "__call__"])
def test_results_are_those_of_milvus_own_function(function, tiny, method):
    from milvus_model.hybrid import BGEM3EmbeddingFunction as TheirFunction

    theirs = TheirFunction(tiny, use_fp16=False, device="cpu", return_colbert_vecs=True)
    expected, found = getattr(theirs, method)(TEXTS), getattr(function, method)(TEXTS)
    assert found.keys() == expected.keys()
    assert type(found["dense"]) is type(expected["dense"])
    np.testing.assert_allclose(found["dense"], expected["dense"], atol=1e-5)
    assert type(found["sparse"]) is type(expected["sparse"]) and found["sparse"].shape == expected["sparse"].shape
    np.testing.assert_allclose((found["sparse"] - expected["sparse"]).data, 0, atol=1e-5)
    for ours, reference in zip(found["colbert_vecs"], expected["colbert_vecs"], strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-5)
    assert function.dim == theirs.dim


def test_only_what_was_asked_for(tiny):
    function = BGEM3EmbeddingFunction(tiny, return_sparse=False)
    assert function.dim == {"dense": 64}
    assert function(TEXTS).keys() == {"dense"}


def test_search_in_a_database(function, tmp_path):
    client = MilvusClient(str(tmp_path / "milvus.db"))
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=function.dim["dense"])
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    index = client.prepare_index_params()
    index.add_index("dense", index_type="FLAT", metric_type="IP")
    index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection("texts", schema=schema, index_params=index)
    vectors = function.encode_documents(TEXTS)
    rows = [{"id": i, "dense": vectors["dense"][i], "sparse": vectors["sparse"][[i], :]} for i in range(len(TEXTS))]
    assert client.insert("texts", rows)["insert_count"] == len(TEXTS)
    query = function.encode_queries([TEXTS[1]])
    for kind, value in {"dense": query["dense"][0], "sparse": query["sparse"][[0], :]}.items():
        (found,) = client.search("texts", [value], anns_field=kind, limit=1, search_params={"metric_type": "IP"})
        assert found[0]["id"] == 1
    client.close()


@pytest.mark.parametrize(
    "options", [{"device": "cpu"}, {"devices": "cpu"}, {"devices": ["cpu"]}, {"device": "cpu", "devices": "cpu"}]
)
def test_devices_as_in_milvus_own_function(tiny, options):
    from milvus_model.hybrid import BGEM3EmbeddingFunction as TheirFunction

    function = BGEM3EmbeddingFunction(tiny, **options)
    assert function.model.target_devices == ["cpu"]
    expected = TheirFunction(tiny, **options).encode_documents(TEXTS)
    np.testing.assert_allclose(function.encode_documents(TEXTS)["dense"], expected["dense"], atol=1e-6)


def test_devices_that_contradict_each_other(tiny):
    with pytest.raises(ValueError, match="devices='cpu' and device='cuda:0' contradict each other; pass one of them"):
        BGEM3EmbeddingFunction(tiny, device="cuda:0", devices="cpu")


def test_arguments_have_the_places_of_milvus_own_function(tiny):
    from milvus_model.hybrid import BGEM3EmbeddingFunction as TheirFunction

    given = (tiny, 4, "cpu", False, False, True, False, True)
    expected, found = TheirFunction(*given)(TEXTS), BGEM3EmbeddingFunction(*given)(TEXTS)
    assert found.keys() == expected.keys() == {"dense", "colbert_vecs"}
    np.testing.assert_allclose(found["dense"], expected["dense"], atol=1e-5)


@pytest.mark.parametrize("method", ["encode_queries", "encode_documents", "__call__"])
def test_letters_are_no_texts(function, method):
    with pytest.raises(TypeError, match="should be a list of str, found str"):
        getattr(function, method)("abc")
