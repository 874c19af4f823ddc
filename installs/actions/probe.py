"""Probe: ask Ecwid what has become of a token, and let the rows follow. Only the answer moves these states.

alive → suspect (one refusal: nothing calls with the token any more) → a minute later one confirming probe →
uninstalled, or alive again. Paused (402) and blocked (429) tokens are not dead. At most two calls are made with a
dead token, because Ecwid punishes the whole address for more (contract §4.3).
"""

import logging
import random
import time
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now

from accounts import story
from installs.actions import uninstall
from installs.ecwid import api
from installs.models import Happening, Installation, Prefill

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
_CONFIRM = timedelta(seconds=60)
_SOON = timedelta(minutes=10)
_PAUSED = timedelta(hours=6)


def probe(*, installation_id: int) -> api.Probe | None:
    """Ask once what has become of an installation's token; None when that is not due or there is none to ask with.

    One request, outside any transaction. A token found dead twice is an uninstall that nobody told us of.
    """
    due = Installation.objects.probe_due().filter(pk=installation_id)
    if not due.update(probe_due_at=Now() + _SOON):  # doubled nudges make one call; a killed worker's comes again
        return None
    installation = Installation.objects.select_related("app", "store").get(pk=installation_id)
    started = time.monotonic()
    story.about(app=installation.app.client_id, store=installation.store.store_id)
    verdict = api.probe(installation.credentials())
    follow(installation, verdict, took_ms=round((time.monotonic() - started) * 1000))
    return verdict


def follow(installation: Installation, verdict: api.Probe, *, took_ms: int | None = None) -> None:
    """Let the rows follow what Ecwid answered. A newer generation is left alone (design rule 7)."""
    now = datetime.now(UTC)
    about = {"app": installation.app.client_id, "store": installation.store.store_id, "verdict": verdict.value}
    log.info("probed", extra=about)
    Happening.objects.note(installation, Happening.Kind.PROBE, verdict.value, took_ms=took_ms)
    current = installation.current()
    match verdict:
        case api.Probe.ALIVE:
            parked = Q(paused_at__isnull=False) | Q(token_died_at__isnull=False)
            resumed = current.filter(parked).update(paused_at=None, token_died_at=None)
            current.update(probed_at=now, probe_due_at=Now() + spread(EVERY))
            if resumed:
                Prefill(pk=installation.pk).restart()
        case api.Probe.DEAD if installation.token_died_at:
            uninstall.close(installation=installation, at=now)
        case api.Probe.DEAD:
            uninstall.suspect(installation=installation, at=now, confirm_after=_CONFIRM)
        case api.Probe.PAUSED:
            current.filter(paused_at=None).update(paused_at=now)
            current.update(probed_at=now, probe_due_at=Now() + spread(_PAUSED))
        case _:
            current.update(probe_due_at=Now() + spread(_SOON))


def spread(span: timedelta) -> timedelta:
    """Return `span` give or take a fifth, so that what began together does not stay together."""
    return span * random.uniform(0.8, 1.2)  # noqa: S311  spreads load, no secret
