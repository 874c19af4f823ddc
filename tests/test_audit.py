"""The audit trail: every deed is in it with who, what, when, why and from where, and nothing ever leaves it."""

import re
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client, RequestFactory

from accounts import audit
from accounts.admin import AuditedAdmin
from accounts.fields import SecretField
from accounts.models import AppendOnly, AuditEntry, User
from installs.models import AppRegistration
from tests.people import Merchant, let_in
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

TRAIL = "/admin/accounts/auditentry/"
TOKEN = "secret_0123456789abcdefABCDEF"


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", "boss@hub.example", "a long pass phrase")


@pytest.fixture
def operator(boss: User) -> Client:
    client = Client()
    let_in(client, boss)
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_a_deed_is_on_record_with_who_what_why_and_from_where(boss: User, merchant: Merchant) -> None:
    merchant.install()
    asked = RequestFactory(REMOTE_ADDR="192.0.2.7").post("/")
    audit.record(by=boss, what="probe", target=merchant.installation, reason="Anna called", request=asked)

    entry = AuditEntry.objects.get()
    assert (entry.by, entry.by_name, entry.what, entry.reason) == (boss, "boss", "probe", "Anna called")
    assert (entry.target_kind, entry.target_id) == ("installs.installation", str(merchant.installation.pk))
    assert (entry.store_id, entry.address) == (1003, "192.0.2.7")
    assert list(AuditEntry.objects.about(merchant.installation)) == [entry]


def test_neither_secrets_nor_merchants_names_go_in(boss: User, merchant: Merchant) -> None:
    merchant.install()
    owner = merchant.store.owner
    User.objects.filter(pk=owner.pk).update(name="Joris", email="joris@shop.example")
    changes = {"client_secret": [CLIENT_SECRET, "x"], "note": f"was {TOKEN}", "more": {"apiToken": TOKEN, "rows": [1]}}
    audit.record(by=boss, what="replace", target=merchant.store, reason=f"saw {TOKEN}", changes=changes)
    audit.record(by=boss, what="rename", target=owner, changes={"name": ["Joris", "Jo"], "is_active": [True, False]})

    written = str(list(AuditEntry.objects.values()))
    assert not [word for word in (TOKEN, CLIENT_SECRET, "Paper", "Joris", "joris@") if word in written]
    assert AuditEntry.objects.get(what="rename").changes["is_active"] == [True, False]


def test_no_secret_column_of_any_model_goes_in() -> None:
    columns = [(kind, one) for kind in apps.get_models() for one in kind._meta.fields if isinstance(one, SecretField)]
    assert [str(one) for kind, one in columns if audit.shown(kind(), one.name, ["old", "new"]) != audit.HIDDEN] == []
    assert "client_secret" in [one.name for _kind, one in columns]


@pytest.mark.parametrize(
    "harm",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.update(reason=""),
        lambda entry: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda entry: AuditEntry.objects.bulk_update([entry], ["reason"]),
    ],
)
def test_what_is_on_record_cannot_be_changed_or_deleted(boss: User, harm: Callable[[AuditEntry], object]) -> None:
    entry = audit.record(by=boss, what="probe", reason="because")
    entry.reason = "another"
    with pytest.raises(AppendOnly):
        harm(entry)
    assert AuditEntry.objects.get().reason == "because"


def test_the_admin_shows_the_trail_and_changes_nothing_in_it(operator: Client, boss: User) -> None:
    entry = audit.record(by=boss, what="probe", reason="because", changes={"enabled": [True, False]})
    assert "True → False" in text(operator, f"{TRAIL}{entry.pk}/change/")
    for path in (f"{TRAIL}add/", f"{TRAIL}{entry.pk}/change/", f"{TRAIL}{entry.pk}/delete/"):
        assert operator.post(path, {"what": "nothing", "post": "yes"}).status_code == 403
    operator.post(TRAIL, {"action": "delete_selected", "_selected_action": [str(entry.pk)], "post": "yes"})
    assert AuditEntry.objects.get().what == "probe"


