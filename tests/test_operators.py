"""Operators come in: a password opens nothing, the second step is set up once, guesses are counted, sessions end."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import lockout, second_factor
from accounts.models import AuditEntry, Authenticator, OperatorSignIn, RecoveryCode, User
from installs.actions import prune
from tests.people import let_in, operator

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN, STEP, ENROL, OWN = "/admin/login/", "/admin/second-step/", "/admin/enrol/", "/admin/second-factor/"
PHRASE = "a long pass phrase"
CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", "", PHRASE)


def give(browser: Client, name: str = "boss", phrase: str = PHRASE, **more: Any) -> HttpResponse:
    return browser.post(LOGIN, {"username": name, "password": phrase}, **more)  # type: ignore[return-value]


def digits(person: User) -> str:
    """What the authenticator shows, before or after it was taken up."""
    authenticator = second_factor.authenticator_of(person) or second_factor.offered_to(person)
    return f"{authenticator.totp().token():06}"


def enrolled(browser: Client, person: User) -> list[str]:
    """Set up the second step; return the recovery codes."""
    give(browser)
    page = browser.post(ENROL, {"code": digits(person)}).content.decode()
    Authenticator.objects.update(last_t=-1)  # half a minute goes by
    return CODE.findall(page)


def is_open(browser: Client) -> bool:
    return browser.get("/admin/accounts/user/").status_code == 200


class TestSecondStep:
    """A password alone opens nothing; the first sign-in sets the rest up."""

    def test_a_password_alone_opens_nothing(self, boss: User) -> None:
        browser = Client()
        assert give(browser)["Location"].startswith(STEP)
        assert not is_open(browser)
        assert browser.get("/").status_code == 302
        assert "_auth_user_id" not in browser.session

    def test_the_first_sign_in_sets_it_up_and_goes_on_to_where_one_was_going(self, boss: User) -> None:
        browser = Client()
        browser.post(f"{LOGIN}?next=/admin/accounts/store/", {"username": "boss", "password": PHRASE})
        asked = browser.get(f"{STEP}?next=/admin/accounts/store/", follow=True)
        assert second_factor.offered_to(boss).seed in asked.content.decode()
        done = browser.post(f"{ENROL}?next=/admin/accounts/store/", {"code": digits(boss)})

        assert len(set(CODE.findall(done.content.decode()))) == second_factor.CODES
        assert 'href="/admin/accounts/store/"' in done.content.decode()
        assert is_open(browser)
        assert AuditEntry.objects.get().what == "set up a second factor"

    def test_later_ones_ask_for_the_digits(self, boss: User) -> None:
        enrolled(Client(), boss)
        browser = Client()
        give(browser)
        assert browser.post(STEP, {"code": digits(boss)})["Location"] == "/admin/"
        assert is_open(browser)

    def test_the_same_digits_count_once(self, boss: User) -> None:
        enrolled(Client(), boss)
        first, second = Client(), Client()
        shown = digits(boss)
        for browser in (first, second):
            give(browser)
            browser.post(STEP, {"code": shown})
        assert (is_open(first), is_open(second)) == (True, False)

    def test_a_second_authenticator_needs_the_first(self, boss: User) -> None:
        enrolled(Client(), boss)
        thief = Client()
        give(thief)
        assert thief.get(ENROL)["Location"].startswith(STEP)
        assert thief.post(ENROL, {"code": digits(boss)})["Location"].startswith(STEP)

    def test_another_authenticator_ends_the_sessions_of_the_one_before(self, boss: User) -> None:
        here, there = let_in(Client(), boss), let_in(Client(), boss)
        offered = second_factor.offered_to(boss)
        here.post(ENROL, {"code": f"{offered.totp().token():06}"})
        assert (is_open(here), is_open(there)) == (True, False)
        assert Authenticator.objects.get() == offered

    def test_the_second_step_is_awaited_for_ten_minutes(self, boss: User) -> None:
        enrolled(Client(), boss)
        browser = Client()
        give(browser)
        session = browser.session
        session["half"][1] -= 601
        session.save()
        assert browser.post(STEP, {"code": digits(boss)})["Location"].startswith(LOGIN)

    def test_a_new_password_voids_the_half_way(self, boss: User) -> None:
        enrolled(Client(), boss)
        browser = Client()
        give(browser)
        boss.set_password("another long pass phrase")
        boss.save()
        assert browser.post(STEP, {"code": digits(boss)})["Location"].startswith(LOGIN)

    @pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example/admin/", "/stores/", "/admin/login/"])
    def test_it_leads_nowhere_but_into_the_admin(self, boss: User, where: str) -> None:
        enrolled(Client(), boss)
        browser = Client()
        give(browser)
        assert browser.post(f"{STEP}?next={where}", {"code": digits(boss)})["Location"] == "/admin/"

    def test_merchants_and_the_disabled_do_not_get_half_way(self, boss: User) -> None:
        User.objects.create_user("merchant", "", PHRASE)
        User.objects.create_user("gone", "", PHRASE, is_staff=True, is_active=False)
        assert [give(Client(), name).status_code for name in ("merchant", "gone", "nobody")] == [422, 422, 422]

    def test_seeds_are_sealed_and_stay_with_their_person(self, boss: User) -> None:
        offered = second_factor.offered_to(boss)
        with connection.cursor() as cursor:
            cursor.execute("SELECT seed FROM accounts_authenticator")
            assert cursor.fetchone()[0].startswith("v1:")
        assert len(offered.seed) == 32

    def test_on_ones_own_machine_the_command_line_shows_the_digits(
        self, boss: User, settings: LazySettings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        browser = Client()
        give(browser)
        assert "operator_code" not in browser.get(ENROL).content.decode()
        settings.SITE_URL = "http://localhost:8000"
        assert "manage.py operator_code boss" in browser.get(ENROL).content.decode()
        call_command("operator_code", "boss")
        assert capsys.readouterr().out.strip() == digits(boss)


class TestRecovery:
    """When the authenticator is lost."""

    def test_a_recovery_code_lets_in_once(self, boss: User) -> None:
        code = enrolled(Client(), boss)[0]
        first, second = Client(), Client()
        for browser in (first, second):
            give(browser)
            browser.post(STEP, {"code": code.lower().replace("-", " ")})
        assert (is_open(first), is_open(second)) == (True, False)
        assert "9</strong> unused" in first.get(OWN).content.decode()

    def test_codes_are_kept_as_hashes_only(self, boss: User) -> None:
        codes = enrolled(Client(), boss)
        assert not [code for code in codes if code in str(list(RecoveryCode.objects.values()))]

    def test_another_s_code_lets_nobody_in(self, boss: User) -> None:
        codes = enrolled(Client(), boss)
        other = User.objects.create_superuser("other", "", PHRASE)
        Authenticator.objects.create(user=other, seed="A" * 32)
        browser = Client()
        give(browser, "other")
        assert browser.post(STEP, {"code": codes[0]}).status_code == 422

    def test_new_codes_take_the_place_of_the_old(self, boss: User) -> None:
        here = Client()
        old = enrolled(here, boss)
        new = CODE.findall(here.post(OWN).content.decode())
        assert len(set(new) - set(old)) == second_factor.CODES
        browser = Client()
        give(browser)
        browser.post(STEP, {"code": old[0]})
        assert not is_open(browser)

    def test_a_reset_ends_sessions_and_begins_anew(self, boss: User) -> None:
        browser = Client()
        enrolled(browser, boss)
        call_command("reset_second_factor", "boss", reason="phone lost, called back")
        assert not is_open(browser)
        assert give(browser)["Location"].startswith(STEP)
        assert browser.get(STEP)["Location"].startswith(ENROL)
        assert AuditEntry.objects.latest("pk").reason == "phone lost, called back"


class TestLockOut:
    """Guesses are counted; knowing a name locks nobody else out."""

    def wrong(self, times: int, address: str = "192.0.2.1", name: str = "boss") -> HttpResponse:
        for _ in range(times):
            answer = give(Client(), name, "wrong", REMOTE_ADDR=address)
        return answer

    def ago(self, span: timedelta) -> None:
        OperatorSignIn.objects.update(at=datetime.now(UTC) - span)

    def test_five_failures_lock_name_and_address_for_a_quarter_of_an_hour(self, boss: User) -> None:
        assert self.wrong(5).status_code == 422
        assert give(Client(), REMOTE_ADDR="192.0.2.1").status_code == 429
        self.ago(timedelta(minutes=14))
        locked = give(Client(), REMOTE_ADDR="192.0.2.1")
        assert (locked.status_code, "1 minute" in locked.content.decode() or "seconds" in locked.content.decode()) == (
            429,
            True,
        )
        self.ago(timedelta(minutes=16))
        assert give(Client(), REMOTE_ADDR="192.0.2.1").status_code == 302

    def test_nobody_else_is_locked_out(self, boss: User) -> None:
        self.wrong(6)
        assert give(Client(), REMOTE_ADDR="192.0.2.2").status_code == 302

    def test_names_that_nobody_has_are_locked_alike(self) -> None:
        assert [self.wrong(5, name="nobody").status_code, self.wrong(1, name="NoBody").status_code] == [422, 429]

    @pytest.mark.parametrize("name", ["\x00", "bo\x00ss", "boss" + 200 * "\x00", 160 * "\x00ß"])
    def test_a_name_that_no_database_keeps_is_a_try_like_any_other(self, boss: User, name: str) -> None:
        """PostgreSQL takes no NUL in a text, and nobody has looked at the name when the try is written."""
        answer = give(Client(HTTP_USER_AGENT="a\x00b"), name)
        tried = OperatorSignIn.objects.get()
        assert (answer.status_code, tried.outcome) == (422, OperatorSignIn.Outcome.PASSWORD)
        assert "\x00" not in tried.username + tried.agent
        assert len(tried.username) <= 150

    def test_many_addresses_at_one_name_are_slowed_down(self, boss: User) -> None:
        for host in range(12):
            self.wrong(1, f"192.0.2.{host}")
        slowed = give(Client(), REMOTE_ADDR="198.51.100.1")
        assert (slowed.status_code, int(slowed["Retry-After"]) <= 4) == (429, True)

    def test_an_operator_s_usual_address_is_not_slowed_down(self, boss: User) -> None:
        usual = {"username": "boss", "address": "203.0.113.5", "outcome": "in", "person": boss}
        OperatorSignIn.objects.create(**usual)
        self.ago(timedelta(days=3))
        for host in range(14):
            self.wrong(1, f"192.0.2.{host}")
        assert give(Client(), REMOTE_ADDR="203.0.113.5").status_code == 302

    def test_a_success_wipes_the_slate(self, boss: User) -> None:
        enrolled(Client(REMOTE_ADDR="192.0.2.1"), boss)
        self.wrong(4)
        browser = Client(REMOTE_ADDR="192.0.2.1")
        give(browser)
        browser.post(STEP, {"code": digits(boss)})
        assert self.wrong(1).status_code == 422

    def test_wrong_digits_count_too_and_each_makes_the_next_wait_longer(self, boss: User) -> None:
        enrolled(Client(), boss)
        browser = Client()
        give(browser)
        assert browser.post(STEP, {"code": "000000"}).status_code == 422
        assert browser.post(STEP, {"code": digits(boss)}).status_code == 422
        assert Authenticator.objects.get().throttling_failure_count == 1
        for _ in range(3):
            browser.post(STEP, {"code": "000000"})
        assert browser.post(STEP, {"code": digits(boss)}).status_code == 429

    def test_the_wait_is_told_without_telling_who_exists(self, boss: User) -> None:
        pages = [give(Client(), name, "wrong").content.decode() for name in ("boss", "nobody")]
        assert len({re.sub(r'value="[^"]*"', "", page) for page in pages}) == 1

    def test_asking_costs_few_queries_however_many_tries_there_were(self, boss: User) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                give(Client(), phrase="wrong", REMOTE_ADDR="192.0.2.9")
            return len(captured)

        few = queries()
        many = [OperatorSignIn(username="boss", address="192.0.2.7", outcome="out") for _ in range(50)]
        OperatorSignIn.objects.bulk_create(many)
        assert queries() == few
        assert lockout.FAILURES == 5


class TestSessions:
    """Thirty minutes idle, eight hours in all; gone when the person or the password is."""

    @pytest.mark.parametrize(("began", "seen", "is_in"), [(0, 0, True), (0, 1801, False), (28_801, 0, False)])
    def test_a_session_ends_idle_or_old(self, boss: User, began: int, seen: int, is_in: bool) -> None:
        browser = let_in(Client(), boss)
        session = browser.session
        session["operator"] = [time.time() - began - seen, time.time() - seen]
        session.save()
        assert is_open(browser) == is_in
        assert is_open(browser) == is_in

    def test_use_keeps_it_and_what_a_page_fetches_by_itself_does_not(self, boss: User) -> None:
        browser = let_in(Client(), boss)
        seen = []
        for headers in ({"HX-Request": "true"}, {}):
            session = browser.session
            session["operator"] = [time.time() - 1700, time.time() - 1700]
            session.save()
            browser.get("/admin/accounts/user/", headers=headers)
            seen.append(time.time() - browser.session["operator"][1] < 60)
        assert seen == [False, True]

    def test_a_disabled_operator_is_out_at_the_next_click(self, boss: User) -> None:
        browser = operator(username="temp")
        temp = User.objects.get(username="temp")
        fields = {
            "username": "temp",
            "is_staff": "on",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        }
        assert let_in(Client(), boss).post(f"/admin/accounts/user/{temp.pk}/change/", fields).status_code == 302
        assert not is_open(browser)
        assert not temp.sessions.exists()

    def test_a_new_password_ends_every_other_session(self, boss: User) -> None:
        browser = let_in(Client(), boss)
        boss.set_password("another long pass phrase")
        boss.save()
        assert not is_open(browser)

    def test_every_try_is_on_record_with_its_outcome(self, boss: User) -> None:
        browser = Client()
        give(browser, phrase="wrong")
        enrolled(browser, boss)
        page = browser.get("/admin/accounts/operatorsignin/").content.decode()
        browser.post("/admin/logout/")

        assert "Wrong name or password" in page
        outcomes = list(OperatorSignIn.objects.order_by("pk").values_list("outcome", flat=True))
        assert outcomes == ["password", "half", "enrolled", "out"]
        assert PHRASE not in str(list(OperatorSignIn.objects.values()))

    @pytest.mark.parametrize(("days", "kept"), [(364, True), (366, False)])
    def test_a_try_goes_after_a_year(self, days: int, kept: bool) -> None:
        OperatorSignIn.objects.create(username="boss")
        OperatorSignIn.objects.update(at=datetime.now(UTC) - timedelta(days=days))
        prune.prune()
        assert OperatorSignIn.objects.exists() == kept

    def test_a_role_below_manager_does_not_see_it(self) -> None:
        assert operator("support").get("/admin/accounts/operatorsignin/").status_code == 403
        assert operator("manager", "other").get("/admin/accounts/operatorsignin/").status_code == 200
