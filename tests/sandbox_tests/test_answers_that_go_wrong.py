"""Disturbances strike as often as told; a lost grant is a token that exists. Source: contract §2.5."""

import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import exchange, get, installed, post_form, send

LOSING = ("dropped", "reset", "malformed", "empty", "html", "wrong_types", "server_error", "bad_gateway")


@pytest.mark.parametrize("how", LOSING)
def test_a_lost_grant_is_a_spent_code_and_a_token_that_works(sandbox: Sandbox, how: str) -> None:
    sandbox.disturb("token", how)
    code = sandbox.press_install("demo-app", 1003)

    try:
        reply = exchange(sandbox, code)
        assert "secret_" not in reply.text or how == "malformed"
    except (ConnectionError, http.client.HTTPException):
        assert how in {"dropped", "reset"}

    assert len(sandbox.live_tokens("demo-app", 1003)) == 1
    assert exchange(sandbox, code).status == 400
    assert sandbox.live_tokens("demo-app", 1003) == []


@pytest.mark.parametrize("how", LOSING)
def test_before_means_that_nothing_was_done(sandbox: Sandbox, how: str) -> None:
    sandbox.disturb("token", how, before=True)
    code = sandbox.press_install("demo-app", 1003)

    try:
        exchange(sandbox, code)
    except (ConnectionError, http.client.HTTPException):
        assert how in {"dropped", "reset"}

    assert sandbox.live_tokens("demo-app", 1003) == []
    assert exchange(sandbox, code).status == 200


@pytest.mark.parametrize("how", ["rate_limited", "forbidden", "redirect", "insufficient_scope"])
def test_a_refusal_at_the_door_does_not_spend_the_code(sandbox: Sandbox, how: str) -> None:
    sandbox.disturb("token", how)
    code = sandbox.press_install("demo-app", 1003)

    assert exchange(sandbox, code).status in {429, 403, 302}
    assert exchange(sandbox, code).status == 200


def test_dropped_closes_and_reset_resets_without_an_answer(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "dropped")
    sandbox.disturb("profile", "reset")

    with pytest.raises(http.client.RemoteDisconnected):
        get(sandbox, "/1003/profile")
    with pytest.raises(ConnectionResetError) as error:
        get(sandbox, "/1003/profile")

    assert not isinstance(error.value, http.client.RemoteDisconnected)
    assert [call.status for call in sandbox.calls] == [0, 0]


@pytest.mark.parametrize(
    ("how", "status", "body"),
    [
        ("rate_limited", 429, b"RATE_LIMITED"),
        ("server_error", 500, b"INTERNAL_ERROR"),
        ("bad_gateway", 502, b"<h1>502 Bad Gateway</h1>"),
        ("html", 200, b"<!doctype html>"),
        ("redirect", 302, b""),
        ("forbidden", 403, b""),
        ("insufficient_scope", 403, b"INSUFFICIENT_APP_SCOPE"),
    ],
)
def test_a_disturbed_answer_has_its_status_and_body(sandbox: Sandbox, how: str, status: int, body: bytes) -> None:
    token = installed(sandbox)["access_token"]
    sandbox.disturb("profile", how, seconds=7)

    reply = get(sandbox, "/1003/profile", token)

    assert reply.status == status
    assert body in reply.body
    assert bool(reply.body) == bool(body)
    assert reply.headers.get("Retry-After") == ("7" if how == "rate_limited" else None)
    assert (reply.headers.get("Location") == f"{sandbox.origin}/elsewhere") == (how == "redirect")
    assert get(sandbox, "/1003/profile", token).status == 200


def test_wrong_types_keep_the_names_and_change_every_type(sandbox: Sandbox) -> None:
    sandbox.disturb("token", "wrong_types")

    grant = exchange(sandbox, sandbox.press_install("demo-app", 1003)).json

    assert set(grant) >= {"access_token", "store_id"}
    assert not isinstance(grant["access_token"], str)
    assert not isinstance(grant["store_id"], int)


def test_malformed_is_no_json(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "malformed")

    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        assert get(sandbox, "/1003/profile", installed(sandbox)["access_token"]).json


