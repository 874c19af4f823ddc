"""A custom app's tokens are pasted, probed before they are saved, and make the same installation as an exchange."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from accounts.models import AuditEntry, Membership, User
from installs.models import AppRegistration, Installation, InstallAttempt
from tests.cast import work
from tests.people import let_in
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/installs/appregistration/custom/"
CLIENT_ID = "custom-app-1003-1"
SECRET = "Cu5tomCu5tomCu5tomCu5tomCu5tom77"


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    return client


class Dashboard:
    """What the merchant sees at #develop-apps of store 1003."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        nowhere, scopes = "http://testserver/nowhere", ("read_store_profile", "read_orders", "public_storefront")
        sandbox.add_app(client_id=CLIENT_ID, client_secret=SECRET, redirect_url=nowhere, scopes=scopes)
        self.renew()

    def renew(self) -> None:
        """Press Install on the app's page: new tokens, the old ones die."""
        code = self.sandbox.press_install(CLIENT_ID, 1003)
        call = {"client_id": CLIENT_ID, "client_secret": SECRET, "code": code,
                "redirect_uri": "http://testserver/nowhere", "grant_type": "authorization_code"}  # fmt: skip
        answer = requests.post(f"{self.sandbox.oauth_url}/token/1003", data=call, timeout=5).json()
        self.secret_token, self.public_token = answer["access_token"], answer["public_token"]

    def form(self, **changes: Any) -> dict[str, Any]:
        fields = {
            "client_id": CLIENT_ID, "name": "Own app", "client_secret": SECRET, "store_id": "1003",
            "secret_token": self.secret_token, "public_token": self.public_token,
            "scopes": ["read_store_profile", "read_orders"],
        }  # fmt: skip
        return fields | changes


@pytest.fixture
def dashboard(sandbox: Sandbox) -> Dashboard:
    return Dashboard(sandbox)


def paste(client: Client, form: dict[str, Any], path: str = ADD) -> HttpResponse:
    return client.post(path, form, follow=True)  # type: ignore[return-value]


def test_pasted_tokens_make_the_same_installation_as_an_exchange(operator: Client, dashboard: Dashboard) -> None:
    page = paste(operator, dashboard.form()).content.decode()

    app, installation = AppRegistration.objects.get(), Installation.objects.get()
    assert (app.kind, app.client_secret) == ("custom", SECRET)
    assert (installation.generation, installation.secret_token) == (1, dashboard.secret_token)
    assert installation.scopes == ["read_store_profile", "read_orders"]
    assert Membership.objects.get().role == "owner"
    assert "Ecwid takes the token" in page
    attempt = InstallAttempt.objects.get()
    assert (attempt.source, attempt.outcome) == ("pasted", "installed")
    work()
    installation = Installation.objects.select_related("app", "store__settings", "prefill").get()
    assert installation.health == "ok"
    assert installation.store.settings.store_name


def test_a_dead_token_is_refused_and_leaves_nothing(operator: Client, dashboard: Dashboard) -> None:
    dead = dashboard.secret_token
    dashboard.renew()
    page = paste(operator, dashboard.form(secret_token=dead)).content.decode()
    assert "Ecwid does not take this token for store 1003" in page
    assert not AppRegistration.objects.exists()
    assert not Installation.objects.exists()
    assert dead not in page


def test_a_token_of_another_store_is_refused(operator: Client, dashboard: Dashboard) -> None:
    page = paste(operator, dashboard.form(store_id="1004")).content.decode()
    assert "Ecwid does not take this token for store 1004" in page
    assert not Installation.objects.exists()


def test_while_ecwid_is_down_the_tokens_are_kept_and_probed_later(operator: Client, dashboard: Dashboard) -> None:
    dashboard.sandbox.disturb("profile", "server_error")
    page = paste(operator, dashboard.form()).content.decode()
    installation = Installation.objects.get()
    assert "Saved without proof" in page
    assert installation.probed_at is None
    assert installation.probe_due_at is not None
    assert installation.probe_due_at < datetime.now(UTC) + timedelta(minutes=10)


