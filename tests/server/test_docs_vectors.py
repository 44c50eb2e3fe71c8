"""What GET /docs shows of vectors: its numbers are those of the Python package, computed in the test."""

import json

import numpy as np
import pytest
from docs_page import alignment, cell, choose_kind, compare, heat_values, open_page, scores, tokens_of
from playwright.sync_api import Page
from vectors import CLOSE

TEXTS = ["How do I bake bread?", "How long do I bake bread?", "Wie backt man Brot?", "東京は日本の首都です。", "Why?"]
NAMES = {"dense": "dense", "sparse": "sparse", "colbert": "colbert", "combined": "colbert+sparse+dense"}


def test_heat_map_has_the_scores_of_the_package(page, reference):
    compare(page, TEXTS)
    wanted = scores(reference, TEXTS)
    for kind, name in NAMES.items():
        choose_kind(page, kind)
        np.testing.assert_allclose(heat_values(page), wanted[name], **CLOSE, err_msg=kind)
    for field, value in (("dense", "1"), ("sparse", "0.3"), ("colbert", "2")):
        page.fill(f"#share-{field}", value)
    wanted = scores(reference, TEXTS, [1, 0.3, 2])
    np.testing.assert_allclose(heat_values(page), wanted[NAMES["combined"]], **CLOSE)
    cell(page, 1, 0).click()
    shown = dict(
        page.eval_on_selector_all("#pair dd", "all => all.map(dd => [dd.dataset.score, Number(dd.dataset.value)])")
    )
    assert shown.keys() == wanted.keys()
    for name, value in shown.items():
        np.testing.assert_allclose(value, wanted[name][1, 0], **CLOSE, err_msg=name)


def test_weights_that_make_no_mean_are_named(page):
    compare(page, TEXTS[:2])
    choose_kind(page, "combined")
    for kind in ("dense", "sparse", "colbert"):
        page.fill(f"#share-{kind}", "0")
    assert cell(page, 0, 1).inner_text() == "–"
    assert "at least one is larger" in page.inner_text("#formula")
    page.fill("#share-dense", "-1")
    page.fill("#share-sparse", "1")
    assert cell(page, 0, 1).inner_text() == "–"


def test_colours_follow_the_scores_of_two_different_texts(page):
    compare(page, TEXTS)
    for kind in NAMES:
        choose_kind(page, kind)
        values = heat_values(page)
        strengths = np.reshape(
            page.eval_on_selector_all("#heat td[role]", "all => all.map(c => Number(c.style.getPropertyValue('--t')))"),
            values.shape,
        )
        others = ~np.eye(len(TEXTS), dtype=bool)
        low, high = values[others].min(), values[others].max()
        assert low < high
        np.testing.assert_allclose(strengths[others], (values[others] - low) / (high - low), atol=1e-6)
        assert not strengths[~others].any()


def test_tokens_are_shaded_by_their_lexical_weights(page, reference):
    compare(page, TEXTS)
    weights = reference.encode(TEXTS)["lexical_weights"]
    heaviest = max(weight for text in weights for weight in text.values())
    for i, named in enumerate(reference.convert_id_to_token(weights)):
        # A word mark of its own shares its place with what follows.
        shown = [(token.strip("·"), *numbers) for token, *numbers in tokens_of(page, i)]
        assert {token for token, weight, _ in shown if float(weight) > 0} == {name.strip() for name in named}
        for token, weight, strength in shown:
            wanted = max((named[name] for name in named if name.strip() == token), default=0.0)
            assert abs(float(weight) - wanted) <= 0.000501
            assert abs(strength - wanted / heaviest) <= 1e-4
    page.hover("#weights > li:nth-child(1) .token >> nth=1")
    assert "“do”: weight " in page.inner_text("#weights > li:nth-child(1) [role=status]")
    assert f"{heaviest:.2f}" in page.inner_text("#weights-lead")


@pytest.mark.parametrize(("query", "passage"), [(0, 1), (1, 0), (3, 2), (4, 4)])
def test_alignment_is_the_largest_inner_product(page, reference, query, passage):
    compare(page, TEXTS)
    cell(page, query, passage).click()
    vectors = reference.encode(TEXTS)["colbert_vecs"]
    products = vectors[query] @ vectors[passage].T
    shown = alignment(page)
    assert [row for _, row, _ in shown] == products.argmax(axis=1).tolist()
    np.testing.assert_allclose([value for *_, value in shown], products.max(axis=1), **CLOSE)
    lines = page.eval_on_selector_all(
        "#alignment line", "all => all.map(line => [Number(line.dataset.from), Number(line.dataset.to)])"
    )
    assert lines == [[r, row] for r, (_, row, _) in enumerate(shown)]
    assert shown[-1][0] == "</s>" and shown[0][0] != "<s>"
    strengths = page.eval_on_selector_all(
        "#alignment line", "all => all.map(l => Number(l.style.getPropertyValue('--t')))"
    )
    assert np.argmax(strengths) == products.max(axis=1).argmax() or query == passage


