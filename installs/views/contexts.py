"""The signed context: what a framed page carries instead of a cookie, and what it opens.

Browsers keep our cookies out of frames on another's site, and what no browser sends by itself needs no CSRF token:
whoever has the context got it from a page of ours. It lives a quarter of an hour and each answer brings a fresh one,
for twelve hours after the visit at most. It is for one app, one store and one generation of its installation, so an
uninstall or a reinstall ends it at once.
"""

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Self

from django.core import signing
from django.http import HttpRequest

from installs.models import AppRegistration, Installation

HEADER = "X-Hub-Context"
FIELD = "context"
LIFE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
_SALT = "native"


class Stale(Exception):
    """A context that opens nothing: missing, damaged, expired, another app's, or older than what it was made for."""


@dataclass(frozen=True)
class Context:
    """Whom a framed page speaks for. `opened_at` is the visit, in seconds since 1970."""

    client_id: str
    store_id: int
    generation: int
    language: str
    opened_at: int

    @classmethod
    def of(cls, installation: Installation, language: str) -> Self:
        """Return the context of a visit that was just believed."""
        app, store = installation.app.client_id, installation.store.store_id
        return cls(app, store, installation.generation, language, int(time.time()))

    def sealed(self) -> str:
        """Return it signed, good for `LIFE` from now."""
        return signing.dumps(asdict(self), salt=_SALT)

    def installation(self) -> Installation:
        """Return what it opens.

        :raises Stale: when that has been uninstalled, or has a newer generation.
        """
        rows = Installation.objects.installed().select_related("app", "store__settings", "prefill")
        known = rows.filter(
            app__client_id=self.client_id, store__store_id=self.store_id, generation=self.generation
        ).first()
        if known is None:
            raise Stale
        return known


def read(request: HttpRequest, app: AppRegistration) -> Context:
    """Return the context that a request to one of `app`'s doors carries, in its header or in its form.

    :raises Stale: when there is none that is ours, in time, and for this app.
    """
    sealed = request.headers.get(HEADER) or request.POST.get(FIELD, "")
    try:
        context = Context(**signing.loads(sealed, salt=_SALT, max_age=LIFE))
    except (signing.BadSignature, TypeError) as error:  # TypeError: signed by a release whose contexts had other fields
        raise Stale from error
    if context.client_id != app.client_id or time.time() - context.opened_at > LONGEST.total_seconds():
        raise Stale
    return context
