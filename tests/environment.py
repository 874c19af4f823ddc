"""The environment of a test run, whole and its own: loaded by pytest before any setting is read.

A developer's `.env` fills only what is not set, so every variable that the settings read is set here. With
ECWIDHUB_TEST_SERVICES=1 the database and Redis are those of the caller's environment (`make test-services`).
"""

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108  not for secrets: a disk that forgets, and waits for nothing
ROOM = 2**30


def in_memory() -> Path | None:
    """Return where files cost no disk, if this machine has such a place with room for what a run writes."""
    usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if usable else None


# Each process of a parallel run loads this module, so each has a folder of its own.
FOLDER = Path(tempfile.mkdtemp(prefix="ecwidhub-tests-", dir=in_memory()))
NOBODY = "http://127.0.0.1:9"  # the discard port: Ecwid is not there until a test points the settings at a sandbox
SERVICES = ("DATABASE_URL", "REDIS_URL")

VARIABLES = {
    "DEBUG": "off",
    "SECRET_KEY": "a-secret-key-for-tests-which-signs-nothing-that-anyone-needs",
    "SECRET_KEY_FALLBACKS": "",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "SITE_URL": "http://testserver",
    "NUM_PROXIES": "0",
    "VAR_DIR": str(FOLDER),
    "STATIC_ROOT": str(FOLDER / "static"),
    "DATABASE_URL": f"sqlite:///{FOLDER / 'ecwidhub.sqlite3'}",
    "STATEMENT_TIMEOUT": "",
    "DISABLE_SERVER_SIDE_CURSORS": "",
    "REDIS_URL": "",
    "TOKEN_KEYS": "a-token-key-for-tests-which-seals-nothing-that-anyone-needs",
    "ECWID_OAUTH_URL": f"{NOBODY}/api/oauth",
    "ECWID_API_URL": f"{NOBODY}/api/v3",
    "ECWID_ADMIN_ORIGINS": "https://my.ecwid.com",
    "ECWID_APP_SDK_URL": f"{NOBODY}/ecwid-app.js",
    "SPOOL_DIR": str(FOLDER / "spool"),
    "EMAIL_URL": "memorymail://",
    "EMAIL_FROM": "",
    "LOG_LEVEL": "INFO",
    "METRICS_TOKEN": "",
    "SENTRY_DSN": "",
    "OTLP_ENDPOINT": "",
}


def of_services() -> dict[str, str]:
    """Return the caller's database and Redis when the suite runs on them, else nothing.

    :raises pytest.UsageError: when one of them is not named.
    """
    if os.environ.get("ECWIDHUB_TEST_SERVICES") != "1":
        return {}
    missing = [name for name in SERVICES if not os.environ.get(name)]
    if missing:
        raise pytest.UsageError(f"The suite on real services needs {' and '.join(missing)} in the environment.")
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": redis_of(worker, os.environ["REDIS_URL"]),
    }


def redis_of(worker: int, url: str) -> str:
    """Return the Redis database of one parallel worker: they count up from the one that `url` names.

    Django gives every worker a database of its own; a shared queue and cache would let tests see each other.
    """
    parts = urlsplit(url)
    first = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{first + worker}"))


os.environ.update(VARIABLES | of_services())


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(FOLDER, ignore_errors=True)
