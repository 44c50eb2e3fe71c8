"""FlagReranker against FlagEmbedding's, transformers and sentence-transformers' CrossEncoder, call by call."""

import random
import threading
from dataclasses import dataclass
from typing import Any

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from texts import golden_texts, translations
from transformers import AutoModelForSequenceClassification, AutoTokenizer

TOLERANCE = 5e-6
PAIRS = [
    ("what is a panda?", "hi"),
    ("what is a panda?", "The giant panda (Ailuropoda melanoleuca) is a bear species endemic to China."),
    ("東京は日本の首都です。", "Tokyo is the capital of Japan."),
    ("", "an empty query"),
    ("مرحبا بالعالم", "a " * 300),
]
LONG = " ".join(f"word{i}" for i in range(900))


@dataclass
class Rerankers:
    """One model, loaded by both packages with the same arguments."""

    theirs: Any
    ours: bgem3.FlagReranker

    @classmethod
    def load(cls, directory, **arguments: Any) -> "Rerankers":
        arguments = {"devices": "cpu", **arguments}
        return cls(
            FlagEmbedding.FlagReranker(str(directory), **arguments), bgem3.FlagReranker(str(directory), **arguments)
        )

    def compare(self, pairs: Any, method: str = "compute_score", **options: Any) -> list[float]:
        ours, theirs = (getattr(reranker, method)(pairs, **options) for reranker in (self.ours, self.theirs))
        same_scores(ours, theirs)
        return ours


def same_scores(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    assert len(ours) == len(theirs)
    assert {type(score) for score in ours} == {type(score) for score in theirs}
    assert np.abs(np.subtract(ours, theirs)).max(initial=0) <= TOLERANCE


@pytest.fixture(scope="module")
def both(tiny_reranker) -> Rerankers:
    return Rerankers.load(tiny_reranker)


@pytest.fixture(scope="module")
def ours(both) -> bgem3.FlagReranker:
    return both.ours


class Transformers:
    """The logits that transformers computes, from texts or from ids."""

    def __init__(self, directory):
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.model = AutoModelForSequenceClassification.from_pretrained(directory).eval()

    @torch.inference_mode()
    def of_texts(self, query: str, passage: str, **options: Any) -> float:
        return self.model(**self.tokenizer([query], [passage], return_tensors="pt", **options)).logits.item()

    @torch.inference_mode()
    def of_ids(self, query: list[int], passage: list[int]) -> float:
        return self.model(torch.tensor([[0, *query, 2, 2, *passage, 2]])).logits.item()

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def survives(self, text: str) -> bool:
        """Whether FlagEmbedding with transformers 5, which goes from ids to text and back, ends with the same ids."""
        ids = self.ids(text)
        return ids != [] and self.ids(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)) == ids


@pytest.fixture(scope="module")
def transformers(tiny_reranker) -> Transformers:
    return Transformers(tiny_reranker)


@pytest.fixture(scope="module")
def cross_encoder(tiny_reranker) -> CrossEncoder:
    return CrossEncoder(str(tiny_reranker), device="cpu")


# What is given


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("form", [tuple, list])
def test_one_pair_gives_a_list_of_one(both, pair, form):
    assert len(both.compare(form(pair))) == 1


@pytest.mark.parametrize("form", [tuple, list])
def test_list_of_pairs(both, form):
    assert len(both.compare([form(pair) for pair in PAIRS])) == len(PAIRS)


def test_array_of_pairs(both):
    pairs = np.array(PAIRS)
    same_scores(both.ours.compute_score(pairs), both.theirs.compute_score(pairs))


def test_more_than_two_items_are_passed_over(both):
    assert both.compare([(*pair, "a label") for pair in PAIRS]) == both.ours.compute_score(PAIRS)


def test_scores_tell_pairs_apart(ours):
    scores = np.array(ours.compute_score(PAIRS))
    gaps = np.abs(scores[:, None] - scores)[~np.eye(len(PAIRS), dtype=bool)]
    assert gaps.min() > 1000 * TOLERANCE  # else "equal within the tolerance" would say nothing
    assert scores.min() < 0 < scores.max()


def test_no_pairs_give_no_scores(both):
    assert both.ours.compute_score([]) == []
    with pytest.raises(IndexError):
        both.theirs.compute_score([])


@pytest.mark.parametrize("seed", range(4))
def test_many_pairs(both, transformers, seed):
    texts = [text for text in random.Random(seed).sample(golden_texts(), 100) if transformers.survives(text)]
    pairs = list(zip(texts[::2], texts[1::2]))
    assert len(pairs) > 20
    both.compare(pairs)


def test_languages(both):
    lines = [text for texts in translations().values() for text in texts]
    both.compare([(lines[0], line) for line in lines[:60]])


# What is computed


