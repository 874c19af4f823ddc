"""Rows of made-up stores, what is known of them, and their people."""

from accounts.models import Membership, Store, StoreSettings, User
from scripts.demo import bulk, words
from scripts.demo.bulk import GIVEN, NULL, Fields
from scripts.demo.plot import DAY, FIRST_STORE, Coming, Maker, Plot, shared

_COUNTRIES = shared(words.COUNTRIES, words.COUNTRY_SHARES)
_ORIGINS = """{"store_name": {"by": "%s", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"},\
 "country_code": {"by": "store", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"}}"""

TABLES: Fields = {
    Store: {"id": GIVEN, "store_id": GIVEN, "created_at": GIVEN, "onboarded_at": GIVEN},
    StoreSettings: {
        "store": GIVEN, "store_name": GIVEN, "owner_name": GIVEN, "contact_email": GIVEN, "company_name": GIVEN,
        "company_email": GIVEN, "street": GIVEN, "city": GIVEN, "state_code": "", "postal_code": GIVEN,
        "country_code": GIVEN, "phone": "", "currency": GIVEN, "currency_prefix": "", "currency_suffix": "",
        "currency_precision": 2, "currency_group_separator": ",", "currency_decimal_separator": ".",
        "prices_include_tax": 1, "weight_unit": "KILOGRAM", "dimensions_unit": "CM", "volume_unit": "ML",
        "date_format": "MMM d, yyyy", "time_format": "hh:mm a", "timezone": "UTC", "languages": '["en"]',
        "default_language": "en", "storefront_url": GIVEN, "logo_url": "", "website_platform": "", "closed": 0,
        "suspended": 0, "plan_features": "[]", "white_label": 0, "brand_name": "", "origins": GIVEN, "filled_at": GIVEN,
    },
    User: {
        "id": GIVEN, "password": "!made-up", "is_superuser": 0, "username": GIVEN, "is_staff": 0, "is_active": 1,
        "date_joined": GIVEN, "name": GIVEN, "email": GIVEN,
    },
    Membership: {"user": GIVEN, "store": GIVEN, "role": GIVEN, "created_at": GIVEN},
}  # fmt: skip


class Stores(Maker):
    """Makes stores, one after the other."""

    fields = TABLES

    def __init__(self, plot: Plot) -> None:
        super().__init__(plot)
        self.user = bulk.next_pk(User) - 1

    def add(self, coming: Coming) -> None:
        """Gather a store that is new, and its people."""
        if coming.new:
            self._open(coming.store, coming.at)

    def _open(self, pk: int, at: int) -> None:
        draw, number, when = self.random, FIRST_STORE + pk, self.stamp(at)
        first, second = self.one_of(words.FIRST), self.one_of(words.SECOND)
        person, name = self.one_of(words.PEOPLE), f"{first} {second}"
        email = f"{person.lower()}.{pk}@{second.lower()}.example"
        country = self.one_of(_COUNTRIES)
        finished = self.stamp(at + self.between(60, 3 * DAY)) if draw.random() < 0.8 else NULL
        self.tables[Store].add(pk, number, when, finished)
        by = "merchant" if draw.random() < 0.1 else "store"
        origins = _ORIGINS % (by, when, name, when, when, country, when)
        self.tables[StoreSettings].add(
            pk, name, f"{person} {first}", email, f"{name} Ltd", email, f"{pk % 200} High Street",
            second, 10_000 + pk % 89_999, country, words.CURRENCIES.get(country, "EUR"),
            f"https://store{number}.example", origins, when,
        )  # fmt: skip
        self._people(pk, f"{person} {first}", email, when)

    def _people(self, store: int, name: str, email: str, when: str) -> None:
        for role in ("owner", "member") if self.random.random() < 0.05 else ("owner",):
            self.user += 1
            address = email if role == "owner" else f"member.{email}"
            self.tables[User].add(self.user, f"made-up-{self.user}", when, name, address)
            self.tables[Membership].add(self.user, store, role, when)
