"""Moving: a new contact e-mail. The new address proves itself first, and the old one is told."""

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.http import urlencode

from accounts import languages, proofs, tokens
from accounts.models import Letter, Proof, Session, User

log = logging.getLogger(__name__)


def address(proof: Proof) -> str:
    """Return the link to mail to the new address."""
    query = urlencode({"token": tokens.sign(proof.purpose, *_facts(proof))})
    return f"{settings.SITE_URL}{reverse('confirm-email', args=[proof.uid])}?{query}"


def find(person: User, uid: UUID, token: str) -> Proof | None:
    """Return the new address a link confirms; None when it is damaged, too old, used or somebody else's."""
    proof = proofs.find(person, Proof.Purpose.ADDRESS, uid)
    return proof if proof and tokens.is_signed(token, proof.purpose, *_facts(proof)) else None


def move(*, person: User, uid: UUID, token: str, session_key: str) -> list[Letter] | None:
    """Take the confirmed address over; every other session ends. Returns the letter to the old one, if there is one.

    Sign-in links mailed to the old address are void from now on (SESAME_INVALIDATE_ON_EMAIL_CHANGE). None when the
    link no longer works.
    """
    with transaction.atomic(durable=True):
        before = User.objects.select_for_update().get(pk=person.pk).email
        proof = find(person, uid, token)
        if proof is None:
            return None
        User.objects.filter(pk=person.pk).update(email=proof.email, email_proven_at=Now())
        Session.objects.filter(user=person).exclude(pk=session_key).delete()
        person.proofs.all().delete()
        told = [before] if before and before.lower() != proof.email else []
        word = {"kind": Letter.Kind.MOVED, "language": languages.spoken(), "due_at": Now()}
        letters = [Letter.objects.create(email=email, **word) for email in told]
    log.info("contact_email_changed", extra={"person": person.pk})
    return letters


def _facts(proof: Proof) -> tuple[object, ...]:
    return proof.uid, proof.person_id, proof.email, proof.expires_at.timestamp()
