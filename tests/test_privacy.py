"""What is personal: handed out whole, erased whole, and asked for with a deadline."""

import io
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command
from django.db import models

from accounts import personal
from accounts.models import Membership, Passkey, Session, SignInRequest, StoreSettings, User
from installs import tasks
from installs.models import Erasure, Installation, PrivacyRequest, SavedView, WebhookEvent
from tests.cast import long_ago, work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = {
    "profile.personalDataExportRequest": "profile.personal_data_export_request",
    "profile.personalDataRemovalRequest": "profile.personal_data_removal_request",
    "customer.personalDataExportRequest": "customer.personal_data_export_request",
    "customer.personalDataRemovalRequest": "customer.personal_data_removal_request",
}
TOLD = "a-person-nobody-else-mentions@example.test"


def shell(*words: object) -> str:
    output = io.StringIO()
    call_command(*map(str, words), stdout=output)
    return output.getvalue()


def erase(*more: str, reason: str = "the owner asked") -> str:
    return shell("erase", 1003, "--app", "demo-app", "--reason", reason, *more)


def close(merchant: Merchant) -> None:
    """Uninstall at Ecwid, and let us find out."""
    merchant.sandbox.uninstall("demo-app", merchant.store_id)
    deliver(event("application.uninstalled", merchant.store_id))
    tasks.drain()
    assert merchant.installation.state == "uninstalled"


@pytest.fixture
def left(merchant: Merchant) -> Merchant:
    """Somebody who installed, told us much, and uninstalled."""
    merchant.install()
    work()
    deliver(event("customer.updated", data={"customerEmail": TOLD}))
    deliver(event("customer.personalDataRemovalRequest", data={"customerEmail": TOLD}))
    close(merchant)
    return merchant


def rows() -> list[dict[str, Any]]:
    """Return everything that an erasure might touch."""
    kinds: list[type[models.Model]] = [StoreSettings, User, WebhookEvent, PrivacyRequest, Installation, Erasure]
    return [row for kind in kinds for row in kind._default_manager.order_by("pk").values()]


@pytest.mark.parametrize("model", [StoreSettings, User, Passkey])
def test_every_column_is_either_personal_or_not(model: type[StoreSettings] | type[User] | type[Passkey]) -> None:
    columns = {field.name for field in model._meta.concrete_fields}
    named, others = set(personal.PERSONAL[model]), personal.IMPERSONAL[model]

    assert named | others == columns
    assert not named & others


@pytest.mark.parametrize("model", [StoreSettings, User, Passkey])
def test_what_a_value_is_once_erased_says_nothing(model: type[StoreSettings] | type[User] | type[Passkey]) -> None:
    assert not any(personal.PERSONAL[model].values())


class TestRequests:
    """Ecwid passes requests on; each is opened once and has a month."""

    @pytest.mark.parametrize("spelling", [*KINDS, *KINDS.values()])
    def test_either_spelling_opens_one_request_with_its_deadline(self, merchant: Merchant, spelling: str) -> None:
        merchant.install()
        body = event(spelling, data={"customerEmail": TOLD})
        for _ in range(3):
            deliver(body)
            tasks.drain()

        request, told = PrivacyRequest.objects.get(), WebhookEvent.objects.get()
        assert request.kind in PrivacyRequest.Kind.values
        assert request.due_at == told.received_at + timedelta(days=30)
        assert (request.closed_at, request.subject, told.outcome) == (None, TOLD, "request opened")

    def test_handling_it_again_opens_no_second_one(self, merchant: Merchant) -> None:
        merchant.install()
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        shell("replay_events", "--store", 1003)
        tasks.drain()

        assert PrivacyRequest.objects.count() == 1
        assert WebhookEvent.objects.get().outcome == "request stands"

    def test_an_erased_delivery_can_still_be_handled_again(self, left: Merchant) -> None:
        erase()
        shell("replay_events", "--type", "customer.personalDataRemovalRequest")
        tasks.drain()

        assert not WebhookEvent.objects.filter(state__in=["waiting", "failed"]).exists()