def test_the_list_counts_entries(operator: Client, boss: User) -> None:
    for what in ("probe", "erase"):
        audit.record(by=boss, what=what)
    assert re.search(r"2\s+audit entries", text(operator, TRAIL))


def test_it_outlives_who_did_it(boss: User) -> None:
    audit.record(by=boss, what="probe")
    boss.delete()
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.by_name) == (None, "boss")


def test_the_trail_is_searched_and_filtered(operator: Client, boss: User, merchant: Merchant) -> None:
    merchant.install()
    audit.record(by=boss, what="probe", target=merchant.installation, reason="Anna called")
    audit.record(by=None, what="key rotation")
    for query, found in (("q=1003", "probe"), ("q=Anna", "probe"), (f"who={boss.pk}", "probe"), ("who=service", "key")):
        other = "key" if found == "probe" else "probe"
        page = text(operator, f"{TRAIL}?{query}").partition("<tbody")[2].partition("</table")[0]
        assert (found in page, other in page) == (True, False), query


def test_the_export_holds_what_the_filters_leave_and_runs_nothing(operator: Client, boss: User) -> None:
    audit.record(by=boss, what="probe", reason="=HYPERLINK(1)", changes={"enabled": [True, False]})
    audit.record(by=None, what="key rotation")
    chosen = {"action": "export", "select_across": "1", "_selected_action": [str(AuditEntry.objects.latest("pk").pk)]}
    answer = operator.post(f"{TRAIL}?who={boss.pk}", chosen)
    assert answer.streaming
    sheet = b"".join(answer).decode()

    assert "'=HYPERLINK(1)" in sheet
    assert "probe" in sheet
    assert "key rotation" not in sheet
    assert AuditEntry.objects.latest("pk").what == "exported the audit trail"


def test_a_form_saved_in_the_admin_leaves_before_and_after(operator: Client, app: AppRegistration) -> None:
    page = f"/admin/installs/appregistration/{app.pk}/change/"
    fields = {"name": "Renamed", "kind": app.kind, "enabled": "on", "retention_days": "30"}
    secret = {"new_client_secret": "Zx81Zx81Zx81Zx81Zx81Zx81Zx81Zx81", "wanted_scopes": app.wanted_scopes}
    operator.post(page, fields | secret, REMOTE_ADDR="192.0.2.7")

    entry = AuditEntry.objects.get()
    assert (entry.what, entry.by_name, entry.address) == ("changed", "boss", "192.0.2.7")
    assert entry.changes["name"] == ["Parcel Pilot", "Renamed"]
    assert entry.changes["new_client_secret"] == audit.HIDDEN
    assert "Parcel Pilot → Renamed" in text(operator, f"{TRAIL}{entry.pk}/change/")
    history = page.replace("change/", "history/")
    assert f"{TRAIL}{entry.pk}/change/" in text(operator, history)


def test_a_new_password_is_on_record_without_being_told(operator: Client, boss: User) -> None:
    phrase = "another long pass phrase"
    fields = {"password1": phrase, "password2": phrase, "usable_password": "true"}
    assert operator.post(f"/admin/accounts/user/{boss.pk}/password/", fields).status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.what, entry.target_name) == ("changed", "boss")
    assert phrase not in str(entry.changes)


def test_every_page_of_the_admin_is_made_from_the_one_that_records() -> None:
    assert [kind for kind, page in admin.site._registry.items() if not isinstance(page, AuditedAdmin)] == []


def test_an_erasure_blanks_the_reasons_and_keeps_the_rest(boss: User, merchant: Merchant) -> None:
    merchant.install()
    audit.record(by=boss, what="probe", target=merchant.store, reason="Anna de Vries called")
    audit.reasons_about(merchant.store).update(reason="")
    entry = AuditEntry.objects.get()
    assert (entry.what, entry.store_id, entry.reason) == ("probe", 1003, "")
