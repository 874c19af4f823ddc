"""Before what cannot be taken back an operator shows once more who they are, if that was long ago."""

import re
import time
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, Permission
from django.http import HttpResponse
from django.test import Client

from accounts import second_factor
from accounts.models import AuditEntry, Authenticator, OperatorSignIn, User
from installs import keys
from installs.actions import deeds, disconnect
from installs.models import AppRegistration, Installation, Job
from tests.cast import long_ago, work
from tests.people import Merchant, operator
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

GRAVE = sorted(name for name, deed in deeds.DEEDS.items() if deed.grave)
STEP_UP, OWN, PEOPLE = "/admin/step-up/", "/admin/second-factor/", "/admin/accounts/user/"
GROUPS = "/admin/auth/group/"
NEW_SECRET = "Zx81Zx81Zx81Zx81Zx81Zx81Zx81Zx81"


@pytest.fixture
def late() -> Client:
    """An operator with every right, who came in 16 minutes ago."""
    return idle(operator())


def idle(browser: Client) -> Client:
    session = browser.session
    session["operator"] = [time.time() - 16 * 60, time.time()]
    session["proven"] = session.get("proven", 0.0) - 16 * 60
    session.save()
    return browser


def boss() -> User:
    return User.objects.get(username="operator")


def digits() -> str:
    """What the authenticator shows; half a minute has gone by since it was used last."""
    Authenticator.objects.update(last_t=-1)
    authenticator = second_factor.authenticator_of(boss())
    assert authenticator
    return f"{authenticator.totp().token():06}"


def row_for(deed: str, merchant: Merchant) -> Any:
    """Return a row that the deed would do something to."""
    merchant.install()
    work()
    if deed == "disconnect":
        Installation.objects.update(scopes=[disconnect.SCOPE])
    if deed == "erase":
        Installation.objects.update(uninstalled_at=long_ago())
    merchant.app.replace_secret(NEW_SECRET)
    merchant.app.save()
    return deeds.DEEDS[deed].model._default_manager.get()


def do(browser: Client, deed: str, row: Any, here: bool = True, **more: str) -> HttpResponse:
    answer = {"confirmed": "yes", "reason": "ticket 7", "seen": "1"} | more
    page = f"/admin/{row._meta.label_lower.replace('.', '/')}/"
    if here:
        return browser.post(f"{page}{row.pk}/{deed}/", answer)  # type: ignore[return-value]
    return browser.post(page, answer | {"action": deed, "_selected_action": str(row.pk)})  # type: ignore[return-value]


def confirmations() -> int:
    return AuditEntry.objects.about(boss()).filter(what="confirmed who they are").count()


def test_disconnecting_erasing_and_retiring_a_secret_are_grave() -> None:
    assert GRAVE == ["disconnect", "erase", "forget-previous-secret"]


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("deed", GRAVE)
def test_a_grave_deed_is_refused_until_they_have(late: Client, merchant: Merchant, deed: str, here: bool) -> None:
    row = row_for(deed, merchant)
    for more in ({}, {"code": ""}, {"code": "000000"}, {"code": "AAAA-BBBB-CCCC-DDDD"}):
        page = do(late, deed, row, here, **more).content.decode()
        assert 'name="code"' in page
        assert "AAAA-BBBB" not in page
        assert not Job.objects.exists()
        Authenticator.objects.update(throttling_failure_count=0)
    assert not confirmations()

    assert do(late, deed, row, here, code=digits()).status_code == 302
    assert Job.objects.get().kind == deed
    assert confirmations() == 1


def test_it_is_asked_once_in_a_quarter_of_an_hour_and_not_for_what_can_be_repeated(
    late: Client, merchant: Merchant
) -> None:
    row = row_for("disconnect", merchant)
    assert do(late, "probe", row).status_code == 302
    assert do(late, "disconnect", row, code=digits()).status_code == 302
    assert 'name="code"' not in do(late, "disconnect", row, seen="").content.decode()
    assert 'name="code"' in do(idle(late), "disconnect", row, seen="").content.decode()


def test_a_deed_that_would_do_nothing_uses_no_code_up(late: Client, merchant: Merchant) -> None:
    row, code = row_for("disconnect", merchant), digits()
    do(late, "disconnect", row, reason="", code=code)
    assert not confirmations()
    assert do(late, "disconnect", row, code=code).status_code == 302


