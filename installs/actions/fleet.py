"""Fleet: what is true of all installations at once, asked of the database in a time that does not grow with them."""

from collections import Counter
from functools import reduce
from operator import or_

from django.db.models import Count, Q, QuerySet

from installs.ecwid import scopes
from installs.models import AppRegistration, Installation, Leased

REASONS = ("uninstalled", "disconnected", "held", "paused", "subscription", "permissions", "prefill")


# App → lists of granted scopes, each with the number of installations that stand and have it.
Grants = dict[str, list[tuple[list[str], int]]]


def missing_scopes(app: AppRegistration, grants: Grants) -> tuple[int, Counter[str]]:
    """Return how many installations of `app` lack any scope that it asks for, and which they lack how often."""
    lacks = [(scopes.missing(app.asked_scopes, tuple(names)), count) for names, count in grants.get(app.client_id, ())]
    missing: Counter[str] = Counter()
    for names, count in lacks:
        missing.update(dict.fromkeys(names, count))
    return sum(count for names, count in lacks if names), missing


def grants() -> Grants:
    """Count what stores granted: one list for all that were installed at the same time.

    One pass over all installations, as `mark_gaps`, so that no page has to make one: for a worker.
    """
    groups = Installation.objects.installed().values_list("app__client_id", "scopes").annotate(count=Count("pk"))
    found: Grants = {}
    for client_id, names, count in groups.order_by():
        found.setdefault(client_id, []).append((names, count))
    return found


def mark_gaps() -> int:
    """Bring the mark of those that lack a scope in line with what apps ask for now; return how many it changed."""
    asked = {app.pk: app.asked_scopes for app in AppRegistration.objects.all()}
    seen = Installation.objects.values_list("app_id", "scopes", "gap").distinct().order_by()
    changed = 0
    for app_id, names, marked in list(seen):
        gap = bool(scopes.missing(asked[app_id], tuple(names)))
        if gap != marked:
            changed += Installation.objects.filter(app_id=app_id, scopes=names, gap=marked).update(gap=gap)
    return changed


def in_trouble(rows: QuerySet[Installation], reason: str) -> QuerySet[Installation]:
    """Return the rows whose `Installation.reason` is `reason`, one of REASONS or "" for those that are well.

    The conditions stand in the order of that property, the worst first: a row counts for the first that holds. Whether
    a scope is missing is as of the last `mark_gaps`.
    """
    each = conditions()
    worse = REASONS[: REASONS.index(reason)] if reason else REASONS
    for name in worse:
        rows = rows.filter(~each[name])
    return rows.filter(each[reason]) if reason else rows


def degraded() -> Q:
    """Return the condition of those that something is wrong with, uninstalled and refused ones aside."""
    each = conditions()
    return reduce(or_, (each[name] for name in REASONS if name not in ("uninstalled", "disconnected")))


def lacking_scope(rows: QuerySet[Installation], scope: str) -> QuerySet[Installation]:
    """Return the rows that are marked as lacking something, and lack `scope`."""
    marked = Installation.objects.installed().filter(gap=True).values_list("app_id", "scopes").distinct().order_by()
    asked = {app.pk: app.asked_scopes for app in AppRegistration.objects.all()}
    short = [names for app_id, names in marked if scope in asked[app_id] and scope not in names]
    return rows.filter(gap=True, uninstalled_at=None, scopes__in=short)


def conditions() -> dict[str, Q]:
    """Return the condition of each reason, the worst first; the first that holds counts."""
    return {
        "uninstalled": Q(uninstalled_at__isnull=False),
        "disconnected": Q(token_died_at__isnull=False),
        "held": Q(held_at__isnull=False),
        "paused": Q(paused_at__isnull=False),
        "subscription": Q(subscription_status="SUSPENDED"),
        "permissions": without_permissions(),
        "prefill": Q(prefill__state=Leased.State.FAILED),
    }


def without_permissions() -> Q:
    """Return the condition of those that lack a scope, as of the last `mark_gaps`."""
    return Q(gap=True)
