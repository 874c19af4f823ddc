"""Invitations: ask somebody into a store by e-mail, and let them in once.

The link is bound to the invitation as it stands: store, address and time. Whoever opens it reads that mailbox, so it
proves the address for the person who accepts. It opens the invited store and nothing else, and it never finds an
account by its address: they come in as the person who is signed in, or as somebody new.
"""

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.http import urlencode

from accounts import tokens
from accounts.models import INVITATION_LIFE, Invitation, Letter, Membership, Store, User

log = logging.getLogger(__name__)

_PURPOSE = "invitation"


def invite(*, store: Store, email: str, by: User, language: str = "") -> Letter:
    """Ask the owner of an address into a store and return the letter to send.

    Asked again, the same invitation begins anew, and the link mailed before is void.
    """
    with transaction.atomic(durable=True):
        times = {"asked_at": Now(), "expires_at": Now() + INVITATION_LIFE}
        invitation, _ = Invitation.objects.update_or_create(store=store, email=email, defaults={"inviter": by, **times})
        invitation.letters.all().delete()
        letter = Letter.objects.create(
            kind=Letter.Kind.INVITATION, invitation=invitation, language=language, due_at=Now()
        )
    log.info("invited", extra={"store": store.store_id, "by": by.pk})
    return letter


def address(invitation: Invitation) -> str:
    """Return the link to mail."""
    query = urlencode({"token": tokens.sign(_PURPOSE, *_facts(invitation))})
    return f"{settings.SITE_URL}{reverse('invitation', args=[invitation.uid])}?{query}"


def find(uid: UUID, token: str) -> Invitation | None:
    """Return the invitation that a link opens; None when it is damaged, too old, used or withdrawn."""
    rows = Invitation.objects.open().select_related("store__settings", "inviter")
    invitation = rows.filter(uid=uid).first()
    return invitation if invitation and tokens.is_signed(token, _PURPOSE, *_facts(invitation)) else None


def accept(*, uid: UUID, token: str, person: User | None, name: str = "") -> Membership | None:
    """Use an invitation up: let `person` in, or somebody new. None when its link no longer works."""
    with transaction.atomic(durable=True):
        Invitation.objects.select_for_update().filter(uid=uid).first()  # of two clicks at once, one gets in
        invitation = find(uid, token)
        if invitation is None:
            return None
        person = person or User.objects.create_merchant(email=invitation.email, name=name)
        if person.email.lower() == invitation.email:
            User.objects.filter(pk=person.pk).update(email_proven_at=Now())
        membership, _ = Membership.objects.get_or_create(user=person, store=invitation.store)
        invitation.delete()
    log.info("invitation_accepted", extra={"store": membership.store.store_id, "person": person.pk})
    return membership


def _facts(invitation: Invitation) -> tuple[object, ...]:
    return invitation.uid, invitation.store_id, invitation.email, invitation.expires_at.timestamp()