class TestExport:
    """Everything we hold, and no token."""

    def test_it_holds_what_is_personal(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        deliver(event("customer.personalDataExportRequest", data={"customerEmail": TOLD}))
        tasks.drain()
        content = json.loads(shell("export_personal_data", 1003, "--app", "demo-app"))

        owner = merchant.store.owner
        assert set(content["settings"]) == set(personal.PERSONAL[StoreSettings])
        assert content["settings"]["contact_email"] == "orders@papertrail.example"
        assert [(one["name"], one["email"], one["memberships__role"]) for one in content["people"]] == [
            (owner.name, owner.email, "owner")
        ]
        assert [TOLD in one["body"] for one in content["events"]] == [True]
        assert [one["subject"] for one in content["requests"]] == [TOLD]

    def test_it_holds_no_token_and_nobody_else(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install()
        work()
        Membership.objects.create(user=merchant.store.owner, store=stranger.store)
        printed = shell("export_personal_data", 1003, "--app", "demo-app")

        assert merchant.installation.secret_token not in printed
        assert merchant.installation.public_token not in printed
        assert "v1:" not in printed
        assert stranger.store.owner.email not in printed
        assert len(json.loads(printed)["people"]) == 1

    def test_a_file_is_for_its_owner_s_eyes_and_written_whole(self, merchant: Merchant, tmp_path: Path) -> None:
        merchant.install()
        work()
        file = tmp_path / "out" / "export.json"
        file.parent.mkdir()
        file.write_text("what was there before")
        file.chmod(0o644)
        printed = shell("export_personal_data", 1003, "--app", "demo-app", "--output", file)

        assert json.loads(file.read_text()) == json.loads(shell("export_personal_data", 1003, "--app", "demo-app"))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(file.parent.iterdir()) == [file]
        assert "orders@" not in printed

    def test_a_dry_run_writes_nothing(self, merchant: Merchant, tmp_path: Path) -> None:
        merchant.install()
        printed = shell("export_personal_data", 1003, "--app", "demo-app", "--output", tmp_path / "no", "--dry-run")
        assert "Would export" in printed
        assert not (tmp_path / "no").exists()

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (("1003", "--app", "none"), "none"),
            (("4242", "--app", "demo-app"), "never installed on store 4242"),
            (("1003", "--app", "demo-app", "--output", "/no/such/folder/file"), "cannot be written"),
        ],
    )
    def test_what_cannot_be_done_is_one_line(self, merchant: Merchant, words: tuple[str, ...], complaint: str) -> None:
        merchant.install()
        with pytest.raises(CommandError, match=complaint):
            shell("export_personal_data", *words)


