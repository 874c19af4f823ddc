"""Back-up and restore as docs/operations.md says: dumped, erased, restored, and every secret still opens."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core import serializers
from django.core.management import call_command
from django.db import connection

from accounts import sealing
from installs.models import AppRegistration, Installation
from tests.cast import work
from tests.people import Merchant
from tests.processes import ROOT, database_url
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

GUIDE = (ROOT / "docs" / "operations.md").read_text("utf-8")


def state() -> dict[str, str]:
    """Return every row of ours, table by table, with secrets opened."""
    rooms = [apps.get_app_config(name) for name in ("accounts", "installs")]
    models = [model for room in rooms for model in room.get_models()]
    return {model._meta.label: serializers.serialize("json", model._base_manager.order_by("pk")) for model in models}


def tokens() -> dict[int, str]:
    return {one.store.store_id: str(one.secret_token) for one in Installation.objects.select_related("store")}


def run(*command: str) -> None:
    """Run a command that stands in the guide."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def two_stores(merchant: Merchant, stranger: Merchant) -> None:
    """Two stores, installed and filled."""
    for one in (merchant, stranger):
        one.install()
    work()


@pytest.mark.skipif("sqlite" not in os.environ["DATABASE_URL"], reason="the suite runs on PostgreSQL")
def test_sqlite_comes_back_whole(two_stores: None, tmp_path: Path) -> None:
    assert ".backup" in GUIDE
    file, copy = Path(str(connection.settings_dict["NAME"])), tmp_path / "copy.sqlite3"
    before, known = state(), tokens()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)  # what the shell's `.backup` calls, while the service goes on
    call_command("flush", interactive=False)
    assert state() != before
    connection.close()
    for leftover in (f"{file}-wal", f"{file}-shm"):
        Path(leftover).unlink(missing_ok=True)
    run("cp", str(copy), str(file))  # not by ourselves: closing the file would drop locks that SQLite has on it

    assert state() == before
    assert tokens() == known
    assert len(known) == 2
    assert AppRegistration.objects.get().client_secret == CLIENT_SECRET


@pytest.mark.skipif("sqlite" in os.environ["DATABASE_URL"], reason="the suite runs on SQLite")
def test_postgresql_comes_back_whole(two_stores: None, tmp_path: Path) -> None:
    assert "pg_dump --format=custom" in GUIDE
    assert "pg_restore --no-owner --exit-on-error" in GUIDE
    url, dump = database_url(), str(tmp_path / "hub.dump")
    elsewhere = urlsplit(url)._replace(path="/hub_restored").geturl()
    before, known = state(), tokens()
    run("pg_dump", "--format=custom", f"--file={dump}", url)
    with psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS hub_restored")
        server.execute("CREATE DATABASE hub_restored")
    run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={elsewhere}", dump)
    call_command("flush", interactive=False)
    assert state() != before
    original = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "hub_restored"
    try:
        assert state() == before
        assert tokens() == known
        assert AppRegistration.objects.get().client_secret == CLIENT_SECRET
    finally:
        connection.close()
        connection.settings_dict["NAME"] = original
        with psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True) as server:
            server.execute("DROP DATABASE hub_restored WITH (FORCE)")


def test_a_back_up_without_its_keys_says_so_instead_of_handing_out_noise(
    two_stores: None, settings: LazySettings
) -> None:
    settings.TOKEN_KEYS = ["another-key-that-never-sealed-anything-here"]

    with pytest.raises(sealing.SealBroken):
        tokens()
