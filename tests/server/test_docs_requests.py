"""The chart of GET /docs: times and tokens of the requests that the page sent."""

import pytest
from docs_page import compare, open_page

TEXTS = ["Hello World", "Bonjour le monde"]
KEPT = 50


def bars(page) -> list[int]:
    """The numbers of the requests, oldest first."""
    return page.eval_on_selector_all("#chart g", "all => all.map(bar => Number(bar.dataset.number))")


def tokenize_often(page, times: int) -> None:
    page.select_option("#route", "POST /tokenize")
    for _ in range(times):
        page.click("#send")
        page.wait_for_selector("#send:enabled")


def test_requests_are_counted_with_their_times(page):
    assert bars(page) == [] and page.inner_text("#requests-lead").startswith("None yet")
    headers = []
    page.on("response", lambda r: headers.append(r.headers) if r.request.method == "POST" else None)
    compare(page, TEXTS)
    page.select_option("#route", "POST /score")
    page.click("#send")
    page.wait_for_selector("#send:enabled")
    assert bars(page) == [1, 2, 3] and page.inner_text("#requests-lead") == "3 requests of this page."
    page.click("#requests-details summary")
    rows = page.eval_on_selector_all(
        "#requests-table tbody tr", "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )
    number, request, status, *shown = rows[0]
    assert (number, request, status) == ("3", "POST /score", "200")
    names = ("x-compute-tokens", "x-total-time", "x-queue-time", "x-inference-time")
    wanted = [float(headers[-1][name]) for name in names]
    assert [float(value) for value in shown] == pytest.approx(wanted, abs=0.0501)
    assert {row[1] for row in rows} == {"POST /score", "POST /tokenize", "POST /v1/encode"}


def test_bars_are_as_high_as_the_times(page):
    """Queue, computed and the rest add up to the time in all."""
    page.route(
        "**/score",
        lambda route: route.fulfill(
            json=[],
            headers={"x-total-time": "80", "x-queue-time": "20", "x-inference-time": "50", "x-compute-tokens": "1500"},
        ),
    )
    page.select_option("#route", "POST /score")
    page.click("#send")
    page.wait_for_selector("#chart g")
    heights = dict(
        page.eval_on_selector_all(
            "#chart g rect", "all => all.map(bar => [bar.getAttribute('class'), Number(bar.getAttribute('height'))])"
        )
    )
    scale = heights["queue"] / 20
    assert heights["compute"] == pytest.approx(50 * scale, abs=0.02)
    assert heights["rest"] == pytest.approx(10 * scale, abs=0.02)
    labels = page.eval_on_selector_all("#chart text", "all => all.map(text => text.textContent)")
    assert labels == ["100 ms", "0", "2,000", "tokens"]
    assert heights["tokens-bar"] == pytest.approx(0.75 * 44, abs=0.02)
    page.focus("#chart g")
    told = page.inner_text("#chart-note")
    assert "1,500 tokens · 80.0 ms in all · 20.0 ms in the queue · 50.0 ms computed" in told


def test_the_last_fifty_are_kept(page):
    tokenize_often(page, KEPT)
    assert bars(page) == list(range(1, KEPT + 1))
    assert page.inner_text("#requests-lead") == f"{KEPT} requests of this page."
    tokenize_often(page, 1)
    assert bars(page) == list(range(2, KEPT + 2))
    assert page.inner_text("#requests-lead") == f"{KEPT} requests of this page, the last of {KEPT + 1}."


def test_failures_are_counted_too(browser, server):
    problems: list[str] = []
    with open_page(browser, server, problems) as page:
        page.select_option("#route", "POST /score")
        page.fill("#body", "{")
        page.click("#send")
        page.wait_for_selector("#chart g.failed")
        page.route("**/score", lambda route: route.abort())
        page.click("#send")
        page.wait_for_selector("#chart g.failed >> nth=1")
        assert bars(page) == [1, 2]
        page.hover("#chart g >> nth=1")
        assert "no answer" in page.inner_text("#chart-note")
    assert len(problems) == 2 and all("Failed to load resource" in problem for problem in problems)
