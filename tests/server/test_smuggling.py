"""Requests of which two servers could make different ones. Each carries a second request behind it: either the first is
refused and its connection closed, or both are answered, as RFC 9112 allows no other reading."""

import httpx
import pytest
from server import Server, responses
from smuggling import FAMILIES, HIDDEN, Shape, Verdict


def is_framing(response: httpx.Response) -> bool:
    """Whether the request itself was refused, not what its body says."""
    return (
        response.status_code in (400, 413, 501, 505)
        and response.headers.get("connection", "close") == "close"  # HTTP/1.0 need not say so
        and response.json()["error"]["code"] in ("invalid_request", "body_too_large", "not_implemented")
    )


def verdict_on(found: list[httpx.Response]) -> Verdict | None:
    statuses = [response.status_code for response in found]
    if statuses == [200, 404] and found[0].json() and len(found[0].json()) == 1:
        return Verdict.READ
    if len(found) == 1 and is_framing(found[0]):
        return Verdict.REFUSED
    if not found:
        return Verdict.ENDLESS
    # Of no body at all, which is no JSON, and nothing that is packed; then what stands there in place of a request.
    if len(found) == 2 and statuses[0] in (400, 415) and is_framing(found[1]):
        code = found[0].json()["error"]["code"]
        return Verdict.UNFRAMED if code in ("invalid_json", "unsupported_encoding") else None
    return None


def mistake_with(server: Server, shape: Shape) -> str | None:
    """What a server makes of it, unless that is as it should be."""
    found = responses(server, shape.request + HIDDEN, ends=True)
    wanted = {Verdict.READ, Verdict.REFUSED} if shape.verdict is Verdict.EITHER else {shape.verdict}
    if verdict_on(found) in wanted:
        return None
    return f"{shape.name}: {[(response.status_code, response.text) for response in found]}, not {shape.verdict}"


def test_there_are_some_two_thousand_shapes():
    assert len({shape.request for family in FAMILIES for shape in family()}) > 1900


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_what_is_open_to_two_readings_is_refused(stub, family):
    mistakes = [mistake for shape in family() if (mistake := mistake_with(stub, shape))]
    assert not mistakes, "\n".join(mistakes)
