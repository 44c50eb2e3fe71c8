"""GET /docs in a browser: a request is sent from it, and the answer is shown.

BGEM3_SCREENSHOT  where the picture of it goes (default: beside the server's program)
"""

import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sample_texts import TEXTS
from server import BODIES, Server
from vectors import assert_close

KEY = "a-key-for-the-page"
SIZE = {"width": 1100, "height": 900}


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
def problems() -> list[str]:
    return []


@pytest.fixture
def page(browser, server, problems) -> Iterator[Page]:
    """The page, which asks nobody but its server and logs no error."""
    yield from open_page(browser, server, problems)
    assert problems == []


def open_page(browser: Browser, server: Server, problems: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(server.url) else None)
    page.goto(f"{server.url}/docs")
    yield page
    context.close()


def send(page: Page, route: str, texts: list[str]) -> str:
    """What the page shows as the answer."""
    page.fill("#texts", "\n".join(texts))
    page.select_option("#route", route)
    with page.expect_response(lambda response: response.url.endswith(route)):
        page.click("#send")
    page.wait_for_selector("#send:enabled")
    return page.inner_text("#answer")


def test_request_is_sent_and_answered(page, reference):
    texts = ["Hello World", "Bonjour le monde", "Guten Tag"]
    with page.expect_response("**/score") as exchange:
        answer = send(page, "/score", texts)
    assert exchange.value.status == 200
    wanted = reference.encode(texts)["dense_vecs"]
    assert_close(exchange.value.json(), wanted)
    assert str(wanted.shape[1]) in answer or f"{wanted[0, 0]:.3f}" in answer
    picture = pathlib.Path(
        os.environ.get("BGEM3_SCREENSHOT") or pathlib.Path(os.environ["BGEM3_SERVER"]).parent / "server_docs.png"
    )
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000


def test_every_route_can_be_tried(page):
    offered = page.eval_on_selector_all("#route option", "options => options.map(option => option.value)")
    assert set(offered) <= set(BODIES) and len(offered) >= 4
    for route in offered:
        with page.expect_response(f"**{route}") as exchange:
            send(page, route, TEXTS[:3])
        assert exchange.value.status == 200


def test_text_of_a_user_is_not_taken_for_html(page):
    page.evaluate("window.injected = false")
    answer = send(page, "/tokenize", ["<img src=x onerror='window.injected = true'><b>bold</b>"])
    assert not page.evaluate("window.injected")
    assert page.locator("#answer b, #answer img").count() == 0
    assert answer


def test_key_is_sent_and_an_error_is_shown(browser, start_server):
    problems: list[str] = []
    with start_server(environment={"BGEM3_API_KEYS": KEY}) as locked:
        for page in open_page(browser, locked, problems):
            assert "unauthorized" in send(page, "/score", ["a"])
            page.fill("#key", KEY)
            with page.expect_response("**/score") as exchange:
                answer = send(page, "/score", ["a"])
            assert exchange.value.status == 200 and "unauthorized" not in answer
            assert page.get_attribute("#key", "type") == "password"
        assert KEY not in locked.log_text
    assert all("401" in problem for problem in problems)


def test_page_is_usable_by_keyboard_and_on_a_phone(page):
    for name in ("texts", "route", "key"):
        labels = page.eval_on_selector(f"#{name}", "field => field.labels.length || field.ariaLabel")
        assert labels, f"#{name} has no label"
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
