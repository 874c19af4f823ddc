"""Stores, as installs made them. What Ecwid or a merchant said is read here, not written."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts import search
from accounts.admin import columns, pages, support
from accounts.admin.people import MembershipInline
from accounts.admin.rows import ReadOnlyAdmin
from accounts.models import Store, StoreSettings


class StoreSettingsInline(TabularInline):
    """What we know about the store."""

    model = StoreSettings
    can_delete = False
    fields = readonly_fields = ("store_name", "contact_email", "country_code", "currency", "timezone", "filled_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Store)
class StoreAdmin(pages.LongLists, ReadOnlyAdmin):
    """Stores, as installs made them."""

    list_display = (
        "store_id", "store_name", "country", "contact",
        columns.at("created_at", "created"), columns.at("onboarded_at", "set up"),
    )  # fmt: skip
    list_display_links = ("store_id", "store_name")
    list_filter = ("created_at", "onboarded_at")
    list_select_related = ("settings",)
    search_fields = ("store_id",)  # what they mean says accounts.search
    search_help_text = "Store ID, whole e-mail, or three letters of a name"
    # By the key, which the newest have the highest of: nothing has to be sorted before the first page shows.
    ordering = ("-pk",)
    sortable_by = ("store_id",)
    inlines = [StoreSettingsInline, MembershipInline]
    actions_detail = ("support_view",)
    support_view = support.support_view

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Store], search_term: str
    ) -> tuple[QuerySet[Store], bool]:
        return (queryset.filter(pk__in=search.stores(search_term)) if search_term.strip() else queryset), False

    @display(description="name", ordering="settings__store_name")
    def store_name(self, store: Store) -> str:
        return store.display_name

    @display(description="country", ordering="settings__country_code")
    def country(self, store: Store) -> str:
        return store.settings.country_code or "–"

    @display(description="contact e-mail", ordering="settings__contact_email")
    def contact(self, store: Store) -> str:
        return store.settings.contact_email or "–"
