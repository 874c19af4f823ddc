"""A store profile becomes facts: each field judged alone, nothing guessed, nothing raised."""

import json
from typing import Any

import pytest

from installs.ecwid import profile

# Contract §5.4, the parts that are read.
PAPER_TRAIL: dict[str, Any] = {
    "generalInfo": {
        "storeId": 1003,
        "storeUrl": "https://papertrail.company.site/products",
        "websitePlatform": "instantsite",
        "starterSite": {"storeLogoUrl": "https://img.example.com/logo.png"},
    },
    "account": {
        "accountName": "Anna Janssen",
        "accountEmail": "anna@papertrail.example",
        "whiteLabel": False,
        "brandName": "Shopkeeper",
        "suspended": False,
        "availableFeatures": ["API", "PREMIUM", "COMBINATIONS"],
    },
    "settings": {
        "closed": False,
        "storeName": "Paper Trail",
        "invoiceLogoUrl": "https://img.example.com/invoice.png",
        "emailLogoUrl": "https://img.example.com/mail.png",
    },
    "mailNotifications": {"adminNotificationEmails": ["orders@papertrail.example"]},
    "company": {
        "companyName": "Paper Trail BV",
        "email": "hello@papertrail.example",
        "street": "Kerkstraat 1\n2nd floor",
        "city": "Utrecht",
        "countryCode": "NL",
        "postalCode": "3511 AA",
        "stateOrProvinceCode": "UT",
        "phone": "+31300000000",
    },
    "formatsAndUnits": {
        "currency": "EUR",
        "currencyPrefix": "€",
        "currencySuffix": "",
        "currencyPrecision": 2,
        "currencyGroupSeparator": ".",
        "currencyDecimalSeparator": ",",
        "weightUnit": "KILOGRAM",
        "dateFormat": "dd.MM.yyyy",
        "timeFormat": "HH:mm",
        "timezone": "Europe/Amsterdam",
        "dimensionsUnit": "CM",
        "volumeUnit": "ML",
    },
    "languages": {"enabledLanguages": ["en", "nl"], "defaultLanguage": "en"},
    "taxSettings": {"pricesIncludeTax": True},
}

KNOWN = {
    "store_name": "Paper Trail",
    "owner_name": "Anna Janssen",
    "contact_email": "orders@papertrail.example",
    "company_name": "Paper Trail BV",
    "company_email": "hello@papertrail.example",
    "street": "Kerkstraat 1\n2nd floor",
    "city": "Utrecht",
    "state_code": "UT",
    "postal_code": "3511 AA",
    "country_code": "NL",
    "phone": "+31300000000",
    "currency": "EUR",
    "currency_prefix": "€",
    "currency_suffix": "",
    "currency_precision": 2,
    "currency_group_separator": ".",
    "currency_decimal_separator": ",",
    "weight_unit": "KILOGRAM",
    "dimensions_unit": "CM",
    "volume_unit": "ML",
    "date_format": "dd.MM.yyyy",
    "time_format": "HH:mm",
    "timezone": "Europe/Amsterdam",
    "languages": ["en", "nl"],
    "default_language": "en",
    "logo_url": "https://img.example.com/logo.png",
    "storefront_url": "https://papertrail.company.site/products",
    "website_platform": "instantsite",
    "closed": False,
    "suspended": False,
    "prices_include_tax": True,
    "plan_features": ["API", "PREMIUM", "COMBINATIONS"],
    "white_label": False,
    "brand_name": "Shopkeeper",
}


def fact(path: str, value: object) -> profile.StoreFacts:
    """What is known of a profile that holds one value only."""
    document: object = value
    for step in reversed(path.split(".")):
        document = {step: document}
    return profile.facts(document)


def test_a_full_profile_fills_every_field() -> None:
    assert profile.facts(PAPER_TRAIL).known() == KNOWN
    assert json.loads(json.dumps(KNOWN)) == KNOWN


@pytest.mark.parametrize(
    "document", [None, {}, [], "x", 7, True, {"settings": None}, {"settings": {"storeName": None}}]
)
def test_an_empty_profile_tells_nothing(document: object) -> None:
    assert profile.facts(document) == profile.StoreFacts()
    assert profile.StoreFacts().known() == {}


@pytest.mark.parametrize("section", list(PAPER_TRAIL))
@pytest.mark.parametrize("junk", [None, [], "x", 7, {}])
def test_a_section_that_is_junk_spoils_no_other(section: str, junk: object) -> None:
    found = profile.facts(PAPER_TRAIL | {section: junk}).known()
    others = profile.facts({name: value for name, value in PAPER_TRAIL.items() if name != section}).known()
    assert found == others
    assert len(found) >= 20


