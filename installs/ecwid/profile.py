"""Reads a store profile into our own fields: each is judged alone, and nothing that Ecwid sends raises."""

import dataclasses
import functools
import re
import zoneinfo
from collections.abc import Callable
from typing import Any

from installs.ecwid import values

# Characters. Longer text is cut; a longer e-mail or web address is left out, for half of it is wrong.
LIMITS: dict[str, int] = {
    "store_name": 255,
    "owner_name": 255,
    "contact_email": values.EMAIL_MAX,
    "company_name": 255,
    "company_email": values.EMAIL_MAX,
    "street": 500,
    "city": 255,
    "state_code": 255,
    "postal_code": 50,
    "country_code": 2,
    "phone": 100,
    "currency": 3,
    "currency_prefix": 20,
    "currency_suffix": 20,
    "currency_group_separator": 1,
    "currency_decimal_separator": 1,
    "weight_unit": 20,
    "dimensions_unit": 20,
    "volume_unit": 20,
    "date_format": 30,
    "time_format": 30,
    "timezone": 64,
    "default_language": 20,
    "logo_url": values.URL_MAX,
    "storefront_url": values.URL_MAX,
    "website_platform": 50,
    "brand_name": 255,
}
LANGUAGES_MAX = 50
FEATURES_MAX = 200

# Source for all lists of words: contract §5.2, formatsAndUnits
_WEIGHT_UNITS = frozenset({"CARAT", "GRAM", "OUNCE", "POUND", "KILOGRAM"})
_DIMENSIONS_UNITS = frozenset({"MM", "CM", "IN", "YD"})
_VOLUME_UNITS = frozenset({"L", "ML", "OZ"})
_GROUP_SEPARATORS = frozenset({" ", ".", ",", ""})
_DECIMAL_SEPARATORS = frozenset({".", ","})
_DATE_FORMATS = frozenset(
    {
        "dd-MM-yyyy",
        "dd/MM/yyyy",
        "dd.MM.yyyy",
        "MM-dd-yyyy",
        "MM/dd/yyyy",
        "yyyy/MM/dd",
        "MMM d, yyyy",
        "MMMM d, yyyy",
        "EEE, MMM d, ''yy",
        "EEE, MMMM d, yyyy",
    }
)
_TIME_FORMATS = frozenset({"HH:mm:ss", "HH:mm", "hh.mm.ss a", "hh:mm a"})

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}")
_FEATURE = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclasses.dataclass(frozen=True)
class StoreFacts:
    """What a profile says about a store. None means unknown; "" means that the merchant left it empty."""

    store_name: str | None = None
    owner_name: str | None = None
    contact_email: str | None = None
    company_name: str | None = None
    company_email: str | None = None
    street: str | None = None
    city: str | None = None
    state_code: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None
    currency: str | None = None
    currency_prefix: str | None = None
    currency_suffix: str | None = None
    currency_precision: int | None = None
    currency_group_separator: str | None = None
    currency_decimal_separator: str | None = None
    weight_unit: str | None = None
    dimensions_unit: str | None = None
    volume_unit: str | None = None
    date_format: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    languages: tuple[str, ...] | None = None
    default_language: str | None = None
    logo_url: str | None = None
    storefront_url: str | None = None
    website_platform: str | None = None
    closed: bool | None = None
    suspended: bool | None = None
    prices_include_tax: bool | None = None
    plan_features: tuple[str, ...] | None = None
    white_label: bool | None = None
    brand_name: str | None = None

    def known(self) -> dict[str, str | bool | int | list[str]]:
        """Return what is known, ready for JSON: {"store_name": "Paper Trail", "languages": ["en", "nl"]}."""
        found = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found if value is not None}


def facts(profile: object) -> StoreFacts:
    """Read what a profile tells. Never raises, whatever JSON came; what is wrong or missing is None.

    Source: contract §5.2; which address and which logo come first: §5.4, "Useful reads"
    """
    found: dict[str, Any] = {}
    for name, judge, paths in _FIELDS:
        judged = [verdict for path in paths if (verdict := judge(_at(profile, path))) is not None]
        # The first source that says something wins over an earlier one that was left empty.
        found[name] = next((verdict for verdict in judged if verdict != ""), "" if judged else None)
    return StoreFacts(**found)


def _at(document: object, path: str) -> object:
    """Follow "a.b.0" into objects and lists; None where it leads nowhere."""
    for step in path.split("."):
        if step == "0":
            document = document[0] if isinstance(document, list) and document else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def _text(name: str, *, lines: bool = False) -> Callable[[object], str | None]:
    return functools.partial(values.text, limit=LIMITS[name], lines=lines)


def _around_amount(value: object) -> str | None:
    """Text beside an amount, where a space is part of it: "kr "."""
    return values.clean(value)[: LIMITS["currency_prefix"]] if isinstance(value, str) else None


