"""How people write things: names of countries, currencies, languages, time zones, units, days, for one reader.

The reader's language is the one the request is answered in, unless a caller names another.
"""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale, dates
from babel.core import get_global
from babel.numbers import list_currencies
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from accounts import languages
from accounts.models import StoreSettings

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_UNITS = {
    "weight_unit": ("CARAT", "GRAM", "OUNCE", "POUND", "KILOGRAM"),
    "dimensions_unit": ("MM", "CM", "IN", "YD"),
    "volume_unit": ("L", "ML", "OZ"),
}
_UNIT_WORDS = {
    "MM": _("Millimetres"), "CM": _("Centimetres"), "IN": _("Inches"), "YD": _("Yards"),
    "L": _("Litres"), "ML": _("Millilitres"), "OZ": _("Fluid ounces"),
    "CARAT": _("Carats"), "GRAM": _("Grams"), "OUNCE": _("Ounces"), "POUND": _("Pounds"), "KILOGRAM": _("Kilograms"),
}  # fmt: skip
# The patterns a store may write days and times in; babel reads them.
_DATES = (
    "dd-MM-yyyy", "dd/MM/yyyy", "dd.MM.yyyy", "MM-dd-yyyy", "MM/dd/yyyy", "yyyy/MM/dd",
    "MMM d, yyyy", "MMMM d, yyyy", "EEE, MMM d, ''yy", "EEE, MMMM d, yyyy",
)  # fmt: skip
_TIMES = ("HH:mm:ss", "HH:mm", "hh.mm.ss a", "hh:mm a")
_DAY, _TIME, _PRICE = date(2026, 12, 31), time(17, 30), 1234.5
_PLATFORMS: dict[str, "StrOrPromise"] = {
    "unknown": _("Another website"), "iframe": _("Another website"), "instantsite": _("A site of its own"),
    "wordpress": "WordPress", "wix": "Wix", "joomla": "Joomla", "facebook": "Facebook", "shopify": "Shopify",
    "squarespace": "Squarespace", "weebly": "Weebly", "drupal": "Drupal", "duda": "Duda",
    "webflow": "Webflow", "yola": "Yola",
}  # fmt: skip
# Where the postal code follows the city and the state; elsewhere it leads the city.
# Source: libaddressinput, the address formats that browsers use
_CODE_LAST = frozenset({"AU", "BR", "CA", "CO", "GB", "ID", "IE", "IN", "NZ", "TH", "US", "VN", "ZA"})

Choices = tuple[tuple[str, str], ...]


def choices(name: str, language: str = "") -> Choices:
    """Return the choices for the setting `name` as (value, words), in reading order; () for free text."""
    maker = _CHOICES.get(name)
    return maker(language or languages.spoken()) if maker else ()


def words(name: str, value: Any, *, country: str = "", language: str = "") -> str:
    """Return `value` of the setting `name` as a person would write it; "" where nothing is known."""
    language = language or languages.spoken()
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        names = dict(_languages(language)) if name == "languages" else {}
        return listed(names.get(str(item), str(item)) for item in value)
    if name == "phone":
        return phone(value, country)
    if name == "timezone":
        return _place(value, language)
    return dict(choices(name, language)).get(value, str(value))


def phone(number: str, country: str) -> str:
    """Return a phone number the way its country writes it, or as it stands where it is not one."""
    try:
        parsed = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def address(settings: StoreSettings, language: str = "") -> str:
    """Return a company's address the way its country writes it, a line each; "" where there is none."""
    city, state, code = settings.city, settings.state_code, settings.postal_code
    if settings.country_code in _CODE_LAST:
        place = _joined(" ", _joined(", ", city, state), code)
    else:
        place = _joined(", ", _joined(" ", code, city), state)
    if not (settings.street or place):
        return ""
    country = words("country_code", settings.country_code, language=language)
    return _joined("\n", settings.company_name, settings.street, place, country)


def price(settings: StoreSettings) -> str:
    """Return a price the way the store writes prices: "€ 1.234,50"; "" where it has not said."""
    decimals = settings.currency_precision
    if decimals is None or not (settings.currency_prefix or settings.currency_suffix):
        return ""
    whole, _, rest = f"{_PRICE:,.{decimals}f}".partition(".")
    amount = whole.replace(",", settings.currency_group_separator)
    amount += f"{settings.currency_decimal_separator}{rest}" if rest else ""
    return f"{settings.currency_prefix}{amount}{settings.currency_suffix}"


