"""GET /docs in a browser: any route is tried from it, by mouse, keyboard and telephone; what it asks, and whom.

BGEM3_SCREENSHOTS  folder for the pictures of it (default: beside the server's program); docs/images/server_docs.png is
                   server_docs_meaning.png
"""

import json
import pathlib

import pytest
from docs_page import PHONE, SIZE, choose_kind, compare, open_page, picture
from playwright.sync_api import Page
from sample_texts import TEXTS
from vectors import assert_close

KEY = "a-key-for-the-page"
SOURCES = pathlib.Path(__file__).parents[2] / "src/server/pages"
HOSTILE = "<img src=x onerror='window.injected = true'><b>bold</b></script><script>window.injected = true</script>"


def send(page: Page, route: str, body: object = None) -> str:
    """What the page shows as the answer; to its own example without a body."""
    page.select_option("#route", route)
    if body is not None:
        page.fill("#body", body if isinstance(body, str) else json.dumps(body))
    page.click("#send")
    page.wait_for_selector("#send:enabled")
    return page.inner_text("#answer")


def test_request_is_sent_and_answered(page, reference):
    texts = ["Hello World", "Bonjour le monde", "Guten Tag"]
    page.fill("#texts", "\n".join(texts))
    page.select_option("#route", "POST /score")
    page.click("#take-texts")
    with page.expect_response("**/score") as exchange:
        page.click("#send")
    page.wait_for_selector("#send:enabled")
    assert exchange.value.status == 200
    assert json.loads(exchange.value.request.post_data) == {"input": texts}
    wanted = reference.encode(texts)["dense_vecs"]
    assert_close(exchange.value.json(), wanted)
    assert f"{wanted.shape[1]} numbers" in page.inner_text("#answer")
    assert page.inner_text("#summary").startswith("200 · ") and "ms in all" in page.inner_text("#summary")


def test_every_route_of_the_interface_can_be_tried(page, server):
    paths = server.get("/openapi.json").json()["paths"]
    wanted = {
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "parameters"
    }
    offered = page.eval_on_selector_all("#route option", "options => options.map(option => option.value)")
    assert set(offered) == wanted and len(offered) == len(wanted)
    for route in offered:
        method, path = route.split(" ")
        page.select_option("#route", route)
        address = page.input_value("#address")
        with page.expect_response(lambda response, address=address: response.url.endswith(address)) as exchange:
            page.click("#send")
        page.wait_for_selector("#send:enabled")
        assert exchange.value.request.method == method
        assert exchange.value.status == 200, (route, exchange.value.text())
        example = (paths[path][method.lower()].get("requestBody") or {}).get("content", {}).get("application/json", {})
        if "example" in example:
            assert json.loads(exchange.value.request.post_data) == example["example"]


def test_paths_with_places_and_queries_are_filled_with_their_examples(browser, server):
    """Also through references; a path can be changed before it is sent."""
    described = {
        "paths": {
            "/made/{name}/up": {
                "parameters": [{"name": "name", "in": "path", "example": "a b"}],
                "post": {
                    "tags": ["Azure"],
                    "parameters": [{"$ref": "#/components/parameters/Version"}],
                    "requestBody": {"$ref": "#/components/requestBodies/Any"},
                },
            }
        },
        "components": {
            "parameters": {"Version": {"name": "v", "in": "query", "required": True, "schema": {"default": 7}}},
            "requestBodies": {
                "Any": {"content": {"application/json": {"examples": {"one": {"value": {"input": ["x"]}}}}}}
            },
        },
    }
    problems: list[str] = []
    with open_page(browser, server, problems) as page:
        page.route("**/openapi.json", lambda route: route.fulfill(json=described))
        page.reload(wait_until="networkidle")
        assert page.input_value("#address") == "/made/a%20b/up?v=7"
        assert page.is_visible("#address") and json.loads(page.input_value("#body")) == {"input": ["x"]}
        assert page.locator("#route optgroup[label=Azure] option").count() == 1
        page.fill("#address", "/score")
        with page.expect_response("**/score"):
            page.click("#send")
    assert problems == []


def test_refused_requests_are_shown_as_the_server_says(browser, server):
    problems: list[str] = []
    with open_page(browser, server, problems) as page:
        for body in ("{", {"inputs": 1}, {"input": [HOSTILE, 5]}):
            refused = server.client.post("/score", content=body if isinstance(body, str) else json.dumps(body))
            answer = send(page, "POST /score", body)
            assert refused.status_code >= 400
            assert json.loads(answer) == refused.json()
            assert page.inner_text("#summary").startswith(f"{refused.status_code}")
            assert "error" in page.get_attribute("#summary", "class")
        page.route("**/score", lambda route: route.abort())
        send(page, "POST /score")
        assert page.inner_text("#summary").startswith("no answer")
    assert all("Failed to load resource" in problem for problem in problems)


def test_text_of_a_user_is_not_taken_for_html(page):
    """In no part of the page."""
    compare(page, [HOSTILE, f"{HOSTILE} & 'once' \"more\"", "a text"])
    for kind in ("dense", "sparse", "colbert", "combined"):
        choose_kind(page, kind)
        page.hover("#heat td[role] >> nth=1")
    page.hover("#alignment li >> nth=2")
    page.hover("#weights .token >> nth=2")
    answer = send(page, "POST /tokenize", {"inputs": [HOSTILE]})
    assert "onerror" in page.inner_text("#heat") and "bold" in answer
    assert not page.evaluate("window.injected")
    assert page.locator("img").count() == 0 and page.locator("main script").count() == 0
    assert page.locator("b", has_text="bold").count() == page.locator(".shared b", has_text="bold").count()