def test_following_a_redirect_is_written_down(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "redirect")
    target = get(sandbox, "/1003/profile").location

    send(sandbox, "GET", target)

    assert len(sandbox.calls_of("elsewhere")) == 1


def test_slow_answers_late_while_others_are_served(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    sandbox.disturb("profile", "slow", seconds=600)
    slow = threading.Thread(target=get, args=(sandbox, "/1003/profile", token))
    slow.start()
    while not sandbox.calls_of("profile"):
        time.sleep(0.005)

    assert get(sandbox, "/1003/latest-stats", token).status == 200
    assert sandbox.calls_of("profile")[0].status == 0
    sandbox.calm()
    slow.join()


def test_slow_is_as_slow_as_told(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "slow", seconds=0.2)
    began = time.monotonic()

    assert get(sandbox, "/1003/profile").status == 403
    assert time.monotonic() - began >= 0.2


def test_calm_lets_held_back_answers_go_and_forgets_the_rest(sandbox: Sandbox) -> None:
    sandbox.disturb("latest-stats", "slow", times=9, seconds=60)
    held = threading.Thread(target=get, args=(sandbox, "/1003/latest-stats"))
    held.start()
    while not sandbox.calls:
        time.sleep(0.005)

    sandbox.calm()

    held.join(timeout=30)
    assert not held.is_alive()
    assert get(sandbox, "/1003/latest-stats").status == 403


def test_drip_sends_a_byte_at_a_time_and_never_finishes(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    sandbox.disturb("profile", "drip", seconds=0.1, every=0.02)
    place = urlsplit(sandbox.origin)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", "/api/v3/1003/profile", headers={"Authorization": f"Bearer {token}"})

    with pytest.raises(http.client.IncompleteRead) as error:
        connection.getresponse().read()

    connection.close()
    assert error.value.partial == b'{"gen'


def test_huge_sends_megabytes_that_do_not_end(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "huge", megabytes=2)

    with pytest.raises(http.client.IncompleteRead) as error:
        get(sandbox, "/1003/profile")

    assert 2 * 1024 * 1024 <= len(error.value.partial) < 3 * 1024 * 1024


def test_a_caller_who_leaves_early_does_no_harm(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "huge", megabytes=50)
    place = urlsplit(sandbox.origin)
    with socket.create_connection((place.hostname, place.port or 0)) as connection:
        connection.sendall(b"GET /api/v3/1003/profile HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")

    assert get(sandbox, "/1003/profile").status == 403


def test_a_disturbance_strikes_its_kind_so_many_times_in_turn(sandbox: Sandbox) -> None:
    sandbox.disturb("latest-stats", "server_error", times=2)
    sandbox.disturb("*", "bad_gateway")

    assert get(sandbox, "/1003/latest-stats").status == 500
    assert get(sandbox, "/1003/storage").status == 502
    assert [get(sandbox, "/1003/latest-stats").status for _ in range(2)] == [500, 403]


def test_pages_are_not_disturbed(sandbox: Sandbox) -> None:
    sandbox.disturb("*", "server_error", times=9)

    assert send(sandbox, "GET", "/switches").status == 200


def test_a_disturbance_that_could_never_strike_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="tokens"):
        sandbox.disturb("tokens", "slow")
    with pytest.raises(ValueError, match="slowly"):
        sandbox.disturb("token", "slowly")


def test_the_page_adds_and_calms(sandbox: Sandbox) -> None:
    add = {"kind": "token", "how": "server_error", "times": "2", "seconds": "1"}
    assert post_form(sandbox, "/switches/disturb", **add).status == 303
    assert post_form(sandbox, "/switches/disturb", **(add | {"times": "0"})).status == 400
    assert post_form(sandbox, "/switches/disturb", **(add | {"seconds": "nan"})).status == 400
    assert post_form(sandbox, "/switches/disturb", **(add | {"how": "odd"})).status == 400
    assert exchange(sandbox, "x").status == 500

    post_form(sandbox, "/switches/calm")

    assert exchange(sandbox, "x").status == 400
