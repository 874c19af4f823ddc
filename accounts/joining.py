"""Joining: two accounts that one person owns become one, after both were proven.

The first is proven by its session, which a mailed link opened; the other by a link mailed to its own address. Nothing
is joined because two addresses are equal, and nobody is told whether anybody has an address.
"""

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.http import urlencode

from accounts import languages, links, members, proofs, tokens
from accounts.models import Letter, Membership, Proof, User

log = logging.getLogger(__name__)


def others(proof: Proof) -> list[User]:
    """Return the accounts that the address of `proof` may sign in to, but the one that asks."""
    return [person for person in links.holders(proof.email) if person.pk != proof.person_id]


def address(proof: Proof, other: User) -> str:
    """Return the link to mail that joins `other` to the account that asked."""
    query = urlencode({"token": tokens.sign(proof.purpose, *_facts(proof, other))})
    return f"{settings.SITE_URL}{reverse('join', args=[proof.uid, other.pk])}?{query}"


def find(keeper: User, uid: UUID, other_id: int, token: str) -> User | None:
    """Return the account that a link joins to `keeper`; None when it is damaged, too old, used or somebody else's."""
    proof = proofs.find(keeper, Proof.Purpose.JOIN, uid)
    other = User.objects.filter(pk=other_id, is_active=True, is_staff=False).first()
    if proof is None or other is None or not tokens.is_signed(token, proof.purpose, *_facts(proof, other)):
        return None
    return other


def join(*, keeper: User, uid: UUID, other_id: int, token: str) -> list[Letter] | None:
    """Give `keeper` what the other account holds and close that one; return the letters that tell both addresses.

    None when the link no longer works.
    """
    with transaction.atomic(durable=True):
        accounts = User.objects.select_for_update().in_bulk(sorted([keeper.pk, other_id]))
        other = find(keeper, uid, other_id, token)
        if other is None or keeper.pk not in accounts:
            return None
        Proof.objects.filter(uid=uid).delete()
        stores = [str(store) for store in links.stores_of(other)]
        _move(other, keeper)
        addresses = dict.fromkeys(filter(None, (accounts[keeper.pk].email.lower(), other.email.lower())))
        _name(keeper, after=other)
        members.close(other)
        word = {"kind": Letter.Kind.JOINED, "facts": {"stores": stores}, "language": languages.spoken()}
        letters = [Letter.objects.create(email=email, due_at=Now(), **word) for email in addresses]
    log.info("accounts_joined", extra={"person": keeper.pk, "closed": other.pk})
    return letters


def _move(other: User, keeper: User) -> None:
    """Move memberships; where both belong to a store, the greater right stays."""
    held = {membership.store_id: membership for membership in keeper.memberships.all()}
    for membership in other.memberships.all():
        kept = held.get(membership.store_id)
        if kept is None:
            Membership.objects.filter(pk=membership.pk).update(user=keeper)
            continue
        if membership.role == Membership.Role.OWNER:
            Membership.objects.filter(pk=kept.pk).update(role=Membership.Role.OWNER)
        membership.delete()
    other.invitations.update(inviter=keeper)


def _name(keeper: User, after: User) -> None:
    User.objects.filter(pk=keeper.pk, name="").update(name=after.name)


def _facts(proof: Proof, other: User) -> tuple[object, ...]:
    # The address of the other account as it is now: once that changes, the link is void.
    expires = proof.expires_at.timestamp()
    return proof.uid, proof.person_id, proof.email, expires, other.pk, other.email.lower() == proof.email
