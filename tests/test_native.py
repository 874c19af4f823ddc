"""The native page: its payload proves nothing, its token proves itself, and the first proven one installs."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import LazySettings
from django.http import HttpResponse

from accounts.models import StoreSettings
from installs.models import AppRegistration, Installation, InstallAttempt, Prefill
from tests.cast import SCOPES, make_app, work
from tests.framing import Frame, seal
from tests.people import Merchant
from tests.processes import Hub
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET
from tests.test_no_network_in_transactions import Onlooker

pytestmark = pytest.mark.django_db(transaction=True)

OLD_SECRET = "Old5ecretOld5ecretOld5ecretOld5e"


@pytest.fixture
def frame(merchant: Merchant) -> Frame:
    return Frame(merchant)


def token_of(merchant: Merchant) -> str:
    """Return the token that works at Ecwid; opens the app there, not here."""
    merchant.sandbox.payload("demo-app", merchant.store_id)
    return merchant.sandbox.live_tokens("demo-app", merchant.store_id)[-1]


def told(merchant: Merchant, **changes: object) -> dict[str, object]:
    """Return what a good payload of this store says, or a changed one."""
    return {"store_id": merchant.store_id, "lang": "en", "access_token": token_of(merchant)} | changes


def hexed(told: dict[str, object]) -> str:
    """Return the fragment that says this."""
    return json.dumps(told).encode().hex()


def asked(merchant: Merchant) -> int:
    """Return how often Ecwid was asked about a token."""
    return len(merchant.sandbox.calls_of("profile"))


def rows() -> tuple[list[object], ...]:
    """Return all that an opening could change."""
    models = (Installation, InstallAttempt, Prefill, StoreSettings)
    return tuple(list(model.objects.order_by("pk").values()) for model in models)


class TestFirstSight:
    """The first opening installs."""

    @pytest.mark.parametrize("mode", ["query", "fragment"])
    @pytest.mark.parametrize("padded", [True, False])
    def test_the_first_opening_installs_and_shows_the_first_run(
        self, merchant: Merchant, frame: Frame, mode: str, padded: bool
    ) -> None:
        answer = frame.open(mode, padded=padded)

        new = merchant.installation
        assert answer.status_code == 200
        assert "Store 1003" in answer.content.decode()
        assert [new.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
        assert new.public_token.startswith("public_")
        assert (new.generation, new.prefill.state, tuple(new.scopes)) == (1, "waiting", SCOPES)
        assert merchant.store.owner is not None
        attempt = InstallAttempt.objects.get()
        assert (attempt.outcome, attempt.source, attempt.requested_store_id) == ("installed", "native", 1003)

    def test_it_is_filled_like_any_other_install(self, merchant: Merchant, frame: Frame) -> None:
        frame.open()
        work()
        assert StoreSettings.objects.get().store_name == "Paper Trail"

    def test_opening_again_asks_nobody_and_changes_nothing(self, merchant: Merchant, frame: Frame) -> None:
        address = merchant.sandbox.native_address("demo-app", 1003)
        frame.visit(address)
        before, calls = rows(), asked(merchant)

        assert frame.visit(address).status_code == 200
        assert frame.open("fragment").status_code == 200
        assert (rows(), asked(merchant)) == (before, calls)

    def test_an_app_that_came_by_the_return_url_is_opened_without_a_question(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        merchant.install()
        before = rows()

        assert frame.open().status_code == 200
        assert (rows(), asked(merchant)) == (before, 0)

    def test_an_opening_that_died_in_the_middle_of_installing_is_finished_by_the_next(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        frame.open()
        Prefill.objects.all().delete()
        Installation.objects.all().delete()
        InstallAttempt.objects.update(outcome="worker_lost", generation=None)

        assert frame.open().status_code == 200
        assert InstallAttempt.objects.get().outcome == "installed"
        assert merchant.installation.generation == 1

    def test_a_permission_that_was_not_granted_after_all_costs_its_feature_not_the_page(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        frame.open()
        merchant.sandbox.disturb("profile", "insufficient_scope")
        work()

        assert merchant.installation.prefill.state == "failed"
        assert frame.open().status_code == 200


@pytest.mark.parametrize("kind", ["profile", "application"])
def test_no_transaction_is_open_while_ecwid_is_asked(merchant: Merchant, frame: Frame, kind: str) -> None:
    onlooker = Onlooker()
    merchant.sandbox.on_call(kind, onlooker.look)
    frame.open()

    assert (onlooker.looks, onlooker.open) == (1, [])


class TestTwoSecrets:
    """While a client secret is changed, payloads of both open."""

    @pytest.mark.parametrize("secret", [CLIENT_SECRET, OLD_SECRET])
    def test_both_secrets_open(self, merchant: Merchant, frame: Frame, secret: str) -> None:
        merchant.app.previous_client_secret = OLD_SECRET
        merchant.app.save()
        assert frame.tell(told(merchant), secret).status_code == 200

    def test_a_forgotten_secret_opens_nothing(self, merchant: Merchant, frame: Frame) -> None:
        assert frame.tell(told(merchant), OLD_SECRET).status_code == 403


class TestForgery:
    """Being readable proves nothing."""

    def test_no_flipped_bit_is_believed(self, merchant: Merchant, stranger: Merchant, frame: Frame) -> None:
        stranger.install()
        frame.open()
        good = base64.urlsafe_b64decode(seal(told(merchant)))
        answers = set()
        for byte in range(len(good)):  # every bit of each is flipped in tests/ecwid/test_native_visits.py
            bad = bytearray(good)
            bad[byte] ^= 1 << byte % 8
            prober = Frame(merchant, client=f"10.0.{byte >> 8}.{byte & 255}")  # nobody is held back for failing
            answer = prober.pay(base64.urlsafe_b64encode(bad).decode())
            answers.add((answer.status_code, answer.content))

        assert {status for status, _ in answers} == {403}
        assert len(answers) == 1

    def test_nothing_random_is_believed(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        before, noise = rows(), random.Random(7)
        for length in range(120):
            assert frame.pay(base64.urlsafe_b64encode(noise.randbytes(length)).decode()).status_code == 403
        assert (rows(), asked(merchant)) == (before, 0)

    @pytest.mark.parametrize("known", [True, False])
    def test_a_merchant_s_own_token_does_not_open_another_store(
        self, merchant: Merchant, stranger: Merchant, known: bool
    ) -> None:
        if known:
            stranger.install()
        before = rows()
        answer = Frame(merchant).tell(told(merchant, store_id=stranger.store_id))

        assert answer.status_code == 403
        assert rows() == before

    def test_flipping_the_store_in_the_first_block_opens_no_other_store(
        self, merchant: Merchant, stranger: Merchant, frame: Frame
    ) -> None:
        """The IV is under the sender's hand, and so is what it is combined with: the first sixteen bytes."""
        stranger.install()
        good = bytearray(base64.urlsafe_b64decode(seal(told(merchant))))
        good[15] ^= ord("3") ^ ord("4")  # {"store_id":1003 becomes …1004
        before = rows()

        assert frame.pay(base64.urlsafe_b64encode(good).decode()).status_code == 403
        assert rows() == before
        assert asked(merchant) == 1

    def test_a_payload_sealed_for_another_app_opens_nothing_here(
        self, merchant: Merchant, settings: LazySettings, sandbox: Sandbox
    ) -> None:
        other = make_app(sandbox, settings, "demo-two", "Label Maker")
        other.client_secret = OLD_SECRET
        other.save()

        assert Frame(merchant, "demo-two").tell(told(merchant)).status_code == 403

    @pytest.mark.parametrize("known", [True, False])
    def test_the_public_token_is_no_proof(self, merchant: Merchant, frame: Frame, known: bool) -> None:
        """Everybody who looks at a storefront has it."""
        merchant.install()
        public = merchant.installation.public_token
        if not known:
            Prefill.objects.all().delete()
            Installation.objects.all().delete()

        assert frame.tell(told(merchant, access_token=public)).status_code == 403
        assert frame.post("verify/", {"fragment": hexed(told(merchant, access_token=public))}).status_code == 403

    @pytest.mark.parametrize("token", ["", "x", None, 7, "secret_\n", "s" * 5000])
    def test_a_wiped_or_impossible_token_is_no_proof(self, merchant: Merchant, frame: Frame, token: object) -> None:
        """An uninstalled row holds an empty token: an empty one must not equal it."""
        merchant.install()
        Installation.objects.update(secret_token="", uninstalled_at=datetime.now(UTC))
        assert frame.tell(told(merchant, access_token=token)).status_code == 403

    @pytest.mark.parametrize(
        "how",
        ["insufficient_scope", "forbidden", "server_error", "malformed", "empty", "html", "wrong_types", "dropped",
         "redirect", "rate_limited"],
    )  # fmt: skip
    def test_an_answer_that_does_not_name_the_store_proves_nothing(
        self, merchant: Merchant, frame: Frame, how: str
    ) -> None:
        merchant.sandbox.disturb("profile", how)

        assert frame.open().status_code == 403
        assert not Installation.objects.exists()

    def test_a_token_that_reads_no_subscription_is_no_secret_one(self, merchant: Merchant, frame: Frame) -> None:
        merchant.sandbox.disturb("application", "insufficient_scope")
        assert frame.open().status_code == 403

    def test_an_answer_that_names_another_store_proves_nothing(self, merchant: Merchant, frame: Frame) -> None:
        merchant.sandbox.stores[1003].profile["generalInfo"]["storeId"] = 1004
        assert frame.open().status_code == 403


