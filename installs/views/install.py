"""The Return URL and what follows it: who is this, may they come in, where do they go."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts import doorbell, languages, sign_in, story
from accounts.models import Membership, Store, User
from installs import actions, counters, spool, tasks
from installs.models import AppRegistration, Arrival, InstallAttempt
from installs.views import answers, arrivals

log = logging.getLogger(__name__)

Outcome = InstallAttempt.Outcome
_PATIENCE = 15.0
_IN_FLIGHT = timedelta(seconds=2)  # a second click may be on its way while the first answer is; it is asked
_COOKIE_LIFE = timedelta(hours=1)
_NAMED = 6  # stores of whoever is signed in already; the page shows five and says that there are more
_INSTALLED = (Outcome.INSTALLED, Outcome.SUPERSEDED)


@require_GET
def return_url(request: HttpRequest, client_id: str) -> HttpResponse:
    """Take the code Ecwid sends, exchange it at most once, install, and sign in or ask.

    Source: contract §2.2, §2.4; design rules 1 to 5.
    """
    try:
        arrivals.require_navigation(request)
        app = _enabled_app(client_id)
        arrivals.require_patience(request, app)
        arrival = arrivals.read(request, app)
    except arrivals.HeldBack:
        log.warning("install_held_back", extra={"app": client_id})
        return answers.page(request, answers.ANSWERS[Outcome.THROTTLED])
    except arrivals.NotANavigation:
        return answers.page(request, answers.NOT_A_NAVIGATION)
    except arrivals.TurnedAway as turned_away:
        return _turn_away(request, client_id, turned_away)
    attempt, won = InstallAttempt.objects.claim(app, arrival)
    story.about(app=client_id, store=arrival.store_id, attempt=attempt.support_code)
    in_time = attempt.outcome == Outcome.CLAIMED  # before the result was known, so the same visit: a double click
    if won:
        attempt = _redeem(attempt, arrival.code)
        if attempt.outcome == Outcome.CODE_REJECTED:
            arrivals.note_worthless(request, app)
    elif in_time:
        attempt.wait(_PATIENCE)
    return _answer(request, attempt, own=in_time or _brought(request, attempt), trusted=arrival.trusted)


def _enabled_app(client_id: str) -> AppRegistration:
    app = AppRegistration.objects.called(client_id)
    if app is None:
        raise arrivals.TurnedAway(Outcome.UNKNOWN_APP)
    if not app.enabled:
        raise arrivals.TurnedAway(Outcome.APP_DISABLED)
    return app


def _turn_away(request: HttpRequest, client_id: str, reason: arrivals.TurnedAway) -> HttpResponse:
    app = AppRegistration.objects.called(client_id)
    attempt = InstallAttempt.objects.record(
        app, Arrival(), outcome=reason.outcome, detail=reason.detail[:300], finished_at=Now()
    )
    counters.install(attempt.client_id, attempt.outcome)
    about = {"app": client_id[:100], "attempt": attempt.support_code, "outcome": str(reason.outcome)}
    log.warning("install_turned_away", extra=about)
    return answers.page(request, answers.ANSWERS[reason.outcome], attempt)


def _redeem(attempt: InstallAttempt, code: str) -> InstallAttempt:
    try:
        attempt = actions.redeem.redeem(attempt=attempt, code=code)
    except spool.SpoolUnusable as error:
        log.exception("spool_unusable")
        attempt.release(str(error))
    if attempt.outcome not in (Outcome.CLAIMED, *_INSTALLED):  # those are counted by whoever finishes them
        counters.install(attempt.client_id, attempt.outcome)
    if attempt.installation_id:
        doorbell.ring(tasks.prefill, attempt.installation_id)
    return attempt


def _answer(request: HttpRequest, attempt: InstallAttempt, *, own: bool, trusted: bool) -> HttpResponse:
    """Show how the attempt ended; the same to every visit with this code."""
    if attempt.outcome == Outcome.CLAIMED:
        return _remember(_in_progress(request, attempt), attempt)
    if attempt.outcome not in _INSTALLED or attempt.installation is None:
        return answers.page(request, answers.ANSWERS[attempt.outcome], attempt)
    store = attempt.installation.store
    if _is_member(request.user, store):
        return answers.see_other(_first_page(store))
    if not own:
        in_flight = trusted and attempt.finished_within(_IN_FLIGHT)
        return _ask(attempt) if in_flight else answers.page(request, answers.USED_ELSEWHERE, attempt)
    # At once only when nobody else is signed in: a store is never bound to whoever happens to be here (rule 5).
    if (trusted or attempt.trusted) and request.user.is_anonymous:
        return _remember(_let_in(request, attempt, store), attempt)
    return _ask(attempt)


def _ask(attempt: InstallAttempt) -> HttpResponse:
    return _remember(answers.see_other(reverse("install-confirm", args=[attempt.uid])), attempt)


def _in_progress(request: HttpRequest, attempt: InstallAttempt) -> HttpResponse:
    response = answers.page(request, answers.IN_PROGRESS, attempt)
    response.headers["Refresh"] = f"5; url={reverse('install-confirm', args=[attempt.uid])}"
    return response


@require_GET
def confirm(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Ask "Continue as <store>?" in the browser that brought the code, naming whoever else is signed in."""
    attempt = get_object_or_404(InstallAttempt.objects.select_related("installation__store__settings"), uid=uid)
    if not _brought(request, attempt):
        return answers.page(request, answers.USED_ELSEWHERE, attempt)
    if attempt.outcome not in _INSTALLED or attempt.installation is None:
        return _answer(request, attempt, own=True, trusted=False)
    store = attempt.installation.store
    if _is_member(request.user, store):
        return answers.see_other(_first_page(store))
    user = request.user if isinstance(request.user, User) else None
    languages.speak_about(store, user)
    others = Store.objects.of(user).by_name()[:_NAMED] if user else []
    return render(request, "installs/confirm.html", {"attempt": attempt, "store": store, "others": list(others)})