@pytest.mark.parametrize("width", [1100, 360])
def test_lines_end_at_their_tokens(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    compare(page, TEXTS)
    misses = page.evaluate(
        """() => {
          const [queries, passages] = [...document.querySelectorAll('#alignment ul')].map(list => [...list.children]);
          const between = (value, low, high) => value >= low - 1 && value <= high + 1;
          const columns = document.querySelector('.stage.columns') !== null;
          // In rows from the lower edge to the upper one, in columns from the right edge to the left one.
          const meets = (x, y, box, first) => (columns
            ? Math.abs(x - (first ? box.right : box.left)) < 1 && between(y, box.top, box.bottom)
            : Math.abs(y - (first ? box.bottom : box.top)) < 1 && between(x, box.left, box.right));
          const origin = document.querySelector('.stage').getBoundingClientRect();
          return [...document.querySelectorAll('#alignment line')].filter(line => {
            const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map(name => line[name].baseVal.value);
            return !meets(x1 + origin.left, y1 + origin.top, queries[line.dataset.from].getBoundingClientRect(), true)
              || !meets(x2 + origin.left, y2 + origin.top, passages[line.dataset.to].getBoundingClientRect(), false);
          }).length;
        }"""
    )
    assert misses == 0
    assert page.locator(".stage.columns").count() == (1 if width == 360 else 0)


def test_numbers_of_the_alignment_are_told(page, reference):
    compare(page, TEXTS)
    vectors = reference.encode(TEXTS)["colbert_vecs"]
    products = vectors[0] @ vectors[1].T
    page.hover("#alignment ul:first-of-type li >> nth=3")
    assert page.inner_text("#align-note").endswith(f": {products[3].max():.4f}")
    answered = int(products[3].argmax())
    page.locator(f"#alignment ul:last-of-type li >> nth={answered}").focus()
    told = page.inner_text("#align-note")
    assert " answers " in told
    for row in np.flatnonzero(products.argmax(axis=1) == answered):
        assert f"{products[row].max():.4f}" in told


# Where tokens are in their text


def answer_tokenize(page: Page, change) -> None:
    """Changes each token that /tokenize tells."""

    def fulfil(route) -> None:
        response = route.fetch()
        texts = json.loads(route.request.post_data)["inputs"]
        route.fulfill(response=response, json=[change(text, tokens) for text, tokens in zip(texts, response.json())])

    page.route("**/tokenize", fulfil)


def test_tokens_with_places_are_shown_as_in_the_text(page):
    """Places are in bytes of UTF-8; what lies between tokens stays, and a shared place is shown once."""
    text = "  😀😀 Ｈello  wörld!㎏"
    places = [None, (2, 3), (3, 4), (5, 7), (4, 10), (12, 17), (17, 18), (18, 19), (18, 19), None]

    def bytes_before(character: int) -> int:
        return len(text[:character].encode())

    def change(_text: str, tokens: list[dict]) -> list[dict]:
        placed = [place and dict(zip(("start", "stop"), map(bytes_before, place))) for place in places]
        return [{**tokens[1], **place} if place else tokens[0] for place in placed]

    answer_tokenize(page, change)
    encoded = {"tokens": len(places), "dense": "AACAPw==", "sparse": {}, "colbert": ["AACAPw=="] * (len(places) - 1)}
    page.route("**/v1/encode", lambda route: route.fulfill(json={"data": [encoded]}))
    compare(page, [text])
    assert [token for token, *_ in tokens_of(page, 0)] == ["😀", "😀", "·", "Ｈello", "wörld", "!", "·", "㎏"]
    assert page.text_content("#weights .tokens") == "  😀😀· Ｈello  wörld!·㎏"


# Contrast

CONTRASTS = """selector => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (...colours) => {  // painted over one another
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = colour => colour.map(c => c / 255).map(c => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const page = getComputedStyle(document.body).backgroundColor;
  return [...document.querySelectorAll(selector)].map(node => {
    const style = getComputedStyle(node);
    const [a, b] = [light(rgb(style.color)), light(rgb(page, style.backgroundColor))];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_and_tokens_can_be_read_on_their_colours(browser, server, scheme):
    """WCAG's contrast of 4.5, between the weakest colour and the strongest."""
    problems: list[str] = []
    with open_page(browser, server, problems, color_scheme=scheme) as page:
        compare(page, TEXTS)
        for selector in (
            "#heat td[role]",
            "#weights .token",
            "#alignment li",
            "#compare",
            "p.quiet",
            "#kinds input:checked + span",
        ):
            contrasts = page.evaluate(CONTRASTS, selector)
            assert len(contrasts) > 0 and min(contrasts) >= 4.5, (selector, contrasts)
        strong = page.eval_on_selector_all(
            "#heat td[role]", "all => all.map(c => Number(c.style.getPropertyValue('--t')))"
        )
        assert max(strong) == 1 and min(strong) == 0
    assert problems == []