class TestFragments:
    """Anybody can write one, and a token does not tell which app it was issued to."""

    @pytest.fixture
    def other_token(self, merchant: Merchant, settings: LazySettings, sandbox: Sandbox) -> str:
        """A good token of the same store, held by whoever makes another app."""
        make_app(sandbox, settings, "demo-two", "Label Maker")
        sandbox.payload("demo-two", 1003)
        return sandbox.live_tokens("demo-two", 1003)[-1]

    def test_another_app_s_token_replaces_none_that_works(
        self, merchant: Merchant, frame: Frame, other_token: str
    ) -> None:
        frame.open("fragment")
        before = merchant.installation.secret_token
        answer = frame.post("verify/", {"fragment": hexed(told(merchant, access_token=other_token))})

        assert answer.status_code == 403
        assert (merchant.installation.secret_token, merchant.installation.generation) == (before, 1)
        assert merchant.installation.callable

    def test_a_reinstall_that_nobody_told_us_of_is_believed_once_the_token_we_hold_is_dead(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        frame.open("fragment")
        merchant.sandbox.uninstall("demo-app", 1003)

        assert frame.open("fragment").status_code == 200
        assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
        assert (merchant.installation.generation, merchant.installation.token_died_at) == (2, None)

    @pytest.mark.parametrize("how", ["server_error", "dropped", "rate_limited"])
    def test_while_ecwid_cannot_tell_whether_ours_is_dead_none_replaces_it(
        self, merchant: Merchant, frame: Frame, how: str
    ) -> None:
        frame.open("fragment")
        merchant.sandbox.uninstall("demo-app", 1003)
        merchant.sandbox.disturb("profile", how)

        assert frame.open("fragment").status_code == 403
        assert merchant.installation.generation == 1

    def test_they_bring_nothing_new_to_an_app_that_gets_sealed_payloads(
        self, merchant: Merchant, stranger: Merchant, frame: Frame, other_token: str
    ) -> None:
        """A forger would choose the weaker way for every app."""
        Frame(stranger).open("query")
        before = rows()

        assert frame.post("verify/", {"fragment": hexed(told(merchant, access_token=other_token))}).status_code == 403
        assert frame.open("fragment").status_code == 403
        assert rows() == before
        frame.open("query")
        assert frame.open("fragment").status_code == 200, "the token we hold stays good in either"

    def test_a_payload_that_is_not_believed_does_not_count_as_sealed(self, merchant: Merchant, frame: Frame) -> None:
        frame.tell(told(merchant, access_token="secret_unknown"))
        assert frame.open("fragment").status_code == 200


def refusals(merchant: Merchant, frame: Frame) -> Iterator[Callable[[], HttpResponse]]:
    """Yield every way to be refused."""
    good = told(merchant)
    payload = seal(good)
    texts = ("", "!", payload[:20], payload[:-4], payload + "A", "A" * 64, "é", payload.swapcase(), "A" * 20_000)
    yield from (lambda text=text: frame.pay(text) for text in texts)
    documents = (b"", b"[]", b"null", b"{", b'{"store_id":1003}', b"\xff\xfe", b'{"store_id":1003,"store_id":1003}')
    yield from (lambda text=text: frame.pay(seal(text)) for text in documents)
    damaged = ({"store_id": 0}, {"store_id": "x"}, {"store_id": 1004}, {"access_token": "secret_unknown"})
    yield from (lambda change=change: frame.tell(good | change) for change in damaged)
    yield lambda: frame.tell(good, OLD_SECRET)
    yield from (lambda how=how: _disturbed(merchant, frame, how) for how in ("dropped", "forbidden", "server_error"))
    yield lambda: frame.get("store/")
    yield lambda: frame.post("sync/")
    yield lambda: frame.submit("sync/", {"context": "made:up:one"})
    yield from (lambda hexed=hexed: frame.post("verify/", {"fragment": hexed}) for hexed in ("", "zz", "7b7d"))


def _disturbed(merchant: Merchant, frame: Frame, how: str) -> HttpResponse:
    merchant.sandbox.disturb("profile", how)
    try:
        return frame.open()
    finally:
        merchant.sandbox.calm()


def test_every_refusal_is_the_same_to_the_byte(merchant: Merchant, frame: Frame) -> None:
    answers = [refusal() for refusal in refusals(merchant, frame)]
    AppRegistration.objects.update(enabled=False)
    answers.append(frame.open())

    assert len(answers) > 25
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        del answer.headers["X-Request-Id"]  # the one thing that tells two answers apart, and nothing more
    assert len({frozenset(answer.headers.items()) for answer in answers}) == 1


class TestFailingTooOften:
    """Ecwid punishes our address for tokens that do not work (contract §4.3)."""

    def test_a_refused_token_is_not_asked_about_again_for_a_minute(self, merchant: Merchant, frame: Frame) -> None:
        wrong = told(merchant, access_token="secret_unknown")
        assert [frame.tell(wrong).status_code for _ in range(3)] == [403] * 3
        assert asked(merchant) == 1
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
            frame.tell(wrong)
        assert asked(merchant) == 2

    def test_a_refusal_is_remembered_for_that_store_only(self, merchant: Merchant, frame: Frame) -> None:
        frame.tell(told(merchant, store_id=1004))
        assert frame.open().status_code == 200

    def test_somebody_who_fails_twenty_times_makes_us_ask_no_more(self, merchant: Merchant, frame: Frame) -> None:
        for number in range(25):
            frame.tell(told(merchant, access_token=f"secret_guess{number}"))
        assert asked(merchant) == 20

        assert frame.open().status_code == 403
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=4)):
            assert frame.open().status_code == 200

    def test_their_failures_hold_nobody_else_back(self, merchant: Merchant, stranger: Merchant, frame: Frame) -> None:
        stranger.install()
        for _ in range(25):
            frame.pay("junk")

        assert Frame(stranger).open().status_code == 200, "a token that we hold needs no asking"
        assert Frame(merchant, client="192.0.2.9").open().status_code == 200

    def test_ecwid_s_own_trouble_is_nobody_s_failure(self, merchant: Merchant, frame: Frame) -> None:
        merchant.sandbox.disturb("profile", "server_error", times=25)
        for _ in range(25):
            assert frame.open().status_code == 403
        assert frame.open().status_code == 200

    @pytest.mark.parametrize("mode", ["query", "fragment"])
    @pytest.mark.parametrize("why", ["plan_has_api", "suspended"])
    def test_a_store_whose_plan_lets_no_app_in_is_told_so_and_not_held_back(
        self, merchant: Merchant, frame: Frame, why: str, mode: str
    ) -> None:
        setattr(merchant.sandbox.stores[1003], why, why == "suspended")
        for _ in range(22):
            answer = frame.open(mode)
            assert answer.status_code == 403
            assert "its plan may not include them, or it may be suspended" in answer.content.decode()
            assert "once more" not in answer.content.decode()
        assert not Installation.objects.exists()

        setattr(merchant.sandbox.stores[1003], why, why != "suspended")
        assert frame.open(mode).status_code == 200


@pytest.fixture
def hub(ecwid: Sandbox, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
    """Two web processes of eight threads each."""
    with Hub(tmp_path, ecwid) as hub:
        settings.SITE_URL = hub.url
        hub.web(workers=2)
        yield hub


def test_a_crowd_of_first_openings_makes_one_installation(hub: Hub, merchant: Merchant) -> None:
    merchant.sandbox.disturb("profile", "slow", times=8, seconds=0.3)
    parts = [urlsplit(merchant.sandbox.native_address("demo-app", 1003)) for _ in range(8)]
    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda part: hub.follow(f"{part.path}?{part.query}"), parts))

    assert [answer.status_code for answer in answers] == [200] * 8
    assert merchant.installation.generation == 1
    assert InstallAttempt.objects.get().outcome == "installed"
