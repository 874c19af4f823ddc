"""Repertoire: every deed there is, why it leaves a row alone, and what it does to the others."""

from collections.abc import Iterable, Mapping

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast, Now
from django.db.models.lookups import Contains

from accounts import sealing
from installs.actions import deeds, disconnect, erase, fleet, hold, remind, repeat, watch
from installs.actions.jobs import Result
from installs.models import AppRegistration, Installation, Job, Leased, Outcome, WebhookEvent
from installs.models.events import WebhookEventQuerySet
from installs.models.installations import InstallationQuerySet


def _each(pks: Iterable[int], words: str) -> dict[int, Result]:
    return dict.fromkeys(pks, (Outcome.DONE, words))


# Why not. The same words everywhere, so that counts of them mean something.
_UNINSTALLED = {"it is uninstalled": Q(uninstalled_at__isnull=False)}
_DEAD = {"its token was refused and is not used again": Q(token_died_at__isnull=False)}
_HELD = {"an operator has paused it": Q(held_at__isnull=False)}


def _not_to_probe() -> deeds.Refusals:
    confirming = Q(token_died_at__isnull=False) & ~Q(probe_due_at__lte=Now())
    return _UNINSTALLED | _HELD | {"its token was refused and waits for the confirming probe": confirming}


def _probe(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    return _each(repeat.probing(installations=rows), "being asked about")


def _not_to_sync() -> deeds.Refusals:
    reading = Q(prefill__state=Leased.State.RUNNING, prefill__lease_until__gte=Now())
    return _UNINSTALLED | _DEAD | _HELD | {"its settings are being read right now": reading}


def _sync(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    return _each(repeat.prefilling(installations=rows), "being read again")


def _not_to_hold() -> deeds.Refusals:
    return _UNINSTALLED | {"it is paused already": Q(held_at__isnull=False)}


def _hold(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    pks = list(rows.values_list("pk", flat=True))
    hold.hold(installations=rows)
    return _each(pks, "paused")


def _not_to_resume() -> deeds.Refusals:
    return {"no operator has paused it": Q(held_at=None)}


def _resume(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    pks = list(rows.values_list("pk", flat=True))
    hold.resume(installations=rows)
    return _each(pks, "goes on")


def _not_to_reconnect() -> deeds.Refusals:
    apart = Q(uninstalled_at__isnull=False) | Q(token_died_at__isnull=False) | fleet.without_permissions()
    return {
        "its app is disabled, the link would lead nowhere": Q(app__enabled=False),
        "a custom app has no such link: paste its new tokens": Q(app__kind=AppRegistration.Kind.CUSTOM),
        "it is connected and lacks no permission": ~apart,
    }


def _reconnect(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    return {row.pk: (Outcome.DONE, row.app.address("connect")) for row in rows.select_related("app")}


def _not_to_remind() -> deeds.Refusals:
    return _not_to_reconnect() | {
        "no owner of its store has an e-mail address": remind.unreachable(),
        "its owner was mailed the link within a day": Q(remind.lately()),
    }


def _remind(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    letters = {row.pk: remind.remind(installation=row) for row in rows.select_related("app", "store__settings")}
    return _each((pk for pk, letter in letters.items() if letter), "mailed to an owner of the store")


def _not_to_disconnect() -> deeds.Refusals:
    # By the text of the list: which lists there are would take reading all installations.
    may_remove = Q(Contains(Cast("scopes", TextField()), f'"{disconnect.SCOPE}"'))
    by_hand = f"it may not remove itself ({disconnect.SCOPE}); the merchant has to, in the store’s admin"
    return _UNINSTALLED | _DEAD | {by_hand: ~may_remove}


_ENDINGS: dict[disconnect.Outcome, Result] = {
    disconnect.Outcome.REMOVED: (Outcome.DONE, "removed"),
    disconnect.Outcome.UNCONFIRMED: (Outcome.DONE, "asked for; the next probe will tell"),
    disconnect.Outcome.BY_HAND: (Outcome.FAILED, "not allowed by Ecwid; the merchant has to, in the store’s admin"),
    disconnect.Outcome.NOT_NOW: (Outcome.FAILED, "nobody answered; nothing has changed"),
}


def _disconnect(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    results = {}
    for installation in rows.select_related("app", "store"):
        try:
            results[installation.pk] = _ENDINGS[disconnect.disconnect(installation=installation)]
        except sealing.SealBroken as error:
            results[installation.pk] = (Outcome.FAILED, str(error))
    return results


def _not_to_erase() -> deeds.Refusals:
    connected = Installation.objects.installed().filter(store=OuterRef("store"))
    return {
        "its store has a connected app": Q(Exists(connected)),
        "it has been erased": Q(erased_at__isnull=False),
    }


def _erase(rows: InstallationQuerySet, job: Job) -> Mapping[int, Result]:
    results = {}
    for installation in rows.select_related("app"):
        try:
            receipt = erase.erase(installation=installation, reason=f"job {job.pk}: {job.reason}")
        except erase.StillInstalled as error:
            results[installation.pk] = (Outcome.LEFT, str(error))
        else:
            results[installation.pk] = (Outcome.DONE, f"receipt {receipt.pk}: {sum(receipt.counts.values())} values")
    return results


def _not_to_replay() -> deeds.Refusals:
    failed = watch.dead_letters().filter(app=OuterRef("app"), store_id=OuterRef("store__store_id"))
    return _HELD | {"none of its events has failed": ~Q(Exists(failed))}


def _replay(rows: InstallationQuerySet, _job: Job) -> Mapping[int, Result]:
    results = {}
    for pk, app_id, store_id in rows.values_list("pk", "app_id", "store__store_id"):
        count = repeat.handling(events=watch.dead_letters().filter(app=app_id, store_id=store_id))
        results[pk] = (Outcome.DONE, f"events put back: {count}")
    return results


def _not_to_handle() -> deeds.Refusals:
    return {"a worker is handling it right now": Q(state=Leased.State.RUNNING, lease_until__gte=Now())}


def _handle(rows: WebhookEventQuerySet, _job: Job) -> Mapping[int, Result]:
    pks = list(rows.values_list("pk", flat=True))
    repeat.handling(events=rows)
    return _each(pks, "put back")


def _not_to_forget() -> deeds.Refusals:
    return {"it has no previous secret": Q(previous_client_secret="")}


def _forget(rows: QuerySet[AppRegistration], _job: Job) -> Mapping[int, Result]:
    pks = list(rows.values_list("pk", flat=True))
    rows.update(previous_client_secret="", previous_secret_uses=0, previous_secret_seen_at=None)
    return _each(pks, "forgotten")


deeds.register(
    deeds.Deed(
        "probe", "Probe now", "Ecwid is asked whether it still takes the token: one request for each.", "network_ping",
        Installation, _not_to_probe, _probe,
    ),
    deeds.Deed(
        "sync", "Read settings again",
        "The store’s settings are read again: two requests for each. What the merchant changed stays.", "sync",
        Installation, _not_to_sync, _sync,
    ),
    deeds.Deed(
        "hold", "Pause",
        "Our background work stops: no reading of settings, no probe, no handling of events, which wait. The merchant "
        "is told and can still work here. An uninstall and privacy requests are not held up.", "pause_circle",
        Installation, _not_to_hold, _hold,
    ),
    deeds.Deed(
        "resume", "Resume", "The work goes on; what waited for it is due at once.", "play_circle",
        Installation, _not_to_resume, _resume,
    ),
    deeds.Deed(
        "reconnect", "Link to reconnect",
        "Nothing is changed. You get the link to send to the merchant, by which they connect again and grant what is "
        "missing.", "link",
        Installation, _not_to_reconnect, _reconnect, answers=True,
    ),
    deeds.Deed(
        "mail-reconnect", "Mail the link to reconnect",
        "The owner of the store gets a mail, in their language, with the link by which they connect the app again; "
        "at most one a day.", "forward_to_inbox",
        Installation, _not_to_remind, _remind, batch=50,
    ),
    deeds.Deed(
        "disconnect", "Disconnect",
        "The app is removed from the store at Ecwid: its subscription ends and its token dies. Settings go after the "
        "app’s retention days, and only the merchant can bring the app back.", "link_off",
        Installation, _not_to_disconnect, _disconnect, right="disconnect", network=True, grave=True, batch=1,
    ),
    deeds.Deed(
        "erase", "Erase personal data",
        "What is personal about the store and its people is erased for good, and a receipt stays. It does not wait "
        "for the app’s retention days.", "delete_forever",
        Installation, _not_to_erase, _erase, right="erase", grave=True, batch=20,
    ),
    deeds.Deed(
        "replay", "Handle failed events again",
        "The events of the store that failed for good are handled as if they had just come.", "replay",
        Installation, _not_to_replay, _replay, batch=50,
    ),
    deeds.Deed(
        "handle-again", "Handle again",
        "The event is handled as if it had just come: Ecwid is asked what is true now, then rows change.", "replay",
        WebhookEvent, _not_to_handle, _handle,
    ),
    deeds.Deed(
        "forget-previous-secret", "Forget the previous secret",
        "What it signed is refused from now on. Do it once the page says that it is safe to retire.", "key_off",
        AppRegistration, _not_to_forget, _forget, right="secrets", grave=True,
    ),
)  # fmt: skip
