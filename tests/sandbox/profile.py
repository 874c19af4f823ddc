"""The store profile: what each caller sees of it, and what an update changes. Source: contract §5.3, §5.5."""

import copy
from typing import Any

from tests.sandbox.records import Token

WRITABLE = frozenset(
    {
        "settings",
        "mailNotifications",
        "phoneNotifications",
        "company",
        "formatsAndUnits",
        "languages",
        "shipping",
        "zones",
        "taxes",
        "taxSettings",
        "businessRegistrationID",
        "legalPagesSettings",
        "designSettings",
        "productFiltersSettings",
        "orderInvoiceSettings",
        "socialLinksSettings",
        "registrationAnswers",
        "tipsSettings",
    }
)
WRITABLE_PARTS = {
    "generalInfo": frozenset({"storeUrl", "starterSite", "websitePlatform"}),
    "account": frozenset({"accountName"}),
}
READ_ONLY_PARTS = {
    "mailNotifications": frozenset({"customerNotificationFromEmail"}),
    "shipping": frozenset({"shippingOrigin", "shippingOptions"}),
}
_LIMITS_NEED = frozenset({"read_store_limits", "read_store_profile_extended"})
_PUBLIC_SECTIONS = ("generalInfo", "company", "formatsAndUnits", "languages", "designSettings")
_PUBLIC_SETTINGS = frozenset(
    {
        "closed",
        "storeName",
        "storeDescription",
        "storeDescriptionTranslated",
        "googleAnalyticsId",
        "fbPixelId",
        "snapPixelId",
        "pinterestTagId",
        "googleTagId",
        "googleEventId",
        "showAcceptMarketingCheckbox",
        "acceptMarketingCheckboxDefaultValue",
        "acceptMarketingCheckboxCustomText",
        "acceptMarketingCheckboxCustomTextTranslated",
        "askConsentToTrackInStorefront",
    }
)


def seen_by(token: Token, profile: dict[str, Any], *, extended: bool) -> dict[str, Any]:
    """Give the profile as a token sees it; `extended` is the query's showExtendedInfo."""
    if token.public:
        return _public(profile)
    seen = dict(profile)
    if not (extended and "read_store_profile_extended" in token.scopes):
        seen.pop("accountBilling", None)
    account = seen.get("account")
    if isinstance(account, dict) and not _LIMITS_NEED.intersection(token.scopes):
        seen["account"] = _without(account, frozenset({"limitsAndRestrictions"}))
    return seen


def update(profile: dict[str, Any], changes: dict[str, Any]) -> bool:
    """Write the writable parts of a partial profile; tell whether anything changed.

    What may not be written is passed over; objects are merged, everything else is replaced.
    """
    before = copy.deepcopy(profile)
    for section, value in changes.items():
        if section in WRITABLE:
            _merge(profile, section, _without(value, READ_ONLY_PARTS.get(section, frozenset())))
        elif section in WRITABLE_PARTS and isinstance(value, dict):
            allowed = {k: v for k, v in value.items() if k in WRITABLE_PARTS[section]}
            _merge(profile, section, allowed)
    return profile != before


def _merge(into: dict[str, Any], name: str, value: Any) -> None:
    old = into.get(name)
    if not isinstance(old, dict) or not isinstance(value, dict):
        into[name] = value
        return
    for inner, inner_value in value.items():
        _merge(old, inner, inner_value)


def _without(value: Any, names: frozenset[str]) -> Any:
    return {k: v for k, v in value.items() if k not in names} if isinstance(value, dict) else value


def _public(profile: dict[str, Any]) -> dict[str, Any]:
    seen = {name: profile[name] for name in _PUBLIC_SECTIONS if name in profile}
    parts = {
        "settings": _only(profile.get("settings"), _PUBLIC_SETTINGS),
        "mailNotifications": _only(profile.get("mailNotifications"), {"customerNotificationFromEmail"}),
        "shipping": _public_shipping(profile.get("shipping")),
        "payment": _public_payment(profile.get("payment")),
    }
    return seen | {name: part for name, part in parts.items() if name in profile}


def _only(section: Any, names: frozenset[str] | set[str]) -> Any:
    return {k: v for k, v in section.items() if k in names} if isinstance(section, dict) else {}


def _public_shipping(section: Any) -> Any:
    shown = _without(section, frozenset({"shippingOrigin"}))
    if not isinstance(shown, dict):
        return {}
    hidden: dict[str, Any] = {"destinationZone": {}, "ratesTable": {}}
    options = _enabled(shown.get("shippingOptions"))
    return shown | {"shippingOptions": [one | {k: hidden[k] for k in hidden if k in one} for one in options]}


def _public_payment(section: Any) -> Any:
    if not isinstance(section, dict):
        return {}
    return section | {"paymentOptions": _enabled(section.get("paymentOptions"))}


def _enabled(options: Any) -> list[dict[str, Any]]:
    listed = options if isinstance(options, list) else []
    return [one for one in listed if isinstance(one, dict) and one.get("enabled") is True]
