"""Operators at the shell."""

import io
import json
import os
import pwd
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accounts import audit
from accounts.models import AuditEntry
from installs import tasks
from installs.models import AppRegistration, Installation, Job, WebhookEvent
from tests import people
from tests.cast import long_ago, work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command with a secret in its environment, or with text on its standard input."""

    def run(*words: str, secret: str = "", typed: str = "") -> str:
        monkeypatch.setenv("CLIENT_SECRET", secret)
        output = io.StringIO()
        given: dict[str, Any] = {"stdin": io.StringIO(typed)} if words[0] == "register_app" else {}
        call_command(*words, stdout=output, **given)
        return output.getvalue()

    return run


@pytest.fixture(autouse=True)
def _nobody_works(settings: LazySettings) -> None:
    """The doctor need not wait for a worker that is not there."""
    settings.DOCTOR_PATIENCE = 0.05


def test_register_app_creates_and_prints_the_addresses(shell: Callable[..., str]) -> None:
    printed = shell(
        "register_app", "parcels", "--name", "Parcels", "--scopes", "read_orders", secret="from-the-variable"
    )

    app = AppRegistration.objects.get()
    assert (app.client_id, app.name, app.kind) == ("parcels", "Parcels", "external")
    assert app.client_secret == "from-the-variable"
    assert app.wanted_scopes == ["read_orders"]
    assert "http://testserver/apps/parcels/return/" in printed
    assert "from-the-variable" not in printed


def test_the_secret_may_come_on_standard_input(shell: Callable[..., str]) -> None:
    shell("register_app", "parcels", "--name", "Parcels", typed="typed-secret\n")
    assert AppRegistration.objects.get().client_secret == "typed-secret"


def test_register_app_updates_and_keeps_what_is_not_given(shell: Callable[..., str], app: AppRegistration) -> None:
    shell("register_app", "demo-app", "--name", "Renamed")

    again = AppRegistration.objects.get()
    assert again.name == "Renamed"
    assert again.client_secret == app.client_secret
    assert again.wanted_scopes == app.wanted_scopes


@pytest.mark.parametrize(
    ("words", "secret", "complaint"),
    [
        (("parcels", "--name", "Parcels"), "", "CLIENT_SECRET"),
        (("parcels", "--name", "Parcels", "--scopes", "read_everything"), "s", "read_everything"),
        (("not a client id", "--name", "Parcels"), "s", "Letters"),
        (("parcels", "--name", "x" * 101), "s", "100"),
        (("parcels", "--name", "Parcels"), "two\nlines", "one line"),
    ],
)
def test_register_app_refuses_with_one_clear_line(
    shell: Callable[..., str], words: tuple[str, ...], secret: str, complaint: str
) -> None:
    with pytest.raises(CommandError, match=complaint):
        shell("register_app", *words, secret=secret)
    assert not AppRegistration.objects.exists()


def test_installations_tells_everything_but_the_tokens(shell: Callable[..., str], merchant: Merchant) -> None:
    merchant.install()
    work()
    printed = shell("installations", "--json")

    (row,) = json.loads(printed)
    assert row | {"installed_at": ""} == {
        "client_id": "demo-app",
        "store_id": 1003,
        "state": "installed",
        "generation": 1,
        "scopes": ["read_store_profile", "read_catalog", "public_storefront", "read_orders"],
        "user": "orders@papertrail.example",
        "prefill": "done",
        "health": "ok",
        "installed_at": "",
        "uninstalled_at": None,
    }
    assert merchant.installation.secret_token not in printed
    assert merchant.installation.public_token not in printed
    assert "Paper" not in shell("installations")
    assert "1003" in shell("installations", "--app", "demo-app")


def test_installations_of_nobody(shell: Callable[..., str], app: AppRegistration) -> None:
    assert shell("installations", "--json").strip() == "[]"
    assert "No installations" in shell("installations")
    with pytest.raises(CommandError, match="no-such-app"):
        shell("installations", "--app", "no-such-app")


def test_the_doctor_finds_a_healthy_house(shell: Callable[..., str], merchant: Merchant) -> None:
    merchant.install()
    findings = {row["subject"]: row for row in json.loads(shell("doctor", "--json"))}

    assert findings["database"]["level"] == "ok"
    assert findings["keys"]["level"] == "ok"
    assert findings["clock"]["level"] == "ok"
    assert findings["spool"]["level"] == "ok"
    assert findings["app demo-app"]["level"] == "ok"
    assert findings["worker"]["level"] == "warning"
    assert "celery -A ecwidhub worker" in findings["worker"]["advice"]


def test_the_doctor_names_a_key_that_is_missing(
    shell: Callable[..., str], merchant: Merchant, settings: LazySettings
) -> None:
    merchant.install()
    settings.TOKEN_KEYS = ["another-key-of-more-than-thirty-two-characters"]
    with pytest.raises(CommandError, match="keys"):
        shell("doctor")


def test_the_doctor_names_a_wrong_client_secret(shell: Callable[..., str], merchant: Merchant) -> None:
    merchant.app.client_secret = "Zz" * 16
    merchant.app.save()
    merchant.install()
    with pytest.raises(CommandError, match="app demo-app"):
        shell("doctor")


def test_the_doctor_names_an_unusable_spool(
    shell: Callable[..., str], app: AppRegistration, settings: LazySettings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    with pytest.raises(CommandError, match="spool"):
        shell("doctor")


class Terminal(io.StringIO):
    """Somebody who looks on; `impatient` presses Ctrl-C once the first line of progress shows."""

    def __init__(self, *, impatient: bool = False) -> None:
        super().__init__()
        self.impatient = impatient

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.impatient and " of " in text:
            raise KeyboardInterrupt
        return super().write(text)


def ends() -> list[tuple[str, int]]:
    """Return the state and tries of every event, in their order."""
    return list(WebhookEvent.objects.order_by("pk").values_list("state", "tries"))


class TestReplayEvents:
    """Recorded events are handled once more, those an operator means and no others."""

    @pytest.fixture(autouse=True)
    def _handled_and_dead(self, merchant: Merchant) -> None:
        """Two orders handled, one profile change that failed for good."""
        merchant.install()
        for body in (event("order.created"), event("order.updated"), event("profile.updated")):
            deliver(body)
        tasks.drain()
        WebhookEvent.objects.filter(type="profile.updated").update(state="failed", tries=11, outcome="", error="why")

    @pytest.mark.parametrize(
        ("words", "back"),
        [
            (("--dead",), ["profile.updated"]),
            (("--type", "order.Updated"), ["order.updated"]),
            (("--store", "1003"), ["order.created", "order.updated", "profile.updated"]),
            (("--store", "4242"), []),
            (("--app", "demo-app", "--type", "order.created"), ["order.created"]),
            (("--since", "2020-01-01"), ["order.created", "order.updated", "profile.updated"]),
            (("--since", "2020-01-01T08:00+02:00", "--dead"), ["profile.updated"]),
            (("--since", "2120-01-01"), []),
        ],
    )
    def test_what_the_filters_leave_is_put_back(
        self, shell: Callable[..., str], words: tuple[str, ...], back: list[str]
    ) -> None:
        assert re.match(rf"{len(back)} events? would", shell("replay_events", *words, "--dry-run"))
        assert not WebhookEvent.objects.filter(state="waiting").exists()
        printed = shell("replay_events", *words)

        waiting = WebhookEvent.objects.due().filter(tries=0, error="", handled_at=None)
        assert sorted(waiting.values_list("type", flat=True)) == back
        assert re.fullmatch(rf"{len(back)} events? put back to be handled\.\n", printed)
        tasks.drain()
        assert not WebhookEvent.objects.filter(type__in=back).exclude(state="done").exists()

    def test_one_event_is_named_by_its_id(self, shell: Callable[..., str]) -> None:
        row = WebhookEvent.objects.get(type="order.created")
        shell("replay_events", row.event_id)

        assert list(WebhookEvent.objects.due()) == [row]

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ((), "Say which"),
            (("--dry-run",), "Say which"),
            (("80aece08-0000-0000-0000-000000000000",), "No recorded event"),
            (("--app", "no-such-app"), "no-such-app"),
            (("--since", "yesterday"), "yesterday"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_with_one_line(
        self, shell: Callable[..., str], words: tuple[str, ...], complaint: str
    ) -> None:
        before = ends()
        with pytest.raises(CommandError, match=complaint):
            shell("replay_events", *words)
        assert ends() == before

    def test_an_event_in_a_worker_s_hands_is_left_alone(self, shell: Callable[..., str]) -> None:
        WebhookEvent.objects.filter(type="order.created").update(
            state="running", lease_until=datetime.now(UTC) + timedelta(minutes=1)
        )
        assert "a worker is handling them right now: 1." in shell("replay_events", "--store", "1003")
        assert WebhookEvent.objects.get(type="order.created").state == "running"

    def test_an_interrupted_run_has_put_back_nothing(self) -> None:
        before = ends()
        with pytest.raises(CommandError, match="Nothing was put back") as stopped:
            call_command("replay_events", "--store", "1003", stdout=Terminal(impatient=True))

        assert stopped.value.returncode == 130
        assert ends() == before

    def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(self, shell: Callable[..., str]) -> None:
        assert "\r" not in shell("replay_events", "--dead")
        terminal = Terminal()
        call_command("replay_events", "--store", "1003", stdout=terminal)
        assert "\r3 of 3 events\n" in terminal.getvalue()


class TestProbe:
    """Ecwid is asked now; a token that is gone or suspected is not used."""

    @pytest.fixture(autouse=True)
    def _installed(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install()
        work()
        # An install counts as an answer; these are from before.
        Installation.objects.update(probed_at=datetime.now(UTC) - timedelta(hours=1))

    def test_the_answers_are_counted(self, shell: Callable[..., str], merchant: Merchant) -> None:
        merchant.sandbox.stores[1004].suspended = True
        lately = Installation.objects.filter(probed_at__gt=datetime.now(UTC) - timedelta(minutes=1))
        assert not lately.exists()
        assert shell("probe", "--app", "demo-app") == "1 alive, 1 paused.\n"
        assert lately.count() == 2

    def test_one_store_is_asked_about_however_lately_it_was(self, shell: Callable[..., str]) -> None:
        assert [shell("probe", "1003"), shell("probe", "1003")] == ["1 alive.\n"] * 2

    def test_a_dry_run_asks_nobody(self, shell: Callable[..., str], merchant: Merchant) -> None:
        before = len(merchant.sandbox.calls)
        assert "2 tokens would be asked about" in shell("probe", "--all", "--dry-run")
        assert len(merchant.sandbox.calls) == before

    def test_a_wiped_token_is_not_used(self, shell: Callable[..., str], merchant: Merchant) -> None:
        merchant.sandbox.uninstall("demo-app", 1003)
        deliver(event("application.uninstalled"))
        tasks.drain()
        before = len(merchant.sandbox.calls)

        assert shell("probe", "1003") == "1 uninstalled, not asked about.\n"
        assert shell("probe", "--all") == "1 alive, 1 uninstalled, not asked about.\n"
        assert len(merchant.sandbox.calls) == before + 1

    def test_a_suspect_waits_for_its_confirming_probe(self, shell: Callable[..., str], merchant: Merchant) -> None:
        merchant.sandbox.uninstall("demo-app", 1003)
        assert shell("probe", "1003") == "1 dead.\n"
        before = len(merchant.sandbox.calls)

        assert shell("probe", "1003") == "1 waiting for the confirming probe.\n"
        assert len(merchant.sandbox.calls) == before
        Installation.objects.filter(pk=merchant.installation.pk).update(probe_due_at=long_ago())
        assert shell("probe", "1003") == "1 dead.\n"
        assert merchant.installation.state == "uninstalled"

    def test_an_interrupted_run_goes_on_and_asks_nobody_twice(
        self, shell: Callable[..., str], merchant: Merchant
    ) -> None:
        before = len(merchant.sandbox.calls)
        with pytest.raises(CommandError, match="go on"):
            call_command("probe", "--all", stdout=Terminal(impatient=True))
        assert len(merchant.sandbox.calls) == before + 1

        assert shell("probe", "--all") == "1 alive.\n"
        assert shell("probe", "--all") == "Nothing to ask about.\n"
        assert len(merchant.sandbox.calls) == before + 2

    @pytest.mark.parametrize("words", [(), ("--dry-run",), ("--app", "no-such-app"), ("4242",)])
    def test_nobody_in_particular_is_refused(self, shell: Callable[..., str], words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            shell("probe", *words)


class TestTrail:
    """Whoever changes something from the shell stands in the audit trail, as an operator would."""

    def entry(self) -> AuditEntry:
        entry = AuditEntry.objects.get()
        assert entry.by is None
        return entry

    def test_an_app_s_registration_with_what_changed_and_no_secret(self, shell: Callable[..., str]) -> None:
        shell("register_app", "parcels", "--name", "Parcels", secret="from-the-variable")
        assert (self.entry().by_name, self.entry().what) == (f"manage.py register_app ({me()})", "added")
        shell("register_app", "parcels", "--name", "Parcels", secret="from-the-variable")
        assert AuditEntry.objects.count() == 1
        shell("register_app", "parcels", "--name", "Letters", secret="another-one")

        entry = AuditEntry.objects.about(AppRegistration.objects.get()).latest("pk")
        assert (entry.what, entry.changes) == (
            "changed", {"name": ["Parcels", "Letters"], "client_secret": "[hidden]"},
        )  # fmt: skip
        assert "from-the-variable" not in str(list(AuditEntry.objects.values()))

    def test_a_rotation_of_keys(self, shell: Callable[..., str], app: AppRegistration, settings: LazySettings) -> None:
        settings.TOKEN_KEYS = ["a-newer-key-of-more-than-thirty-two-characters", *settings.TOKEN_KEYS]
        shell("rotate_keys", "--reason", "yearly")
        entry = self.entry()
        assert (entry.by_name, entry.reason) == (f"manage.py rotate_keys ({me()})", "yearly")
        assert (entry.target_kind, entry.target_id) == ("installs.job", str(Job.objects.get().pk))
        shell("rotate_keys", "--check")
        assert AuditEntry.objects.count() == 1

    def test_an_import(self, shell: Callable[..., str], merchant: Merchant, tmp_path: Path) -> None:
        file = tmp_path / "stores.csv"
        file.write_text("store_id,secret_token\n1003,secret_of_nobody_at_all\n")
        with pytest.raises(CommandError):  # Ecwid does not take that token
            shell("import_installations", str(file), "--app", "demo-app", "--dry-run")
        entry = self.entry()
        assert (entry.by_name, entry.reason) == (f"manage.py import_installations ({me()})", "import from the shell")
        assert entry.changes == {"rows": 1, "dry_run": True}
        assert "secret_of_nobody" not in str(list(AuditEntry.objects.values()))

    @pytest.mark.parametrize(
        ("words", "what"),
        [
            (("probe", "1003"), "probed tokens"), (("probe", "1003", "--dry-run"), ""),
            (("replay_events", "--store", "1003"), "had events handled again"),
            (("export_installations",), "exported installations"),
            (("export_personal_data", "1003", "--app", "demo-app"), "exported personal data"),
            (("export_personal_data", "1003", "--app", "demo-app", "--dry-run"), ""),
            (("erase", "1003", "--app", "demo-app", "--reason", "asked"), "erased personal data"),
            (("erase", "1003", "--app", "demo-app", "--reason", "asked", "--dry-run"), ""),
        ],
    )  # fmt: skip
    def test_what_is_done_to_stores_and_not_what_is_only_tried(
        self, shell: Callable[..., str], merchant: Merchant, words: tuple[str, ...], what: str
    ) -> None:
        merchant.install()
        work()
        if words[0] == "erase":
            Installation.objects.update(uninstalled_at=long_ago())
        shell(*words)
        entries = AuditEntry.objects.values_list("what", "by_name")
        assert list(entries) == ([(what, f"manage.py {words[0]} ({me()})")] if what else [])

    def test_the_trail_is_filtered_by_them(self, shell: Callable[..., str]) -> None:
        shell("register_app", "parcels", "--name", "Parcels", secret="from-the-variable")
        audit.record(by=None, what="did it by itself")
        trail, boss = "/admin/accounts/auditentry/?who=", people.operator()
        by_command, by_itself = (boss.get(trail + who).content.decode() for who in ("command", "service"))
        assert ("did it by itself" in by_command, "manage.py register_app" in by_command) == (False, True)
        assert ("did it by itself" in by_itself, "manage.py register_app" in by_itself) == (True, False)


def me() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    "name", ["replay_events", "probe", "erase", "export_personal_data", "doctor", "installations", "register_app"]
)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(name, "--help")

    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 300