@require_POST
def proceed(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Sign in to the store after the merchant's own click. Somebody else's session is flushed, never merged."""
    attempt = get_object_or_404(InstallAttempt.objects.select_related("installation__store"), uid=uid)
    if not _brought(request, attempt) or attempt.installation is None:
        return answers.page(request, answers.USED_ELSEWHERE, attempt)
    store = attempt.installation.store
    if _is_member(request.user, store):
        return answers.see_other(_first_page(store))
    return _let_in(request, attempt, store)


def _let_in(request: HttpRequest, attempt: InstallAttempt, store: Store) -> HttpResponse:
    """Sign in to the store and go to its first page. Where operators have switched all its owners off, say so: their
    session would end with the next request, and the sign-in page lead nowhere."""
    try:
        owner = store.owner
    except Membership.DoesNotExist:
        log.warning("owners_switched_off", extra={"store": store.store_id, "attempt": attempt.support_code})
        return answers.page(request, answers.SWITCHED_OFF, attempt)
    sign_in.sign_in(request, owner, only=store)
    InstallAttempt.objects.filter(pk=attempt.pk, signed_in_at=None).update(signed_in_at=Now())
    log.info("signed_in", extra={"store": store.store_id, "attempt": attempt.support_code})
    return answers.see_other(_first_page(store))


def _is_member(user: User | AnonymousUser, store: Store) -> bool:
    return isinstance(user, User) and Store.objects.of(user).filter(pk=store.pk).exists()


def _first_page(store: Store) -> str:
    return reverse("store" if store.onboarded_at else "onboarding", args=[store.store_id])


def _remember(response: HttpResponse, attempt: InstallAttempt) -> HttpResponse:
    """Let this browser, and no other, come back to this attempt."""
    response.set_signed_cookie(
        settings.ATTEMPT_COOKIE_NAME,
        str(attempt.uid),
        salt="attempt",
        max_age=_COOKIE_LIFE,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def _brought(request: HttpRequest, attempt: InstallAttempt) -> bool:
    """Tell whether this browser brought the code of `attempt`, within the hour."""
    cookie = request.get_signed_cookie(settings.ATTEMPT_COOKIE_NAME, default="", salt="attempt", max_age=_COOKIE_LIFE)
    return cookie == str(attempt.uid)