@pytest.mark.parametrize(
    ("path", "field", "value", "judged"),
    [
        ("settings.storeName", "store_name", "", ""),
        ("settings.storeName", "store_name", "  Paper\tTrail \n", "Paper Trail"),
        ("settings.storeName", "store_name", "Pa\x00per\x07 \ud800Trail", "Paper Trail"),
        ("settings.storeName", "store_name", "\u202eliarT repaP", "liarT repaP"),
        ("settings.storeName", "store_name", "x" * 300, "x" * 255),
        ("settings.storeName", "store_name", "x" * 254 + " yz", "x" * 254),
        ("settings.storeName", "store_name", "\u00e9\u05d0\u200f\U0001f4d3", "\u00e9\u05d0\u200f\U0001f4d3"),
        ("settings.storeName", "store_name", 7, None),
        ("settings.storeName", "store_name", ["x"], None),
        ("company.street", "street", " a \r\nb\u2028c\td ", "a \nb\nc d"),
        ("company.email", "company_email", "", ""),
        ("company.email", "company_email", " a@b.example ", "a@b.example"),
        ("company.email", "company_email", "not an address", None),
        ("company.email", "company_email", "a\x00@b.example", None),
        ("company.email", "company_email", "x" * 250 + "@b.example", None),
        ("company.countryCode", "country_code", "nl", "NL"),
        ("company.countryCode", "country_code", "", ""),
        ("company.countryCode", "country_code", "NLD", None),
        ("company.countryCode", "country_code", "ÑL", None),
        ("formatsAndUnits.currency", "currency", "eur", "EUR"),
        ("formatsAndUnits.currency", "currency", "€UR", None),
        ("formatsAndUnits.currency", "currency", "", None),
        ("formatsAndUnits.currencyPrefix", "currency_prefix", "kr ", "kr "),
        ("formatsAndUnits.currencyPrefix", "currency_prefix", "k\x00r\n", "kr "),
        ("formatsAndUnits.currencyPrefix", "currency_prefix", "x" * 30, "x" * 20),
        ("formatsAndUnits.currencyPrefix", "currency_prefix", 7, None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", 0, 0),
        ("formatsAndUnits.currencyPrecision", "currency_precision", "2", 2),
        ("formatsAndUnits.currencyPrecision", "currency_precision", 2.0, 2),
        ("formatsAndUnits.currencyPrecision", "currency_precision", "two", None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", "²", None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", 7, None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", -1, None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", 1.5, None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", True, None),
        ("formatsAndUnits.currencyPrecision", "currency_precision", float("inf"), None),
        ("formatsAndUnits.currencyGroupSeparator", "currency_group_separator", " ", " "),
        ("formatsAndUnits.currencyGroupSeparator", "currency_group_separator", "", ""),
        ("formatsAndUnits.currencyGroupSeparator", "currency_group_separator", "'", None),
        ("formatsAndUnits.currencyDecimalSeparator", "currency_decimal_separator", "", None),
        ("formatsAndUnits.weightUnit", "weight_unit", "gram", "GRAM"),
        ("formatsAndUnits.weightUnit", "weight_unit", "STONE", None),
        ("formatsAndUnits.dimensionsUnit", "dimensions_unit", "YD", "YD"),
        ("formatsAndUnits.volumeUnit", "volume_unit", "OZ", "OZ"),
        ("formatsAndUnits.dateFormat", "date_format", "EEE, MMM d, ''yy", "EEE, MMM d, ''yy"),
        ("formatsAndUnits.dateFormat", "date_format", "d/M/y", None),
        ("formatsAndUnits.timeFormat", "time_format", "hh:mm a", "hh:mm a"),
        ("formatsAndUnits.timeFormat", "time_format", "HH", None),
        ("formatsAndUnits.timezone", "timezone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("formatsAndUnits.timezone", "timezone", "Europe/Atlantis", None),
        ("formatsAndUnits.timezone", "timezone", "../../etc/passwd", None),
        ("languages.enabledLanguages", "languages", ["en", "pt_BR", "zh-Hans"], ("en", "pt_BR", "zh-Hans")),
        ("languages.enabledLanguages", "languages", ["en", "en", 7, None, "<b>", "nl"], ("en", "nl")),
        ("languages.enabledLanguages", "languages", [], ()),
        ("languages.enabledLanguages", "languages", [7, "<b>"], None),
        ("languages.enabledLanguages", "languages", "en", None),
        ("languages.enabledLanguages", "default_language", ["nl", "en"], "nl"),
        ("languages.defaultLanguage", "default_language", "e", None),
        ("languages.defaultLanguage", "default_language", "en-12345678-12345678", "en-12345678-12345678"),
        ("languages.defaultLanguage", "default_language", "eng-12345678-12345678", None),
        ("generalInfo.storeUrl", "storefront_url", "", ""),
        ("generalInfo.storeUrl", "storefront_url", "javascript:alert(1)", None),
        ("generalInfo.storeUrl", "storefront_url", "papertrail.example", None),
        ("generalInfo.storeUrl", "storefront_url", "https://x.example/" + "y" * 2000, None),
        ("generalInfo.websitePlatform", "website_platform", "wix", "wix"),
        ("settings.closed", "closed", True, True),
        ("settings.closed", "closed", "true", None),
        ("settings.closed", "closed", 1, None),
        ("account.availableFeatures", "plan_features", ["API", "A P I", 7, "API"], ("API",)),
        ("account.availableFeatures", "plan_features", [], ()),
    ],
)
def test_a_value_is_judged(path: str, field: str, value: object, judged: object) -> None:
    assert getattr(fact(path, value), field) == judged


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("settings.storeName", "store_name"),
        ("account.accountName", "owner_name"),
        ("account.brandName", "brand_name"),
        ("company.companyName", "company_name"),
        ("company.street", "street"),
        ("company.city", "city"),
        ("company.stateOrProvinceCode", "state_code"),
        ("company.postalCode", "postal_code"),
        ("company.phone", "phone"),
        ("formatsAndUnits.currencyPrefix", "currency_prefix"),
        ("formatsAndUnits.currencySuffix", "currency_suffix"),
        ("generalInfo.websitePlatform", "website_platform"),
    ],
)
def test_text_is_cut_at_the_limit_of_its_field_and_has_one_line_but_for_the_street(path: str, field: str) -> None:
    assert getattr(fact(path, "x" * 1000), field) == "x" * profile.LIMITS[field]
    assert getattr(fact(path, "a\nb"), field) == ("a\nb" if field == "street" else "a b")


def test_lists_are_not_longer_than_may_be() -> None:
    codes = [f"{a}{b}" for a in "abcdefghij" for b in "abcdefghijklmnopqrstuvwxyz"]
    assert fact("languages.enabledLanguages", codes).languages == tuple(codes[: profile.LANGUAGES_MAX])
    features = [f"F{number}" for number in range(300)]
    assert fact("account.availableFeatures", features).plan_features == tuple(features[: profile.FEATURES_MAX])


@pytest.mark.parametrize(
    ("mails", "login", "contact"),
    [
        (["orders@a.example", "x@a.example"], "owner@a.example", "orders@a.example"),
        ([], "owner@a.example", "owner@a.example"),
        (["nonsense"], "owner@a.example", "owner@a.example"),
        ([""], "owner@a.example", "owner@a.example"),
        ([""], None, ""),
        ([], None, None),
        (None, "owner@a.example", "owner@a.example"),
        ({"0": "trap@a.example"}, "owner@a.example", "owner@a.example"),
    ],
)
def test_the_notification_address_comes_before_the_private_login(
    mails: object, login: object, contact: str | None
) -> None:
    found = profile.facts({"mailNotifications": {"adminNotificationEmails": mails}, "account": {"accountEmail": login}})
    assert found.contact_email == contact


@pytest.mark.parametrize(
    ("site", "invoice", "mail", "logo"),
    [
        ("https://a.example/1", "https://a.example/2", "https://a.example/3", "https://a.example/1"),
        ("", "https://a.example/2", "https://a.example/3", "https://a.example/2"),
        ("data:image/png", None, "https://a.example/3", "https://a.example/3"),
        ("", None, None, ""),
        (None, None, None, None),
    ],
)
def test_the_first_logo_that_is_one_is_taken(site: object, invoice: object, mail: object, logo: str | None) -> None:
    found = profile.facts(
        {
            "generalInfo": {"starterSite": {"storeLogoUrl": site}},
            "settings": {"invoiceLogoUrl": invoice, "emailLogoUrl": mail},
        }
    )
    assert found.logo_url == logo


def test_the_named_default_language_comes_before_the_first_enabled() -> None:
    assert profile.facts({"languages": {"enabledLanguages": ["en"], "defaultLanguage": "nl"}}).default_language == "nl"
