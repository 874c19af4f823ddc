"""A list is walked page by page to its end, and no further."""

import re

import pytest

from installs.ecwid import api, errors
from tests.ecwid.loopback import Answer, Heard, Site


def shop(total: int, limit: int = 100) -> Site:
    """A server with so many orders that gives at most `limit` a page."""

    def answer(heard: Heard) -> Answer:
        offset = int(re.findall(r"offset=(\d+)", heard.path)[0])
        items = [{"id": number} for number in range(offset, min(offset + limit, total))]
        return Answer(200, {"total": total, "count": len(items), "offset": offset, "items": items})

    return Site(answer)


def walk(site: Site, **params: str) -> list[dict[str, object]]:
    return list(api.iterate(api.Credentials(site.url, 1003, "secret_A"), "/orders", **params))


@pytest.mark.parametrize(("total", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_every_item_comes_once_and_in_as_few_requests_as_can_be(total: int, requests: int) -> None:
    with shop(total) as site:
        assert [item["id"] for item in walk(site)] == list(range(total))
    assert len(site.heard) == requests


def test_short_pages_leave_nothing_out() -> None:
    with shop(95, limit=10) as site:
        assert [item["id"] for item in walk(site)] == list(range(95))


def test_the_filter_is_sent_with_every_page_and_the_paging_is_ours() -> None:
    with shop(150) as site:
        walk(site, updatedFrom="2026-01-01", limit="3", offset="9")
    assert [heard.path for heard in site.heard] == [
        "/1003/orders?updatedFrom=2026-01-01&limit=100&offset=0",
        "/1003/orders?updatedFrom=2026-01-01&limit=100&offset=100",
    ]


def test_pages_are_fetched_when_they_are_wanted() -> None:
    with shop(1000) as site:
        items = api.iterate(api.Credentials(site.url, 1003, "secret_A"), "/orders")
        assert site.heard == []
        next(items)
        assert len(site.heard) == 1


def test_a_page_without_items_ends_the_list_whatever_the_total_says() -> None:
    with Site(Answer(200, {"total": 10**9, "items": []})) as site:
        assert walk(site) == []
    assert len(site.heard) == 1


def test_a_list_that_never_ends_is_given_up() -> None:
    def answer(heard: Heard) -> Answer:
        offset = int(re.findall(r"offset=(\d+)", heard.path)[0])
        return Answer(200, {"total": offset + 5, "items": [{"id": offset}]})

    with Site(answer) as site, pytest.raises(errors.Malformed, match="no end"):
        walk(site)
    assert len(site.heard) < 50


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"total": 1},
        {"items": []},
        {"total": None, "items": []},
        {"total": True, "items": []},
        {"total": -1, "items": []},
        {"total": 1, "items": {}},
        {"total": 1, "items": [7]},
        {"total": 1, "items": None},
    ],
    ids=str,
)
def test_what_is_not_a_page_of_a_list_is_malformed(body: object) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed):
        walk(site)


def test_a_refusal_halfway_is_told() -> None:
    first = Answer(200, {"total": 2, "items": [{"id": 1}]})
    with Site(first, Answer(402)) as site:
        items = api.iterate(api.Credentials(site.url, 1003, "secret_A"), "/orders")
        assert next(items) == {"id": 1}
        with pytest.raises(errors.Paused):
            next(items)
