"""What operators do in the admin to rows they may not write: by POST, with permission, put on record."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, User
from installs import tasks
from installs.actions import vitals
from installs.models import (
    AppRegistration,
    Erasure,
    Installation,
    Job,
    Prefill,
    PrivacyRequest,
    RejectedDelivery,
    WebhookEvent,
)
from tests.cast import work
from tests.deliveries import deliver
from tests.people import Merchant, let_in
from tests.signed import CLIENT_SECRET, event

pytestmark = pytest.mark.django_db(transaction=True)

APPS = "/admin/installs/appregistration/"
INSTALLATIONS = "/admin/installs/installation/"
EVENTS = "/admin/installs/webhookevent/"
REJECTED = "/admin/installs/rejecteddelivery/"
REQUESTS = "/admin/installs/privacyrequest/"
ERASURES = "/admin/installs/erasure/"
NEW_SECRET = "Zx81Zx81Zx81Zx81Zx81Zx81Zx81Zx81"
TOKEN = "secret_0123456789abcdefABCDEF"


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def onlooker() -> Client:
    """An operator who may look at everything and do nothing."""
    client = Client()
    user = User.objects.create(username="onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    let_in(client, user)
    return client


def ordered(client: Client, path: str, deed: str, *pks: object) -> Job:
    """Choose a deed for some rows of a list, answer its page, and return the job it became."""
    chosen = {"action": deed, "_selected_action": [str(pk) for pk in pks]}
    client.post(path, chosen | {"confirmed": "yes", "reason": "ticket 7", "seen": str(len(pks))})
    return Job.objects.latest("pk")


def do(client: Client, path: str, deed: str, *pks: object) -> str:
    """Choose a deed for some rows of a list; return the page that answers."""
    answer = client.post(path, {"action": deed, "_selected_action": [str(pk) for pk in pks]}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def do_here(client: Client, path: str, deed: str, pk: object) -> HttpResponse:
    """Answer the question that a deed's button asks on a row's own page."""
    return client.post(f"{path}{pk}/{deed}/", {"_form_submitted": "True"})  # type: ignore[return-value]


def page(client: Client, path: str) -> str:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


def listed(client: Client, path: str) -> int:
    """Return how many rows a list shows."""
    return len(set(re.findall(r'name="_selected_action" value="([^"]+)"', page(client, path))))


def save_app(client: Client, app: AppRegistration, secret: str) -> None:
    fields = {"name": app.name, "kind": app.kind, "enabled": "on", "retention_days": "14"}
    wanted = {"wanted_scopes": app.wanted_scopes, "new_client_secret": secret}
    assert client.post(f"{APPS}{app.pk}/change/", fields | wanted).status_code == 302
    app.refresh_from_db()


class TestRotation:
    """A new client secret takes over at once; the old one still verifies until somebody has it forgotten."""

    def test_webhooks_signed_with_either_secret_are_believed(self, operator: Client, app: AppRegistration) -> None:
        save_app(operator, app, NEW_SECRET)

        assert (app.client_secret, app.previous_client_secret, app.retention_days) == (NEW_SECRET, CLIENT_SECRET, 14)
        assert deliver(event("order.created"), secret=CLIENT_SECRET).status_code == 200
        assert deliver(event("order.created"), secret=NEW_SECRET).status_code == 200

    def test_entering_the_same_secret_again_rotates_nothing(self, operator: Client, app: AppRegistration) -> None:
        set_at = app.client_secret_set_at
        save_app(operator, app, CLIENT_SECRET)
        assert (app.previous_client_secret, app.client_secret_set_at) == ("", set_at)

    def test_the_page_tells_when_the_previous_one_was_last_used(self, operator: Client, app: AppRegistration) -> None:
        save_app(operator, app, NEW_SECRET)
        assert "not used since" in page(operator, f"{APPS}{app.pk}/change/")
        deliver(event("order.created"), secret=CLIENT_SECRET)

        app.refresh_from_db()
        assert app.previous_secret_seen_at is not None
        shown = page(operator, f"{APPS}{app.pk}/change/")
        assert f"used 1 times since, last {app.previous_secret_seen_at:%F %T} UTC" in shown
        assert f"keep until {app.previous_secret_seen_at + timedelta(days=1):%F %H:%M} UTC" in shown
        AppRegistration.objects.update(
            previous_secret_seen_at=datetime.now(UTC) - timedelta(hours=25), client_secret_set_at=None
        )
        assert "safe to retire" in page(operator, f"{APPS}{app.pk}/change/")
        assert CLIENT_SECRET not in shown

    @pytest.mark.parametrize("here", [True, False])
    def test_a_forgotten_secret_verifies_nothing(self, operator: Client, app: AppRegistration, here: bool) -> None:
        save_app(operator, app, NEW_SECRET)
        if here:
            answer = {"confirmed": "yes", "reason": "ticket 7", "seen": "1"}
            assert operator.post(f"{APPS}{app.pk}/forget-previous-secret/", answer).status_code == 302
        else:
            assert ordered(operator, APPS, "forget-previous-secret", app.pk).done == 1

        app.refresh_from_db()
        assert (app.previous_client_secret, app.client_secret) == ("", NEW_SECRET)
        assert deliver(event("order.created"), secret=CLIENT_SECRET).status_code == 401
        assert "Forget the previous secret" in page(operator, f"{APPS}{app.pk}/history/")

    def test_the_button_stands_only_where_there_is_something_to_forget(
        self, operator: Client, app: AppRegistration
    ) -> None:
        assert "forget-previous-secret" not in page(operator, f"{APPS}{app.pk}/change/")
        assert "it has no previous secret" in page(operator, f"{APPS}{app.pk}/forget-previous-secret/")
        save_app(operator, app, NEW_SECRET)
        assert "forget-previous-secret" in page(operator, f"{APPS}{app.pk}/change/")

    def test_a_secret_that_no_key_opens_can_be_entered_anew(
        self, operator: Client, app: AppRegistration, settings: Any
    ) -> None:
        settings.TOKEN_KEYS = ["another-key-of-more-than-thirty-two-characters"]
        assert "cannot be read" in page(operator, f"{APPS}{app.pk}/change/")
        assert "cannot be read" in page(operator, APPS)
        save_app(operator, app, NEW_SECRET)
        assert (app.client_secret, app.previous_client_secret) == (NEW_SECRET, "")


def test_the_app_s_page_counts_who_lacks_what(operator: Client, merchant: Merchant, stranger: Merchant) -> None:
    merchant.install()
    stranger.install()
    assert "lack something" not in page(operator, f"{APPS}{merchant.app.pk}/change/")
    Installation.objects.filter(pk=merchant.installation.pk).update(scopes=["read_store_profile", "read_orders"])

    shown = page(operator, f"{APPS}{merchant.app.pk}/change/")
    assert "1 of 2 installed lack something" in shown
    assert "<code>read_catalog</code> – missing on 1" in shown


def test_pages_of_apps_read_what_a_worker_counted_and_no_installation(operator: Client, merchant: Merchant) -> None:
    merchant.install()
    vitals.refresh_health()
    AppRegistration.objects.update(wanted_scopes=[*merchant.app.wanted_scopes, "read_invoices"])

    with CaptureQueriesContext(connection) as asked:
        shown = page(operator, f"{APPS}{merchant.app.pk}/change/")
        listed = page(operator, APPS)
    assert "1 of 1 installed lack something" in shown
    assert "<code>read_invoices</code> – missing on 1" in shown
    assert 'data-label="Installed">1<' in listed
    assert not [query["sql"] for query in asked if 'FROM "installs_installation"' in query["sql"]]


class TestInstallations:
    """Found by what is wrong with them."""

    @pytest.fixture(autouse=True)
    def _installed(self, merchant: Merchant, stranger: Merchant) -> None:
        for one in (merchant, stranger):
            one.install()
        work()
        Prefill.objects.filter(pk=stranger.installation.pk).update(state="failed")

    @pytest.mark.parametrize(
        ("query", "rows"),
        [
            ("reason=prefill", 1), ("reason=fine", 1), ("reason=disconnected", 0), ("reason=nonsense", 2),
            ("state=installed", 2), ("state=uninstalled", 0), ("state=installed&reason=prefill", 1),
        ],
    )  # fmt: skip
    def test_the_filters_leave_what_they_say(self, operator: Client, query: str, rows: int) -> None:
        assert listed(operator, f"{INSTALLATIONS}?{query}") == rows


class TestEvents:
    """Read in full and without credentials, found by id, handled again."""

    @pytest.fixture(autouse=True)
    def _told(self, merchant: Merchant) -> None:
        merchant.install()
        deliver(event("order.created", data={"note": f"<b>{TOKEN}</b>", "apiToken": "short", "orderId": "XJ12H"}))
        deliver(event("order.updated", 4242))
        tasks.drain()

    def test_the_body_is_indented_and_holds_no_credential(self, operator: Client) -> None:
        row = WebhookEvent.objects.get(type="order.created")
        shown = page(operator, f"{EVENTS}{row.pk}/change/")

        assert "&quot;orderId&quot;: &quot;XJ12H&quot;" in shown
        assert row.event_id in shown
        assert not [word for word in (TOKEN, "&quot;short&quot;", "<b>") if word in shown]

    def test_the_traceback_is_shown_as_it_was_and_holds_no_credential(self, operator: Client) -> None:
        row = WebhookEvent.objects.get(type="order.created")
        lines = f'Traceback\n  File "x.py", line 1\nLookupError: <{TOKEN}>'
        WebhookEvent.objects.filter(pk=row.pk).update(traceback=lines, error=f"LookupError: {TOKEN}")
        shown = page(operator, f"{EVENTS}{row.pk}/change/")

        assert re.search(
            r"<pre[^>]*>Traceback\n  File &quot;x.py&quot;, line 1\nLookupError: &lt;\[hidden\]&gt;", shown
        )
        assert TOKEN not in shown

    @pytest.mark.parametrize(
        ("query", "rows"),
        [
            ("q=4242", 1), ("q=1003", 1), ("q=99", 0), ("state=done", 2), ("state=failed", 0),
            ("type=order.created", 1), ("signer=previous", 0), ("conflicts=yes", 0), ("conflicts=no", 2),
        ],
    )  # fmt: skip
    def test_events_are_found(self, operator: Client, query: str, rows: int) -> None:
        assert listed(operator, f"{EVENTS}?{query}") == rows

    def test_an_event_is_found_by_its_id(self, operator: Client) -> None:
        assert listed(operator, f"{EVENTS}?q={WebhookEvent.objects.first().event_id}") == 1  # type: ignore[union-attr]

    @pytest.mark.parametrize("here", [True, False])
    def test_handle_again_puts_back_what_was_chosen(self, operator: Client, here: bool) -> None:
        row = WebhookEvent.objects.get(type="order.created")
        if here:
            answer = {"confirmed": "yes", "reason": "ticket 7", "seen": "1"}
            assert operator.post(f"{EVENTS}{row.pk}/handle-again/", answer)["Location"] == f"{EVENTS}{row.pk}/change/"
        else:
            assert ordered(operator, EVENTS, "handle-again", row.pk).done == 1

        assert list(WebhookEvent.objects.due()) == [row]
        assert "ticket 7" in page(operator, f"{EVENTS}{row.pk}/history/")

    def test_one_in_a_worker_s_hands_is_left_alone(self, operator: Client) -> None:
        row = WebhookEvent.objects.get(type="order.created")
        WebhookEvent.objects.update(state="running", lease_until=datetime.now(UTC) + timedelta(minutes=1))
        assert "left alone: a worker is handling it right now" in do(operator, EVENTS, "handle-again", row.pk)
        assert not WebhookEvent.objects.due().exists()

    @pytest.mark.parametrize("body", [f'{{"x": "{TOKEN}"}}', f"not json, {TOKEN}", "[" * 2000])
    def test_a_refused_delivery_can_be_read(self, operator: Client, body: str) -> None:
        deliver(body.encode(), **{"X-Ecwid-Webhook-Signature": "AAAA"})
        shown = page(operator, f"{REJECTED}{RejectedDelivery.objects.get().pk}/change/")
        assert body.partition(TOKEN)[0][:20].replace('"', "&quot;").strip("{") in shown
        assert TOKEN not in shown


class TestPrivacy:
    """Requests with their deadline, answered and closed; receipts to be read."""

    def ask(self, merchant: Merchant, kind: str = "profile.personalDataExportRequest") -> PrivacyRequest:
        merchant.install()
        work()
        deliver(event(kind, data={"customerEmail": "somebody@example.test"}))
        tasks.drain()
        return PrivacyRequest.objects.get()

    @pytest.mark.parametrize(
        ("left", "words"),
        [
            ({"days": 20.5}, "20 days left"), ({"days": 1.5}, "1 day left"), ({"hours": 1}, "less than a day left"),
            ({"hours": -1}, "overdue by less than a day"), ({"days": -2.5}, "overdue by 2 days"),
        ],
    )  # fmt: skip
    def test_the_deadline_counts_down(
        self, operator: Client, merchant: Merchant, left: dict[str, float], words: str
    ) -> None:
        self.ask(merchant)
        PrivacyRequest.objects.update(due_at=datetime.now(UTC) + timedelta(**left))
        assert words in page(operator, REQUESTS)

    @pytest.mark.parametrize("here", [True, False])
    def test_closing_ends_it_once(self, operator: Client, merchant: Merchant, here: bool) -> None:
        request = self.ask(merchant)
        if here:
            do_here(operator, REQUESTS, "close", request.pk)
        else:
            assert "1 request closed" in do(operator, REQUESTS, "close", request.pk)
        request.refresh_from_db()
        closed_at = request.closed_at
        do(operator, REQUESTS, "close", request.pk)
        request.refresh_from_db()

        assert closed_at is not None
        assert request.closed_at == closed_at
        assert [listed(operator, f"{REQUESTS}?state={state}") for state in ("open", "closed")] == [0, 1]
        assert do_here(operator, REQUESTS, "close", request.pk).status_code == 403

    def test_an_owner_s_request_downloads_what_we_hold(self, operator: Client, merchant: Merchant) -> None:
        request = self.ask(merchant)
        answer = operator.get(f"{REQUESTS}{request.pk}/download/")

        assert answer["Content-Disposition"] == 'attachment; filename="personal-data-of-store-1003.json"'
        assert json.loads(answer.content)["settings"]["contact_email"] == "orders@papertrail.example"
        assert merchant.installation.secret_token not in answer.content.decode()
        assert "Downloaded" in page(operator, f"{REQUESTS}{request.pk}/history/")

    def test_a_customer_s_request_never_gets_the_owner_s_data(self, operator: Client, merchant: Merchant) -> None:
        request = self.ask(merchant, "customer.personalDataExportRequest")
        assert operator.get(f"{REQUESTS}{request.pk}/download/").status_code == 403
        assert "/download/" not in page(operator, f"{REQUESTS}{request.pk}/change/")

    def test_a_receipt_is_to_be_read_only(self, operator: Client) -> None:
        made = Erasure.objects.create(store_id=1003, client_id="demo-app", reason="retention", counts={"settings": 12})
        assert "settings: 12" in page(operator, f"{ERASURES}{made.pk}/change/")
        assert operator.get(f"{ERASURES}add/").status_code == 403
        assert operator.post(f"{ERASURES}{made.pk}/delete/", {"post": "yes"}).status_code == 403


DEEDS = [
    (APPS, "forget-previous-secret"),
    (INSTALLATIONS, "probe"),
    (INSTALLATIONS, "sync"),
    (INSTALLATIONS, "hold"),
    (EVENTS, "handle-again"),
    (REQUESTS, "close"),
]


@pytest.fixture
def everything(merchant: Merchant) -> dict[str, int]:
    """One row of everything that deeds are done to, by its address."""
    merchant.install()
    work()
    merchant.app.previous_client_secret = NEW_SECRET
    merchant.app.save()
    deliver(event("profile.personalDataRemovalRequest"))
    tasks.drain()
    models = {APPS: AppRegistration, INSTALLATIONS: Installation, EVENTS: WebhookEvent, REQUESTS: PrivacyRequest}
    return {path: model._default_manager.get().pk for path, model in models.items()}


def facts() -> list[Any]:
    kinds = (AppRegistration, Installation, Prefill, WebhookEvent, PrivacyRequest)
    return [list(kind._default_manager.values()) for kind in kinds]


@pytest.mark.parametrize(("path", "deed"), DEEDS)
def test_opening_a_deed_s_address_asks_and_does_nothing(
    operator: Client, everything: dict[str, int], path: str, deed: str
) -> None:
    before = facts()
    asked = operator.get(f"{path}{everything[path]}/{deed}/")

    assert asked.status_code == 200
    assert b"csrfmiddlewaretoken" in asked.content
    assert facts() == before
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("path", "deed"), DEEDS)
def test_a_deed_needs_a_token_against_forgery(everything: dict[str, int], path: str, deed: str) -> None:
    client = Client(enforce_csrf_checks=True)
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    before = facts()
    assert do_here(client, path, deed, everything[path]).status_code == 403
    assert facts() == before


@pytest.mark.parametrize(("path", "deed"), DEEDS)
def test_who_may_only_look_does_nothing(
    onlooker: Client, merchant: Merchant, everything: dict[str, int], path: str, deed: str
) -> None:
    before = facts()
    assert f"/{deed}/" not in page(onlooker, f"{path}{everything[path]}/change/")
    assert do_here(onlooker, path, deed, everything[path]).status_code == 403
    do(onlooker, path, deed, everything[path])
    merchant.get(f"{path}{everything[path]}/{deed}/")
    do_here(merchant.browser, path, deed, everything[path])

    assert facts() == before


def test_who_may_only_look_downloads_nothing(onlooker: Client, everything: dict[str, int]) -> None:
    assert onlooker.get(f"{REQUESTS}{everything[REQUESTS]}/download/").status_code == 403


@pytest.mark.parametrize("path", [APPS, INSTALLATIONS, EVENTS, REJECTED, REQUESTS, ERASURES])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    operator: Client, merchant: Merchant, stranger: Merchant, path: str
) -> None:
    def more(one: Merchant) -> None:
        one.install()
        work()
        AppRegistration.objects.create(client_id=f"app-{one.store_id}", name=f"App {one.store_id}")
        deliver(event("profile.personalDataRemovalRequest", one.store_id))
        deliver(event("order.created", one.store_id), secret="w" * 32)
        tasks.drain()
        Erasure.objects.create(store_id=one.store_id, client_id="demo-app", reason="retention")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            operator.get(path)
        return len(captured)

    more(merchant)
    queries()  # the first visit fills caches
    few = queries()
    more(stranger)
    assert queries() == few
