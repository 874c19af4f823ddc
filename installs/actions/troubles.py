"""Troubles: what each rule sees when it looks. Reads rows and the spool, changes nothing."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import Now

from installs import spool
from installs.actions import vitals, watch
from installs.models import AppRegistration, InstallAttempt, Leased, PrivacyRequest, Rule, Source, WebhookEvent

_LATELY = timedelta(minutes=15)
_DAY = timedelta(days=1)
_FEW = 5  # fewer say nothing about a share
_NAMED = 3

_Outcome = InstallAttempt.Outcome
_GOOD = (_Outcome.INSTALLED, _Outcome.SUPERSEDED)
_BAD = (
    _Outcome.UNREACHABLE, _Outcome.THROTTLED, _Outcome.REPLY_LOST, _Outcome.REPLY_MALFORMED, _Outcome.WORKER_LOST,
)  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong now. `subject` is a client ID or a queue, "" when it is about everything."""

    rule: Rule
    subject: str
    text: str


def seen(limits: dict[Rule, int]) -> Iterator[Trouble]:
    """Yield what is wrong by the rules in `limits`, each with the value from which on it counts."""
    for rule, look in _LOOKS.items():
        if rule in limits:
            for subject, text in look(limits[rule]):
                yield Trouble(rule, subject, text)


_Look = Callable[[int], Iterator[tuple[str, str]]]


def _secret_wrong(limit: int) -> Iterator[tuple[str, str]]:
    for app in AppRegistration.objects.enabled():
        visits = InstallAttempt.objects.filter(app=app, source=Source.RETURN, arrived_at__gt=Now() - _DAY)
        good = visits.filter(outcome__in=_GOOD).order_by("-arrived_at").values_list("arrived_at", flat=True).first()
        refused = visits.filter(outcome=_Outcome.SECRET_WRONG)
        for since in filter(None, (good, app.client_secret_set_at)):
            refused = refused.filter(arrived_at__gt=since)
        if (count := refused.count()) >= limit:
            exchanges = "1 exchange" if count == 1 else f"{count} exchanges"
            yield app.client_id, f"Ecwid refused the client secret in {exchanges}, and none was good since."


def _exchanges_fail(percent: int) -> Iterator[tuple[str, str]]:
    for app in AppRegistration.objects.enabled():
        visits = InstallAttempt.objects.filter(app=app, source=Source.RETURN, arrived_at__gt=Now() - _LATELY)
        ended = visits.filter(outcome__in=(*_GOOD, *_BAD, _Outcome.CODE_REJECTED))
        ends = Counter(dict(ended.values_list("outcome").annotate(count=Count("pk")).order_by()))
        bad = Counter({outcome: ends[outcome] for outcome in _BAD})
        if bad.total() >= _FEW and bad.total() * 100 >= ends.total() * percent:
            most = _Outcome(bad.most_common(1)[0][0]).label
            yield app.client_id, f"{bad.total()} of {ends.total()} exchanges within 15 minutes failed, most: {most}."


def _install_unfinished(minutes: int) -> Iterator[tuple[str, str]]:
    rows = WebhookEvent.objects.exclude(state__in=[Leased.State.DONE, Leased.State.FAILED])
    rows = rows.filter(type="application.installed", received_at__lt=Now() - timedelta(minutes=minutes))
    for app in AppRegistration.objects.enabled():
        stores = list(rows.filter(app=app).order_by("-pk").values_list("store_id", flat=True)[: _NAMED + 1])
        if stores:
            more = " and more" if len(stores) > _NAMED else ""
            named = ", ".join(map(str, stores[:_NAMED]))
            yield app.client_id, f"Ecwid told us of an install on {named}{more}, and nobody came to the Return URL."


def _webhooks(verdict: str) -> _Look:
    def look(limit: int) -> Iterator[tuple[str, str]]:
        for app in AppRegistration.objects.enabled():
            heard = watch.hearing(app=app, **{_LIMITS[verdict]: limit})
            if heard.verdict == verdict:
                last = f"{heard.last:%F %H:%M} UTC" if heard.last else "never"
                refused = f", {heard.refused} refused within an hour" if heard.refused else ""
                yield app.client_id, f"Last webhook believed: {last}{refused}."

    return look


_LIMITS = {"silent": "silent_hours", "refused": "refused_from"}


def _dead_letters(limit: int) -> Iterator[tuple[str, str]]:
    if (count := watch.dead_letters()[: vitals.COUNTED].count()) >= limit:
        yield "", f"{count} events failed for good and wait for an operator."


def _queue_old(minutes: int) -> Iterator[tuple[str, str]]:
    for queue in vitals.backlogs():
        if queue.age >= minutes * 60:
            yield queue.name, f"{queue.depth} wait, the longest for {queue.age / 60:.0f} minutes."


def _health_drop(percent: int) -> Iterator[tuple[str, str]]:
    health = vitals.health()
    for client_id, lost in health.lost.items() if health else ():
        counts = Counter(health.reasons.get(client_id, {}) if health else {})
        stood = counts.total() - counts["uninstalled"] + lost
        if lost >= _FEW and lost * 100 >= stood * percent:
            yield client_id, f"{lost} of {stood} stores were uninstalled, disconnected or paused within a day."


def _spool_waiting(seconds: int) -> Iterator[tuple[str, str]]:
    since = spool.waiting_since()
    if since and datetime.now(UTC) - since >= timedelta(seconds=seconds):
        yield "", f"The oldest grant on disk waits since {since:%F %T} UTC."


def _privacy_due(days: int) -> Iterator[tuple[str, str]]:
    requests = PrivacyRequest.objects.open().filter(due_at__lt=Now() + timedelta(days=days))
    if count := requests.count():
        late = requests.filter(due_at__lt=Now()).count()
        yield "", f"{count} privacy requests are near their deadline, {late} of them past it."


_LOOKS: dict[Rule, _Look] = {
    Rule.SECRET_WRONG: _secret_wrong,
    Rule.EXCHANGES_FAIL: _exchanges_fail,
    Rule.INSTALL_UNFINISHED: _install_unfinished,
    Rule.WEBHOOKS_SILENT: _webhooks("silent"),
    Rule.WEBHOOKS_REFUSED: _webhooks("refused"),
    Rule.DEAD_LETTERS: _dead_letters,
    Rule.QUEUE_OLD: _queue_old,
    Rule.HEALTH_DROP: _health_drop,
    Rule.SPOOL_FULL: _spool_waiting,
    Rule.PRIVACY_DUE: _privacy_due,
}
