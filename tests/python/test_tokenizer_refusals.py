"""What model.tokenizer refuses: by the name of the argument or the member, with what to use instead."""

import bgem3
import pytest


@pytest.mark.parametrize(
    "options, message",
    [
        ({"return_overflowing_tokens": True}, "return_overflowing_tokens .*AutoTokenizer"),
        ({"is_split_into_words": True}, "is_split_into_words .*join the words"),
        ({"split_special_tokens": True}, "split_special_tokens"),
        ({"text_target": "a"}, "text_target"),
        ({"tokenizer_kwargs": {"padding": True}}, "tokenizer_kwargs"),
        ({"padding": "longes"}, "padding should be .*'longes'"),
        ({"padding": 1.5}, "padding should be"),
        ({"truncation": "first"}, "truncation should be .*'first'"),
        ({"padding_side": "centre", "padding": True}, "padding_side should be 'right' or 'left', found 'centre'"),
        ({"return_tensors": "tf"}, "return_tensors .*'tf'"),
        ({"truncation": True, "max_length": 0}, "positive, found 0"),
        ({"truncation": "only_second", "max_length": 3}, "no second text"),
        ({"padding": True, "pad_to_multiple_of": -8}, "pad_to_multiple_of .*-8"),
        ({"padding": True, "truncation": True, "max_length": 7, "pad_to_multiple_of": 3}, "multiple of .*3, found 7"),
    ],
    ids=str,
)
def test_refused_options(ours, options, message):
    for call in (ours, ours.encode, ours.encode_plus, ours.tokenize):
        with pytest.raises(bgem3.InvalidArgumentError, match=message):
            call("a b c d", **options)
    assert ours("a", **{name: False for name in ("return_offsets_mapping", "is_split_into_words")}) == ours("a")


def test_no_room_for_the_special_tokens(ours, theirs):
    for texts, needed in (("a b",), 2), (("a b", "c"), 4):
        with pytest.raises(bgem3.InvalidArgumentError, match=f"at least {needed}.* found 1"):
            ours(*texts, max_length=1)
        assert len(theirs(*texts, max_length=1)["input_ids"]) > 1  # as if it were not given


def test_unknown_options(ours):
    for call in (ours, ours.encode, ours.encode_plus, ours.tokenize):
        with pytest.raises(TypeError, match="'max_lenght'"):
            call("a", max_lenght=3)
    with pytest.raises(TypeError, match="'skip_special'"):
        ours.decode([5], skip_special=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.batch_decode("abc"),
        lambda t: t.batch_decode(["abc"]),
        lambda t: t.decode("5"),
        lambda t: t.decode(["5"]),
        lambda t: t.decode(5.0),
        lambda t: t.decode(None),
        lambda t: t.convert_ids_to_tokens("5"),
        lambda t: t.convert_ids_to_tokens(["5"]),
        lambda t: t.convert_tokens_to_ids([5]),
        lambda t: t.convert_tokens_to_ids(5),
        lambda t: t.convert_tokens_to_string("abc"),
        lambda t: t.batch_encode_plus("abc"),
        lambda t: t.tokenize(["a"]),
        lambda t: t(["a", "b"], "c"),
        lambda t: t("a", ["b"]),
        lambda t: t([1, 2]),
        lambda t: t([("a", "b", "c")]),
        lambda t: t(["a", None]),
        lambda t: t([["a", 1]]),
        lambda t: t({"a": "b"}),
        lambda t: t(None),
        lambda t: t.pad(["a"]),
        lambda t: t.pad("a"),
    ],
)
def test_not_what_belongs_there(ours, call):
    with pytest.raises(TypeError):
        call(ours)


def test_values_that_do_not_fit(ours):
    for call, message in (
        (lambda: ours.decode([5, -100]), "-100"),
        (lambda: ours(["a", "b"], ["c"]), "found 1"),
        (lambda: ours.pad({"ids": [1]}), "'input_ids', found 'ids'"),
    ):
        with pytest.raises(bgem3.InvalidArgumentError, match=message):
            call()


@pytest.mark.parametrize("name", ["backend_tokenizer", "save_pretrained", "add_tokens", "apply_chat_template"])
def test_what_the_tokenizer_has_not(ours, theirs, name):
    assert hasattr(theirs, name) and not hasattr(ours, name)
    with pytest.raises(AttributeError, match=f"has no '{name}'.* use "):
        getattr(ours, name)


def test_an_encoding_has_its_keys_alone(ours):
    with pytest.raises(AttributeError, match="no attribute 'pixels'"):
        ours("a").pixels  # noqa: B018
    with pytest.raises(KeyError):
        ours("a")["pixels"]
