"""A code buys its token once: whatever dies after the exchange, the grant is on disk and the sweep brings it in."""

import json
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection

from accounts import sealing
from installs import keys, spool, tasks
from installs.ecwid import oauth
from installs.models import Installation, InstallAttempt
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

Outcome = InstallAttempt.Outcome


def bought(merchant: Merchant, **changes: object) -> spool.Receipt:
    """Claim a code and exchange it, as a worker does that is killed before the database has the grant."""
    code = merchant.sandbox.press_install("demo-app", merchant.store_id)
    attempt, _ = InstallAttempt.objects.claim(merchant.app, merchant.arrival(code))
    grant = oauth.exchange_code(merchant.app.oauth_client(), code, merchant.store_id)
    facts = {"attempt": attempt.uid, "grant": grant, "exchanged_at": datetime.now(UTC), "exchange_ms": 7} | changes
    receipt = spool.Receipt(**facts)  # type: ignore[arg-type]
    spool.prepare()
    spool.put(receipt)
    return receipt


def test_a_grant_left_behind_is_installed_by_the_sweep(merchant: Merchant) -> None:
    bought(merchant)
    tasks.sweep()
    work()

    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert merchant.installation.prefill.state == "done"
    assert InstallAttempt.objects.get().outcome == Outcome.INSTALLED
    assert list(spool.waiting()) == []
    assert len(merchant.sandbox.calls_of("token")) == 1


def test_the_merchant_s_refresh_finds_the_recovered_install(merchant: Merchant) -> None:
    receipt = bought(merchant)
    tasks.sweep()
    attempt = InstallAttempt.objects.get(uid=receipt.attempt)

    assert attempt.installation == merchant.installation


def test_a_receipt_that_outlived_its_install_changes_nothing(merchant: Merchant) -> None:
    """Killed after the commit and before the file was removed."""
    receipt = bought(merchant)
    tasks.sweep()
    spool.put(receipt)
    tasks.sweep()

    assert merchant.installation.generation == 1
    assert list(spool.waiting()) == []


def test_an_old_receipt_does_not_replace_a_newer_install(merchant: Merchant) -> None:
    bought(merchant, exchanged_at=datetime.now(UTC) - timedelta(minutes=5))
    merchant.install()
    tasks.sweep()

    assert merchant.installation.generation == 1
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert InstallAttempt.objects.filter(outcome=Outcome.SUPERSEDED).count() == 1


@pytest.mark.parametrize("minutes", [10, -10])
def test_which_of_two_is_older_the_claims_say_and_no_host_s_clock(merchant: Merchant, minutes: int) -> None:
    bought(merchant, exchanged_at=datetime.now(UTC) + timedelta(minutes=minutes))
    merchant.install()
    bought(merchant, exchanged_at=datetime.now(UTC) - timedelta(minutes=minutes))
    tasks.sweep()

    assert merchant.installation.generation == 2
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert InstallAttempt.objects.filter(outcome=Outcome.SUPERSEDED).count() == 1


def test_an_abandoned_claim_whose_grant_waits_is_not_given_up(merchant: Merchant) -> None:
    bought(merchant)
    InstallAttempt.objects.update(arrived_at="2026-01-01T00:00:00Z", outcome=Outcome.WORKER_LOST)
    tasks.sweep()

    assert InstallAttempt.objects.get().outcome == Outcome.INSTALLED
    assert Installation.objects.count() == 1


def test_the_file_is_sealed_private_and_bound_to_its_name(merchant: Merchant, settings: LazySettings) -> None:
    receipt = bought(merchant)
    path = Path(settings.SPOOL_DIR) / f"{receipt.attempt}.grant"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert receipt.grant.secret_token not in path.read_text()
    moved = path.with_name("00000000-0000-4000-8000-000000000000.grant")
    path.rename(moved)
    with pytest.raises(sealing.SealBroken):
        spool.read(next(spool.waiting()))


def test_an_unreadable_receipt_does_not_stop_the_others(merchant: Merchant, settings: LazySettings) -> None:
    bought(merchant)
    (Path(settings.SPOOL_DIR) / "00000000-0000-4000-8000-000000000000.grant").write_text("v1:nonsense")
    tasks.sweep()

    assert merchant.installation.generation == 1
    assert len(list(spool.waiting())) == 1


def sealed_as(uid: str, content: object) -> bytes:
    return sealing.seal(json.dumps(content), f"spool:{uid}.grant").encode()


NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("copy of x", b""),
        ("", b""),
        (f"{{{NOBODY}}}", b""),
        (NOBODY, b"\xff\xfe"),
        (NOBODY, {}),
        (NOBODY, []),
        (NOBODY, {"grant": {"scopes": [], "rank": 1}, "exchanged_at": "2026-01-01T00:00:00+00:00"}),
        (NOBODY, None),
    ],
    ids=["copied", "nameless", "in braces", "binary", "nothing in it", "a list", "newer", "a folder"],
)
def test_no_file_whatever_stops_the_sweep_or_a_start(
    merchant: Merchant, settings: LazySettings, name: str, content: bytes | object
) -> None:
    """A name that is none of ours, a file that is none, one of another version, one that cannot be opened."""
    bought(merchant)
    path = Path(settings.SPOOL_DIR) / f"{name}.grant"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else sealed_as(name, content))
    keys.require_at_start()
    assert spool.waiting_since() is not None
    tasks.sweep()
    work()

    assert merchant.installation.prefill.state == "done"
    assert path.exists(), "somebody should look at it"


def test_a_file_that_is_none_of_ours_is_told_once(
    merchant: Merchant, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    spool.prepare()
    (Path(settings.SPOOL_DIR) / "left by a backup.grant").write_text("")
    for _ in range(3):
        tasks.sweep()

    assert [record.getMessage() for record in caplog.records].count("spool_file_not_ours") == 1


def test_without_a_spool_no_code_is_spent(merchant: Merchant, settings: LazySettings, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings.SPOOL_DIR = blocked / "spool"
    address = merchant.address()
    refused = merchant.follow(address)
    settings.SPOOL_DIR = tmp_path / "spool"

    assert refused.status_code == 503
    assert merchant.sandbox.calls == []
    assert merchant.follow(address).status_code == 303


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections that hardly wait for a lock, as long as this test lasts."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    connection.close()
    yield
    connection.close()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has its own story in test_database_down.py")
def test_a_database_that_locks_up_after_the_exchange_costs_nothing(merchant: Merchant, impatient: None) -> None:
    merchant.sandbox.disturb("token", "slow", seconds=0.4)
    lock = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    merchant.sandbox.on_call("token", lambda: lock.execute("BEGIN EXCLUSIVE"))
    answer = merchant.install()
    lock.execute("ROLLBACK")
    lock.close()

    assert answer.status_code == 202
    assert "Saved" in answer.content.decode()
    assert answer["Refresh"].startswith("5; url=/installs/")
    tasks.sweep()
    page = merchant.get(answer["Refresh"].split("url=")[1])
    assert page.status_code in (200, 303)
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)


def test_a_receipt_reads_back_as_it_was_written(merchant: Merchant) -> None:
    receipt = bought(merchant)
    assert spool.read(receipt.attempt) == receipt
    assert receipt.grant.secret_token not in repr(receipt)
