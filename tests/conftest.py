"""The cast: a sandbox that plays Ecwid, an app registered on both sides, merchants with browsers of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.db import connection
from django.test import Client, TransactionTestCase
from pytest_django import DjangoDbBlocker

from installs.models import AppRegistration
from tests.cast import make_app
from tests.leftovers import Beginning
from tests.people import Merchant
from tests.sandbox import Sandbox


@pytest.fixture(scope="session")
def ecwid() -> Iterator[Sandbox]:
    """One sandbox a test process."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database, taken back to its beginning after each test that commits."""
    with django_db_blocker.unblock():
        beginning = Beginning()
        connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: beginning.restore())
        # A connection is kept from test to test. Opening one costs PostgreSQL more than most tests take.
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _: False)
        yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            _end_other_sessions()


def _end_other_sessions() -> None:
    """End what still holds the database open, which would keep it from being dropped.

    A thread that a test started leaves its connection to the garbage collector, which looks seldom (tests/spread.py).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class QuickHasher(ScryptPasswordHasher):
    """The hasher of production, of which nothing is asked: what it writes, the other reads."""

    work_factor = 2


@pytest.fixture(autouse=True)
def _nothing_slow(settings: LazySettings) -> None:
    """Every test client would look through all static files again, and every password take a fifth of a second."""
    settings.WHITENOISE_USE_FINDERS = False
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickHasher"]


@pytest.fixture
def sandbox(ecwid: Sandbox, settings: LazySettings, tmp_path: Path) -> Sandbox:
    """A fresh world at Ecwid's side, and settings that point to it."""
    ecwid.reset()
    settings.ECWID_OAUTH_URL = ecwid.oauth_url
    settings.ECWID_API_URL = ecwid.api_url
    settings.ECWID_ADMIN_ORIGINS = [ecwid.origin]
    settings.SPOOL_DIR = tmp_path / "spool"
    return ecwid


@pytest.fixture
def app(sandbox: Sandbox, settings: LazySettings) -> AppRegistration:
    """An app, known to Ecwid and registered here."""
    return make_app(sandbox, settings, "demo-app", "Parcel Pilot")


@pytest.fixture
def merchant(sandbox: Sandbox, app: AppRegistration) -> Merchant:
    """The owner of store 1003, with a browser that has never been here."""
    return Merchant(sandbox, app, store_id=1003)


@pytest.fixture
def stranger(sandbox: Sandbox, app: AppRegistration) -> Merchant:
    """Somebody with another store and another browser."""
    return Merchant(sandbox, app, store_id=1004)


@pytest.fixture
def browser() -> Client:
    """A browser of nobody in particular."""
    return Client()