def day(at: date) -> str:
    """Return a day: "26 November 2026". Times of day fall on the day they are in UTC."""
    return dates.format_date(at.astimezone(UTC) if isinstance(at, datetime) else at, "long", _locale())


def moment(at: datetime) -> str:
    """Return a day and a time of day: "26 November 2026, 17:30 UTC"."""
    return gettext("%(day)s, %(time)s UTC") % {"day": day(at), "time": f"{at.astimezone(UTC):%H:%M}"}


def ago(at: datetime) -> str:
    """Return how long ago something was: "3 minutes ago"."""
    return dates.format_timedelta(at - datetime.now(UTC), add_direction=True, locale=_locale())


def listed(names: Iterable[str]) -> str:
    """Return names one after the other: "Dutch, English"."""
    return pgettext("between two names of a list", ", ").join(names)


def _locale() -> Locale:
    language = languages.spoken()
    # English without a region is American to babel, which writes "November 26, 2026".
    return Locale("en", "GB") if language == "en" else Locale.parse(language, sep="-")


def _joined(by: str, *parts: str) -> str:
    return by.join(part for part in parts if part)


def _by_words(pairs: Iterable[tuple[str, str]]) -> Choices:
    return tuple(sorted(pairs, key=lambda pair: _plain(pair[1])))


def _plain(words: str) -> str:
    """Return words as a list orders them: "Österreich" stands beside "Oman", not after "Zypern"."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(letter)
    )


@lru_cache(maxsize=32)
def _countries(language: str) -> Choices:
    names = Locale.parse(language, sep="-").territories.items()
    return _by_words((code, name) for code, name in names if len(code) == 2 and code not in ("EU", "EZ", "UN", "ZZ"))


@lru_cache(maxsize=32)
def _currencies(language: str) -> Choices:
    names = Locale.parse(language, sep="-").currencies
    return _by_words((code, f"{names[code]} ({code})") for code in list_currencies() if code in names)


@lru_cache(maxsize=32)
def _languages(language: str) -> Choices:
    names = Locale.parse(language, sep="-").languages
    return _by_words((code.replace("_", "-"), name[:1].upper() + name[1:]) for code, name in names.items())


@lru_cache(maxsize=32)
def _timezones(language: str) -> Choices:
    zones = _zones() & get_global("zone_territories").keys()  # each place once, without its former names
    return (*_by_words((zone, _place(zone, language)) for zone in zones), ("UTC", "UTC"))


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """Return the names of all time zones; finding them reads a folder with hundreds of files."""
    return frozenset(available_timezones())


def _place(zone: str, language: str) -> str:
    """Return where a time zone is: "Amsterdam (Netherlands)"."""
    country = Locale.parse(language, sep="-").territories.get(get_global("zone_territories").get(zone, ""), "")
    if not country or zone not in _zones():
        return zone.replace("_", " ").replace("/", " / ")
    city = dates.get_timezone_location(zone, locale=Locale.parse(language, sep="-"), return_city=True)
    return f"{city.rpartition('/')[2]} ({country})"


@lru_cache(maxsize=32)
def _days(language: str) -> Choices:
    locale = Locale.parse(language, sep="-")
    return tuple((pattern, dates.format_date(_DAY, pattern, locale)) for pattern in _DATES)


@lru_cache(maxsize=32)
def _times(language: str) -> Choices:
    locale = Locale.parse(language, sep="-")
    return tuple((pattern, dates.format_time(_TIME, pattern, locale=locale)) for pattern in _TIMES)


def _units(name: str) -> Callable[[str], Choices]:
    return lambda _language: tuple((unit, str(_UNIT_WORDS[unit])) for unit in _UNITS[name])


_CHOICES: dict[str, Callable[[str], Choices]] = {
    "country_code": _countries,
    "currency": _currencies,
    "default_language": _languages,
    "timezone": _timezones,
    "date_format": _days,
    "time_format": _times,
    "website_platform": lambda _language: tuple((name, str(words)) for name, words in _PLATFORMS.items()),
    **{name: _units(name) for name in _UNITS},
}
