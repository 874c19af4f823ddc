"""The admin's first page: how the business and the machinery are, at a glance, with a table and a file behind each."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.decorators import display

from accounts.admin import ReadOnlyAdmin, columns
from installs.actions import figures, vitals, watch
from installs.actions.figures import Span, Sums, Window
from installs.admin import charts, shown
from installs.models import AppRegistration, Tally

RANGES = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}
_USUAL = 30
_HEARD = {"fine": ("success", "heard"), "silent": ("warning", "silent"), "refused": ("danger", "refused")}
_NONE_DUE = ("info", "none due")  # of an app that no store has had for a day
_MOST = 1_000  # rows of a file
_LATE = 60.0  # seconds something may be due before the page says so

Table = tuple[Sequence[str], list[Sequence[Any]]]


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the first page for operators who may see installations; the others keep the list of what they may see."""
    if not request.user.has_perm("installs.view_installation"):
        return context
    window = _window(request)
    found = figures.shown(window)
    whole = figures.total(found.values())
    backlogs = list(vitals.backlogs())
    context |= {
        "dashboard": True,
        "title": "Dashboard",
        "backlogs": [(one.name.replace("_", " "), one.depth, one.age > _LATE) for one in backlogs],
        "oldest": max(backlogs, key=lambda one: one.age),
        "late": _LATE,
        "window": window,
        "whole": whole,
        "each": "week" if window.by_week else "day",
        "weeks": _weeks(list(found)) if window.by_week else "",
        "ranges": [(days, title, _address(days, window.app)) for days, title in RANGES.items()],
        "apps": [(app, _address(window.days, app)) for app in (None, *AppRegistration.objects.all())],
        "chart": charts.comings_and_goings(found),
        "steps": figures.funnel(whole),
        "hearings": [(app, heard, *_heard(heard)) for app, heard in figures.hearings(window)],
        "received": charts.bars({span: sums.numbers["events"] for span, sums in found.items()}),
        "calls": figures.calls(),
        "failures": figures.failures(window),
        "alerts": figures.alerts()[: figures.LISTED],
        "tables": _tables(window, found, whole),
        **_standing(window),
    }
    return context


def _heard(heard: watch.Hearing) -> tuple[str, str]:
    """Return the colour and the word of how webhooks arrive."""
    return _HEARD[heard.verdict] if heard.last or heard.verdict != "fine" else _NONE_DUE


def _weeks(spans: list[Span]) -> str:
    """Return what a chart by the week says of its weeks: the window cuts into the first, and the last one runs."""
    ends = {"the first is cut to {} days": spans[0].days, "the last has {} so far": spans[-1].days}
    cut = [words.format(days) for words, days in ends.items() if days < figures.WEEK]
    return "Weeks run from Monday to Sunday" + (f": {' and '.join(cut)}." if cut else ".")


def _standing(window: Window) -> dict[str, Any]:
    """Return how the installations are, each trouble with the list of those that have it."""
    reasons, at = figures.health(window)
    standing = reasons.total() - reasons["uninstalled"]
    app = {"app__id__exact": str(window.app.pk)} if window.app else {}
    page = reverse("admin:installs_installation_changelist")
    wrong = {name: reasons[name] for name in shown.REASONS if name not in ("fine", "uninstalled") and reasons[name]}
    troubles = [
        (shown.REASONS[name], count, count / max(wrong.values()), f"{page}?{urlencode({'reason': name} | app)}")
        for name, count in sorted(wrong.items(), key=lambda item: -item[1])
    ]
    well = reasons[""] / standing if standing else 0.0
    return {"standing": standing, "well": well, "troubles": troubles, "health_at": at}


def export(request: HttpRequest, name: str) -> HttpResponse:
    """Hand out one of the page's tables as a file."""
    if not request.user.has_perm("installs.view_installation"):
        raise PermissionDenied
    window = _window(request)
    found = figures.days(window)
    tables = _tables(window, found, figures.total(found.values())) | _lists(window)
    table = tables.get(name)
    if table is None:
        raise Http404
    head, rows = table
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}-{window.first:%F}-{window.last:%F}.csv"'
    writer = csv.writer(answer)
    writer.writerows(shown.harmless(row) for row in (head, *rows))
    return answer


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    """The numbers of each app and day, as they were counted."""

    list_display = (columns.at("day", "day", "%F"), "name", *figures.STEPS, "installs", "gone", "events", "failed")
    list_filter = ("app", "day")
    list_select_related = ("app",)
    ordering = ("-day", "app")

    @display(description="app", ordering="app")
    def name(self, tally: Tally) -> str:
        return tally.app.name

    @display(description="gone")
    def gone(self, tally: Tally) -> int:
        return tally.uninstalls

    @display(description="failed")
    def failed(self, tally: Tally) -> int:
        return tally.failed_events

    def get_urls(self) -> list[URLPattern]:
        files = [path("<slug:name>.csv", self.admin_site.admin_view(export), name="dashboard_csv")]
        return files + super().get_urls()


def _window(request: HttpRequest) -> Window:
    """Return what the address asks for; what it cannot mean is the usual."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isdecimal() and int(asked) in RANGES else _USUAL
    return Window(days, AppRegistration.objects.filter(client_id=request.GET.get("app", "")).first())


def _address(days: int, app: AppRegistration | None) -> str:
    return "?" + urlencode({"days": days} | ({"app": app.client_id} if app else {}))


def _tables(window: Window, found: dict[Span, Sums], whole: Sums) -> dict[str, Table]:
    """Return what stands behind the charts: heads and rows, newest first."""
    reasons, _ = figures.health(window)
    newest = [(_when(span), sums) for span, sums in reversed(found.items())]
    each = "Week" if any(span.first < span.last for span in found) else "Day"
    return {
        "days": (
            (each, "Installs", "Uninstalls", "Net"),
            [(when, sums.numbers["installs"], sums.numbers["uninstalls"], sums.net) for when, sums in newest],
        ),
        "funnel": (
            ("Step", "Visits", "Lost before it", "Why"),
            [(step.title, step.count, step.lost, _why(step.why)) for step in figures.funnel(whole)],
        ),
        "health": (
            ("What is wrong", "Installations"),
            [(shown.REASONS.get(reason or "fine", reason), count) for reason, count in reasons.most_common()],
        ),
        "webhooks": (
            (each, "Believed", "Failed for good", "Not believed", "Why"),
            [
                (when, sums.numbers["events"], sums.numbers["failed_events"], sums.rejected.total(),
                 _why(sums.rejected.most_common()))
                for when, sums in newest
            ],
        ),
    }  # fmt: skip


def _lists(window: Window) -> dict[str, Table]:
    """Return what the page shows as lists: as files they are longer."""
    return {
        "failures": (
            ("Support code", "At (UTC)", "App", "Store", "What happened"),
            [
                (row.support_code, f"{row.arrived_at:%F %T}", row.client_id, row.requested_store_id,
                 row.get_outcome_display())
                for row in figures.failures(window, _MOST)
            ],
        ),
        "calls": (
            ("Call", "Took (ms)", "At (UTC)", "Page", "Half within (ms)", "95 % within (ms)", "Of how many"),
            [
                (kind.title, ms, f"{at:%F %T}", f"{settings.SITE_URL}{address}", kind.p50, kind.p95, kind.count)
                for kind in figures.calls()
                for ms, address, at in kind.slowest
            ],
        ),
    }  # fmt: skip


def _when(span: Span) -> str:
    return f"{span.first:%F}" if span.first == span.last else f"{span.first:%F} to {span.last:%F}"


def _why(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{word}: {count}" for word, count in counts)
