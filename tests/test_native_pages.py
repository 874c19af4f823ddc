"""Inside the frame: what a context opens and for how long, what may be edited there, and who may frame it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpResponse

from accounts.models import StoreSettings
from installs.models import AppRegistration, Installation
from tests.cast import long_ago, make_app, work
from tests.framing import HEADER, Frame
from tests.people import Merchant
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

DOORS = ("onboarding/", "store/", "settings/phone/")
DEEDS = ("onboarding/finish/", "settings/phone/", "sync/")


@pytest.fixture
def frame(merchant: Merchant) -> Frame:
    """An app opened in its store's admin, with the details read."""
    frame = Frame(merchant)
    assert frame.open().status_code == 200
    work()
    return frame


def phone() -> str:
    return StoreSettings.objects.get(store__store_id=1003).phone


def is_shut(frame: Frame) -> bool:
    """Tell whether no door opens any more; nothing may have been changed by trying."""
    before = list(StoreSettings.objects.order_by("pk").values()), list(Installation.objects.order_by("pk").values())
    answers = [frame.get(door) for door in DOORS] + [frame.post(deed, {"phone": "0"}) for deed in DEEDS]
    after = list(StoreSettings.objects.order_by("pk").values()), list(Installation.objects.order_by("pk").values())
    assert after == before
    statuses = {answer.status_code for answer in answers}
    assert len(statuses) == 1
    assert all(HEADER not in answer.headers for answer in answers) == (statuses == {403})
    return statuses == {403}


