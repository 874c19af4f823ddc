"""What happens in a store becomes an event, when the switch says so. Source: contract §7.4 to §7.6."""

import time

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.hook import Hook, connect, listening
from tests.sandbox_tests.wire import exchange, installed, post_form, send

WRITER = ("read_store_profile", "update_store_profile")


@pytest.fixture
def told(sandbox: Sandbox, hook: Hook) -> Sandbox:
    """A sandbox that sends events, one installation in store 1003, and nothing said about it."""
    grant = installed(sandbox, 1003, *WRITER)
    sandbox.switches.webhooks = True
    assert grant["store_id"] == 1003
    return sandbox


def write(sandbox: Sandbox, method: str, path: str, body: str) -> int:
    token = sandbox.live_tokens("demo-app", 1003)[0]
    headers = {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
    return send(sandbox, method, f"/api/v3/1003{path}", body, **headers).status


def test_in_process_nothing_is_sent_until_the_switch_is_on(sandbox: Sandbox, hook: Hook) -> None:
    installed(sandbox)
    sandbox.uninstall("demo-app", 1003)
    sandbox.settle()

    assert hook.letters == []


def test_an_install_is_told_before_the_redirect_when_switched_so(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhooks = True
    sandbox.switches.webhook_installed = "before"
    hook.seconds = 0.1

    post_form(sandbox, "/apps/demo-app/install", store_id=1003)

    assert hook.types == ["application.installed"]
    assert sandbox.deliveries[0].succeeded
    assert hook.letters[0].json["entityId"] == "1003"


def test_an_install_is_told_after_the_redirect_as_a_rule(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhooks = True
    sandbox.press_install("demo-app", 1003)
    assert hook.letters == []

    sandbox.settle()

    assert hook.types == ["application.installed"]


def test_an_install_is_never_told_when_switched_so(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhooks = True
    sandbox.switches.webhook_installed = "never"
    sandbox.press_install("demo-app", 1003)

    assert sandbox.world.courier.sendings == []


def test_a_reconnect_is_no_new_install(told: Sandbox, hook: Hook) -> None:
    app = told.world.apps["demo-app"]
    query = f"client_id=demo-app&redirect_uri={app.redirect_url}&response_type=code&scope=read_store_profile"
    told.authorize(f"/api/oauth/authorize?{query}", 1003)
    told.settle()

    assert hook.letters == []


def test_an_uninstall_is_told_when_the_token_is_dead(told: Sandbox, hook: Hook) -> None:
    assert told.uninstall("demo-app", 1003)
    assert not told.uninstall("demo-app", 1003)
    told.settle()

    assert hook.types == ["application.uninstalled"]
    assert told.live_tokens("demo-app", 1003) == []


def test_a_late_uninstall_comes_after_the_reinstall_and_is_as_old_as_it_was(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_uninstalled = "late"
    told.switches.webhook_late_seconds = 600
    told.switches.webhook_installed = "before"
    before = int(time.time())
    told.uninstall("demo-app", 1003)
    after = int(time.time())

    exchange(told, told.press_install("demo-app", 1003))
    assert hook.types == ["application.installed"]
    told.hurry()
    told.settle()

    assert hook.types == ["application.installed", "application.uninstalled"]
    assert before <= hook.letters[1].json["eventCreated"] <= after
    assert len(told.live_tokens("demo-app", 1003)) == 1


def test_an_uninstall_can_remain_untold(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_uninstalled = "never"
    post_form(told, "/my-apps/demo-app/1003/uninstall")
    told.settle()

    assert hook.letters == []


def test_the_page_reinstalls_with_both_events(told: Sandbox, hook: Hook) -> None:
    post_form(told, "/my-apps/demo-app/1003/reinstall")
    told.settle()

    assert hook.types == ["application.uninstalled", "application.installed"]


def test_an_app_that_uninstalls_itself_is_told_too(told: Sandbox, hook: Hook) -> None:
    assert write(told, "DELETE", "/application?namespace=demo-app", "") == 200
    told.settle()

    assert hook.types == ["application.uninstalled"]


def test_a_subscription_is_told_when_it_changes(told: Sandbox, hook: Hook) -> None:
    told.subscription("demo-app", 1003, "SUSPENDED")
    told.subscription("demo-app", 1003, "SUSPENDED")
    post_form(told, "/my-apps/demo-app/1003/subscription", status="TRIAL")
    told.settle()

    assert hook.types == ["application.subscriptionStatusChanged"] * 2
    assert hook.letters[0].json["data"] == {"oldSubscriptionStatus": "ACTIVE", "newSubscriptionStatus": "SUSPENDED"}
    assert hook.letters[1].json["data"]["newSubscriptionStatus"] == "TRIAL"


def test_a_profile_update_is_told_to_every_app_in_the_store(told: Sandbox, hook: Hook) -> None:
    with listening() as other:
        connect(told, other, "demo-two")
        told.switches.webhook_installed = "never"
        told.press_install("demo-two", 1003)

        assert write(told, "PUT", "/profile", '{"company": {"city": "Delft"}}') == 200
        assert write(told, "PUT", "/profile", '{"company": {"city": "Delft"}}') == 200
        told.settle()

        assert (hook.types, other.types) == (["profile.updated"], ["profile.updated"])
    assert hook.letters[0].json["entityId"] == 1003


def test_a_change_of_plan_is_told(told: Sandbox, hook: Hook) -> None:
    everything = {f"{store}.exists": "on" for store in told.stores}
    post_form(told, "/switches/stores", **everything)
    told.settle()

    assert hook.types == ["profile.subscriptionStatusChanged"]
    assert hook.letters[0].json["data"] == {"oldSubscriptionName": "Business", "newSubscriptionName": "Free"}


def test_events_of_a_paused_store_can_be_switched_off(told: Sandbox, hook: Hook) -> None:
    told.stores[1003].suspended = True
    told.subscription("demo-app", 1003, "TRIAL")
    told.switches.webhook_while_paused = False
    told.subscription("demo-app", 1003, "ACTIVE")
    told.settle()

    assert len(hook.letters) == 1


def test_a_change_of_the_storage_is_told(told: Sandbox, hook: Hook) -> None:
    write(told, "PUT", "/storage/config", "1")
    write(told, "DELETE", "/storage/config", "")
    told.settle()

    assert hook.types == ["application.storageChanged"] * 2
    assert hook.letters[0].json["data"] == {"key": "config"}


def test_the_switches_shape_what_is_sent(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_spelling = "snake"
    told.switches.webhook_string_numbers = True
    told.switches.webhook_eventtype = True
    told.subscription("demo-app", 1003, "TRIAL")
    told.settle()

    letter = hook.letters[0]
    assert letter.json["eventType"] == "application.subscription_status_changed"
    assert letter.path == "/hook?eventtype=application.subscription_status_changed"
    assert letter.json["storeId"] == "1003"


def test_duplicates_are_the_same_event_again(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_duplicates = 2
    told.subscription("demo-app", 1003, "TRIAL")
    told.settle()

    assert len(hook.letters) == 3
    assert len({letter.body for letter in hook.letters}) == 1


def test_delayed_events_are_late(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_delay_seconds = 0.2
    begun = time.monotonic()
    told.subscription("demo-app", 1003, "TRIAL")
    told.settle()

    assert time.monotonic() - begun >= 0.2


def changes(told: Sandbox, hook: Hook, times: int) -> list[str]:
    """Change the subscription to and fro, and list the states in the order in which they were told."""
    for number in range(times):
        told.subscription("demo-app", 1003, f"S{number}")
    told.hurry()
    told.settle()
    return [letter.json["data"]["newSubscriptionStatus"] for letter in hook.letters]


def test_events_come_in_order_and_one_by_one(told: Sandbox, hook: Hook) -> None:
    assert changes(told, hook, 12) == [f"S{number}" for number in range(12)]


def test_shuffled_events_come_in_any_order_and_at_once(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_shuffle = True
    told.switches.webhook_delay_seconds = 600
    hook.seconds = 0.02

    came = changes(told, hook, 30)

    assert sorted(came) == sorted(f"S{number}" for number in range(30))
    assert came != [f"S{number}" for number in range(30)]


def test_an_app_may_call_while_an_urgent_event_is_delivered(told: Sandbox, hook: Hook) -> None:
    told.switches.webhook_installed = "before"
    statuses: list[int] = []
    hook.before = lambda: statuses.append(send(told, "GET", "/my-apps").status)

    told.press_install("demo-app", 1004)

    assert statuses == [200]
    assert told.deliveries[0].succeeded


def test_an_app_without_a_webhook_address_is_told_nothing(sandbox: Sandbox) -> None:
    sandbox.switches.webhooks = True
    sandbox.add_app("quiet", redirect_url="http://hub.example/return/")
    sandbox.press_install("quiet", 1003)

    assert sandbox.world.courier.sendings == []
