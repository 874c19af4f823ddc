"""Many requests under one ticket. Source: contract §4.6."""

import json
from typing import Any

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import Reply, installed, send

WRITER = ("read_store_profile", "update_store_profile")
PROFILE = {"path": "/profile?responseFields=company(city)", "method": "GET"}
STATS = {"path": "/latest-stats", "method": "GET"}


def city(name: str) -> dict[str, Any]:
    return {"id": name, "path": "/profile", "method": "PUT", "body": {"company": {"city": name}}}


class Caller:
    """An app in store 1003 with one token."""

    def __init__(self, sandbox: Sandbox, *scopes: str) -> None:
        self.sandbox = sandbox
        self.grant = installed(sandbox, 1003, *scopes)

    def call(self, method: str, query: str, body: Any = None, key: str = "access_token") -> Reply:
        headers = {"Authorization": f"Bearer {self.grant[key]}", "Content_Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        return send(self.sandbox, method, f"/api/v3/1003/batch{query}", sent, **headers)

    def post(self, *requests: dict[str, Any], query: str = "") -> str:
        return str(self.call("POST", query, list(requests)).json["ticket"])

    def poll(self, ticket: str, more: str = "") -> Any:
        return self.call("GET", f"?ticket={ticket}{more}").json

    def finish(self, ticket: str, more: str = "") -> Any:
        while (told := self.poll(ticket, more))["status"] != "COMPLETED":
            continue
        return told


@pytest.fixture
def app(sandbox: Sandbox) -> Caller:
    return Caller(sandbox, *WRITER)


def test_states_advance_with_the_polls(app: Caller) -> None:
    app.sandbox.switches.batch_step = 2
    ticket = app.post(*[city(f"c{number}") for number in range(5)])

    seen = [app.poll(ticket) for _ in range(4)]

    assert [told["status"] for told in seen] == ["QUEUED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
    assert [told["completedRequests"] for told in seen] == [0, 2, 4, 5]
    assert [len(told["responses"]) for told in seen] == [0, 2, 4, 5]
    assert {told["totalRequests"] for told in seen} == {5}


def test_even_one_request_is_in_progress_once(app: Caller) -> None:
    ticket = app.post(STATS)

    assert [app.poll(ticket)["status"] for _ in range(3)] == ["QUEUED", "IN_PROGRESS", "COMPLETED"]


def test_all_at_once_when_switched_so(app: Caller) -> None:
    app.sandbox.switches.batch_step = 0
    ticket = app.post(*[STATS] * 500)

    assert (app.poll(ticket)["status"], app.poll(ticket)["completedRequests"]) == ("COMPLETED", 500)


def test_a_batch_begun_before_the_switch_is_finished_all_the_same(app: Caller) -> None:
    ticket = app.post(STATS, STATS)
    app.sandbox.switches.batch_step = 0

    assert app.finish(ticket)["completedRequests"] == 2


def test_requests_are_done_in_turn_and_have_their_answers(app: Caller) -> None:
    told = app.finish(app.post(city("Delft"), PROFILE))

    first, second = told["responses"]
    assert first == {
        "id": "Delft",
        "status": "COMPLETED",
        "httpStatusCode": 200,
        "httpStatusLine": "OK",
        "httpBody": {"updateCount": 1},
    }
    assert "id" not in second
    assert second["httpBody"]["company"]["city"] == "Delft"
    assert "settings" in second["httpBody"], "responseFields is not supported inside"


def test_bodies_are_strings_when_asked_for(app: Caller) -> None:
    (response,) = app.finish(app.post(city("Delft")), "&escapedJson=true")["responses"]

    assert response["escapedHttpBody"] == '{"updateCount":1}'
    assert "httpBody" not in response


def test_the_first_failure_ends_it_by_default(app: Caller) -> None:
    told = app.finish(app.post(city("Delft"), {"id": 7, "path": "/nothing", "method": "GET"}, city("Gouda")))

    assert [one["status"] for one in told["responses"]] == ["COMPLETED", "FAILED", "NOT_EXECUTED"]
    assert told["responses"][1]["httpStatusCode"] == 404
    assert told["responses"][2] == {"id": "Gouda", "status": "NOT_EXECUTED"}
    assert (told["completedRequests"], told["totalRequests"]) == (2, 3)
    assert app.sandbox.stores[1003].profile["company"]["city"] == "Delft"


def test_it_goes_on_after_a_failure_when_told_so(app: Caller) -> None:
    bad = {"path": "/nothing", "method": "GET"}
    told = app.finish(app.post(bad, city("Gouda"), query="?stopOnFirstFailure=false"))

    assert [one["status"] for one in told["responses"]] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(("times", "status"), [(5, 200), (6, 500)])
def test_a_server_error_is_tried_five_times_more_when_it_is_to_go_on(app: Caller, times: int, status: int) -> None:
    app.sandbox.disturb("profile", "server_error", times=times)

    told = app.finish(app.post(city("Gouda"), query="?stopOnFirstFailure=false"))

    assert told["responses"][0]["httpStatusCode"] == status


def test_a_server_error_is_tried_once_when_it_is_not(app: Caller) -> None:
    app.sandbox.disturb("profile", "dropped")

    assert app.finish(app.post(city("Gouda")))["responses"][0]["httpStatusCode"] == 500


def test_each_request_needs_its_own_scope(sandbox: Sandbox) -> None:
    reader = Caller(sandbox, "read_store_profile")

    told = reader.finish(reader.post(city("Gouda"), STATS, query="?stopOnFirstFailure=false"))

    assert [one["httpStatusCode"] for one in told["responses"]] == [403, 200]
    assert told["responses"][0]["httpBody"]["errorCode"] == "INSUFFICIENT_APP_SCOPE"


def test_a_token_that_died_meanwhile_serves_no_request(app: Caller) -> None:
    ticket = app.post(STATS)
    app.sandbox.uninstall("demo-app", 1003)
    app.grant = installed(app.sandbox)

    assert app.finish(ticket)["responses"][0]["httpStatusCode"] == 403


def test_a_key_is_remembered_for_an_hour(app: Caller) -> None:
    first = app.post(STATS, query="?deduplicationKey=k1")

    assert app.post(STATS, STATS, query="?deduplicationKey=k1") == first
    assert app.post(STATS, query="?deduplicationKey=k2") != first
    assert app.post(STATS) != app.post(STATS)
    app.sandbox.world.batches[0].made_at -= 3601
    assert app.post(STATS, query="?deduplicationKey=k1") != first


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        [STATS] * 501,
        ["x"],
        [{"path": "/profile"}],
        [{"method": "GET"}],
        [{"path": "profile", "method": "GET"}],
        [{"path": "/profile", "method": "TRACE"}],
        [{"path": "/batch", "method": "POST"}],
    ],
)
def test_a_bad_batch_is_refused_whole(app: Caller, body: Any) -> None:
    reply = app.call("POST", "", body)

    assert (reply.status, reply.json["errorCode"]) == (400, "WRONG_PARAMETER")
    assert app.call("GET", "").json["total"] == 0


