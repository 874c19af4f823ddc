"""Installations in the admin, as Ecwid and the merchants made them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin import ReadOnlyAdmin, columns, pages, support
from installs.actions import find
from installs.admin import asking, exports, filters, one, saved, shown
from installs.ecwid import scopes
from installs.models import Installation

_STATES = {"installed": "success", "uninstalled": "warning"}
_HEALTH = {"ok": "success", "degraded": "warning", "broken": "danger"}
_PREFILLS = {"done": "success", "waiting": "info", "running": "info", "failed": "danger"}


@admin.register(Installation)
class InstallationAdmin(saved.WithViews, exports.Exported, asking.Steered, pages.LongLists, ReadOnlyAdmin):
    """Installations: to be found, looked at and steered."""

    list_display = (
        "store_number", "store_name", "app_name", "state_since", "health_label", "prefill_label", "country",
        columns.at("installed_at", "installed", "%F"),
    )  # fmt: skip
    list_display_links = ("store_number", "store_name")
    # Each of the others would sort all rows, or all that a filter leaves, before it shows the first.
    sortable_by = ("installed_at",)
    list_filter = (
        filters.StateFilter, filters.HealthFilter, filters.ReasonFilter, "app", filters.SubscriptionFilter,
        filters.PrefillFilter, filters.GapFilter, filters.CountryFilter,
        *filters.dates("installed_at", "uninstalled_at"),
    )  # fmt: skip
    list_filter_submit = True
    list_select_related = ("app", "store__settings", "prefill")
    list_before_template = "admin/installs/views.html"
    search_fields = ("store__store_id",)  # what they mean says actions.find
    search_help_text = "Store ID, whole e-mail, support code, or three letters of a name"
    ordering = ("-installed_at",)
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("app", "store_link", "state_label", "health_label", "meaning")}),
        ("Permissions", {"fields": ("granted", "missing"), "classes": ("tab",)}),
        ("Reading of settings", {"fields": ("prefill_label", "prefill_error"), "classes": ("tab",)}),
        ("Token", {
            "fields": ("probed_at", "probe_due_at", "token_died_at", "paused_at", "held_at"), "classes": ("tab",),
        }),
        ("Life", {
            "fields": (
                "generation", "subscription_status", "installed_at", "uninstalled_at", "erase_due_at", "erased_at",
            ),
            "classes": ("tab",),
        }),
    )  # fmt: skip
    change_form_outer_after_template = "admin/installs/installation.html"
    offers = ("probe", "sync", "hold", "resume", "reconnect", "mail-reconnect", "replay", "disconnect", "erase")
    actions_detail = ("support_view",)
    support_view = support.support_view

    def get_urls(self) -> list[URLPattern]:
        return [*saved.urls(self), *exports.urls(self), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(store__in=find.stores(search_term)) if search_term.strip() else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = one.context(request, object_id) | (extra_context or {})
        answer: HttpResponse = super().change_view(request, object_id, form_url, more)
        return answer

    @display(description="store ID")
    def store_number(self, installation: Installation) -> int:
        return installation.store.store_id

    @display(description="store")
    def store_name(self, installation: Installation) -> SafeString:
        return shown.name(installation.store.display_name)

    @display(description="store")
    def store_link(self, installation: Installation) -> SafeString:
        store = installation.store
        address = f"/admin/accounts/store/{store.pk}/change/"
        return format_html('<a class="text-link underline" href="{}">{} ({})</a>', address, store, store.store_id)

    @display(description="app")
    def app_name(self, installation: Installation) -> str:
        return installation.app.name

    @display(description="country")
    def country(self, installation: Installation) -> str:
        return installation.store.settings.country_code or "–"

    @display(description="state")
    def state_label(self, installation: Installation) -> SafeString:
        return columns.label(_STATES[installation.state], installation.state)

    @display(description="state")
    def state_since(self, installation: Installation) -> SafeString:
        gone = installation.uninstalled_at
        since = format_html('<br><span class="whitespace-nowrap">{}</span>', f"{gone:%F}") if gone else ""
        return format_html("{}{}", self.state_label(installation), since)

    @display(description="health")
    def health_label(self, installation: Installation) -> SafeString:
        health, reason = installation.health, installation.reason
        return columns.label(_HEALTH[health], f"{health}: {reason}" if reason else health)

    @display(description="what that means")
    def meaning(self, installation: Installation) -> str:
        return shown.MEANINGS[installation.reason or "fine"]

    @display(description="prefill")
    def prefill_label(self, installation: Installation) -> SafeString:
        return columns.label(_PREFILLS[installation.prefill.state], installation.prefill.state)

    @display(description="last prefill error")
    def prefill_error(self, installation: Installation) -> str:
        return installation.prefill.error or "none"

    @display(description="granted permissions")
    def granted(self, installation: Installation) -> SafeString | str:
        return _scope_list(installation.scopes)

    @display(description="missing permissions")
    def missing(self, installation: Installation) -> SafeString | str:
        return _scope_list(scopes.missing(installation.app.asked_scopes, installation.scopes)) or "none"


def _scope_list(names: Any) -> SafeString | str:
    rows = [(name, scopes.SCOPES.get(name, "not in the documentation")) for name in names]
    return format_html_join("", "<div><code>{}</code> – {}</div>", rows)
