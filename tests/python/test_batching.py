"""BatchingEmbedder, BatchingReranker and `aencode` of the models: requests of many threads and tasks share batches."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import bgem3
import numpy as np
import pytest
from interruption import interrupt

TEXTS = [f"text number {i}" + " and more of it" * (i % 7) for i in range(40)]
LONG = ["many words in a long text " * 300 + str(i) for i in range(40)]
PAIRS = [(f"question {i % 9}", text) for i, text in enumerate(TEXTS)]
LONG_PAIRS = [("a question", text) for text in LONG]


@pytest.fixture(scope="module")
def batching(tiny) -> Iterator[bgem3.BatchingEmbedder]:
    with bgem3.BatchingEmbedder(tiny, device="cpu") as embedder:
        yield embedder


@pytest.fixture(scope="module")
def reranking(tiny_reranker) -> Iterator[bgem3.BatchingReranker]:
    with bgem3.BatchingReranker(tiny_reranker, device="cpu") as reranker:
        yield reranker


@pytest.fixture(scope="module")
def logits(tiny_reranker) -> np.ndarray:
    """Of PAIRS."""
    with bgem3.FlagReranker(str(tiny_reranker), devices="cpu", max_length=8192) as model:
        return np.array(model.compute_score(PAIRS))


@pytest.fixture(scope="module")
def m3(tiny) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(str(tiny), devices="cpu", return_sparse=True, return_colbert_vecs=True)


def assert_close(found: object, wanted: object) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-4, atol=2e-6)


# aencode


async def one_by_one(aencode, texts: list[str]) -> list:
    return await asyncio.gather(*[aencode(text) for text in texts])


def test_aencode_of_m3(m3):
    expected = m3.encode(TEXTS)
    found = asyncio.run(one_by_one(m3.aencode, TEXTS))
    assert_close([item["dense_vecs"] for item in found], expected["dense_vecs"])
    for item, weights, vectors in zip(found, expected["lexical_weights"], expected["colbert_vecs"], strict=True):
        assert item["lexical_weights"] == pytest.approx(weights, rel=1e-4, abs=1e-6)
        assert_close(item["colbert_vecs"], vectors)


def test_aencode_of_a_list_and_of_what_is_asked_for(m3):
    found = asyncio.run(m3.aencode(TEXTS, max_length=8, return_sparse=False, return_colbert_vecs=False))
    assert found["lexical_weights"] is None and found["colbert_vecs"] is None
    assert_close(found["dense_vecs"], m3.encode(TEXTS, max_length=8)["dense_vecs"])


def test_aencode_of_the_other_models(tiny):
    dense = bgem3.FlagModel(str(tiny), devices="cpu")
    assert_close(asyncio.run(one_by_one(dense.aencode, TEXTS)), dense.encode(TEXTS))
    like_sentence_transformers = bgem3.EmbeddingModel(str(tiny), device="cpu")
    found = asyncio.run(one_by_one(like_sentence_transformers.aencode, TEXTS))
    assert_close(found, like_sentence_transformers.encode(TEXTS))


def test_aencode_of_long_texts_is_right(m3):
    found = asyncio.run(m3.aencode(LONG[:4], return_sparse=False, return_colbert_vecs=False))
    assert_close(found["dense_vecs"], m3.encode(LONG[:4])["dense_vecs"])


async def longest_pause(work) -> float:
    """The longest time that the loop did not get to run while something was awaited, in seconds."""
    task = asyncio.ensure_future(work)
    longest, last = 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    task.result()
    return longest


def test_loop_goes_on_meanwhile(batching):
    texts = ["different words in a very long text of its own " * 2000 + str(i) for i in range(60)]
    started = time.perf_counter()
    pause = asyncio.run(longest_pause(batching.aencode(texts, max_length=512)))
    assert pause < max(0.1, (time.perf_counter() - started) / 3)


def test_timeout(m3):
    with pytest.raises(bgem3.DeadlineExceededError):
        asyncio.run(m3.aencode(LONG, timeout=0.01))
    with pytest.raises(bgem3.DeadlineExceededError):
        asyncio.run(m3.aencode(TEXTS, timeout=0))
    for long in (60.0, 1e300, float("inf")):
        asyncio.run(m3.aencode("a", timeout=long))


def test_cancelled_task_cancels_its_work(batching):
    async def cancel_soon() -> float:
        task = asyncio.ensure_future(batching.aencode(LONG * 20))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        started = time.perf_counter()
        await batching.aencode(["short"])
        return time.perf_counter() - started

    started = time.perf_counter()
    batching.encode(LONG)
    whole = time.perf_counter() - started
    assert asyncio.run(cancel_soon()) < whole * 5  # what was cancelled takes 20 times as long


# BatchingEmbedder


def test_threads_get_their_own_results(batching, m3):
    expected = m3.encode(TEXTS)

    def ask(k: int) -> None:
        for i in range(k, len(TEXTS), 8):
            found = batching.encode([TEXTS[i]], sparse=True, colbert=True)
            assert_close(found["dense"][0], expected["dense_vecs"][i])
            assert_close(found["colbert"][0], expected["colbert_vecs"][i])
            weights = {str(token): weight for token, weight in zip(*found["sparse"][0])}
            assert weights == pytest.approx(expected["lexical_weights"][i], rel=1e-4, abs=1e-6)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def test_no_texts(batching):
    found = batching.encode([])
    assert len(found["dense"]) == len(found["token_counts"]) == 0


def test_wrong_calls(batching):
    with pytest.raises(bgem3.InvalidArgumentError):
        batching.submit(TEXTS, truncate_dim=1_000_000)
    with pytest.raises(TypeError):
        batching.submit(["a", 5])
    with pytest.raises(TypeError):
        asyncio.run(batching.aencode(["a", None]))


def test_full_queue_refuses(tiny):
    with bgem3.BatchingEmbedder(tiny, device="cpu", batch_texts=1, queue_texts=2) as embedder:
        futures = []
        with pytest.raises(bgem3.OverloadedError):
            for text in LONG:
                futures.append(embedder.submit([text]))
        assert all(len(future.result()["dense"]) == 1 for future in futures)
        assert len(embedder.encode(["a"])["dense"]) == 1


def test_cancelled_future(batching):
    first = batching.submit(LONG)
    second = batching.submit(LONG)
    assert second.cancel()
    with pytest.raises(CancelledError):
        second.result()
    assert len(first.result()["dense"]) == len(LONG)


def test_close_answers_what_was_submitted(tiny):
    embedder = bgem3.BatchingEmbedder(tiny, device="cpu")
    futures = [embedder.submit([text]) for text in LONG]
    embedder.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(bgem3.OverloadedError):
        embedder.submit(["a"])
    embedder.close()


def run(tiny, program: str) -> subprocess.CompletedProcess:
    begin = f"import bgem3\nmodel = bgem3.BatchingEmbedder({str(tiny)!r}, device='cpu')\n"
    return subprocess.run([sys.executable, "-c", begin + program], capture_output=True, text=True, timeout=120)


def test_embedder_that_nobody_holds_answers_what_was_submitted(tiny):
    """In a process of its own: what goes wrong here is a deadlock."""
    program = """
