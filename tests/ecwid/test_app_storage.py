"""The app storage: raw values in, text out, both styles of answer, limits kept before anything is sent."""

import pytest

from installs.ecwid import api, errors
from tests.ecwid.loopback import Answer, Site

NOWHERE = api.Credentials("http://127.0.0.1:1", 1003, "secret_A")
MISSING = Answer(404, {"error": "OTHER", "errorMessage": "Key not found"})
GONE = Answer(404, {"errorCode": "STORE_NOT_FOUND"})
WRITTEN = [Answer(200, {"updateCount": 1}), Answer(200, {"success": True}), Answer(201, b""), Answer(204)]


def credentials(site: Site) -> api.Credentials:
    return api.Credentials(site.url, 1003, "secret_A")


@pytest.mark.parametrize("answer", WRITTEN)
def test_a_value_is_put_raw_and_any_2xx_is_success(answer: Answer) -> None:
    with Site(answer) as site:
        api.put_storage(credentials(site), "config", '{"theme":"dark"}')
    (heard,) = site.heard
    assert (heard.method, heard.path, heard.body) == ("PUT", "/1003/storage/config", b'{"theme":"dark"}')
    assert heard.headers["content-type"] == "application/json"


def test_an_empty_value_is_put() -> None:
    with Site(Answer(200)) as site:
        api.put_storage(credentials(site), "config", "")
    assert (site.heard[0].body, site.heard[0].headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "a%2Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("ключ", "%D0%BA%D0%BB%D1%8E%D1%87"),
        ("...", "..."),
        ("%2e", "%252e"),
    ],
)
def test_a_key_is_one_segment_of_the_path(key: str, path: str) -> None:
    with Site(Answer(200)) as site:
        api.delete_storage(credentials(site), key)
    assert site.heard[0].path == f"/1003/storage/{path}"


def test_a_key_may_have_1024_characters() -> None:
    with Site(Answer(200)) as site:
        api.put_storage(credentials(site), "k" * 1024, "x")
    assert site.heard[0].path == f"/1003/storage/{'k' * 1024}"


@pytest.mark.parametrize("key", ["", ".", "..", "k" * 1025])
def test_a_key_that_ecwid_cannot_keep_is_refused_before_it_is_sent(key: str) -> None:
    for use in (api.get_storage, api.delete_storage):
        with pytest.raises(ValueError, match=r"key|path"):
            use(NOWHERE, key)
    with pytest.raises(ValueError, match=r"key|path"):
        api.put_storage(NOWHERE, key, "x")


@pytest.mark.parametrize(("key", "most"), [("public", 256 * 1024), ("private", 1024 * 1024)])
def test_a_value_is_as_large_as_may_be_and_no_larger(key: str, most: int) -> None:
    with Site(Answer(200)) as site:
        api.put_storage(credentials(site), key, "é" * (most // 2))
    assert len(site.heard[0].body) == most
    with pytest.raises(ValueError, match="too large"):
        api.put_storage(NOWHERE, key, "é" * (most // 2) + "x")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"key": "config", "value": '{"a":1}'}, '{"a":1}'),
        ([{"key": "config", "value": "x"}], "x"),
        ({"key": "config", "value": ""}, ""),
        ({"key": "config", "value": None}, ""),
        ({"key": "config"}, ""),
    ],
    ids=str,
)
def test_a_value_is_read_in_either_style(body: object, value: str) -> None:
    with Site(Answer(200, body)) as site:
        assert api.get_storage(credentials(site), "config") == value
    assert site.heard[0].path == "/1003/storage/config"


def test_a_full_value_can_be_read_back() -> None:
    with Site(Answer(200, {"key": "config", "value": "\n" * api.VALUE_MAX})) as site:
        assert api.get_storage(credentials(site), "config") == "\n" * api.VALUE_MAX


@pytest.mark.parametrize("body", [[], {}, "x", 7, {"key": 1, "value": "x"}, {"key": "config", "value": {}}], ids=str)
def test_a_value_that_is_no_text_is_malformed(body: object) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed):
        api.get_storage(credentials(site), "config")


def test_a_missing_key_is_none_and_its_removal_is_no_error() -> None:
    with Site(MISSING) as site:
        assert api.get_storage(credentials(site), "config") is None
        api.delete_storage(credentials(site), "config")


def test_a_missing_store_is_not_taken_for_a_missing_key() -> None:
    with Site(GONE) as site:
        for use in (api.get_storage, api.delete_storage):
            with pytest.raises(errors.StoreGone):
                use(credentials(site), "config")


def test_all_values_are_listed_by_key() -> None:
    rows = [{"key": "public", "value": "{}"}, {"key": "config", "value": None}]
    with Site(Answer(200, rows)) as site:
        assert api.list_storage(credentials(site)) == {"public": "{}", "config": ""}
    assert site.heard[0].path == "/1003/storage"


@pytest.mark.parametrize("body", [{}, [7], [{"value": "x"}]], ids=str)
def test_a_list_of_something_else_is_malformed(body: object) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed):
        api.list_storage(credentials(site))
