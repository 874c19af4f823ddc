"""Every way an install can fail has a status, a page in plain words, a support code and a log line."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings

from accounts.models import Store
from installs.models import AppRegistration, InstallAttempt
from tests.cast import make_app
from tests.people import Merchant
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Outcome = InstallAttempt.Outcome


def assert_told(answer: object, status: int, outcome: str, words: str) -> InstallAttempt:
    """The merchant sees a page with a support code, and the code leads to what happened."""
    page = answer.content.decode()  # type: ignore[attr-defined]
    attempt = InstallAttempt.objects.get()
    assert answer.status_code == status  # type: ignore[attr-defined]
    assert words in page.replace("&#x27;", "'")
    assert attempt.support_code in page
    assert attempt.outcome == outcome
    assert not Store.objects.exists()
    return attempt


def logged(caplog: pytest.LogCaptureFixture, event: str, level: str = "WARNING") -> bool:
    return any(record.getMessage() == event and record.levelname == level for record in caplog.records)


def test_an_unknown_app_is_a_404(merchant: Merchant, caplog: pytest.LogCaptureFixture) -> None:
    answer = merchant.follow("/apps/no-such-app/return/?code=abc&store_id=1003")
    assert_told(answer, 404, Outcome.UNKNOWN_APP, "don’t know this app")
    assert logged(caplog, "install_turned_away")


def test_a_disabled_app_is_a_404_and_no_code_is_spent(merchant: Merchant) -> None:
    AppRegistration.objects.update(enabled=False)
    assert_told(merchant.install(), 404, Outcome.APP_DISABLED, "switched off")
    assert merchant.sandbox.calls == []


def test_a_refusal_is_respected(merchant: Merchant, caplog: pytest.LogCaptureFixture) -> None:
    answer = merchant.follow("/apps/demo-app/return/?error=access_denied")
    assert_told(answer, 403, Outcome.REFUSED, "Nothing was connected")
    assert logged(caplog, "install_turned_away")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=",
        "code=" + "x" * 513,
        "code=%00",
        "code=a%0Ab&store_id=1003",
        "code=abc&store_id=",
        "code=abc&store_id=-1",
        "code=abc&store_id=1e3",
        "code=abc&store_id=99999999999999999999",
        "code=abc&store_id=%D9%A1%D9%A2",
    ],
)
def test_a_damaged_link_is_a_400_and_asks_nobody(merchant: Merchant, query: str) -> None:
    answer = merchant.follow(f"/apps/demo-app/return/?{query}")
    assert_told(answer, 400, Outcome.NO_CODE, "incomplete")
    assert merchant.sandbox.calls == []


def test_an_expired_code_is_said_to_be_expired(merchant: Merchant, caplog: pytest.LogCaptureFixture) -> None:
    address = merchant.address()
    merchant.sandbox.expire_codes()
    assert_told(merchant.follow(address), 422, Outcome.CODE_REJECTED, "no longer valid")
    assert logged(caplog, "install_failed")


@pytest.mark.parametrize("style", ["json", "empty", "html"])
def test_a_made_up_code_is_rejected_however_ecwid_says_so(merchant: Merchant, style: str) -> None:
    merchant.sandbox.switches.token_failure = style
    answer = merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    assert_told(answer, 422, Outcome.CODE_REJECTED, "no longer valid")


def test_a_wrong_client_secret_alarms_the_operator_and_not_the_merchant(
    merchant: Merchant, caplog: pytest.LogCaptureFixture
) -> None:
    merchant.app.client_secret = "not-the-secret"
    merchant.app.save()
    assert_told(merchant.install(), 500, Outcome.SECRET_WRONG, "We have been told")
    assert logged(caplog, "install_failed", "ERROR")


def test_a_throttled_exchange_says_so(merchant: Merchant) -> None:
    merchant.sandbox.disturb("token", "rate_limited")
    assert_told(merchant.install(), 429, Outcome.THROTTLED, "busy")


def test_a_code_of_another_store_connects_neither(merchant: Merchant, settings: LazySettings) -> None:
    merchant.sandbox.switches.old_flow = False
    merchant.sandbox.disturb("token", "wrong_store")
    assert_told(merchant.install(), 421, Outcome.STORE_MISMATCH, "belong together")


@pytest.mark.long
def test_a_slow_answer_ends_before_the_merchant_does(merchant: Merchant) -> None:
    """Bounded by the exchange's own deadline, not by Ecwid's patience."""
    merchant.sandbox.disturb("token", "drip", seconds=60, every=1.0)
    answer = merchant.install()
    assert_told(answer, 504, Outcome.REPLY_LOST, "clear answer")


@pytest.mark.parametrize("destination", ["iframe", "image", "empty", "script", "embed"])
def test_a_code_in_an_image_or_a_frame_is_not_used_up(merchant: Merchant, destination: str) -> None:
    address = merchant.address()
    refused = merchant.browser.get(address, headers={"Sec-Fetch-Dest": destination})
    assert refused.status_code == 400
    assert merchant.sandbox.calls == []
    assert merchant.follow(address).status_code == 303


def test_a_prefetched_link_is_not_used_up(merchant: Merchant) -> None:
    address = merchant.address()
    assert merchant.browser.get(address, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 400
    assert merchant.browser.head(address).status_code == 405
    assert merchant.follow(address).status_code == 303


@pytest.mark.parametrize("client_id", ["%00", "demo%00app", "demo app", "-demo", "%D9%A3", "x" * 101])
@pytest.mark.parametrize("door", ["return", "connect", "open", "native", "webhook"])
def test_what_cannot_be_a_client_id_is_a_404(merchant: Merchant, client_id: str, door: str) -> None:
    """PostgreSQL takes no NUL in a text, so a door that asks it first would answer 500."""
    assert merchant.follow(f"/apps/{client_id}/{door}/").status_code == 404
    assert not InstallAttempt.objects.exists()


def test_a_refusal_in_strange_letters_is_one_all_the_same(merchant: Merchant) -> None:
    answer = merchant.follow("/apps/demo-app/return/?error=%00%0A%FF")
    assert_told(answer, 403, Outcome.REFUSED, "Nothing was connected")


def test_a_refusal_that_is_long_once_it_is_spelled_out_is_cut(merchant: Merchant) -> None:
    """Fifty letters that are written as ten signs each."""
    answer = merchant.follow("/apps/demo-app/return/?error=" + 50 * "%F3%A0%80%81")
    attempt = assert_told(answer, 403, Outcome.REFUSED, "Nothing was connected")
    assert len(attempt.detail) == 300


def made_up(merchant: Merchant, number: int) -> int:
    return merchant.follow(f"/apps/demo-app/return/?code=made-up-{number}&store_id=1003").status_code


def test_who_makes_up_thirty_codes_is_held_back_and_nobody_else(
    merchant: Merchant, stranger: Merchant, caplog: pytest.LogCaptureFixture
) -> None:
    """Each made-up code costs us a call, and Ecwid counts them against the app."""
    merchant.browser.defaults["REMOTE_ADDR"] = "192.0.2.7"
    with time_machine.travel(datetime.now(UTC), tick=False):  # they fill again while we count
        assert {made_up(merchant, number) for number in range(30)} == {422}
        answer = merchant.install()

    assert (answer.status_code, answer["Retry-After"]) == (429, "15")
    assert logged(caplog, "install_held_back")
    assert len(merchant.sandbox.calls_of("token")) == InstallAttempt.objects.count() == 30
    assert stranger.install().status_code == 303
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=10)):
        assert merchant.install().status_code == 303


def test_one_app_s_made_up_codes_from_everywhere_hold_back_that_app_alone(
    merchant: Merchant, sandbox: Sandbox, settings: LazySettings
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False):
        for number in range(300):
            merchant.browser.defaults["REMOTE_ADDR"] = f"198.51.100.{number % 250}"
            made_up(merchant, number)
        merchant.browser.defaults["REMOTE_ADDR"] = "192.0.2.8"
        assert merchant.install().status_code == 429

    other = Merchant(sandbox, make_app(sandbox, settings, "other-app", "Label Maker"), store_id=1003)
    assert other.install().status_code == 303


def test_a_merchant_who_installs_often_is_never_held_back(merchant: Merchant) -> None:
    assert {merchant.install().status_code for _ in range(35)} == {303}
