"""What encode() gives of single tokens, against sentence-transformers."""

import bgem3
import layouts
import numpy as np
import pytest
import torch
from sentence_models import Models, same

TEXTS = ["how to bake bread", "東京は日本の首都です。", "", "a <mask> b", "word " * 200, "a", "a"]
PROMPTS = {"query": "query: ", "passage": "passage: "}
LAYOUTS = {
    "mean": {"pooling": "mean", "normalize": False},
    "cls, normalized": {"pooling": "cls", "normalize": True},
}


@pytest.fixture(scope="module", params=LAYOUTS.values(), ids=LAYOUTS.keys())
def models(request, nano, tmp_path_factory) -> Models:
    stated = {"prompts": PROMPTS, "default_prompt_name": None}
    out = layouts.xlm_roberta(nano, tmp_path_factory.mktemp("model"))
    return Models.load(layouts.pipeline(out, stated=stated, **request.param))


def same_states(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert type(ours) is torch.Tensor
    same(ours, theirs, np.abs(np.asarray(theirs)).max())


@pytest.mark.parametrize(
    "options",
    [{}, {"prompt_name": "query"}, {"prompt": "passage: "}, {"convert_to_tensor": True}, {"batch_size": 2}],
    ids=str,
)
def test_token_embeddings(models, options):
    ours, theirs = (m.encode(TEXTS, output_value="token_embeddings", **options) for m in (models.ours, models.theirs))
    assert type(ours) is list and len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        same_states(mine, other)


def test_of_one_text(models):
    for text in ("a text", ""):
        options = {"output_value": "token_embeddings", "convert_to_numpy": True}
        same_states(models.ours.encode(text, **options), models.theirs.encode(text, **options))
        check_features(models.ours.encode(text, output_value=None), models.theirs.encode(text, output_value=None))
    for value in ("token_embeddings", None):
        assert models.ours.encode([], output_value=value) == models.theirs.encode([], output_value=value) == []


def check_features(ours: dict, theirs: dict) -> None:
    """sentence-transformers pads to the longest text of a batch."""
    assert ours.keys() == theirs.keys()
    kept = theirs["attention_mask"].bool()
    for name in ("input_ids", "attention_mask", "token_embeddings"):
        same_states(ours[name], theirs[name][kept])
    same_states(ours["sentence_embedding"], theirs["sentence_embedding"])
    for name in ours.keys() - {"input_ids", "attention_mask", "token_embeddings", "sentence_embedding"}:
        assert ours[name] == theirs[name], name


@pytest.mark.parametrize("options", [{}, {"prompt_name": "query"}, {"truncate_dim": 7}], ids=str)
def test_features(models, options):
    ours, theirs = (m.encode(TEXTS, output_value=None, **options) for m in (models.ours, models.theirs))
    assert type(ours) is list and len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        check_features(mine, other)


def test_through_other_methods_and_pools(models):
    for method in ("encode_query", "encode_document"):
        ours, theirs = (
            getattr(m, method)(TEXTS, output_value="token_embeddings") for m in (models.ours, models.theirs)
        )
        for mine, other in zip(ours, theirs):
            same_states(mine, other)
    pool = models.ours.start_multi_process_pool(["cpu", "cpu"])
    pooled = models.ours.encode(TEXTS, output_value="token_embeddings", pool=pool, device="cpu")
    alone = models.ours.encode(TEXTS, output_value="token_embeddings")
    models.ours.stop_multi_process_pool(pool)
    assert all(torch.equal(a, b) for a, b in zip(pooled, alone, strict=True))


def test_more_texts_than_one_window(models, monkeypatch):
    monkeypatch.setattr("bgem3._model.parts.AT_ONCE_TEXTS", 2)
    monkeypatch.setattr("bgem3._model.parts.WINDOW_TEXTS", 2)
    for mine, other in zip(
        models.ours.encode(TEXTS, output_value="token_embeddings"),
        models.theirs.encode(TEXTS, output_value="token_embeddings"),
        strict=True,
    ):
        same_states(mine, other)


@pytest.mark.parametrize("value", ["token_embeddings", None])
@pytest.mark.parametrize("options", [{"precision": "int8"}, {"normalize_embeddings": True}], ids=str)
def test_what_is_of_sentences_is_refused(models, value, options):
    with pytest.raises(bgem3.InvalidArgumentError, match=f"{next(iter(options))} is for sentence embeddings"):
        models.ours.encode(TEXTS, output_value=value, **options)


def test_ids_are_those_that_the_model_computes_from(models, monkeypatch):
    """What the tokenizer would do otherwise, the model does not follow."""
    with pytest.raises(bgem3.InvalidArgumentError, match="'right', as its directory says, found 'left'"):
        models.ours.tokenizer.truncation_side = "left"
    monkeypatch.setattr(models.ours, "max_seq_length", 6)
    monkeypatch.setattr(models.theirs, "max_seq_length", 6)
    for mine, other in zip(*(m.encode(TEXTS, output_value=None) for m in (models.ours, models.theirs)), strict=True):
        check_features(mine, other)


def test_a_dimension_that_nothing_has_is_refused(models):
    with pytest.raises(bgem3.InvalidArgumentError, match="truncate_dim is for sentence embeddings"):
        models.ours.encode(TEXTS, output_value="token_embeddings", truncate_dim=7)
