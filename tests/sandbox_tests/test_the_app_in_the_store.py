"""The app's subscription and its storage. Source: contract §2.6, §6, §10."""

from typing import Any

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import Reply, get, installed, post_form, send

WRITER = ("read_store_profile", "update_store_profile")


def write(sandbox: Sandbox, method: str, path: str, token: str, body: Any = None) -> Reply:
    bearer = f"Bearer {token}"
    return send(sandbox, method, f"/api/v3{path}", body, Authorization=bearer, Content_Type="application/json")


def test_an_installed_app_is_active(sandbox: Sandbox) -> None:
    answer = get(sandbox, "/1003/application", installed(sandbox)["access_token"]).json

    assert answer["subscriptionStatus"] == answer["subscription"]["status"] == "ACTIVE"
    assert answer["subscription"]["startDate"].endswith(" +0000")


def test_a_suspended_subscription_is_told_and_the_api_goes_on(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]

    sandbox.subscription("demo-app", 1003, "SUSPENDED")

    assert get(sandbox, "/1003/application", token).json["subscriptionStatus"] == "SUSPENDED"


def test_a_suspended_subscription_answers_402_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.suspended_app_works = False
    token = installed(sandbox)["access_token"]
    sandbox.subscription("demo-app", 1003)

    assert get(sandbox, "/1003/profile", token).status == 402


def test_the_page_sets_the_subscription(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]

    post_form(sandbox, "/my-apps/demo-app/1003/subscription", status="TRIAL")

    assert get(sandbox, "/1003/application", token).json["subscriptionStatus"] == "TRIAL"
    assert post_form(sandbox, "/my-apps/demo-app/1003/subscription", status="GONE").status == 400


def test_a_public_token_may_not_ask_for_the_subscription(sandbox: Sandbox) -> None:
    reply = get(sandbox, "/1003/application", installed(sandbox)["public_token"])

    assert (reply.status, reply.json["errorCode"]) == (403, "INSUFFICIENT_APP_SCOPE")


def test_an_app_uninstalls_itself(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    reply = write(sandbox, "DELETE", "/1003/application?namespace=demo-app", token)

    assert reply.json == {"deleteCount": 1}
    assert sandbox.live_tokens("demo-app", 1003) == []


def test_an_app_cannot_uninstall_another_or_without_its_scope(sandbox: Sandbox) -> None:
    reader = installed(sandbox)["access_token"]
    assert write(sandbox, "DELETE", "/1003/application?namespace=demo-app", reader).status == 403

    writer = installed(sandbox, 1003, *WRITER)["access_token"]
    assert write(sandbox, "DELETE", "/1003/application?namespace=demo-two", writer).status == 400
    assert write(sandbox, "DELETE", "/1003/application", writer).status == 400
    assert sandbox.live_tokens("demo-app", 1003) == [writer]


def test_storage_keeps_the_raw_body(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]
    value = '{"theme":"dark","ü":20}'

    first = write(sandbox, "POST", "/1003/storage/my%20key", token, value.encode())

    assert first.json == {"updateCount": 1}
    assert get(sandbox, "/1003/storage/my%20key", token).json == {"key": "my key", "value": value}
    assert get(sandbox, "/1003/storage", token).json == [{"key": "my key", "value": value}]
    assert write(sandbox, "PUT", "/1003/storage/my%20key", token, "").json == {"updateCount": 1}
    assert get(sandbox, "/1003/storage/my%20key", token).json["value"] == ""


def test_a_missing_key_is_404_in_the_legacy_words(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    for reply in (
        get(sandbox, "/1003/storage/no", token),
        write(sandbox, "DELETE", "/1003/storage/no", token),
    ):
        assert (reply.status, reply.json) == (404, {"error": "OTHER", "errorMessage": "Key not found"})


def test_storage_is_deleted_and_belongs_to_one_app(sandbox: Sandbox) -> None:
    sandbox.switches.storage_answer = "success"
    token = installed(sandbox, 1003, *WRITER)["access_token"]
    write(sandbox, "PUT", "/1003/storage/public", token, "1")
    assert set(sandbox.stores[1003].storage) == {"demo-app"}

    assert write(sandbox, "DELETE", "/1003/storage/public", token).json == {"success": True}
    assert get(sandbox, "/1003/storage", token).json == []


@pytest.mark.parametrize(
    ("key", "size", "status"),
    [
        ("public", 262_144, 200),
        ("public", 262_145, 400),
        ("other", 1_048_576, 200),
        ("other", 1_048_577, 400),
        ("k" * 1024, 1, 200),
        ("k" * 1025, 1, 400),
        ("%C3%A9" * 1024, 1, 200),
    ],
)
def test_keys_and_values_have_limits_and_the_public_value_the_smaller_one(
    sandbox: Sandbox, key: str, size: int, status: int
) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    assert write(sandbox, "PUT", f"/1003/storage/{key}", token, "x" * size).status == status
    assert len(sandbox.stores[1003].storage.get("demo-app", {})) == (status == 200)


def test_a_refused_value_leaves_the_old_one(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]
    write(sandbox, "PUT", "/1003/storage/public", token, "old")

    assert write(sandbox, "PUT", "/1003/storage/public", token, "x" * 262_145).json["errorCode"] == "WRONG_PARAMETER"
    assert get(sandbox, "/1003/storage/public", token).json["value"] == "old"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("style", ["updateCount", "success"])
def test_both_verbs_write_and_answer_in_both_styles(sandbox: Sandbox, method: str, style: str) -> None:
    sandbox.switches.storage_answer = style
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    for value in ("1", "2"):
        answer = write(sandbox, method, "/1003/storage/a", token, value).json
        assert answer == ({"updateCount": 1} if style == "updateCount" else {"success": True})
    assert get(sandbox, "/1003/storage/a", token).json["value"] == "2"


def test_a_public_token_reads_no_storage(sandbox: Sandbox) -> None:
    grant = installed(sandbox)

    assert get(sandbox, "/1003/storage", grant["public_token"]).status == 403
    assert get(sandbox, "/1003/storage/public", grant["public_token"]).status == 403


def test_storage_outlives_an_uninstall(sandbox: Sandbox) -> None:
    write(sandbox, "PUT", "/1003/storage/a", installed(sandbox, 1003, *WRITER)["access_token"], "1")
    sandbox.uninstall("demo-app", 1003)

    assert get(sandbox, "/1003/storage/a", installed(sandbox)["access_token"]).json["value"] == "1"


def test_writing_storage_needs_its_scope_and_json(sandbox: Sandbox) -> None:
    reader = installed(sandbox)["access_token"]
    assert write(sandbox, "PUT", "/1003/storage/a", reader, "1").status == 403

    writer = installed(sandbox, 1003, *WRITER)["access_token"]
    reply = send(sandbox, "PUT", "/api/v3/1003/storage/a", "1", Authorization=f"Bearer {writer}")
    assert reply.status == 415
