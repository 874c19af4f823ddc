"""Operators in Django admin: registrations are theirs to change, facts are to be read, secrets never shown."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, User
from installs import tasks
from installs.models import AppRegistration, Erasure, InstallAttempt
from tests.cast import work
from tests.deliveries import deliver
from tests.people import Merchant, let_in
from tests.signed import CLIENT_SECRET, event

pytestmark = pytest.mark.django_db(transaction=True)

APPS = "/admin/installs/appregistration/"
LISTS = (
    APPS, "/admin/installs/installation/", "/admin/installs/installattempt/", "/admin/accounts/store/",
    "/admin/accounts/user/", "/admin/auth/group/", "/admin/installs/webhookevent/", "/admin/installs/rejecteddelivery/",
    "/admin/installs/privacyrequest/", "/admin/installs/erasure/", "/admin/accounts/auditentry/",
)  # fmt: skip


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create_superuser("operator", "", "a long pass phrase"))
    return client


def form(**changes: object) -> dict[str, object]:
    """What the registration form sends."""
    fields = {
        "client_id": "label-maker",
        "name": "Label Maker",
        "kind": "external",
        "enabled": "on",
        "retention_days": "30",
        "wanted_scopes": ["read_store_profile", "read_orders"],
        "new_client_secret": "Zx81Zx81Zx81Zx81Zx81Zx81Zx81Zx81",
    }
    return fields | changes


def test_an_operator_registers_an_app_and_copies_its_addresses(operator: Client) -> None:
    operator.post(f"{APPS}add/", form())

    app = AppRegistration.objects.get()
    page = operator.get(f"{APPS}{app.pk}/change/").content.decode()
    assert app.client_secret == "Zx81Zx81Zx81Zx81Zx81Zx81Zx81Zx81"
    assert app.wanted_scopes == ["read_store_profile", "read_orders"]
    assert "http://testserver/apps/label-maker/return/" in page
    assert "http://testserver/apps/label-maker/open/" in page


def test_the_client_secret_is_never_rendered_again(operator: Client) -> None:
    operator.post(f"{APPS}add/", form())
    app = AppRegistration.objects.get()
    pages = [
        operator.get(path, follow=True).content.decode()
        for path in (APPS, f"{APPS}{app.pk}/change/", f"{APPS}{app.pk}/history/")
    ]

    assert all(app.client_secret not in page for page in pages)
    assert app.secret_fingerprint in pages[1]
    assert app.client_secret not in str(list(AuditEntry.objects.values()))


def test_a_refused_form_does_not_echo_the_secret(operator: Client) -> None:
    page = operator.post(f"{APPS}add/", form(client_id="not a client id")).content.decode()
    assert "Zx81" not in page
    assert not AppRegistration.objects.exists()


def test_an_empty_secret_keeps_the_old_one(operator: Client, app: AppRegistration) -> None:
    operator.post(f"{APPS}{app.pk}/change/", form(name="Renamed", new_client_secret=""))

    app.refresh_from_db()
    assert (app.name, app.client_secret) == ("Renamed", CLIENT_SECRET)


def test_a_new_app_needs_a_secret_and_an_unused_client_id(operator: Client, app: AppRegistration) -> None:
    assert operator.post(f"{APPS}add/", form(new_client_secret="")).status_code == 200
    assert operator.post(f"{APPS}add/", form(client_id=app.client_id)).status_code == 200
    assert AppRegistration.objects.count() == 1


def test_the_client_id_cannot_be_changed(operator: Client, app: AppRegistration) -> None:
    operator.post(f"{APPS}{app.pk}/change/", form(client_id="other"))
    app.refresh_from_db()
    assert app.client_id == "demo-app"


def test_every_list_and_page_opens_and_holds_no_secret(operator: Client, merchant: Merchant) -> None:
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    merchant.install()
    work()
    deliver(event("profile.personalDataRemovalRequest"))
    deliver(event("order.created"), secret="w" * 32)
    tasks.drain()
    Erasure.objects.create(store_id=1003, client_id="demo-app", reason="retention", counts={"settings": 12})
    installation = merchant.installation
    secrets = (CLIENT_SECRET, installation.secret_token, installation.public_token, "v1:")
    links = {
        link
        for path in LISTS
        for link in re.findall(r'href="(/admin/[^"]+/change/)', operator.get(path).content.decode())
    }

    assert len(links) >= 10
    for path in [*LISTS, *links, "/admin/"]:
        answer = operator.get(path)
        assert answer.status_code == 200, path
        assert not any(secret in answer.content.decode() for secret in secrets), path


@pytest.mark.parametrize("path", LISTS[1:4])
def test_facts_are_read_only(operator: Client, merchant: Merchant, path: str) -> None:
    merchant.install()
    page = operator.get(path).content.decode()
    change = re.search(rf'href="({path}\d+/change/)', page)

    assert operator.get(f"{path}add/").status_code == 403
    assert change is not None
    assert operator.post(change[1], {"state": "x"}).status_code == 403
    assert operator.post(change[1].replace("change", "delete"), {"post": "yes"}).status_code == 403


def test_a_support_code_finds_its_attempt(operator: Client, merchant: Merchant) -> None:
    merchant.install()
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    code = InstallAttempt.objects.latest("pk").support_code
    page = operator.get(f"/admin/installs/installattempt/?q={code}", follow=True).content.decode()

    assert code in page
    assert "Code rejected or expired" in page
    assert page.count("/change/") < operator.get("/admin/installs/installattempt/").content.decode().count("/change/")


@pytest.mark.parametrize("path", LISTS)
def test_the_number_of_queries_does_not_grow_with_the_rows(
    operator: Client, merchant: Merchant, stranger: Merchant, path: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            operator.get(path)
        return len(captured)

    merchant.install()
    work()
    queries()  # the first visit fills caches
    few = queries()
    stranger.install()
    work()

    assert queries() == few


def test_merchants_have_no_way_in(merchant: Merchant) -> None:
    merchant.install()
    assert merchant.get("/admin/").status_code == 302
    assert merchant.get(LISTS[1]).status_code == 302


def test_scripts_in_the_admin_are_ours_alone(operator: Client) -> None:
    policy = operator.get("/admin/")["Content-Security-Policy"]
    script = next(part for part in policy.split(";") if "script-src" in part)
    assert "unsafe-inline" not in script
    assert "'self'" in script