def _or_empty(judge: Callable[[object], str | None]) -> Callable[[object], str | None]:
    return lambda value: "" if isinstance(value, str) and not value.strip() else judge(value)


def _one_of(words: frozenset[str]) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _unit(words: frozenset[str]) -> Callable[[object], str | None]:
    return lambda value: value.upper() if isinstance(value, str) and value.upper() in words else None


def _letters(count: int) -> Callable[[object], str | None]:
    shape = re.compile(rf"[A-Za-z]{{{count}}}")
    return lambda value: value.upper() if isinstance(value, str) and shape.fullmatch(value) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _precision(value: object) -> int | None:
    return values.whole(value, 0, 6)


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: object) -> str | None:
    return value if isinstance(value, str) and value in _timezones() else None


def _language(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > LIMITS["default_language"]:
        return None
    return value if _LANGUAGE.fullmatch(value) else None


def _feature(value: object) -> str | None:
    return value if isinstance(value, str) and _FEATURE.fullmatch(value) else None


def _several(judge: Callable[[object], str | None], most: int) -> Callable[[object], tuple[str, ...] | None]:
    def judge_all(value: object) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            return None
        found = tuple(dict.fromkeys(filter(None, map(judge, value))))[:most]
        return found if found or not value else None  # a list of nothing but junk tells nothing

    return judge_all


_Judge = Callable[[object], Any]
_email, _url = _or_empty(values.email), _or_empty(values.url)

# Field, judge, and where to look, best place first. Source: contract §5.2
_FIELDS: tuple[tuple[str, _Judge, tuple[str, ...]], ...] = (
    ("store_name", _text("store_name"), ("settings.storeName",)),
    ("owner_name", _text("owner_name"), ("account.accountName",)),
    # accountEmail is the owner's private login: only when there is nothing better (contract §12)
    ("contact_email", _email, ("mailNotifications.adminNotificationEmails.0", "account.accountEmail")),
    ("company_name", _text("company_name"), ("company.companyName",)),
    ("company_email", _email, ("company.email",)),
    ("street", _text("street", lines=True), ("company.street",)),
    ("city", _text("city"), ("company.city",)),
    ("state_code", _text("state_code"), ("company.stateOrProvinceCode",)),
    ("postal_code", _text("postal_code"), ("company.postalCode",)),
    ("country_code", _or_empty(_letters(2)), ("company.countryCode",)),
    ("phone", _text("phone"), ("company.phone",)),
    ("currency", _letters(3), ("formatsAndUnits.currency",)),
    ("currency_prefix", _around_amount, ("formatsAndUnits.currencyPrefix",)),
    ("currency_suffix", _around_amount, ("formatsAndUnits.currencySuffix",)),
    ("currency_precision", _precision, ("formatsAndUnits.currencyPrecision",)),
    ("currency_group_separator", _one_of(_GROUP_SEPARATORS), ("formatsAndUnits.currencyGroupSeparator",)),
    (
        "currency_decimal_separator",
        _one_of(_DECIMAL_SEPARATORS),
        ("formatsAndUnits.currencyDecimalSeparator",),
    ),
    ("weight_unit", _unit(_WEIGHT_UNITS), ("formatsAndUnits.weightUnit",)),
    ("dimensions_unit", _unit(_DIMENSIONS_UNITS), ("formatsAndUnits.dimensionsUnit",)),
    ("volume_unit", _unit(_VOLUME_UNITS), ("formatsAndUnits.volumeUnit",)),
    ("date_format", _one_of(_DATE_FORMATS), ("formatsAndUnits.dateFormat",)),
    ("time_format", _one_of(_TIME_FORMATS), ("formatsAndUnits.timeFormat",)),
    ("timezone", _timezone, ("formatsAndUnits.timezone",)),
    ("languages", _several(_language, LANGUAGES_MAX), ("languages.enabledLanguages",)),
    # the first enabled language is the default
    ("default_language", _language, ("languages.defaultLanguage", "languages.enabledLanguages.0")),
    (
        "logo_url",
        _url,
        ("generalInfo.starterSite.storeLogoUrl", "settings.invoiceLogoUrl", "settings.emailLogoUrl"),
    ),
    ("storefront_url", _url, ("generalInfo.storeUrl",)),
    ("website_platform", _text("website_platform"), ("generalInfo.websitePlatform",)),
    ("closed", _flag, ("settings.closed",)),
    ("suspended", _flag, ("account.suspended",)),
    ("prices_include_tax", _flag, ("taxSettings.pricesIncludeTax",)),
    ("plan_features", _several(_feature, FEATURES_MAX), ("account.availableFeatures",)),
    ("white_label", _flag, ("account.whiteLabel",)),
    ("brand_name", _text("brand_name"), ("account.brandName",)),
)