class TestErase:
    """Gone for good, with a receipt, and never under a connected app."""

    def test_a_connected_store_is_refused(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        before = rows()
        with pytest.raises(CommandError, match="Nothing was erased"):
            erase()
        with pytest.raises(CommandError, match="Nothing was erased"):
            erase("--dry-run")
        assert rows() == before

    def test_a_dry_run_counts_what_the_erasure_removes_and_changes_nothing(self, left: Merchant) -> None:
        before = rows()
        planned = erase("--dry-run")
        assert rows() == before
        done = erase()

        assert "nothing was changed" in planned
        assert planned.splitlines()[1:] == done.splitlines()[1:]
        assert Erasure.objects.get().counts["people"] == 2

    def test_no_personal_value_of_the_store_is_left_anywhere(self, left: Merchant) -> None:
        owner = left.store.owner
        told = [owner.name, owner.email, "papertrail.example", TOLD]
        LogEntry.objects.log_actions(str(owner.pk), [owner], CHANGE, "Changed by hand.")
        erase()

        kinds = [StoreSettings, User, Membership, Session, SignInRequest, WebhookEvent, PrivacyRequest, Installation]
        stands = str([list(kind._default_manager.values()) for kind in [*kinds, Erasure, LogEntry]])
        assert all(told)
        assert [word for word in told if word in stands] == []

    @pytest.mark.parametrize(
        ("name", "query", "goes"),
        [
            ("Callback", "q={email}&state=uninstalled", True), ("Callback", "q=call+{EMAIL}", True),
            ("Callback", "q={store}", True), ("Callback", "q={part}", True), ("Callback", "q=" + TOLD, True),
            ("About {owner}", "state=installed", True), ("Callback", "q=1003", False), ("Callback", "q=a", False),
            ("Trials", "subscription_status=TRIAL", False), ("Callback", "q={both}", False),
        ],
    )  # fmt: skip
    def test_a_view_that_operators_saved_of_a_search_for_them_goes(
        self, left: Merchant, stranger: Merchant, name: str, query: str, goes: bool
    ) -> None:
        stranger.install()
        work()
        for store, known in ((left.store, "Paper Trail Goods"), (stranger.store, "Other Goods")):
            StoreSettings.objects.filter(store=store).update(store_name=known)
        owner = left.store.owner
        User.objects.filter(pk=owner.pk).update(name="Ada Vries")
        told = {"email": owner.email, "EMAIL": owner.email.upper(), "owner": "Ada Vries"}
        told |= {"store": "paper+trail+goods", "part": "Paper+Tr", "both": "goods"}
        who = User.objects.create(username="operator", is_staff=True)
        SavedView.objects.create(owner=who, name=name.format(**told), query=query.format(**told))
        erase()

        assert SavedView.objects.exists() is not goes
        assert Erasure.objects.get().counts["views"] == goes

    def test_repeating_it_erases_nothing_more(self, left: Merchant) -> None:
        erase()
        before = [row for row in rows() if "reason" not in row]
        erase(reason="once more")

        first, second = Erasure.objects.order_by("pk")
        assert any(first.counts.values())
        assert not any(second.counts.values())
        assert [{**row, "erased_at": None} for row in rows() if "reason" not in row] == [
            {**row, "erased_at": None} for row in before
        ]

    def test_the_receipt_is_printed_and_holds_nothing_of_what_it_was(self, left: Merchant) -> None:
        printed = erase()

        receipt = Erasure.objects.get()
        assert f"Erasure {receipt.pk}: store 1003, demo-app, reason: the owner asked" in printed
        assert f"  settings     {receipt.counts['settings']}\n" in printed
        assert set(receipt.counts) >= {"settings", "people", "events", "requests", "history"}

    def test_a_member_of_another_connected_store_keeps_their_name(self, left: Merchant, stranger: Merchant) -> None:
        stranger.install()
        work()
        busy = User.objects.create_merchant(email="both@example.test", name="Both Stores")
        for store in (left.store, stranger.store):
            Membership.objects.create(user=busy, store=store)
        owner = left.store.owner
        erase()

        busy.refresh_from_db()
        owner.refresh_from_db()
        assert (busy.name, busy.email) == ("Both Stores", "both@example.test")
        assert (owner.name, owner.email) == ("", "")
        assert stranger.store.owner.email

    def test_an_operator_keeps_their_name(self, left: Merchant) -> None:
        operator = User.objects.create(username="operator", name="Ops", email="ops@example.test", is_staff=True)
        Membership.objects.create(user=operator, store=left.store)
        erase()

        operator.refresh_from_db()
        assert operator.name == "Ops"

    def test_erasing_by_hand_ends_the_retention(self, left: Merchant) -> None:
        erase()
        Installation.objects.filter(erase_due_at__isnull=False).update(erase_due_at=long_ago())
        tasks.erase(left.installation.pk)

        assert Erasure.objects.count() == 1
        assert left.installation.erased_at is not None

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 51])
    def test_a_reason_that_does_not_fit_the_receipt_is_refused(self, left: Merchant, reason: str) -> None:
        with pytest.raises(CommandError, match="reason of 1 to 50"):
            erase(reason=reason)
        assert not Erasure.objects.exists()
