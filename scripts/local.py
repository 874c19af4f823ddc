"""One machine's own values: its `.env` file and the sandbox's secret, made once, and the ports in use."""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_LOCAL = {"localhost", "127.0.0.1"}
_ECWID = "https://my.ecwid.com"
_ENV_FILE = """\
# This machine's own settings, made by `make run`. Every variable is explained in .env.example.
SECRET_KEY={secret_key}
TOKEN_KEYS={token_keys}
SITE_URL=http://localhost:{hub}
ECWID_OAUTH_URL=http://localhost:{sandbox}/api/oauth
ECWID_API_URL=http://localhost:{sandbox}/api/v3
ECWID_ADMIN_ORIGINS="{origins}"
ECWID_APP_SDK_URL=http://localhost:{sandbox}/ecwid-app.js
EMAIL_URL={mail}
"""
_MAIL = "filemail:///var/mail"


class Unusable(Exception):
    """Something on this machine is in the way. The message is one line that says what to do."""


@dataclass(frozen=True)
class Ports:
    """Where the service and the sandbox listen. `sandbox` is None when the real Ecwid is used instead."""

    hub: int
    sandbox: int | None


def write_env(path: Path, asked: Mapping[str, str]) -> bool:
    """Write `.env` with fresh keys, readable by its owner alone; one that exists is left as it is."""
    if path.exists():
        return False
    hub, sandbox = _port(asked, "PORT") or 8000, _port(asked, "SANDBOX_PORT") or 8100
    text = _ENV_FILE.format(
        secret_key=secrets.token_urlsafe(48),
        token_keys=secrets.token_urlsafe(48),
        hub=hub,
        sandbox=sandbox,
        origins=" ".join([*_origins(sandbox), _ECWID]),
        mail=_MAIL,
    )
    _write_private(path, text)
    return True


def sandbox_secret(path: Path) -> str:
    """Return the client secret that the sandbox and our registration share, made at the first call.

    32 letters and digits, like Ecwid's (contract §1.3).
    """
    if not path.exists():
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        _write_private(path, "".join(secrets.choice(letters) for _ in range(32)))
    return path.read_text().strip()


def with_mail(environment: Mapping[str, str], kept: Path) -> dict[str, str]:
    """Return the environment in which mails are kept in `kept`, where the sandbox's mailbox looks for them.

    What else somebody wrote into `.env` stays.
    """
    moved = {"EMAIL_URL": f"filemail:///{kept.resolve() / 'mail'}"} if environment.get("EMAIL_URL") == _MAIL else {}
    return dict(environment) | moved


def with_ports(environment: Mapping[str, str]) -> tuple[dict[str, str], Ports]:
    """Return the environment in which PORT and SANDBOX_PORT hold everywhere, and the ports.

    Without PORT the port is that of SITE_URL, likewise for the sandbox. Addresses elsewhere (a tunnel, the real
    Ecwid) stay as they are.

    :raises Unusable: when a port is not a number that a port can have.
    """
    changed = {"SITE_URL": "http://localhost:8000"} | dict(environment)
    hub = _port(changed, "PORT") or _local_port(changed["SITE_URL"]) or 8000
    changed |= {"PORT": str(hub)} | _moved(changed, ("SITE_URL",), hub)
    sandbox = _local_port(changed.get("ECWID_OAUTH_URL", ""))
    if sandbox:
        sandbox = _port(changed, "SANDBOX_PORT") or sandbox
        others = [one for one in changed.get("ECWID_ADMIN_ORIGINS", "").split() if not _local_port(one)]
        changed |= {"SANDBOX_PORT": str(sandbox), "ECWID_ADMIN_ORIGINS": " ".join([*_origins(sandbox), *others])}
        changed |= _moved(changed, ("ECWID_OAUTH_URL", "ECWID_API_URL", "ECWID_APP_SDK_URL"), sandbox)
    return changed, Ports(hub, sandbox)


def require_free(ports: Ports) -> None:
    """Make sure that both ports can be listened on.

    :raises Unusable: when one cannot.
    """
    if ports.hub == ports.sandbox:
        raise Unusable(f"PORT and SANDBOX_PORT are both {ports.hub}. Choose two.")
    for name, port in (("PORT", ports.hub), ("SANDBOX_PORT", ports.sandbox)):
        if port is not None and (reason := _why_not(port)):
            higher = (one for one in range(max(port, 1023) + 1, 65536) if one not in (ports.hub, ports.sandbox))
            free = next(one for one in higher if not _why_not(one))
            raise Unusable(f"Port {port} {reason}. Choose another: make run {name}={free}")


def _why_not(port: int) -> str:
    """Return why `port` cannot be listened on, or ""."""
    try:
        # Who listens on another of this machine's addresses would be asked in our place.
        socket.create_connection(("localhost", port), timeout=1.0).close()
    except OSError:
        pass
    else:
        return "is in use already"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return f"cannot be used ({error.strerror})"
    return ""


def _port(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise Unusable(f"{name}={text} is not a port. Give a number from 1 to 65535.")
    return int(text)


def _local_port(address: str) -> int | None:
    """Return the port of an address on this machine, None for one elsewhere."""
    parts = urlsplit(address)
    return (parts.port or 80) if parts.scheme == "http" and parts.hostname in _LOCAL else None


def _moved(environment: Mapping[str, str], names: tuple[str, ...], port: int) -> dict[str, str]:
    """Return those of the named addresses that are on this machine, with `port` in place of theirs."""
    local = {name: environment[name] for name in names if _local_port(environment.get(name, ""))}
    parts = {name: urlsplit(address) for name, address in local.items()}
    return {name: part._replace(netloc=f"{part.hostname}:{port}").geturl() for name, part in parts.items()}


def _origins(sandbox: int) -> list[str]:
    return [f"http://localhost:{sandbox}", f"http://127.0.0.1:{sandbox}"]


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