def test_wrong_codes_lock_as_they_do_at_the_door(late: Client, merchant: Merchant) -> None:
    row = row_for("erase", merchant)
    for _ in range(5):
        do(late, "erase", row, code="000000")
    Authenticator.objects.update(throttling_failure_count=0)
    page = do(late, "erase", row, code=digits()).content.decode()

    assert "too many wrong tries. Please wait 15 minutes" in page
    assert not Job.objects.exists()
    outcomes = list(OperatorSignIn.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["code"] * 5 + ["locked"]


def test_a_recovery_code_will_do_once_and_is_told(late: Client, merchant: Merchant) -> None:
    row, code = row_for("erase", merchant), second_factor.renew_codes(boss())[0]
    assert do(late, "erase", row, code=code).status_code == 302
    assert AuditEntry.objects.filter(what="confirmed who they are, with a recovery code").count() == 1
    assert do(idle(late), "erase", row, code=code).status_code == 200
    assert Job.objects.count() == 1


def test_a_client_secret_is_replaced_by_who_has_shown_it_and_by_nobody_else(late: Client, app: AppRegistration) -> None:
    def save(**more: str) -> HttpResponse:
        facts = {"kind": app.kind, "enabled": "on", "retention_days": "14", "wanted_scopes": app.wanted_scopes}
        answer = late.post(f"/admin/installs/appregistration/{app.pk}/change/", facts | {"name": app.name} | more)
        app.refresh_from_db()
        return answer  # type: ignore[return-value]

    assert save(name="Another name").status_code == 302
    refused = save(new_client_secret=NEW_SECRET)
    assert (refused.status_code, app.client_secret) == (200, CLIENT_SECRET)
    assert 'name="code"' in refused.content.decode()
    assert NEW_SECRET not in refused.content.decode()
    assert save(new_client_secret=NEW_SECRET, code="000000").status_code == 200
    Authenticator.objects.update(throttling_failure_count=0)
    assert save(new_client_secret=NEW_SECRET, code=digits()).status_code == 302
    assert app.client_secret == NEW_SECRET
    assert AuditEntry.objects.about(app).latest("pk").changes == {"new_client_secret": "[hidden]"}
    assert save(new_client_secret=CLIENT_SECRET).status_code == 302


def test_so_is_everything_sealed_anew(late: Client, app: AppRegistration, settings: LazySettings) -> None:
    settings.TOKEN_KEYS = ["another-key-of-more-than-thirty-two-characters", *settings.TOKEN_KEYS]
    assert keys.in_use()
    page = "/admin/installs/job/keys/"
    assert 'name="code"' in late.post(page, {"reason": "yearly"}).content.decode()
    assert not Job.objects.exists()
    assert late.post(page, {"reason": "yearly", "code": digits()}).status_code == 302
    assert Job.objects.exists()


class TestAnotherWayIn:
    """Whoever finds a session open makes themselves no other way in: it would be fresh."""

    @pytest.mark.parametrize(
        ("method", "page"),
        [
            ("get", "/admin/enrol/"), ("post", "/admin/enrol/"), ("post", OWN),
            ("get", f"{PEOPLE}add/"), ("post", f"{PEOPLE}add/"), ("post", PEOPLE),
            ("get", f"{PEOPLE}{{}}/password/"), ("post", f"{PEOPLE}{{}}/password/"),
            ("get", f"{GROUPS}add/"), ("post", f"{GROUPS}add/"), ("post", GROUPS),
        ],
    )  # fmt: skip
    def test_the_page_asks_first_and_leads_back(self, late: Client, method: str, page: str) -> None:
        page = page.format(boss().pk)
        before = list(Authenticator.objects.values()), list(User.objects.values()), boss().recovery_codes.count()
        answer = getattr(late, method)(page, {"username": "mallory", "action": "reset_second_factor"})
        assert answer.headers["Location"].startswith(f"{STEP_UP}?next={page.replace('/', '%2F')}")
        assert (list(Authenticator.objects.values()), list(User.objects.values())) == before[:2]
        assert boss().recovery_codes.count() == before[2]

        asking = answer.headers["Location"]
        assert late.post(asking, {"code": "000000"}).status_code == 422
        Authenticator.objects.update(throttling_failure_count=0)
        back = late.post(asking, {"code": digits()})
        assert re.split(r"[?]", back.headers["Location"])[0] == page
        assert late.get(page).status_code == 200

    def test_a_person_s_form_asks_itself_and_keeps_what_was_typed(self, late: Client) -> None:
        page = f"{PEOPLE}{boss().pk}/change/"
        inlines = {f"memberships-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
        typed = {"username": "operator", "name": "Olga", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
        assert 'name="code"' in late.get(page).content.decode()
        for code in ("", "000000"):
            again = late.post(page, typed | inlines | {"code": code})
            assert (again.status_code, boss().name) == (200, "")
            assert 'value="Olga"' in again.content.decode()
        Authenticator.objects.update(throttling_failure_count=0)

        assert late.post(page, typed | inlines | {"code": digits()}).status_code == 302
        assert boss().name == "Olga"
        assert AuditEntry.objects.about(boss()).filter(what="changed").get().changes.keys() == {"name"}
        assert 'name="code"' not in late.get(page).content.decode()

    def test_so_does_a_group_s(self, late: Client) -> None:
        group, rights = Group.objects.get(name="viewer"), Permission.objects.filter(codename="operate")
        page, typed = f"{GROUPS}{group.pk}/change/", {"name": "viewer", "permissions": [one.pk for one in rights]}
        assert 'name="code"' in late.get(page).content.decode()
        assert late.post(page, typed).status_code == 200
        assert not group.permissions.filter(codename="operate").exists()

        assert late.post(page, typed | {"code": digits()}).status_code == 302
        assert group.permissions.filter(codename="operate").exists()

    def test_it_leads_nowhere_else(self, late: Client) -> None:
        answer = late.post(f"{STEP_UP}?next=https://elsewhere.example/", {"code": digits()})
        assert answer.headers["Location"] == "/admin/"

    def test_looking_is_free(self, late: Client) -> None:
        for page in (OWN, PEOPLE, f"{PEOPLE}{boss().pk}/change/"):
            assert late.get(page).status_code == 200
