"""Hold: an operator stops our background work for installations, and lets it go on. What merchants do goes on."""

from django.db.models.functions import Now

from installs.models import Leased, WebhookEvent
from installs.models.installations import InstallationQuerySet

WORDS = "an operator has paused this installation"  # on the events that wait for it


def hold(*, installations: InstallationQuerySet) -> int:
    """Stop prefills, probes and the handling of events; return for how many. What runs now still ends."""
    return installations.installed().filter(held_at=None).update(held_at=Now())


def resume(*, installations: InstallationQuerySet) -> int:
    """Let the work go on; return for how many. What waited for it is due at once."""
    held = installations.exclude(held_at=None)
    stores = list(held.values_list("store__store_id", flat=True))
    resumed = held.update(held_at=None)
    waiting = WebhookEvent.objects.filter(store_id__in=stores, state=Leased.State.WAITING, error=WORDS)
    waiting.update(due_at=Now())
    return resumed
