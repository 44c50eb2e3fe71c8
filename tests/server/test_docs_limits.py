"""What GET /docs shows of many texts, long ones, and of models that lack something; each limit is stated on the page."""

import json
import pathlib

import numpy as np
import pytest
from docs_page import (
    CHARACTERS_SENT,
    TEXTS_SHOWN,
    alignment,
    cell,
    choose_kind,
    compare,
    heat_values,
    open_page,
    scores,
    tokens_of,
)
from server import Server
from vectors import CLOSE

TEXTS = ["How do I bake bread?", "How long do I bake bread?", "Wie backt man Brot?", "東京は日本の首都です。", "Why?"]


def test_texts_are_limited_and_the_page_says_so(page):
    texts = [f"text {i}" for i in range(TEXTS_SHOWN)]
    compare(page, [*texts, ""])
    assert page.locator("#notes li").count() == 0
    assert heat_values(page).shape == (TEXTS_SHOWN, TEXTS_SHOWN)
    compare(page, [*texts, "one more"])
    assert page.inner_text("#notes") == f"The first {TEXTS_SHOWN} of {TEXTS_SHOWN + 1} texts are compared."
    assert heat_values(page).shape == (TEXTS_SHOWN, TEXTS_SHOWN)
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_characters_of_a_text_are_limited(page):
    with page.expect_request("**/v1/encode") as sent:
        compare(page, ["😀" * CHARACTERS_SENT, "short"])
    assert json.loads(sent.value.post_data)["input"][0] == "😀" * CHARACTERS_SENT
    assert page.locator("#notes li").count() == 0
    with page.expect_request("**/v1/encode") as sent:
        compare(page, ["😀" * CHARACTERS_SENT + "x", "short"])
    assert json.loads(sent.value.post_data)["input"] == ["😀" * CHARACTERS_SENT, "short"]
    assert page.inner_text("#notes").startswith("1 text cut after 1,000 characters")


def test_page_lives_while_much_is_computed(page, reference):
    """ColBERT scores of long texts take seconds: dense ones are there before, and other texts need not wait."""
    words = " ".join(TEXTS[0].split() * 50)[: CHARACTERS_SENT - 10]
    page.fill("#texts", "\n".join(f"{i} {words}" for i in range(TEXTS_SHOWN)))
    page.click("#compare")
    page.wait_for_selector("#results[aria-busy=true]")
    assert page.is_enabled("#compare") and cell(page, 3, 7).inner_text() != "–"
    choose_kind(page, "colbert")
    assert cell(page, TEXTS_SHOWN - 2, TEXTS_SHOWN - 1).inner_text() == "–"
    cell(page, TEXTS_SHOWN - 2, TEXTS_SHOWN - 1).click()
    assert float(page.inner_text("#pair dd[data-score=colbert]")) > 0.5
    assert "ColBERT" in page.inner_text("#compare-status") and "%" in page.inner_text("#compare-status")
    compare(page, TEXTS)
    np.testing.assert_allclose(heat_values(page), scores(reference, TEXTS)["colbert"], **CLOSE)
    assert page.inner_text("#compare-status").startswith("5 texts, ") and "%" not in page.inner_text("#compare-status")


def test_tokens_that_are_shown_are_limited(page, server, reference):
    """200 of a text, 64 of its alignment; a token that is answered by one beyond them is counted."""
    long = " ".join(["bread"] * 70 + ["how"] * 140)
    count = len(server.post("/tokenize", {"inputs": [long]}).json()[0])
    assert count == 212
    compare(page, ["how", long])
    assert len(tokens_of(page, 1)) == 200
    assert "10 more tokens" in page.inner_text("#weights > li:nth-child(2) .tokens")
    passages = page.locator("#alignment ul:last-of-type li")
    assert passages.count() == 64
    vectors = reference.encode(["how", long])["colbert_vecs"]
    best = (vectors[0] @ vectors[1].T).argmax(axis=1)
    assert (best >= 64).any(), "the texts of this test show nothing"
    note = page.inner_text("#align-note")
    assert "first 64 tokens of each text, of 2 and 211" in note
    assert f"{(best >= 64).sum()} token" in note
    assert page.locator("#alignment line").count() == (best < 64).sum()