def test_a_group_is_cancelled(app: Caller) -> None:
    app.sandbox.switches.batch_step = 1
    tickets = [app.post(STATS, STATS, STATS, query="?groupId=g") for _ in range(2)]
    other = app.post(STATS)
    app.poll(tickets[0])

    assert app.call("POST", "/cancel-group?groupId=g").json == {"updateCount": 2}

    told = app.poll(tickets[0])
    assert [one["status"] for one in told["responses"]] == ["COMPLETED", "NOT_EXECUTED", "NOT_EXECUTED"]
    assert app.poll(tickets[1])["completedRequests"] == 0
    assert app.poll(other)["status"] == "QUEUED"
    assert app.call("POST", f"/cancel-group?ticketId={other}").json == {"updateCount": 1}
    assert app.call("POST", "/cancel-group?groupId=no").status == 404


def test_a_deleted_batch_is_gone(app: Caller) -> None:
    ticket = app.post(STATS)

    assert app.call("DELETE", f"?ticketId={ticket}").json == {"deleteCount": 1}
    assert app.call("GET", f"?ticket={ticket}").status == 404
    assert app.call("DELETE", f"?ticketId={ticket}").status == 404


def test_batches_are_listed_by_state(app: Caller) -> None:
    done, queued, last = app.post(STATS), app.post(STATS), app.post(STATS)
    app.finish(done)

    listed = app.call("GET", "?status=QUEUED&limit=1").json

    assert (listed["total"], listed["count"], listed["offset"], listed["limit"]) == (2, 1, 0, 1)
    assert listed["items"] == [{"ticket": queued, "status": "QUEUED", "totalRequests": 1}]
    assert app.call("GET", "?status=QUEUED&offset=1").json["items"][0]["ticket"] == last
    assert app.call("GET", "").json["total"] == 3
    assert app.call("GET", "?status=LOST").status == app.call("GET", "?limit=x").status == 400


def test_a_ticket_belongs_to_one_app_in_one_store(app: Caller) -> None:
    ticket = app.post(STATS)
    token = installed(app.sandbox, 1004)["access_token"]

    reply = send(app.sandbox, "GET", f"/api/v3/1004/batch?ticket={ticket}", Authorization=f"Bearer {token}")

    assert reply.status == 404


def test_polling_needs_no_scope_and_posting_a_secret_token(sandbox: Sandbox) -> None:
    app = Caller(sandbox, "public_storefront")
    ticket = app.post(STATS)

    assert app.call("GET", f"?ticket={ticket}", key="public_token").status == 200
    assert app.call("POST", "", [STATS], key="public_token").status == 403
    assert send(sandbox, "GET", f"/api/v3/1003/batch?ticket={ticket}").status == 403


def test_posting_needs_json(app: Caller) -> None:
    bearer = f"Bearer {app.grant['access_token']}"

    assert send(app.sandbox, "POST", "/api/v3/1003/batch", "[]", Authorization=bearer).status == 415


def test_parallel_mode_does_a_hundred_a_poll(app: Caller) -> None:
    ticket = app.post(*[STATS] * 150, query="?allowParallelMode=true")
    app.poll(ticket)

    assert app.poll(ticket)["completedRequests"] == 100


@pytest.mark.parametrize(("counts", "status"), [(False, 200), (True, 429)])
def test_whether_requests_inside_count_is_a_switch(app: Caller, counts: bool, status: int) -> None:
    app.sandbox.switches.batch_inner_counts = counts
    app.sandbox.switches.batch_step = 0
    app.sandbox.switches.requests_a_minute = 5
    ticket = app.post(*[STATS] * 4)

    assert app.call("GET", f"?ticket={ticket}").status == status


def test_the_batch_is_one_call_and_those_inside_are_none(app: Caller) -> None:
    app.sandbox.switches.batch_step = 0
    app.post(STATS, city("Gouda"))

    assert [call.kind for call in app.sandbox.calls] == ["token", "batch"]


def test_a_batch_cannot_reach_another_store(app: Caller) -> None:
    told = app.finish(app.post({"path": "/../1004/profile", "method": "GET"}))

    assert told["responses"][0]["httpStatusCode"] == 404