@pytest.mark.parametrize("pair", PAIRS)
def test_transformers(ours, transformers, pair):
    same_scores(ours.compute_score(pair), [transformers.of_texts(*pair)])


@pytest.mark.parametrize("text", ["𓀀 of Egypt", "🫠 melts"])
def test_ids_are_kept(both, transformers, text):
    """The original prepare_for_model joined ids; with transformers 5 FlagEmbedding decodes and tokenises them again."""
    assert not transformers.survives(text)
    for query, passage in ((text, "a passage"), ("a query", text)):
        expected = transformers.of_ids(transformers.ids(query), transformers.ids(passage))
        found = both.ours.compute_score((query, passage))
        same_scores(found, [expected])
        assert abs(both.theirs.compute_score((query, passage))[0] - expected) > 1000 * TOLERANCE


@pytest.mark.parametrize("query", ["an empty passage", ""])
def test_empty_passage_is_a_passage(both, transformers, cross_encoder, query):
    """FlagEmbedding's second tokenising takes it for none, and leaves two special tokens out."""
    found = both.ours.compute_score((query, ""), normalize=True)
    same_scores(found, [float(cross_encoder.predict([(query, "")])[0])])
    same_scores(both.ours.compute_score((query, "")), [transformers.of_ids(transformers.ids(query), [])])
    assert abs(both.theirs.compute_score((query, ""), normalize=True)[0] - found[0]) > 1000 * TOLERANCE


@pytest.mark.parametrize("max_length", [17, 64, 512, 8192])
@pytest.mark.parametrize("pair", [("short", LONG), (LONG, "short"), (LONG, LONG), ("what is a panda?", LONG)])
def test_max_length(both, pair, max_length):
    both.compare(pair, max_length=max_length)


@pytest.mark.parametrize("query_max_length", [1, 5, 30, 47, 59])
def test_query_max_length(both, query_max_length):
    both.compare([(LONG, LONG), ("short", LONG)], max_length=64, query_max_length=query_max_length)


def test_query_gets_three_quarters(ours, transformers):
    query, passage = transformers.ids(LONG), transformers.ids("and " + LONG)
    for max_length in (64, 101):
        room = max_length * 3 // 4
        expected = transformers.of_ids(query[:room], passage[: max_length - 4 - room])
        same_scores(ours.compute_score((LONG, "and " + LONG), max_length=max_length), [expected])


def test_query_that_leaves_no_room_is_cut(both, transformers):
    options = {"max_length": 16, "query_max_length": 16}
    expected = transformers.of_ids(transformers.ids(LONG)[:12], [])
    same_scores(both.ours.compute_score((LONG, "a passage"), **options), [expected])
    with pytest.raises(Exception, match="too short"):
        both.theirs.compute_score((LONG, "a passage"), **options)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 1000])
def test_batch_size(both, batch_size):
    both.compare(PAIRS, batch_size=batch_size)


def test_order_does_not_matter(ours):
    reversed_scores = ours.compute_score(PAIRS[::-1])
    same_scores(reversed_scores[::-1], ours.compute_score(PAIRS))


@pytest.mark.parametrize("normalize", [True, False, None])
def test_normalize(both, normalize):
    scores = both.compare(PAIRS, normalize=normalize)
    assert (min(scores) >= 0) == bool(normalize)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"query_instruction_for_rerank": "Query: "}, marks=pytest.mark.slow),
        pytest.param({"passage_instruction_for_rerank": "Passage: "}, marks=pytest.mark.slow),
        pytest.param(
            {"query_instruction_for_rerank": "A", "query_instruction_format": "{}\\n: {}"}, marks=pytest.mark.slow
        ),
        {
            "query_instruction_for_rerank": "A: ",
            "passage_instruction_for_rerank": "B",
            "passage_instruction_format": "<{}> {}",
            "normalize": True,
            "max_length": 24,
            "query_max_length": 9,
            "batch_size": 2,
        },
    ],
    ids=["query", "passage", "newline", "both"],
)
def test_constructor(tiny_reranker, arguments):
    rerankers = Rerankers.load(tiny_reranker, **arguments)
    rerankers.compare(PAIRS)
    rerankers.compare(PAIRS, "compute_score_single_gpu")
    assert rerankers.ours.get_detailed_inputs(PAIRS) == rerankers.theirs.get_detailed_inputs(PAIRS)
    for name in vars(rerankers.theirs).keys() - {"model", "tokenizer", "pool", "kwargs"}:
        assert getattr(rerankers.ours, name) == getattr(rerankers.theirs, name), name


# Devices, threads, life