def test_page_runs_no_script_but_its_own(browser, server):
    policy = server.get("/docs").headers["content-security-policy"]
    assert "unsafe" not in policy and policy.startswith("default-src 'none';")
    problems: list[str] = []
    with open_page(browser, server, problems) as page:
        assert problems == []
        page.evaluate(
            "const script = document.createElement('script'); script.textContent = 'window.injected = true';"
            "document.body.append(script)"
        )
        assert not page.evaluate("window.injected")
    assert len(problems) == 1 and "Content Security Policy" in problems[0]


def test_page_is_served_as_it_was_written(server):
    html = server.get("/docs").text
    for file in (SOURCES / "docs.css", *(SOURCES / "docs").iterdir()):
        assert html.count(file.read_text()) == 1, file
    before, between, after = (SOURCES / "docs.html").read_text().replace("@docs_css@", "@docs_js@").split("@docs_js@")
    assert html.startswith(before) and between in html and html.endswith(after)


def test_page_works_behind_a_path_prefix(browser, server):
    problems: list[str] = []

    def forward(route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/a/prefix/", "/")))

    with open_page(browser, server, problems) as page:
        asked: list[str] = []
        page.route("**/a/prefix/**", forward)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server.url}/a/prefix/docs", wait_until="networkidle")
        compare(page, TEXTS[:2])
        assert '"id"' in send(page, "POST /tokenize")
        assert all(url.startswith(f"{server.url}/a/prefix/") for url in asked) and len(asked) >= 6
    assert problems == []


def test_key_is_sent_and_an_error_is_shown(browser, start_server):
    problems: list[str] = []
    with start_server(environment={"BGEM3_API_KEYS": KEY}) as locked:
        with open_page(browser, locked, problems) as page:
            said = locked.get("/info").json()["error"]["message"]
            assert page.inner_text("#about") == f"/info: 401 {said}"
            page.click("#compare")
            page.wait_for_selector("#compare:enabled")
            assert page.inner_text("#compare-error") == f"/info: 401 {said}"
            assert "unauthorized" in send(page, "POST /score")
            page.fill("#key", KEY)
            compare(page, TEXTS[:2])
            assert page.inner_text("#about").startswith("tiny")
            with page.expect_response("**/score") as exchange:
                answer = send(page, "POST /score")
            assert exchange.value.status == 200 and "unauthorized" not in answer
            assert page.get_attribute("#key", "type") == "password"
        assert KEY not in locked.log_text
    assert all("401" in problem for problem in problems)


def test_everything_is_reached_by_keyboard(page):
    page.focus("#texts")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#results[aria-busy=false]")
    page.focus("#kinds input:checked")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#kinds input[value=sparse]")
    page.keyboard.press("Tab")
    # The one cell that Tab reaches is the chosen one: query 1, passage 2.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#heat-note").startswith("3 → 3: ")
    assert page.inner_text("#pair-title") == "Query 1 with passage 2"
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.inner_text("#pair-title") == "Query 3 with passage 5"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("query 3, passage 5: ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.inner_text("#pair-title") == "Query 5 with passage 3"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#align-note").startswith("“did” is answered by ")


def test_fields_have_labels(page):
    fields = page.eval_on_selector_all(
        "input, select, textarea", "all => all.map(field => [field.id || field.value, field.labels.length])"
    )
    assert len(fields) >= 8 and all(labels == 1 for _, labels in fields), fields


def area(page: Page, selector: str) -> dict[str, float]:
    """Where something is on the page, with a margin."""
    x, y, width, height = page.eval_on_selector(
        selector, "e => (r => [r.x + scrollX, r.y + scrollY, r.width, r.height])(e.getBoundingClientRect())"
    )
    return {"x": x - 26, "y": y + 1, "width": width + 52, "height": height + 26}


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(SIZE, "light", id="desk-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(SIZE, "dark", id="desk-dark", marks=pytest.mark.slow),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_page_looks_right(browser, server, scheme, size):
    """A picture to look at; and nothing is wider than the screen."""
    problems: list[str] = []
    with open_page(browser, server, problems, viewport=size, color_scheme=scheme, has_touch=size is PHONE) as page:
        compare(page, page.input_value("#texts").split("\n"))
        choose_kind(page, "combined")
        for route in ("POST /v1/encode", "POST /embed", "POST /rerank", "POST /score"):
            send(page, route)
        reach = page.locator("#heat td[role] >> nth=1")
        reach.tap() if size is PHONE else reach.click()
        name = "server_docs" + ("_phone" if size is PHONE else "") + ("_dark" if scheme == "dark" else "")
        page.screenshot(path=picture(name), full_page=True)
        if name == "server_docs":
            page.screenshot(path=picture("server_docs_meaning"), full_page=True, clip=area(page, "#meaning"))
        token = page.locator("#alignment li >> nth=3")
        token.tap() if size is PHONE else token.hover()
        assert "answered by" in page.inner_text("#align-note")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert picture(name).stat().st_size > 10_000
    assert problems == []
