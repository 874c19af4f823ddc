"""What every page of a signed-in person may show: the way to their stores. Asked for only where a page shows it."""

from typing import TypedDict

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Store, User

SHOWN = 7


class Switcher(TypedDict):
    """The first of a person's stores, and whether there are more than a list in the header can hold."""

    stores: list[Store]
    more: bool


def switcher(request: HttpRequest) -> dict[str, object]:
    """Offer `switcher` to templates."""

    def found() -> Switcher:
        user = getattr(request, "user", None)
        stores = list(Store.objects.of(user).by_name()[: SHOWN + 1]) if isinstance(user, User) else []
        return {"stores": stores[:SHOWN], "more": len(stores) > SHOWN}

    return {"switcher": SimpleLazyObject(found)}
