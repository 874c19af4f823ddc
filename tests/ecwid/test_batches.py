"""A batch is handed over once, asked after by its ticket, and each of its answers read for itself."""

import json
import uuid
from typing import Any

import pytest

from installs.ecwid import api, batch, errors
from tests.ecwid.loopback import Answer, Site

KEY = uuid.UUID("80aece08-40e8-4145-8764-6c2f0d386780")
NOWHERE = api.Credentials("http://127.0.0.1:1", 1003, "secret_A")
RUNNING = Answer(200, {"status": "IN_PROGRESS", "totalRequests": 2, "completedRequests": 1, "responses": []})
DONE = Answer(200, {"status": "COMPLETED", "totalRequests": 2, "completedRequests": 2})


def credentials(site: Site) -> api.Credentials:
    return api.Credentials(site.url, 1003, "secret_A")


def test_calls_are_handed_over_with_the_key_that_makes_repeating_safe() -> None:
    items = [batch.Item("GET", "/orders?limit=1", id="a1"), batch.Item("PUT", "/profile", {"settings": {}})]
    with Site(Answer(200, {"ticket": "t-1"})) as site:
        assert batch.submit(credentials(site), items, KEY, stop_on_failure=False) == "t-1"
    (heard,) = site.heard
    assert heard.method == "POST"
    assert heard.path == f"/1003/batch?stopOnFirstFailure=false&deduplicationKey={KEY}"
    assert heard.headers["content-type"] == "application/json"
    assert json.loads(heard.body) == [
        {"path": "/orders?limit=1", "method": "GET", "id": "a1"},
        {"path": "/profile", "method": "PUT", "body": {"settings": {}}},
    ]


@pytest.mark.parametrize("count", [0, 501])
def test_a_batch_of_none_or_too_many_is_not_sent(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        batch.submit(NOWHERE, [batch.Item("GET", "/profile")] * count, KEY)


def test_a_batch_of_500_is_sent() -> None:
    with Site(Answer(200, {"ticket": "t-1"})) as site:
        batch.submit(credentials(site), [batch.Item("GET", "/profile")] * 500, KEY)
    assert len(json.loads(site.heard[0].body)) == 500
    assert "stopOnFirstFailure=true" in site.heard[0].path


@pytest.mark.parametrize("item", [batch.Item("GET", "/../1004/profile"), batch.Item("PUT", "/profile", float("nan"))])
def test_a_call_that_leaves_the_store_or_is_no_json_is_not_sent(item: batch.Item) -> None:
    with pytest.raises(ValueError, match=r"path|JSON"):
        batch.submit(NOWHERE, [item], KEY)


@pytest.mark.parametrize("body", [{}, [], {"ticket": ""}, {"ticket": 7}, b"<html>"], ids=str)
def test_an_answer_without_a_ticket_is_malformed(body: object) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed):
        batch.submit(credentials(site), [batch.Item("GET", "/profile")], KEY)


def progress(*responses: object) -> batch.Progress:
    body = {"status": "COMPLETED", "totalRequests": 2, "completedRequests": 2, "responses": list(responses)}
    with Site(Answer(200, body)) as site:
        found = batch.check(credentials(site), "t-1")
    assert site.heard[0].path == "/1003/batch?ticket=t-1&escapedJson=true"
    return found


def test_each_answer_of_a_batch_is_read() -> None:
    first: dict[str, Any] = {"id": "a1", "status": "COMPLETED", "httpStatusCode": 200, "escapedHttpBody": '{"total":0}'}
    assert progress(first, {"status": "FAILED", "httpStatusCode": 404, "httpBody": {"x": 1}}) == batch.Progress(
        status="COMPLETED",
        total=2,
        completed=2,
        results=(batch.Result("a1", "COMPLETED", 200, {"total": 0}), batch.Result("", "FAILED", 404, {"x": 1})),
    )


@pytest.mark.parametrize("escaped", ["", "{", "[" * 100_000, "\ud800"])
def test_one_broken_body_spoils_no_other(escaped: str) -> None:
    found = progress({"status": "COMPLETED", "escapedHttpBody": escaped}, {"id": "b", "escapedHttpBody": "7"})
    assert [result.body for result in found.results] == [None, 7]


def test_an_answer_that_is_none_is_unknown_and_not_left_out() -> None:
    assert progress(7, {"httpStatusCode": "x", "status": 7}).results == (batch.Result("", "", None, None),) * 2


@pytest.mark.parametrize("body", [{}, [], {"status": 7}], ids=str)
def test_progress_without_a_status_is_malformed(body: object) -> None:
    with Site(Answer(200, body)) as site, pytest.raises(errors.Malformed):
        batch.check(credentials(site), "t-1")


def test_waiting_ends_when_the_batch_is_completed() -> None:
    slept: list[float] = []
    with Site(RUNNING, RUNNING, RUNNING, DONE) as site:
        assert batch.wait(credentials(site), "t-1", within=60, sleep=slept.append).status == "COMPLETED"
    assert slept == [1, 2, 4]


def test_waiting_ends_when_its_time_is_over() -> None:
    slept: list[float] = []
    with Site(RUNNING) as site, pytest.raises(errors.Unreachable) as caught:
        batch.wait(credentials(site), "t-1", within=35, sleep=slept.append)
    assert slept == [1, 2, 4, 8, 10, 10]
    assert caught.value.retry_after == 10
