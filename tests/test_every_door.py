"""Every address, asked in every odd way, answers: a refusal, a page, a redirect, and never a 500."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

ODD = ["demo-app", "1003", "0", "-1", "9" * 30, "x", "é", "%00", "..", "None", "00000000-0000-4000-8000-000000000000"]
NAMES = [
    *("code", "store_id", "state", "error", "payload", "sesame", "next", "token", "q", "lang", "was", "cancel", "done"),
    *("email", "name", "language", "value", "role", "reason", "csrfmiddlewaretoken", "o", "p", "all", "action"),
]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
    "é",
]
HEADERS = [
    *("X-Ecwid-Webhook-Signature", "Referer", "Sec-Fetch-Dest", "HX-Request", "HX-Current-URL", "Accept-Language"),
    *("Cookie", "Content-Length", "If-Modified-Since", "Authorization", "X-Forwarded-For", "User-Agent"),
]
texts = st.one_of(
    st.sampled_from(ODD), st.text(max_size=40), st.text(alphabet="\x00\r\n\\\"'<>{}%é😀\ud7ff", max_size=12)
)
lines = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[list[str]]:
    """Yield every address as pieces: fixed text, and "" where something is put in."""
    for one in patterns:
        route = before + str(one.pattern).removeprefix("^").removesuffix("\\Z").removesuffix("$")
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        else:
            yield [part.rpartition(">")[2] for part in route.split("<")]


ROUTES = [pieces for pieces in routes(get_resolver().url_patterns) if "(" not in "".join(pieces)]

storable = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
forms = st.dictionaries(st.sampled_from(NAMES), storable, max_size=4).map(lambda fields: urlencode(fields).encode())
bodies = st.one_of(st.just(b""), st.binary(max_size=200), forms)
requests = st.fixed_dictionaries({
    "pieces": st.sampled_from(ROUTES),
    "put_in": st.lists(st.one_of(st.sampled_from(ODD), texts), min_size=6, max_size=6),
    "query": st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), texts, max_size=4),
    "method": st.sampled_from(["GET", "POST", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "ODD"]),
    "body": bodies,
    "content_type": st.sampled_from(TYPES),
    "headers": st.dictionaries(st.sampled_from(HEADERS), lines, max_size=3),
})  # fmt: skip


def ask(browser: Client, odd: dict[str, Any]) -> int:
    """Ask what `odd` says and return the status."""
    put_in = iter(odd["put_in"])
    first, *rest = odd["pieces"]
    path = first + "".join(quote(next(put_in).encode("utf-8", "replace"), safe="") + piece for piece in rest)
    query = {name.encode("utf-8", "replace"): text.encode("utf-8", "replace") for name, text in odd["query"].items()}
    address = f"/{path}?{urlencode(query)}"
    options = {"content_type": odd["content_type"], "headers": odd["headers"]}
    return browser.generic(odd["method"], address, odd["body"], **options).status_code


@pytest.mark.parametrize("known", [False, True], ids=["nobody", "an owner"])
def test_no_request_however_odd_is_a_server_error(merchant: Merchant, known: bool) -> None:
    merchant.install()
    work()
    browser = Client(raise_request_exception=False)
    if known:
        browser.force_login(merchant.store.owner)

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests)
    def try_it(odd: dict[str, Any]) -> None:
        status = ask(browser, odd)
        assert status < 500 or (status == 503 and "readyz" in odd["pieces"][0]), status

    try_it()


def odd_cookies() -> list[str]:
    """Values that say NUL, which PostgreSQL takes in no text: a cookie may spell any sign as three digits."""
    quoted = '"' + 40 * "\\000" + '"'
    return [quoted, '"abcdefgh\\000abcdefgh"', 4000 * "a", "é" * 32]


@pytest.mark.parametrize("value", odd_cookies())
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/admin/login/", "/admin/", "/apps/demo-app/connect/", "/account/"])
def test_no_cookie_however_odd_is_a_server_error(merchant: Merchant, path: str, value: str) -> None:
    names = [getattr(django_settings, name) for name in dir(django_settings) if name.endswith("_COOKIE_NAME")]
    assert django_settings.SESSION_COOKIE_NAME in names
    cookies = "; ".join(f"{name}={value}" for name in names)
    assert Client(headers={"Cookie": cookies}).get(path).status_code < 400


def test_every_door_is_among_them() -> None:
    doors = {"".join(pieces) for pieces in ROUTES}

    assert {"apps//return/", "apps//webhook/", "apps//native/", "apps//connect/", "sign-in/", "healthz"} <= doors
    assert any(door.startswith("stores/") for door in doors)
    assert len(doors) > 50
