"""The spool: where a grant waits, sealed and on disk, from the moment Ecwid gives it until the database has it.

A code buys its token once. Whatever dies in between (the database, this process, the machine's power), the file
stays and the sweep imports it. Files are sealed under TOKEN_KEYS, bound to their own name, mode 0600.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings

from accounts import sealing
from installs.ecwid import oauth

log = logging.getLogger(__name__)

_SUFFIX = ".grant"


class SpoolUnusable(Exception):
    """The spool directory cannot be written to, so no code may be exchanged."""


class Unreadable(sealing.SealBroken):
    """A file that holds no receipt we understand, or cannot be opened at all. Never carries what it holds."""


@dataclass(frozen=True)
class Receipt:
    """A grant and the visit it was bought for."""

    attempt: UUID
    grant: oauth.Grant
    exchanged_at: datetime  # by this host's clock: to be shown, and to order nothing by
    exchange_ms: int


def prepare() -> None:
    """Make sure that a grant could be written; asked before a code is spent.

    :raises SpoolUnusable: when it could not.
    """
    folder = settings.SPOOL_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SpoolUnusable(f"SPOOL_DIR cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SpoolUnusable("SPOOL_DIR is not writable")


def put(receipt: Receipt) -> None:
    """Write `receipt`, sealed, and return once the disk has it."""
    path = _path(receipt.attempt)
    when = {"exchanged_at": receipt.exchanged_at.isoformat(), "exchange_ms": receipt.exchange_ms}
    content = json.dumps(when | {"grant": asdict(receipt.grant)})
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(sealing.seal(content, f"spool:{path.name}").encode())
        file.flush()
        os.fsync(descriptor)
    partial.rename(path)
    _sync_folder()


def remove(attempt: UUID) -> None:
    """Drop the receipt of `attempt`; the database has it."""
    _path(attempt).unlink(missing_ok=True)


def waiting() -> Iterator[UUID]:
    """Yield the attempts whose grants wait, by their names. A file that somebody else left there is passed over."""
    folder: Path = settings.SPOOL_DIR
    files = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.name) if folder.is_dir() else []
    for path in files:
        if attempt := _attempt_of(path):
            yield attempt
        else:
            _note_stranger(path)


def _attempt_of(path: Path) -> UUID | None:
    """Return the attempt that a file is about, None when we have not named it."""
    try:
        attempt = UUID(path.stem)
    except ValueError:
        return None
    return attempt if path == _path(attempt) else None


@lru_cache(maxsize=64)  # once in a process, not at each sweep
def _note_stranger(path: Path) -> None:
    log.warning("spool_file_not_ours", extra={"file": path.name[:100]})


def waiting_since() -> datetime | None:
    """Return since when the oldest grant waits, None when none does."""
    times: list[float] = []
    for attempt in waiting():
        with suppress(FileNotFoundError):  # it was imported since it was listed
            times.append(_path(attempt).stat().st_mtime)
    return datetime.fromtimestamp(min(times), UTC) if times else None


def holds(attempt: UUID) -> bool:
    """Tell whether the grant of `attempt` waits here."""
    return _path(attempt).exists()


def read(attempt: UUID) -> Receipt:
    """Return the receipt of `attempt`.

    :raises FileNotFoundError: when another worker has imported it meanwhile.
    :raises sealing.SealBroken: when TOKEN_KEYS no longer holds the key it was sealed with, or it is Unreadable.
    """
    path = _path(attempt)
    try:
        content = json.loads(sealing.unseal(path.read_text(), f"spool:{path.name}"))
        grant = content["grant"] | {"scopes": tuple(content["grant"]["scopes"])}
        exchanged_at = datetime.fromisoformat(content["exchanged_at"])
        return Receipt(attempt, oauth.Grant(**grant), exchanged_at, content["exchange_ms"])
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"the file cannot be read ({type(error).__name__})") from None


def key_id(attempt: UUID) -> str:
    """Return the id of the key that sealed the receipt of `attempt`, "" when it is gone or cannot be read."""
    try:
        return sealing.key_id(_path(attempt).read_text())
    except (OSError, ValueError):
        return ""


def reseal(attempt: UUID) -> None:
    """Seal the receipt of `attempt` with the newest key. One that is imported meanwhile may come back, and is imported
    once more without effect.

    :raises sealing.SealBroken: when it does not open.
    """
    try:
        put(read(attempt))
    except FileNotFoundError:
        return


def _path(attempt: UUID) -> Path:
    folder: Path = settings.SPOOL_DIR
    return folder / f"{attempt}{_SUFFIX}"


def _sync_folder() -> None:
    """Make the new name itself durable; without this a crash could lose the file but keep its data."""
    descriptor = os.open(settings.SPOOL_DIR, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
