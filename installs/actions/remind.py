"""Remind: mail a store's owner the link by which they connect an app again. The link carries nobody's identity."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts import languages
from accounts.models import Letter, Membership, User
from installs.models import Happening, Installation

PAUSE = timedelta(days=1)  # between two such mails about one installation, whoever asks for them


def lately() -> Exists:
    """Tell of an installation's row whether one was mailed within the pause."""
    mails = Happening.objects.filter(kind=Happening.Kind.REMINDED, last_at__gt=Now() - PAUSE)
    return Exists(mails.filter(installation=OuterRef("pk")))


def unreachable() -> Q:
    """Tell of an installation's row whether no owner of its store has an e-mail address."""
    return ~Q(Exists(_owners().filter(store=OuterRef("store"))))


def remind(*, installation: Installation) -> Letter | None:
    """Write the letter to the store's first owner who has an address, in their language; None while it is too soon.

    One transaction, no request; of two calls at once one writes.
    """
    with transaction.atomic(durable=True):
        Installation.objects.select_for_update().get(pk=installation.pk)
        found = _owners().filter(store=installation.store_id).select_related("user").order_by("pk").first()
        # Looked at under the lock, by a query of its own: it sees what the one before us has written.
        if found is None or Installation.objects.filter(lately(), pk=installation.pk).exists():
            return None
        Happening.objects.note(installation, Happening.Kind.REMINDED, "mailed")
        return _letter(installation, found.user)


def _letter(installation: Installation, owner: User) -> Letter:
    app, store = installation.app, installation.store
    return Letter.objects.create(
        kind=Letter.Kind.RECONNECT,
        email=owner.email,
        facts={"app": app.name, "store": store.display_name, "link": app.address("connect")},
        language=languages.of_people([owner]) or languages.of_store(store),
        due_at=Now(),
    )


def _owners() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Membership.Role.OWNER).exclude(user__email="")
