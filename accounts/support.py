"""Support view: an operator sees a store's pages as its merchant does, for a quarter of an hour, and changes nothing.

It is part of the operator's own session, so it ends with that and with the right to it. Begin, each page and end stand
in the audit trail, and the store's people can read who looked when and why.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from accounts import audit
from accounts.models import AuditEntry, Membership, Store, User

LIFE = 15 * 60
RIGHT = "accounts.support_view"
BEGUN, LOOKED, ENDED, EXPIRED = (
    "support view begun",
    "support view: looked at",
    "support view ended",
    "support view ended: its time was up",
)
_KEY = "support"


@dataclass(frozen=True)
class SupportView:
    """Who looks at what, and until when."""

    operator: User
    store: Store
    until: datetime

    @property
    def is_over(self) -> bool:
        return datetime.now(UTC) >= self.until


def begin(request: HttpRequest, *, by: User, store: Store, reason: str) -> None:
    """Begin to look at a store; whatever was looked at before ends."""
    end(request)
    request.session[_KEY] = {"store": store.pk, "until": time.time() + LIFE}
    audit.record(by=by, what=BEGUN, target=store, reason=reason, request=request)


def of(request: HttpRequest) -> SupportView | None:
    """Return the support view of this session, over or not; None when there is none, or no right to one any more."""
    known: dict[str, Any] | None = request.session.get(_KEY)
    operator = request.user
    if known is None or not isinstance(operator, User):
        return None
    inside = operator.is_staff and getattr(operator, "otp_device", None) is not None and operator.has_perm(RIGHT)
    store = Store.objects.filter(pk=known["store"]).select_related("settings").first()
    if not inside or store is None:
        return None
    return SupportView(operator, store, datetime.fromtimestamp(known["until"], UTC))


def end(request: HttpRequest) -> SupportView | None:
    """End it, and return what was looked at."""
    view = of(request)
    request.session.pop(_KEY, None)
    if view:
        audit.record(by=view.operator, what=EXPIRED if view.is_over else ENDED, target=view.store, request=request)
    return view


def merchant_of(store: Store) -> User | None:
    """Return the person whose eyes to look through: the first owner, else any member; confined to this store."""
    members = store.memberships.select_related("user").filter(user__is_active=True)
    roles = (Membership.Role.OWNER, Membership.Role.MEMBER)
    found = next((one for role in roles if (one := members.filter(role=role).order_by("pk").first())), None)
    if found is None:
        return None
    found.user.confined_to = store.pk
    return found.user


def looks_at(store: Store) -> list[AuditEntry]:
    """Return the latest support views of a store, for its people to read."""
    return list(AuditEntry.objects.filter(store_id=store.store_id, what=BEGUN).order_by("-at")[:5])
