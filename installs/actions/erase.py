"""Erase: remove what is personal about a store, and leave a receipt that holds nothing of it."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.functions import Now

from accounts import audit, personal, search
from accounts.models import Passkey, Store, StoreSettings, User
from installs.actions import find
from installs.models import Erasure, Installation, Job, PrivacyRequest, SavedView, WebhookEvent

log = logging.getLogger(__name__)

_AGAIN = timedelta(minutes=2)  # longer than a task may run
_SEARCHED = ("owner_name", "contact_email", "company_name", "company_email", "store_name", "brand_name", "phone")


class StillInstalled(Exception):
    """The store has a connected app; its settings serve that one and are not erased."""


def erase(*, installation: Installation, reason: str, dry_run: bool = False) -> Erasure:
    """Erase the personal data we hold for an installation's store; with `dry_run` only count it.

    One transaction, no request. Repeating it erases nothing more and writes another receipt of zeros.

    :raises StillInstalled: when the store has any connected app, this one included.
    """
    with transaction.atomic(durable=True):
        store = Store.objects.select_for_update().get(pk=installation.store_id)
        if Installation.objects.installed().filter(store=store).exists():
            raise StillInstalled(f"store {store.store_id} has a connected app")
        counts = {label: _erase(rows, blanks, dry_run) for label, rows, blanks in _rows(store)}
        receipt = Erasure(
            store_id=store.store_id, client_id=installation.app.client_id, reason=reason[:50], counts=counts
        )
        if not dry_run:
            receipt.save()
            now = datetime.now(UTC)
            Installation.objects.filter(store=store).update(erase_due_at=None, erased_at=now)
            log.info("erased", extra={"store": store.store_id, "reason": reason, "counts": counts})
    return receipt


def erase_after_retention(*, installation_id: int) -> Erasure | None:
    """Erase a store whose retention is over; None when it is not, or another app still serves it."""
    due = Installation.objects.filter(pk=installation_id, erase_due_at__lte=Now())
    if not due.update(erase_due_at=Now() + _AGAIN):  # doubled nudges leave one receipt; a killed worker's comes again
        return None
    installation = Installation.objects.select_related("app").get(pk=installation_id)
    try:
        return erase(installation=installation, reason="retention")
    except StillInstalled:
        # The other app's own uninstall will set a date again.
        Installation.objects.filter(pk=installation_id).update(erase_due_at=None)
        return None


def _rows(store: Store) -> list[tuple[str, QuerySet[Model], dict[str, object] | None]]:
    """Return what to blank: a label, the rows, and what each column is once erased, or None where the row goes."""
    members = User.objects.filter(memberships__store=store, is_staff=False)
    # Somebody who also belongs to a connected store keeps their name there.
    connected = Installation.objects.installed().values("store")
    members = members.exclude(pk__in=User.objects.filter(memberships__store__in=connected).values("pk"))
    settings = StoreSettings.objects.filter(store=store)
    requests = PrivacyRequest.objects.filter(installation__store=store)
    named = [settings.values_list(*_SEARCHED), members.values_list("name", "email")]
    named += [store.invitations.values_list("email"), requests.values_list("subject")]
    events = WebhookEvent.objects.filter(store_id=store.store_id)
    # The admin's history keeps the name a person had when an operator changed them.
    history = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User),
        object_id__in=[str(pk) for pk in members.values_list("pk", flat=True)],
    )
    return [
        ("settings", settings, personal.PERSONAL[StoreSettings]),
        ("passkeys", Passkey.objects.filter(person__in=members.values("pk")), None),
        ("people", members, personal.PERSONAL[User]),
        ("events", events, {"body": "", "traceback": ""}),
        ("views", SavedView.objects.filter(pk__in=_views(store, named)), None),
        ("invited", store.invitations.all(), {"email": ""}),
        ("requests", requests, {"subject": ""}),
        ("history", history, {"object_repr": ""}),
        ("reasons", audit.reasons_about(store), {"reason": ""}),
        ("jobs", Job.objects.about(store).exclude(kind="erase"), {"reason": ""}),
    ]


def _views(store: Store, named: Iterable[QuerySet[Any, tuple[str, ...]]]) -> list[int]:
    """Return the views that operators saved of a search for this store or its people, or called by their names."""
    told = {value.casefold() for rows in named for row in rows for value in row if len(value) >= search.LEAST}
    return [view.pk for view in SavedView.objects.all() if _tells(view, told, store)]


def _tells(view: SavedView, told: set[str], store: Store) -> bool:
    term = parse_qs(view.query).get("q", [""])[0].strip().casefold()
    if any(value in text for value in told for text in (term, view.name.casefold())):
        return True
    # A part of a name is theirs while it leads to nobody else.
    is_part = len(term) >= search.LEAST and any(term in value for value in told)
    return is_part and {*find.stores(term)} <= {store.pk}


def _erase(rows: QuerySet[Model], blanks: dict[str, object] | None, dry_run: bool) -> int:
    """Blank the columns of `rows`, or remove them; return how many values, or rows, were there."""
    if blanks is None:
        return rows.count() if dry_run else rows.delete()[0]
    count = sum(1 for row in rows.values(*blanks).iterator() for value in row.values() if value)
    if count and not dry_run:
        rows.update(**blanks)
    return count
