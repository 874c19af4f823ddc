"""What a session may see and change: a person's stores, an owner's rights, the account itself.

A store's admin vouches for that store and nothing else: whoever opens an app there is signed in as the store's first
owner, and may be anybody the store lets in. So such a session sees that one store. Only a link mailed to the account's
own address opens all of it.
"""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from accounts import languages
from accounts.models import Membership, Store, User


def person_of(request: HttpRequest) -> User:
    """Return who is signed in, where `login_required` has been."""
    assert isinstance(request.user, User)  # noqa: S101  login_required saw to it; for the type checker
    return request.user


def store_of(request: HttpRequest, store_id: int) -> Store:
    """Return the store if it is this person's; nobody learns which others exist. The answer speaks its language.

    :raises Http404: when it is not, or there is none
    """
    person = person_of(request)
    store = get_object_or_404(Store.objects.of(person).select_related("settings"), store_id=store_id)
    languages.speak_about(store, person)
    return store


def owns(person: User, store: Store) -> bool:
    """Tell whether a person is an owner of a store."""
    return store.memberships.filter(user=person, role=Membership.Role.OWNER).exists()


def owned_store(request: HttpRequest, store_id: int) -> Store:
    """Return the store if it is this person's own.

    :raises Http404: when they do not belong to it
    :raises PermissionDenied: when they are a member and not an owner, with words for them
    """
    store = store_of(request, store_id)
    if owns(person_of(request), store):
        return store
    owners = store.memberships.filter(role=Membership.Role.OWNER).select_related("user").order_by("pk")
    names = ", ".join(membership.user.name or membership.user.email for membership in owners[:3])
    about = {"store": store, "names": names}
    if not names:
        raise PermissionDenied(gettext("Only an owner of %(store)s can do this. Ask one of them.") % about)
    raise PermissionDenied(gettext("Only an owner of %(store)s can do this. Ask %(names)s.") % about)


def is_whole(person: User) -> bool:
    """Tell whether this session is about the whole account, because its own address was proven."""
    return person.confined_to is None and not person.is_staff


def is_alone(person: User) -> bool:
    """Tell whether this session sees all there is: every store of the account."""
    return not person.is_staff and person.memberships.count() == Store.objects.of(person).count()


def may_move(person: User) -> bool:
    """Tell whether this session may change the contact e-mail, which is the key to the account.

    Until somebody has proven an address, the only store's admin may.
    """
    return is_whole(person) or (is_alone(person) and not person.email_proven_at)
