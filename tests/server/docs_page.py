"""GET /docs in a browser, for the tests of what it shows and which requests it sends; conftest.py names this as a plugin."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from server import Server

SIZE = {"width": 1100, "height": 900}
PHONE = {"width": 360, "height": 740}
TEXTS_SHOWN = 24
CHARACTERS_SENT = 1000
SHARES = [0.4, 0.2, 0.4]  # of dense, sparse, ColBERT; what the page begins with


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers do not give.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server) -> Iterator[Page]:
    """The page, which asks nobody but its server and logs no error."""
    problems: list[str] = []
    with open_page(browser, server, problems) as page:
        yield page
    assert problems == []


@contextlib.contextmanager
def open_page(browser: Browser, server: Server, problems: list[str], **options) -> Iterator[Page]:
    """Once the page knows the routes and the model, or why not."""
    context = browser.new_context(**{"viewport": SIZE, **options})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(server.url) else None)
    page.goto(f"{server.url}/docs", wait_until="networkidle")
    yield page
    context.close()


def compare(page: Page, texts: list[str]) -> None:
    page.fill("#texts", "\n".join(texts))
    page.click("#compare")
    page.wait_for_selector("#compare:enabled")
    page.wait_for_selector("#results:not([aria-busy=true])", state="attached")
    assert page.locator("#compare-error").is_hidden(), page.inner_text("#compare-error")


def choose_kind(page: Page, kind: str) -> None:
    page.check(f"#kinds input[value={kind}]")


def cell(page: Page, query: int, passage: int):
    return page.locator(f"#heat tbody tr >> nth={query} >> td >> nth={passage}")


def heat_values(page: Page) -> np.ndarray:
    """The numbers behind the cells [queries, passages]; what is printed in each must be its number, rounded."""
    rows = page.eval_on_selector_all(
        "#heat tbody tr",
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => [cell.dataset.value, cell.textContent]))",
    )
    for value, printed in (pair for row in rows for pair in row):
        assert abs(float(value) - float(printed)) <= 0.005001, (value, printed)
    return np.array([[float(value) for value, _ in row] for row in rows])


def scores(reference, texts: list[str], shares: list[float] = SHARES) -> dict[str, np.ndarray]:
    """[queries, passages] for each of FlagEmbedding's five kinds."""
    pairs = [(query, passage) for query in texts for passage in texts]
    found = reference.compute_score(pairs, weights_for_different_modes=shares)
    return {name: np.reshape(values, (len(texts), -1)) for name, values in found.items()}


def tokens_of(page: Page, text: int) -> list[tuple[str, str, float]]:
    """What each token shows, its number, and the strength of its colour, 0 … 1."""
    return page.eval_on_selector_all(
        f"#weights > li:nth-child({text + 1}) .token",
        "all => all.map(t => [t.textContent, t.dataset.weight, Number(t.style.getPropertyValue('--t'))])",
    )


def alignment(page: Page) -> list[tuple[str, int, float]]:
    """For each token of the query: what it shows, the row that answers it, and the inner product."""
    return page.eval_on_selector_all(
        "#alignment ul:first-of-type li",
        "all => all.map(t => [t.textContent, Number(t.dataset.answer), Number(t.dataset.value)])",
    )


def picture(name: str) -> pathlib.Path:
    """Where a picture goes: beside the server's program, unless BGEM3_SCREENSHOTS says another folder."""
    folder = os.environ.get("BGEM3_SCREENSHOTS") or pathlib.Path(os.environ["BGEM3_SERVER"]).parent
    return pathlib.Path(folder) / f"{name}.png"