def test_a_plan_that_stops_us_is_told(operator: Client, dashboard: Dashboard) -> None:
    dashboard.sandbox.stores[1003].plan_has_api = False
    assert "plan or a suspension" in paste(operator, dashboard.form()).content.decode()
    assert Installation.objects.get().paused_at is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_id": "not an id"}, "Letters, digits, dots"),
        ({"store_id": "0"}, "greater than or equal to 1"),
        ({"secret_token": "two words"}, "one word"),
        ({"secret_token": "public_swapped12"}, "This is the public token"),
        ({"public_token": "secret_swapped12"}, "This is the secret token"),
        ({"secret_token": SECRET}, "This is the client secret"),
        ({"client_secret": ""}, "required"),
    ],
)  # fmt: skip
def test_what_was_mixed_up_is_told_and_nobody_is_asked(
    operator: Client, dashboard: Dashboard, change: dict[str, str], words: str
) -> None:
    calls = len(dashboard.sandbox.calls)
    page = paste(operator, dashboard.form(**change)).content.decode()
    assert words in page
    assert len(dashboard.sandbox.calls) == calls
    assert not AppRegistration.objects.exists()
    for secret in (SECRET, dashboard.secret_token, dashboard.public_token):
        assert secret not in page


def test_new_tokens_of_the_same_app_open_the_next_generation(operator: Client, dashboard: Dashboard) -> None:
    paste(operator, dashboard.form())
    app = AppRegistration.objects.get()
    path = f"/admin/installs/appregistration/{app.pk}/tokens/"
    assert path in operator.get(f"/admin/installs/appregistration/{app.pk}/change/").content.decode()
    paste(operator, dashboard.form(), path)
    assert Installation.objects.get().generation == 1  # the very same tokens

    dashboard.renew()
    paste(operator, dashboard.form(), path)
    assert Installation.objects.get().generation == 2
    assert "and this one is on store 1003" in paste(operator, dashboard.form(store_id="1004"), path).content.decode()


def test_an_app_of_the_market_has_no_such_page(operator: Client, app: AppRegistration) -> None:
    path = f"/admin/installs/appregistration/{app.pk}/tokens/"
    assert operator.get(path).status_code == 403
    assert path not in operator.get(f"/admin/installs/appregistration/{app.pk}/change/").content.decode()


def test_it_stands_in_the_audit_trail_without_a_secret(operator: Client, dashboard: Dashboard) -> None:
    paste(operator, dashboard.form())
    entries = list(AuditEntry.objects.values())
    assert [entry["what"] for entry in entries if entry["target_kind"] == "installs.installation"] == ["pasted tokens"]
    for secret in (SECRET, dashboard.secret_token, dashboard.public_token):
        assert secret not in str(entries)


def test_who_may_only_look_pastes_nothing(dashboard: Dashboard) -> None:
    onlooker = Client()
    let_in(onlooker, User.objects.create(username="onlooker", is_staff=True))
    assert onlooker.get(ADD).status_code == 403
    assert onlooker.post(ADD, dashboard.form()).status_code == 403


class TestShell:
    """The same from the shell, with the tokens on standard input."""

    @pytest.fixture(autouse=True)
    def _registered(self, sandbox: Sandbox) -> None:
        AppRegistration.objects.create(client_id=CLIENT_ID, name="Own app", kind="custom", client_secret=SECRET)

    def run(self, *lines: str, store: str = "1003") -> str:
        out = io.StringIO()
        call_command("paste_tokens", CLIENT_ID, store, stdin=io.StringIO("\n".join(lines)), stdout=out)
        return out.getvalue()

    def test_two_lines_connect_the_store(self, dashboard: Dashboard) -> None:
        assert "generation 1: Ecwid takes the token." in self.run(dashboard.secret_token, dashboard.public_token)
        assert "update_catalog" in Installation.objects.get().scopes

    @pytest.mark.parametrize("swap", [True, False])
    def test_a_wrong_order_or_number_is_refused(self, dashboard: Dashboard, swap: bool) -> None:
        lines = (dashboard.public_token, dashboard.secret_token) if swap else ("two words", "x")
        with pytest.raises(CommandError, match="secret token"):
            self.run(*lines)

    def test_a_dead_token_and_a_second_store_are_refused(self, dashboard: Dashboard) -> None:
        with pytest.raises(CommandError, match="does not take this token"):
            self.run("secret_made_up_token_0000", dashboard.public_token)
        self.run(dashboard.secret_token, dashboard.public_token)
        with pytest.raises(CommandError, match="is on store 1003"):
            self.run(dashboard.secret_token, dashboard.public_token, store="1004")
