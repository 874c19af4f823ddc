"""Members: what becomes of people's roles in a store. A store never loses its last owner."""

import logging

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Membership, Store, User

log = logging.getLogger(__name__)

OWNER, MEMBER = Membership.Role.OWNER, Membership.Role.MEMBER


class LastOwner(Exception):
    """The store would be left without anybody who may decide for it."""


def remove(*, store: Store, user_id: int, by: User) -> None:
    """Take a person out of a store; whoever held no other is closed. Removing twice changes nothing more.

    :raises LastOwner: when nobody would own the store any more
    """
    with transaction.atomic():
        membership = _locked(store).filter(user=user_id).select_related("user").first()
        if membership is None:
            return
        others = _locked(store).filter(role=OWNER, user__is_active=True).exclude(user=user_id)
        if membership.role == OWNER and not others.exists():
            raise LastOwner
        membership.delete()
        if not membership.user.memberships.exists() and not membership.user.is_staff:
            close(membership.user)
    _log("member_removed", store, user_id, by)


def make_owner(*, store: Store, user_id: int, by: User) -> bool:
    """Make a member an owner beside the others. False when they are no member any more."""
    with transaction.atomic():
        if not _locked(store).filter(user=user_id).update(role=OWNER):
            return False
    _log("owner_made", store, user_id, by)
    return True


def hand_over(*, store: Store, user_id: int, by: User) -> bool:
    """Make a member an owner in the place of `by`, who stays as a member. False when they are no member any more."""
    with transaction.atomic():
        memberships = _locked(store)
        if user_id == by.pk or not memberships.filter(user=user_id, user__is_active=True).update(role=OWNER):
            return False
        memberships.filter(user=by).update(role=MEMBER)
    _log("store_handed_over", store, user_id, by)
    return True


def close(person: User) -> None:
    """Close an account that holds nothing any more: no way in, and no word about who it was."""
    User.objects.filter(pk=person.pk).update(is_active=False, name="", email="", email_proven_at=None)
    person.sessions.all().delete()
    person.proofs.all().delete()
    person.passkeys.all().delete()


def _locked(store: Store) -> QuerySet[Membership]:
    """Return the store's memberships, behind a lock that makes changes to them come one after the other."""
    return Membership.objects.filter(store=Store.objects.select_for_update().get(pk=store.pk))


def _log(what: str, store: Store, user_id: int, by: User) -> None:
    log.info(what, extra={"store": store.store_id, "person": user_id, "by": by.pk})
