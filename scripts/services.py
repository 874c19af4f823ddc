"""The PostgreSQL database and the Redis databases that one run of the suite borrows: looked at, made, taken away.

    python -m scripts.services usable postgres://postgres@127.0.0.1:5432/postgres
    python -m scripts.services make   postgres://postgres@127.0.0.1:5432/ecwidhub_ci
    python -m scripts.services drop   postgres://postgres@127.0.0.1:5432/ecwidhub_ci
    python -m scripts.services usable redis://127.0.0.1:6379/12
    python -m scripts.services drop   redis://127.0.0.1:6379/12

Ends with 0, or with 1 and one line. Of Redis it borrows the named database and all above it, and only when they are
empty: somebody else's data is never touched.
"""

import sys
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

_REDIS_DATABASES = 16  # what a Redis has unless told otherwise


class Unusable(Exception):
    """The service does not answer, does not let us in, or holds data of somebody else."""


def main(verb: str, url: str) -> None:
    """Do `verb` to the service at `url`.

    :raises Unusable: when that cannot be done.
    """
    kind = urlsplit(url).scheme
    try:
        _VERBS[kind, verb](url)
    except (psycopg.Error, redis.RedisError) as error:
        raise Unusable(f"{kind}: {type(error).__name__}: {error}") from error


def _administer(url: str) -> tuple["psycopg.Connection", str]:
    """Return a connection that can make and drop databases, and the name of the one in `url`."""
    parts = urlsplit(url)
    everywhere = urlunsplit(parts._replace(path="/postgres"))
    return psycopg.connect(everywhere, autocommit=True, connect_timeout=3), parts.path.strip("/")


def _postgres_usable(url: str) -> None:
    connection, _ = _administer(url)
    with connection:
        row = connection.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise Unusable("postgres: this user may not make databases")


def _postgres_drop(url: str) -> None:
    """Drop the database, and those that Django made of it for its tests."""
    connection, name = _administer(url)
    with connection:
        theirs = f"test_{name}%".replace("_", r"\_")
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname = %s OR datname LIKE %s", (name, theirs)
        )
        for (found,) in rows.fetchall():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(found)))


def _postgres_make(url: str) -> None:
    """Make the database anew; one that an interrupted run left goes first."""
    _postgres_drop(url)
    connection, name = _administer(url)
    with connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _redis_usable(url: str) -> None:
    for client in _redis_databases(url):
        if client.dbsize():
            raise Unusable("redis: its databases are not empty")


def _redis_drop(url: str) -> None:
    for client in _redis_databases(url):
        client.flushdb()


def _redis_databases(url: str) -> list["redis.Redis"]:
    parts = urlsplit(url)
    numbers = range(int(parts.path.strip("/") or 0), _REDIS_DATABASES)
    addresses = [urlunsplit(parts._replace(path=f"/{number}")) for number in numbers]
    return [redis.Redis.from_url(address, socket_timeout=3, socket_connect_timeout=3) for address in addresses]


_VERBS: dict[tuple[str, str], Callable[[str], None]] = {
    ("postgres", "usable"): _postgres_usable,
    ("postgres", "make"): _postgres_make,
    ("postgres", "drop"): _postgres_drop,
    ("redis", "usable"): _redis_usable,
    ("redis", "drop"): _redis_drop,
}


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except Unusable as unusable:
        sys.exit(str(unusable))