def test_text_beyond_the_models_length_has_the_tokens_that_are_embedded(browser, start_server, reference):
    problems: list[str] = []
    with start_server("--max-length", 6) as short, open_page(browser, short, problems) as page:
        compare(page, TEXTS[:2])
        shown = alignment(page)
        assert [token for token, *_ in shown] == ["How", "do", "I", "bake", "</s>"]
        vectors = reference.encode(TEXTS[:2], max_length=6)["colbert_vecs"]
        assert [row for _, row, _ in shown] == (vectors[0] @ vectors[1].T).argmax(axis=1).tolist()
    assert problems == []


def test_fewer_texts_where_the_server_takes_fewer(browser, start_server):
    problems: list[str] = []
    with start_server("--max-texts", 2) as small, open_page(browser, small, problems) as page:
        compare(page, TEXTS)
        assert page.inner_text("#notes") == "The first 2 of 5 texts are compared."
        assert heat_values(page).shape == (2, 2)
    assert problems == []


# Other models


def variant(tiny: pathlib.Path, folder: pathlib.Path, *without: str) -> pathlib.Path:
    """The small model without some of its files."""
    folder.mkdir()
    for file in tiny.iterdir():
        if file.name not in without:
            (folder / file.name).symlink_to(file)
    return folder


@pytest.mark.parametrize("lacking", ["sparse", "colbert", "both"])
def test_what_a_model_lacks_is_not_offered_and_named(browser, server_program, tiny, tmp_path, reference, lacking):
    missing = {"sparse": ["sparse"], "colbert": ["colbert"], "both": ["sparse", "colbert"]}[lacking]
    model = variant(tiny, tmp_path / "cut", *(f"{head}_linear.pt" for head in missing))
    problems: list[str] = []
    with Server(server_program, "--model", model, "--dtype", "float32") as server:
        with open_page(browser, server, problems) as page:
            compare(page, TEXTS)
            wanted = scores(reference, TEXTS)
            np.testing.assert_allclose(heat_values(page), wanted["dense"], **CLOSE)
            for head in ("sparse", "colbert"):
                assert page.is_enabled(f"#kinds input[value={head}]") == (head not in missing)
            notes = page.inner_text("#notes")
            assert ("no sparse head" in notes) == ("sparse" in missing)
            assert ("no ColBERT head" in notes) == ("colbert" in missing)
            assert page.locator("#alignment").count() == ("colbert" not in missing)
            assert ("no ColBERT head" in page.inner_text("#pair")) == ("colbert" in missing)
            assert ("no sparse head" in page.inner_text("#weights-lead")) == ("sparse" in missing)
            if lacking == "colbert":
                choose_kind(page, "combined")
                np.testing.assert_allclose(heat_values(page), wanted["sparse+dense"], **CLOSE)
                assert page.is_hidden("#share-colbert")
            if lacking == "both":
                assert page.is_disabled("#kinds input[value=combined]")
    assert problems == []


def test_default_prompt_is_left_out(browser, server_program, tiny, tmp_path, reference):
    """With it, vectors would have no token of the text."""
    model = variant(tiny, tmp_path / "prompted", "config_sentence_transformers.json")
    prompts = {"prompts": {"query": "a question: "}, "default_prompt_name": "query"}
    (model / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    problems: list[str] = []
    with Server(server_program, "--model", model, "--dtype", "float32") as server:
        with open_page(browser, server, problems) as page:
            compare(page, TEXTS)
            assert "“query”, is left out" in page.inner_text("#notes")
            np.testing.assert_allclose(heat_values(page), scores(reference, TEXTS)["dense"], **CLOSE)
            assert [token for token, *_ in alignment(page)] == ["How", "do", "I", "bake", "bread", "?", "</s>"]
    assert problems == []
