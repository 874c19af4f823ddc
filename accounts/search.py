"""Search: from what somebody reads out to an operator to stores and people. Each search has an end, however many."""

from django.db.models import Q, QuerySet

from accounts.models import Membership, Store, StoreSettings, User

MOST = 200  # by one word; who finds more has to say more
LEAST = 3  # letters of a name: fewer are in nearly all of them, and no index knows them
_LARGEST = 2**63 - 1


def stores(words: str) -> set[int]:
    """Return the keys of the stores that `words` name: a store ID, an e-mail, a part of a name.

    An e-mail must be whole, and counts for the store's contact as well as for its people.
    """
    words = words.strip()
    if "@" in words:
        return _keys(StoreSettings.objects.filter(contact_email__iexact=words)) | {
            *Membership.objects.filter(user__email__iexact=words).values_list("store", flat=True)[:MOST]
        }
    found = set[int]()
    if words.isdecimal() and int(words) <= _LARGEST:
        found |= _keys(Store.objects.filter(store_id=int(words)))
    if len(words) >= LEAST:
        named = Q(store_name__icontains=words) | Q(company_name__icontains=words)
        found |= _keys(StoreSettings.objects.filter(named))
    return found


def people(words: str) -> set[int]:
    """Return the keys of people: by whole e-mail or user name, by their store, by a part of an operator's name."""
    words = words.strip()
    found = _keys(User.objects.filter(email__iexact=words)) | _keys(User.objects.filter(username=words))
    part = Q(username__icontains=words) | Q(name__icontains=words) | Q(email__icontains=words)
    found |= _keys(User.objects.filter(part, is_staff=True))
    members = Membership.objects.filter(store__in=stores(words))
    return found | {*members.values_list("user", flat=True)[:MOST]}


def _keys(rows: "QuerySet[Store] | QuerySet[StoreSettings] | QuerySet[User]") -> set[int]:
    return {*rows.values_list("pk", flat=True)[:MOST]}
