"""What we know about a store: typed columns, filled from Ecwid, edited by the merchant, each with its origin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.models.stores import Store


class Origin(TypedDict, total=False):
    """Where one value comes from. `by` is "store" or "merchant"; times are ISO 8601."""

    by: str
    at: str
    store: Any  # what the store said last, kept beside the merchant's own value
    store_at: str
    store_changed_at: str  # since when the store says otherwise than it did when the merchant set their own


class StoreSettings(models.Model):
    """A store's settings. The merchant's edits win over every later prefill (design rule 11)."""

    store = models.OneToOneField(Store, models.CASCADE, primary_key=True, related_name="settings")

    store_name = models.CharField(_("store name"), max_length=255, blank=True)
    owner_name = models.CharField(_("owner"), max_length=255, blank=True)
    contact_email = models.CharField(_("contact e-mail"), max_length=254, blank=True)

    company_name = models.CharField(_("company"), max_length=255, blank=True)
    company_email = models.CharField(_("company e-mail"), max_length=254, blank=True)
    street = models.CharField(_("street"), max_length=500, blank=True)
    city = models.CharField(_("city"), max_length=255, blank=True)
    state_code = models.CharField(_("state or province"), max_length=255, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=50, blank=True)
    country_code = models.CharField(_("country"), max_length=2, blank=True)
    phone = models.CharField(_("phone"), max_length=100, blank=True)

    currency = models.CharField(_("currency"), max_length=3, blank=True)
    currency_prefix = models.CharField(_("before the amount"), max_length=20, blank=True)
    currency_suffix = models.CharField(_("after the amount"), max_length=20, blank=True)
    currency_precision = models.PositiveSmallIntegerField(_("decimals"), null=True, blank=True)
    currency_group_separator = models.CharField(_("thousands separator"), max_length=5, blank=True)
    currency_decimal_separator = models.CharField(_("decimal separator"), max_length=5, blank=True)
    prices_include_tax = models.BooleanField(_("prices include tax"), null=True, blank=True)

    weight_unit = models.CharField(_("weight unit"), max_length=20, blank=True)
    dimensions_unit = models.CharField(_("dimensions unit"), max_length=20, blank=True)
    volume_unit = models.CharField(_("volume unit"), max_length=20, blank=True)
    date_format = models.CharField(_("date format"), max_length=30, blank=True)
    time_format = models.CharField(_("time format"), max_length=30, blank=True)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True)
    languages = models.JSONField(_("languages"), default=list, blank=True)
    default_language = models.CharField(_("main language"), max_length=20, blank=True)

    storefront_url = models.CharField(_("shop address"), max_length=2000, blank=True)
    logo_url = models.CharField(_("logo"), max_length=2000, blank=True)
    website_platform = models.CharField(_("website platform"), max_length=50, blank=True)
    closed = models.BooleanField(_("closed for visitors"), null=True, blank=True)
    suspended = models.BooleanField(_("suspended"), null=True, blank=True)
    plan_features = models.JSONField(_("plan features"), default=list, blank=True)
    white_label = models.BooleanField(_("white label"), null=True, blank=True)
    brand_name = models.CharField(_("brand"), max_length=255, blank=True)

    origins: "models.JSONField[dict[str, Origin], dict[str, Origin]]" = models.JSONField(default=dict, editable=False)
    filled_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "store settings"
        # Names are found by an index that only PostgreSQL has: accounts/migrations/*_search.py makes it.
        indexes = [
            models.Index(Upper("contact_email"), name="settings_email"),
            models.Index("country_code", name="settings_country"),
        ]

    def __str__(self) -> str:
        return f"Settings of store {self.store_id}"

    def fill(self, known: Mapping[str, Any], at: datetime) -> list[str]:
        """Take over what the store said at `at` and return the names of the values that changed there.

        `known` holds only what is known, by column name: {"store_name": "Paper Trail", "closed": False}.
        A value the merchant set stays; what the store says is remembered beside it. Does not save.
        """
        changed = []
        for name, value in known.items():
            before = self.origins.get(name, {})
            origin: Origin = {"by": "store", **before, "store": value, "store_at": at.isoformat()}
            if before.get("store") != value:
                changed.append(name)
            if origin["by"] == "store":
                origin["at"] = at.isoformat()
                setattr(self, name, value)
            elif "store" in before and before["store"] != value:
                origin["store_changed_at"] = at.isoformat()
            self.origins[name] = origin
        self.filled_at = at
        return changed

    def edit(self, name: str, value: Any, at: datetime) -> None:
        """Set one value as the merchant's own. Does not save."""
        origin = self.origins.get(name, {})
        origin.pop("store_changed_at", None)
        self.origins[name] = {**origin, "by": "merchant", "at": at.isoformat()}
        setattr(self, name, value)

    def release(self, name: str) -> None:
        """Go back to what the store says for one value, where it has said anything. Does not save."""
        origin = self.origins.get(name, {})
        if "store" in origin:
            setattr(self, name, origin["store"])
            origin.pop("store_changed_at", None)
            self.origins[name] = {**origin, "by": "store", "at": origin["store_at"]}
