"""What a call to the API looks like, and how its answers are read."""

import datetime as dt

import pytest

from installs.ecwid import api, errors
from tests.ecwid.loopback import Answer, Site

TOKEN = "secret_Hn4cQ2exampleexampleexample0001"
UTC = dt.UTC


def credentials(site: Site) -> api.Credentials:
    return api.Credentials(f"{site.url}/api/v3/", 1003, TOKEN)


def test_the_token_travels_in_the_header_and_nowhere_else() -> None:
    with Site(Answer(200, {})) as site:
        api.get(credentials(site), "/orders", {"limit": 5, "enabled": True, "hidden": False, "q": "a b&c"})
    (heard,) = site.heard
    assert heard.headers["authorization"] == f"Bearer {TOKEN}"
    assert (heard.method, heard.path) == ("GET", "/api/v3/1003/orders?limit=5&enabled=true&hidden=false&q=a+b%26c")
    assert "content-type" not in heard.headers
    assert TOKEN not in heard.path + heard.body.decode()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "profile",
        "//profile",
        "/profile/",
        "/../9999/profile",
        "/storage/.",
        "/storage/%2e%2E",
        "/a?b=c",
        "/a#b",
        "/a b",
        "/ä",
        "/a\n",
        "/a\\b",
    ],
)
def test_a_path_that_leaves_the_store_is_not_called(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        api.get(api.Credentials("http://127.0.0.1:1", 1003, TOKEN), path)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 200_000, b'{"a":' * 200_000, b"\xff", b"9" * 5000])
def test_an_answer_that_is_not_json_is_malformed(body: bytes) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed) as caught:
        api.get(credentials(site), "/profile")
    assert caught.value.status == 200


def test_credentials_and_calls_show_no_secret() -> None:
    shown = repr(api.Credentials("https://api.example", 1003, TOKEN)) + repr(api.Call("PUT", "/x", {}, b"BODY"))
    assert TOKEN not in shown
    assert "BODY" not in shown


def test_a_profile_comes_back_as_it_is() -> None:
    with Site(Answer(200, {"generalInfo": {"storeId": 1003}, "new": [1]})) as site:
        assert api.get_profile(credentials(site)) == {"generalInfo": {"storeId": 1003}, "new": [1]}
    assert site.heard[0].path == "/api/v3/1003/profile"


@pytest.mark.parametrize("profile", [{}, {"generalInfo": None}, {"generalInfo": {}}, {"generalInfo": {"storeId": "?"}}])
def test_a_profile_without_a_store_id_passes(profile: object) -> None:
    with Site(Answer(200, profile)) as site:
        assert api.get_profile(credentials(site)) == profile


@pytest.mark.parametrize("other", [1004, "1004"])
def test_a_profile_of_another_store_means_that_the_token_is_none_of_ours(other: object) -> None:
    with Site(Answer(200, {"generalInfo": {"storeId": other}})) as site, pytest.raises(errors.TokenDead):
        api.get_profile(credentials(site))


def test_a_profile_larger_than_other_answers_is_read() -> None:
    pages = [{"text": "x" * 10_000} for _ in range(150)]
    with Site(Answer(200, {"legalPagesSettings": {"legalPages": pages}})) as site:
        assert "legalPagesSettings" in api.get_profile(credentials(site))


@pytest.mark.parametrize("profile", [b"[]", b'"x"', b"7", b"null"])
def test_a_profile_that_is_no_object_is_malformed(profile: bytes) -> None:
    with Site(Answer(200, profile)) as site, pytest.raises(errors.Malformed):
        api.get_profile(credentials(site))


@pytest.mark.parametrize(
    ("body", "application"),
    [
        (
            {
                "subscriptionStatus": "TRIAL",
                "subscription": {
                    "status": "TRIAL",
                    "startDate": "2026-11-10 09:00:00 +0000",
                    "expirationDate": "2026-11-24 09:00:00 +0100",
                },
            },
            api.Application(
                "TRIAL", dt.datetime(2026, 11, 10, 9, tzinfo=UTC), dt.datetime(2026, 11, 24, 8, tzinfo=UTC)
            ),
        ),
        ({"subscriptionStatus": " active "}, api.Application("ACTIVE", None, None)),
        ({"subscription": {"status": "suspended"}}, api.Application("SUSPENDED", None, None)),
        ({"subscriptionStatus": 7, "subscription": "x"}, api.Application("", None, None)),
        ({"subscription": {"startDate": 7, "expirationDate": "soon"}}, api.Application("", None, None)),
        ({}, api.Application("", None, None)),
    ],
)
def test_the_subscription_is_read_as_far_as_it_can_be(body: object, application: api.Application) -> None:
    with Site(Answer(200, body)) as site:
        assert api.get_application(credentials(site)) == application
    assert site.heard[0].path == "/api/v3/1003/application"


def test_latest_stats_are_the_dates_among_the_answer() -> None:
    stats = {"productsUpdated": "2026-03-02 09:15:40 +0000", "ordersUpdated": None, "productCount": 7, "odd": "x"}
    with Site(Answer(200, stats)) as site:
        found = api.latest_stats(credentials(site))
    assert found == {"productsUpdated": dt.datetime(2026, 3, 2, 9, 15, 40, tzinfo=UTC)}
    assert site.heard[0].path == "/api/v3/1003/latest-stats"


@pytest.mark.parametrize("answer", [Answer(200, {"deleteCount": 1}), Answer(200, b""), Answer(204)])
def test_cancelling_deletes_the_application_by_its_name(answer: Answer) -> None:
    with Site(answer) as site:
        api.cancel_application(credentials(site), "demo-app")
    assert (site.heard[0].method, site.heard[0].path) == ("DELETE", "/api/v3/1003/application?namespace=demo-app")


def test_cancelling_without_the_scope_is_told() -> None:
    with Site(Answer(403, {"errorCode": "INSUFFICIENT_APP_SCOPE"})) as site, pytest.raises(errors.ScopeMissing):
        api.cancel_application(credentials(site), "demo-app")