def test_several_devices_share_the_pairs(tiny_reranker, ours):
    spread = bgem3.FlagReranker(str(tiny_reranker), devices=["cpu", "cpu"])
    for pairs in (PAIRS, PAIRS[:1], PAIRS[0]):
        found = spread.compute_score(pairs)
        assert (type(found), found.dtype) == (np.ndarray, np.float64)
        same_scores(found.tolist(), ours.compute_score(pairs))
    same_scores(spread.compute_score_single_gpu(PAIRS), ours.compute_score(PAIRS))


@pytest.mark.slow
def test_several_devices_give_what_processes_give(tiny_reranker):
    rerankers = Rerankers.load(tiny_reranker, devices=["cpu", "cpu"])
    try:
        rerankers.compare(PAIRS)
    finally:
        rerankers.theirs.stop_self_pool()


def test_device_of_single_gpu(ours):
    same_scores(ours.compute_score_single_gpu(PAIRS, device="cpu"), ours.compute_score(PAIRS))
    with pytest.raises(bgem3.InvalidArgumentError, match="'cuda:3' is not among"):
        ours.compute_score_single_gpu(PAIRS, device="cuda:3")


def test_threads(ours):
    expected, found = ours.compute_score(PAIRS), {}

    def score(thread: int) -> None:
        found[thread] = ours.compute_score(PAIRS, batch_size=thread + 1)

    threads = [threading.Thread(target=score, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for scores in found.values():
        same_scores(scores, expected)


def test_context_manager(tiny_reranker, ours):
    with bgem3.FlagReranker(str(tiny_reranker)) as reranker:
        same_scores(reranker.compute_score(PAIRS), ours.compute_score(PAIRS))
        reranker.stop_self_pool()
        reranker.release_memory()
        same_scores(reranker.compute_score(PAIRS), ours.compute_score(PAIRS))
    for use in (lambda: reranker.compute_score(PAIRS), reranker.release_memory):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_tokenizer_reads_pairs_alike(both):
    for pair in PAIRS:
        assert both.ours.tokenizer(*pair)["input_ids"] == both.theirs.tokenizer(*pair)["input_ids"]


def test_progress_bar(ours, capsys):
    ours.compute_score(PAIRS, batch_size=2)
    assert "Compute Scores: 100%" in capsys.readouterr().err
    ours.compute_score(PAIRS, batch_size=2, show_progress_bar=False)
    ours.compute_score(PAIRS)
    assert capsys.readouterr().err == ""


# sentence-transformers


ACTIVATIONS = {"default": None, "logits": torch.nn.Identity(), "tanh": torch.nn.Tanh(), "one": torch.nn.Softmax(dim=-1)}


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
@pytest.mark.parametrize("as_tensor", [False, True], ids=["numpy", "tensor"])
@pytest.mark.parametrize("pairs", [PAIRS, PAIRS[:1], PAIRS[0], list(PAIRS[0])], ids=["many", "one", "tuple", "list"])
def test_predict(ours, cross_encoder, pairs, activation, as_tensor):
    options = {"activation_fn": activation, "convert_to_tensor": as_tensor}
    found, expected = ours.predict(pairs, **options), cross_encoder.predict(pairs, **options)
    assert (type(found), found.dtype, found.shape) == (type(expected), expected.dtype, expected.shape)
    assert np.abs(np.asarray(found) - np.asarray(expected)).max() <= TOLERANCE


@pytest.mark.parametrize("max_length", [16, 37, 64, None])
def test_predict_cuts_the_longer_text(tiny_reranker, cross_encoder, max_length):
    """What tokenizers cuts off, it cuts in pieces, too, of which the pairs are as many as the square of the length."""
    long = " ".join(LONG.split()[: 3 * max_length]) if max_length else LONG
    ours = bgem3.FlagReranker(str(tiny_reranker), devices="cpu", **({"max_length": max_length} if max_length else {}))
    theirs = CrossEncoder(str(tiny_reranker), device="cpu", max_length=max_length or cross_encoder.max_seq_length)
    for pair in ("short", long), (long, "short"), (long, long), (long, "and " + long), ("and " + long, long):
        assert abs(ours.predict(pair) - theirs.predict(pair)) <= TOLERANCE


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"return_documents": True}, {"top_k": 100, "batch_size": 2}])
def test_rank(ours, cross_encoder, options):
    documents = [passage for _, passage in PAIRS]
    found, expected = (model.rank("what is a panda?", documents, **options) for model in (ours, cross_encoder))
    assert [item.keys() for item in found] == [item.keys() for item in expected]
    for mine, other in zip(found, expected):
        assert (mine["corpus_id"], mine.get("text")) == (other["corpus_id"], other.get("text"))
        assert type(mine["score"]) is type(other["score"])
        assert abs(mine["score"] - other["score"]) <= TOLERANCE


def test_rank_of_nothing(ours, cross_encoder):
    assert ours.rank("a query", []) == cross_encoder.rank("a query", []) == []
