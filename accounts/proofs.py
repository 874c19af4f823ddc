"""Proofs: a person says that an address is theirs, and shows it by opening a link that was mailed there."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import PROOF_LIFE, Letter, Proof, User


def ask(*, person: User, purpose: Proof.Purpose, email: str, language: str = "") -> Letter:
    """Begin a proof and return the letter to send.

    Asked again, the one before is gone with its letter: no link may prove another address than it was mailed to.
    """
    with transaction.atomic(durable=True):
        User.objects.select_for_update().get(pk=person.pk)
        Proof.objects.filter(person=person, purpose=purpose).delete()
        proof = Proof.objects.create(person=person, purpose=purpose, email=email, expires_at=Now() + PROOF_LIFE)
        kind = Letter.Kind.JOIN if purpose == Proof.Purpose.JOIN else Letter.Kind.ADDRESS
        return Letter.objects.create(kind=kind, proof=proof, language=language, due_at=Now())


def find(person: User, purpose: Proof.Purpose, uid: UUID) -> Proof | None:
    """Return the proof that `person` began and may still complete. Whether a link belongs to it is for the caller."""
    return Proof.objects.open().filter(person=person, purpose=purpose, uid=uid).first()
