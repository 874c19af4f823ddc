"""Visits to the Return URL, in the admin: from the code that a merchant reads out to the cause."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin import ReadOnlyAdmin, columns, pages
from installs import runbook
from installs.actions import find
from installs.admin import filters
from installs.models import InstallAttempt

_OUTCOMES = InstallAttempt.Outcome
_GOOD = (_OUTCOMES.INSTALLED, _OUTCOMES.SUPERSEDED)
_HARMLESS = (_OUTCOMES.CLAIMED, _OUTCOMES.REFUSED, _OUTCOMES.NO_CODE)
_LARGEST = 2**63 - 1


@admin.register(InstallAttempt)
class InstallAttemptAdmin(pages.LongLists, ReadOnlyAdmin):
    """Visits to the Return URL. Search by the support code a merchant reads out."""

    list_display = (
        "code", columns.at("arrived_at", "arrived", "%F %T"), "asked_app", "requested_store_id",
        "outcome_and_detail", "exchange_ms", "to_installation",
    )  # fmt: skip
    list_filter = ("outcome", "app", "source", *filters.dates("arrived_at"))
    list_filter_submit = True
    sortable_by = ("arrived_at",)
    search_fields = ("support_code",)  # what they mean says get_search_results
    search_help_text = "Support code or store ID"
    ordering = ("-arrived_at",)
    list_per_page = 50
    list_select_related = ("app", "installation__app", "installation__store")
    fieldsets = (
        (None, {
            "fields": (
                "support_code", "outcome_label", "detail", "meaning", "remedy", "app_link", "store_visits",
                "installation_link",
            ),
        }),
        ("Where from", {"fields": ("client_id", "requested_store_id", "source", "trusted")}),
        ("When (UTC)", {
            "fields": ("arrived_at", "exchanged_at", "exchange_ms", "finished_at", "signed_in_at", "generation"),
        }),
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; a support code goes straight to its visit."""
        if self.has_view_permission(request) and (found := find.attempts(request.GET.get("q", "")).first()):
            return HttpResponseRedirect(reverse("admin:installs_installattempt_change", args=[found.pk]))
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        store = Q(requested_store_id=int(words)) if words.isdecimal() and int(words) <= _LARGEST else Q(pk__in=[])
        return queryset.filter(store | Q(pk__in=find.attempts(words))), False

    @display(description="support code")
    def code(self, attempt: InstallAttempt) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', attempt.support_code)

    @display(description="app")
    def asked_app(self, attempt: InstallAttempt) -> str:
        return attempt.app.name if attempt.app else "–"

    @display(description="outcome")
    def outcome_and_detail(self, attempt: InstallAttempt) -> SafeString:
        label = self.outcome_label(attempt)
        if not attempt.detail:
            return label
        return format_html('<div class="py-2">{}<p class="quiet">{}</p></div>', label, attempt.detail)

    @display(description="outcome", ordering="outcome")
    def outcome_label(self, attempt: InstallAttempt) -> SafeString:
        colour = "success" if attempt.outcome in _GOOD else "info" if attempt.outcome in _HARMLESS else "danger"
        return columns.label(colour, attempt.get_outcome_display())

    @display(description="what that means")
    def meaning(self, attempt: InstallAttempt) -> str:
        return runbook.OUTCOMES[_OUTCOMES(attempt.outcome)].meaning

    @display(description="what to do")
    def remedy(self, attempt: InstallAttempt) -> str:
        return runbook.OUTCOMES[_OUTCOMES(attempt.outcome)].remedy

    @display(description="app")
    def app_link(self, attempt: InstallAttempt) -> SafeString | str:
        if attempt.app is None:
            return attempt.client_id or "–"
        address = reverse("admin:installs_appregistration_change", args=[attempt.app_id])
        return format_html('<a class="text-link underline" href="{}">{}</a>', address, attempt.app)

    @display(description="all visits for this store")
    def store_visits(self, attempt: InstallAttempt) -> SafeString | str:
        if attempt.requested_store_id is None:
            return "The visit named no store."
        address = f"{reverse('admin:installs_installattempt_changelist')}?q={attempt.requested_store_id}"
        return format_html('<a class="text-link underline" href="{}">Store {}</a>', address, attempt.requested_store_id)

    @display(description="installation")
    def to_installation(self, attempt: InstallAttempt) -> SafeString | str:
        if attempt.installation is None:
            return "–"
        address = reverse("admin:installs_installation_change", args=[attempt.installation_id])
        return format_html(
            '<a class="text-link underline" href="{}" aria-label="{}">Open</a>', address, attempt.installation
        )

    @display(description="installation")
    def installation_link(self, attempt: InstallAttempt) -> SafeString | str:
        if attempt.installation is None:
            return "–"
        address = reverse("admin:installs_installation_change", args=[attempt.installation_id])
        return format_html('<a class="text-link underline" href="{}">{}</a>', address, attempt.installation)