class TestContext:
    """It stands in for a cookie."""

    @pytest.mark.parametrize("door", DOORS)
    def test_it_opens_every_door(self, frame: Frame, door: str) -> None:
        assert frame.get(door).status_code == 200

    def test_without_it_nothing_opens(self, frame: Frame) -> None:
        frame.context = ""
        assert is_shut(frame)

    @pytest.mark.parametrize("at", [0, 10, 40, -1])
    def test_a_tampered_one_opens_nothing(self, frame: Frame, at: int) -> None:
        letters = list(frame.context)
        letters[at] = "A" if letters[at] != "A" else "B"
        frame.context = "".join(letters)
        assert is_shut(frame)

    def test_what_was_signed_for_something_else_opens_nothing(self, frame: Frame) -> None:
        content = signing.loads(frame.context, salt="native")
        frame.context = signing.dumps(content, salt="attempt")
        assert is_shut(frame)
        frame.context = signing.dumps({"store_id": 1003}, salt="native")
        assert is_shut(frame)

    def test_it_expires_after_a_quarter_of_an_hour(self, frame: Frame) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=15, seconds=1)):
            assert is_shut(frame)

    def test_each_answer_brings_a_fresh_one_so_an_open_page_stays_open(self, frame: Frame) -> None:
        start = datetime.now(UTC)
        for minutes in range(10, 60, 10):
            with time_machine.travel(start + timedelta(minutes=minutes)):
                before = frame.context
                assert frame.get("store/?was=nothing").status_code == 200
                assert frame.context != before

    def test_an_open_page_asks_often_enough_to_stay_open(self, frame: Frame) -> None:
        page = frame.get("onboarding/").content.decode()
        found = re.search(r'hx-get="([^"?]*)\?was=([^"]*)" hx-trigger="every (\d+)s"', page)
        assert found
        assert int(found[3]) < 15 * 60 / 2
        frame.context, before = frame.context, frame.context
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=int(found[3]))):
            assert frame.get(f"onboarding/?was={found[2]}").status_code == 204
        assert frame.context != before

    def test_it_ends_twelve_hours_after_the_visit_however_often_it_was_renewed(self, frame: Frame) -> None:
        start = datetime.now(UTC)
        for minutes in range(14, 12 * 60, 14):
            with time_machine.travel(start + timedelta(minutes=minutes)):
                assert frame.get("onboarding/").status_code == 200
        with time_machine.travel(start + timedelta(hours=12, seconds=1)):
            assert is_shut(frame)

    def test_an_uninstall_ends_it_at_once(self, frame: Frame) -> None:
        Installation.objects.update(uninstalled_at=long_ago())
        assert is_shut(frame)

    def test_a_newer_generation_ends_it_at_once(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        assert merchant.installation.generation == 2
        assert is_shut(frame)

    def test_disabling_the_app_ends_it_at_once(self, frame: Frame) -> None:
        AppRegistration.objects.update(enabled=False)
        assert is_shut(frame)

    def test_another_app_s_opens_nothing_here(
        self, merchant: Merchant, frame: Frame, settings: LazySettings, sandbox: Sandbox
    ) -> None:
        make_app(sandbox, settings, "demo-two", "Label Maker")
        other = Frame(merchant, "demo-two")
        other.open()
        frame.context = other.context

        assert is_shut(frame)
        assert other.get("store/").status_code == 200

    def test_another_store_s_shows_and_changes_that_store_alone(
        self, merchant: Merchant, stranger: Merchant, frame: Frame
    ) -> None:
        before, theirs = phone(), Frame(stranger)
        theirs.open()
        theirs.post("settings/phone/", {"phone": "+1 202 555 0100"})

        assert "Paper Trail" not in theirs.get("store/").content.decode()
        assert phone() == before
        assert StoreSettings.objects.get(store__store_id=1004).phone == "+1 202 555 0100"

    def test_a_session_is_worth_nothing_in_the_frame_and_a_context_nothing_outside(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        merchant.install()
        assert merchant.is_signed_in
        assert merchant.get("/apps/demo-app/native/store/", headers={"HX-Request": "true"}).status_code == 403
        assert merchant.post("/apps/demo-app/native/settings/phone/", {"phone": "0"}).status_code == 403

        merchant.browser.logout()
        frame.open()
        headers = {HEADER: frame.context}
        assert merchant.get("/stores/1003/", headers=headers).status_code == 302


class TestPages:
    """The same onboarding and the same settings as outside."""

    def test_the_page_carries_the_context_for_htmx_and_in_each_form(self, merchant: Merchant) -> None:
        frame = Frame(merchant)
        page = frame.open().content.decode()

        assert f"""hx-headers='{{"{HEADER}":"{frame.context}"}}'""" in page
        forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
        assert forms
        assert all(f'name="context" value="{frame.context}"' in form for form in forms)
        assert "csrfmiddlewaretoken" not in page

    def test_a_page_that_says_the_details_are_here_shows_them_even_if_they_came_while_it_was_made(
        self, merchant: Merchant
    ) -> None:
        frame, pending = Frame(merchant), [work]

        def overtake(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            """Let a worker finish just before the page looks whether one has."""
            if 'ORDER BY "installs_installation"."installed_at"' in sql and pending:
                pending.pop()()
            return execute(sql, *rest)

        with connection.execute_wrapper(overtake):
            page = frame.open().content.decode()
        assert not pending
        assert "Its details are here" in page
        assert "Paper Trail BV" in page

    def test_no_link_of_a_page_leads_out_of_the_frame(self, frame: Frame) -> None:
        frame.post("onboarding/finish/")
        for door in ("onboarding/", "store/", "settings/phone/"):
            page = frame.get(door).content.decode()
            for tag in re.findall(r"<(?:a|form)\b[^>]*>", page):
                inside = re.search(r'(?:href|action)="/apps/demo-app/native/', tag)
                assert inside or 'target="_blank"' in tag, tag

    def test_an_edit_is_the_merchant_s_own_and_wins_over_the_next_reading(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        row = frame.post("settings/phone/", {"phone": "+31 20 555 0100"})
        assert "Set by you" in row.content.decode()
        frame.post("sync/")
        work()

        assert phone() == "+31 20 555 0100"
        assert merchant.store.settings.origins["phone"]["by"] == "merchant"

    def test_a_form_works_without_a_script(self, frame: Frame) -> None:
        page = frame.submit("settings/phone/", {"phone": "+31 20 555 0100"})

        assert page.status_code == 200
        assert "<html" in page.content.decode()
        assert "Set by you" in page.content.decode()
        assert phone() == "+31 20 555 0100"

    @pytest.mark.parametrize("send", ["post", "submit"])
    def test_a_wrong_value_is_refused_with_a_reason(self, frame: Frame, send: str) -> None:
        answer: HttpResponse = getattr(frame, send)("settings/contact_email/", {"contact_email": "not an address"})

        assert "aria-invalid" in answer.content.decode()
        assert StoreSettings.objects.get().contact_email != "not an address"

    @pytest.mark.parametrize("name", ["origins", "store", "closed", "no_such"])
    def test_what_is_no_setting_of_the_merchant_is_a_404(self, frame: Frame, name: str) -> None:
        assert frame.post(f"settings/{name}/", {name: "x"}).status_code == 404

    def test_finishing_shows_the_store_s_page_then_and_at_the_next_opening(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        assert "Update from my store now" in frame.post("onboarding/finish/").content.decode()
        assert merchant.store.onboarded_at is not None
        assert "Update from my store now" in frame.open().content.decode()

    def test_reading_again_starts_a_prefill(self, merchant: Merchant, frame: Frame) -> None:
        assert merchant.installation.prefill.state == "done"
        assert frame.post("sync/").status_code == 200
        assert merchant.installation.prefill.state == "waiting"

    def test_other_apps_of_the_store_are_none_of_this_one_s_business(
        self, merchant: Merchant, frame: Frame, settings: LazySettings, sandbox: Sandbox
    ) -> None:
        make_app(sandbox, settings, "demo-two", "Label Maker")
        Frame(merchant, "demo-two").open()
        frame.post("onboarding/finish/")

        assert "Label Maker" not in frame.open().content.decode()

    def test_a_missing_permission_is_said_with_a_way_that_exists_inside_the_admin(
        self, merchant: Merchant, frame: Frame
    ) -> None:
        merchant.app.wanted_scopes = [*merchant.app.wanted_scopes, "update_orders"]
        merchant.app.save()
        page = frame.open().content.decode()

        assert "still needs your permission" in page
        assert "/connect/" not in page

    @pytest.mark.parametrize(
        ("lang", "language", "direction"),
        [("de", "de", "ltr"), ("ar", "ar", "rtl"), ("pt_BR", "pt", "ltr"), ("xx", "en", "ltr"), ("", "en", "ltr")],
    )
    def test_it_speaks_the_language_of_the_admin_and_keeps_to_it(
        self, merchant: Merchant, lang: str, language: str, direction: str
    ) -> None:
        frame = Frame(merchant)
        first = frame.open("fragment", lang=lang)
        later = frame.submit("sync/", {})

        for page in (first, later):
            assert f'lang="{language}" dir="{direction}"' in page.content.decode()

    def test_no_word_of_the_platform_is_shown(self, merchant: Merchant, frame: Frame) -> None:
        """Resellers relabel the admin (design rule 12)."""
        pages = [frame.open(), frame.post("onboarding/finish/"), frame.get("settings/phone/"), frame.open()]
        pages += [frame.pay("junk"), merchant.get("/apps/demo-app/native/")]
        for page in pages:
            words = re.sub(r"<script\b[^>]*>|<!--.*?-->", "", page.content.decode()).lower()
            assert "ecwid" not in words
            assert "lightspeed" not in words


def ancestors(answer: HttpResponse) -> list[str]:
    policy = answer.headers["Content-Security-Policy"]
    return re.search(r"frame-ancestors ([^;]*)", policy)[1].split()  # type: ignore[index]


class TestFraming:
    """The admin may frame the native page, and nobody frames anything else."""

    def test_the_admin_s_origins_may_frame_it(self, merchant: Merchant, frame: Frame, settings: LazySettings) -> None:
        settings.ECWID_ADMIN_ORIGINS = ["https://my.ecwid.com", "https://admin.reseller.example"]
        for answer in (frame.open(), frame.get("store/"), frame.pay("junk"), merchant.get("/apps/demo-app/native/")):
            assert ancestors(answer) == ["https://my.ecwid.com", "https://admin.reseller.example"]
            assert "X-Frame-Options" not in answer.headers

    def test_a_registration_s_own_origins_replace_them(self, merchant: Merchant, frame: Frame) -> None:
        AppRegistration.objects.update(admin_origins="https://one.example  https://two.example:8443")
        for answer in (frame.open(), frame.pay("junk")):
            assert ancestors(answer) == ["https://one.example", "https://two.example:8443"]

    def test_nothing_else_may_be_framed(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        for path in ("/stores/1003/", "/sign-in/", "/apps/demo-app/return/", "/apps/demo-app/nativ/"):
            answer = merchant.get(path)
            assert ancestors(answer) == ["'none'"]
            assert answer.headers["X-Frame-Options"] == "DENY"

    def test_it_loads_our_own_files_and_the_greeting_and_nothing_else(
        self, frame: Frame, settings: LazySettings
    ) -> None:
        settings.ECWID_APP_SDK_URL = "https://cdn.example/sdk.js"
        policy = frame.open().headers["Content-Security-Policy"]

        assert "script-src 'self' https://cdn.example/sdk.js;" in f"{policy};"
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy

    def test_its_address_reaches_no_other_host_and_no_cache(self, merchant: Merchant, frame: Frame) -> None:
        for answer in (frame.open(), frame.get("store/"), frame.pay("junk"), merchant.get("/apps/demo-app/native/")):
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Location" not in answer.headers

    @pytest.mark.parametrize(
        "origins",
        ["*", "https:", "https://*.example.com", "https://a.example/path", "https://a.example; script-src *",
         "https://a.example,https://b.example", "'none'", "javascript:x", "https://a.example\nX: y", "a.example"],
    )  # fmt: skip
    def test_what_is_no_origin_is_refused(self, merchant: Merchant, origins: str) -> None:
        merchant.app.admin_origins = origins
        with pytest.raises(ValidationError):
            merchant.app.full_clean()

    def test_an_unknown_app_is_refused_like_a_payload(self, merchant: Merchant) -> None:
        answer = merchant.get("/apps/no-such-app/native/")
        assert answer.status_code == 403
        assert "Please open the app once more" in answer.content.decode()