futures = [model.submit([f"text {i} " * 200]) for i in range(100)]
del model
print(sum(len(future.result()["dense"]) for future in futures))
"""
    result = run(tiny, program)
    assert (result.returncode, result.stdout, result.stderr) == (0, "100\n", "")


@pytest.mark.parametrize("end", ["model.close()", "del model"])
def test_embedder_that_an_answer_ends(tiny, end):
    """A done-callback runs on the embedder's own thread, which must not wait for itself."""
    program = f"""
import threading
ended = threading.Event()
def done(future):
    global model
    {end}
    ended.set()
first = model.submit(["first"])
second = model.submit(["second " * 500])
first.add_done_callback(done)
print(ended.wait(30), len(second.result()["dense"]))
"""
    result = run(tiny, program)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True 1\n", "")


@pytest.mark.parametrize("how", ["", "raise SystemExit(0)", "import threading; threading.Thread(target=wait).start()"])
def test_end_of_the_interpreter_with_requests_in_work(tiny, how):
    program = f"""
futures = [model.submit([f"text {{i}} " * 200]) for i in range(200)]
def wait(): [future.result() for future in futures]
{how}
"""
    result = run(tiny, program)
    assert (result.returncode, result.stderr) == (0, "")


def test_ctrl_c_while_waiting(tiny):
    model = f"bgem3.BatchingEmbedder({str(tiny)!r}, device='cpu')"
    call = "model.encode(['word ' * 3000 + str(i) for i in range(3000)], max_length=2048)"
    stopped, usable = interrupt(model, call, "model.encode(['after'])['dense']", after=1)
    assert stopped < 2 and usable < 5


