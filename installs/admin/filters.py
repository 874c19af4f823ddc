"""Filters of the operators' lists. None of them asks a large table which values it has: the choices are known."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.contrib.filters.forms import DropdownForm
from unfold.utils import parse_date_str
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import formats
from installs.actions import fleet
from installs.admin import shown
from installs.models import AppRegistration, Installation, Leased


class StateFilter(admin.SimpleListFilter):
    """Installed or uninstalled."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("installed", "Installed"), ("uninstalled", "Uninstalled")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        conditions = {"installed": Q(uninstalled_at=None), "uninstalled": Q(uninstalled_at__isnull=False)}
        return rows.filter(conditions.get(self.value() or "", Q()))


class HealthFilter(admin.SimpleListFilter):
    """Ok, degraded or broken, in the words of `Installation.health`."""

    title = "health"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ok", "Ok"), ("degraded", "Degraded"), ("broken", "Broken")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        broken = Q(uninstalled_at__isnull=False) | Q(token_died_at__isnull=False)
        match self.value():
            case "ok":
                return fleet.in_trouble(rows, "")
            case "broken":
                return rows.filter(broken)
            case "degraded":
                return rows.filter(~broken, fleet.degraded())
            case _:
                return rows


class ReasonFilter(admin.SimpleListFilter):
    """What is wrong, in the words of `Installation.reason`."""

    title = "what is wrong"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(shown.REASONS.items())

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        if self.value() not in shown.REASONS:
            return rows
        return fleet.in_trouble(rows, "" if self.value() == "fine" else str(self.value()))


class Choices(UnfoldAdminSelectWidget):
    """The theme's list of choices, its options written at once: two templates for each country take long."""

    choices: Any

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            ((word, _SELECTED if word == (value or "") else "", label) for word, label in self.choices),
        )
        self.choices = []
        before, end, after = super().render(name, value, attrs, renderer).partition("</select>")
        # Every part is escaped already: the widget's own by its template, the options above.
        return SafeString(before + options + end + after)  # nosec B703


class ChoicesForm(DropdownForm):
    """A filter with one choice of many."""

    widget = Choices(DropdownForm.widget.attrs)


_SELECTED = SafeString(" selected")


class GapFilter(DropdownFilter):
    """A permission that an app asks for and stores have not granted."""

    form_class = ChoicesForm
    title = "missing permission"
    parameter_name = "lacks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted({s for app in AppRegistration.objects.all() for s in app.asked_scopes})]

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        return fleet.lacking_scope(rows, self.value()) if self.value() else rows


class SubscriptionFilter(admin.SimpleListFilter):
    """The app's subscription in the store, as Ecwid last told (contract §10)."""

    title = "subscription"
    parameter_name = "subscription_status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ACTIVE", "Active"), ("TRIAL", "Trial"), ("SUSPENDED", "Suspended"), ("none", "Not told")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        if not self.value():
            return rows
        return rows.filter(subscription_status="" if self.value() == "none" else self.value())


class PrefillFilter(admin.SimpleListFilter):
    """How far the reading of the settings is."""

    title = "prefill"
    parameter_name = "prefill"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Leased.State.choices)

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        if self.value() in (Leased.State.WAITING, Leased.State.RUNNING):
            # In the words of the index of what is not done, which is little.
            rows = rows.exclude(prefill__state__in=(Leased.State.DONE, Leased.State.FAILED))
        return rows.filter(prefill__state=self.value()) if self.value() in Leased.State.values else rows


class CountryFilter(DropdownFilter):
    """Where the store is."""

    form_class = ChoicesForm
    title = "country"
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(formats.choices("country_code", "en"))

    def queryset(self, request: HttpRequest, rows: QuerySet[Installation]) -> QuerySet[Installation]:
        return rows.filter(store__settings__country_code=self.value()) if self.value() else rows


def dates(*columns: str) -> list[tuple[str, type[RangeDateFilter]]]:
    """Return a filter for each of these times, from a day to a day."""
    return [(column, DaysFilter) for column in columns]


class DaysFilter(RangeDateFilter):
    """From a day to a day, the last one included, of a column that holds times."""

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first:
            rows = rows.filter(**{f"{self.parameter_name}__gte": first})
        return rows.filter(**{f"{self.parameter_name}__lt": last + timedelta(days=1)}) if last else rows

    def _day(self, end: str) -> datetime | None:
        """Return the beginning of the day that was asked for; what is no day asks for nothing."""
        day = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}"))
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
