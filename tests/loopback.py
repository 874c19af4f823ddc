"""The guard at the door: a test that reaches beyond this machine fails, even when the code swallows the error.

An audit hook sees every connection that Python code makes, whatever library makes it.
"""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

_WATCHED = {"socket.connect", "socket.sendto", "socket.getaddrinfo"}
_NAMES = {"localhost", ""}
_seen: list[str] = []


class Outside(RuntimeError):
    """Somebody tried to reach beyond this machine."""


def is_inside(host: object) -> bool:
    """Tell whether a host is this machine, or a name under `.invalid`, which exists nowhere (RFC 6761)."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or not isinstance(name, str):
        return name is None
    name = name.lower().rstrip(".").partition("%")[0]
    if name in _NAMES or name.endswith((".invalid", ".localhost")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host(event: str, arguments: tuple[Any, ...]) -> object:
    """Return the host an event is about; a socket of this machine (a file's name) has none."""
    if event == "socket.getaddrinfo":
        return arguments[0]
    connection, address = arguments[0], arguments[1]
    return address[0] if connection.family in (socket.AF_INET, socket.AF_INET6) else None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Stop what would leave this machine, and remember it for the test's verdict.

    :raises Outside: when it would.
    """
    if event in _WATCHED and not is_inside(host := _host(event, arguments)):
        _seen.append(f"{event} {host}")
        raise Outside(f"Tests stay on this machine: {event} {host}")


sys.addaudithook(watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Begin each test with a clean record."""
    _seen.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Fail the test that reached out, whatever became of the error that stopped it."""
    result = yield
    if _seen:
        pytest.fail(f"reached beyond this machine: {', '.join(_seen)}", pytrace=False)
    return result