# BatchingReranker


def test_threads_get_their_own_scores(reranking, logits):
    def ask(k: int) -> None:
        for i in range(k, len(PAIRS), 8):
            assert_close(reranking.score([PAIRS[i]]), logits[i : i + 1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def test_scores_are_float32_in_the_order_of_the_pairs(reranking, logits):
    found = reranking.submit(PAIRS).result()
    assert found.dtype == np.float32 and found.shape == (len(PAIRS),)
    assert_close(found, logits)
    assert reranking.score([]).shape == (0,)
    assert_close(reranking.score(PAIRS[3]), logits[3:4])


def test_ascore(reranking, logits):
    found = asyncio.run(one_by_one(reranking.ascore, PAIRS))
    assert_close(np.concatenate(found), logits)


def test_limits_of_a_request_are_its_own(reranking, tiny_reranker):
    with bgem3.FlagReranker(str(tiny_reranker), devices="cpu") as model:
        options = {"max_length": 32, "query_max_length": 5}
        expected = model.compute_score(LONG_PAIRS, **options)
    whole = [reranking.submit([pair]) for pair in LONG_PAIRS[:3]]
    assert_close(reranking.score(LONG_PAIRS, **options), expected)
    assert all(abs(future.result()[0] - cut) > 1e-3 for future, cut in zip(whole, expected))


def test_loop_goes_on_while_pairs_are_tokenised(reranking):
    pairs = [("a question", "different words in a very long text of its own " * 2000 + str(i)) for i in range(60)]
    started = time.perf_counter()
    pause = asyncio.run(longest_pause(reranking.ascore(pairs, max_length=512)))
    assert pause < max(0.1, (time.perf_counter() - started) / 3)


def test_timeout_of_pairs(reranking):
    with pytest.raises(bgem3.DeadlineExceededError):
        reranking.score(LONG_PAIRS, timeout=0.01)
    with pytest.raises(bgem3.DeadlineExceededError):
        asyncio.run(reranking.ascore(PAIRS, timeout=0))


def test_wrong_calls_for_scores(reranking):
    with pytest.raises(bgem3.InvalidArgumentError, match="4 to 8192"):
        reranking.submit(PAIRS, max_length=3)
    for wrong in ([("a", 5)], [("a",)], [("a", "b"), None], "ab"):
        with pytest.raises(TypeError, match="pair"):
            reranking.submit(wrong)
        with pytest.raises(TypeError, match="pair"):
            asyncio.run(reranking.ascore(wrong))


def test_full_queue_of_pairs_refuses(tiny_reranker):
    with bgem3.BatchingReranker(tiny_reranker, device="cpu", batch_texts=1, queue_texts=2) as reranker:
        futures = []
        with pytest.raises(bgem3.OverloadedError):
            for pair in LONG_PAIRS:
                futures.append(reranker.submit([pair]))
        assert all(len(future.result()) == 1 for future in futures)
        assert len(reranker.score(PAIRS[:1])) == 1


def test_cancelled_future_of_pairs(reranking):
    first, second = reranking.submit(LONG_PAIRS), reranking.submit(LONG_PAIRS)
    assert second.cancel()
    with pytest.raises(CancelledError):
        second.result()
    assert len(first.result()) == len(LONG_PAIRS)


def test_close_answers_pairs_that_were_submitted(tiny_reranker):
    reranker = bgem3.BatchingReranker(tiny_reranker, device="cpu")
    futures = [reranker.submit([pair]) for pair in LONG_PAIRS]
    reranker.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(bgem3.OverloadedError):
        reranker.submit(PAIRS)


def test_end_of_the_interpreter_with_pairs_in_work(tiny_reranker):
    program = f"""
import bgem3
model = bgem3.BatchingReranker({str(tiny_reranker)!r}, device="cpu")
futures = [model.submit([("a question", f"text {{i}} " * 200)]) for i in range(200)]
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
