"""What a merchant is told, for each way an install can end: a status, plain words, and what to do next."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from installs.models import InstallAttempt

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Outcome = InstallAttempt.Outcome


@dataclass(frozen=True)
class Answer:
    """One ending. `next` is the button: "connect" goes round for a fresh code, "retry" repeats this address."""

    status: int
    heading: "StrOrPromise"
    text: "StrOrPromise"
    next: str = ""


ANSWERS: dict[str, Answer] = {
    Outcome.UNKNOWN_APP: Answer(
        404, _("We don’t know this app"), _("The address may be mistyped. Please open the app from your store’s admin.")
    ),
    Outcome.APP_DISABLED: Answer(
        404,
        _("This app isn’t available right now"),
        _("It has been switched off for the moment. Your store is unchanged. Please try again later."),
    ),
    Outcome.REFUSED: Answer(
        403,
        _("Nothing was connected"),
        _("You chose not to give the app access, so it has none. If that was a slip, just connect again."),
        "connect",
    ),
    Outcome.NO_CODE: Answer(
        400,
        _("This link is incomplete"),
        _("Part of the address got lost on the way. Please start again; it takes a few seconds."),
        "connect",
    ),
    Outcome.CODE_REJECTED: Answer(
        422,
        _("This link is no longer valid"),
        _("The link from your store works for a few minutes only, and only once. Please connect again."),
        "connect",
    ),
    Outcome.SECRET_WRONG: Answer(
        500,
        _("We need to fix something on our side"),
        _(
            "Your store did everything right. We have been told and are looking into it. "
            "Please try again a little later."
        ),
    ),
    Outcome.UNREACHABLE: Answer(
        503,
        _("Your store’s admin doesn’t answer us"),
        _("We could not reach it just now. Nothing is lost: the same link still works."),
        "retry",
    ),
    Outcome.THROTTLED: Answer(
        429,
        _("A little too busy"),
        _("We were asked to slow down for a moment. Please wait a minute and connect again."),
        "connect",
    ),
    Outcome.REPLY_LOST: Answer(
        504,
        _("We didn’t get a clear answer"),
        _(
            "Your store’s admin stopped answering in the middle. To be safe we don’t repeat the request; "
            "please connect once more."
        ),
        "connect",
    ),
    Outcome.REPLY_MALFORMED: Answer(
        502,
        _("We got an answer we don’t understand"),
        _("To be safe we don’t repeat the request. Please connect once more."),
        "connect",
    ),
    Outcome.WORKER_LOST: Answer(
        409,
        _("Connecting was interrupted"),
        _("Something stopped us in the middle. To be safe we don’t repeat the request; please connect once more."),
        "connect",
    ),
    Outcome.STORE_MISMATCH: Answer(
        421,
        _("These two don’t belong together"),
        _(
            "The link names one store and the permission came from another, so we connected neither. "
            "Please start again."
        ),
        "connect",
    ),
}

USED_ELSEWHERE = Answer(
    410,
    _("This link has been used already"),
    _("Your store is connected. For your safety a link signs in one browser only; connect again to sign in here."),
    "connect",
)
IN_PROGRESS = Answer(
    202, _("Saved. We’re just finishing"), _("Your permission is safe with us. This page looks again by itself.")
)
SWITCHED_OFF = Answer(
    403,
    _("You can’t sign in at the moment"),
    _("Your account here has been switched off. Your store is connected and unchanged. Please write to support."),
)
NOT_A_NAVIGATION = Answer(
    400, _("Please open this link in your browser"), _("It works only as a page of its own, not inside another one.")
)


def page(request: HttpRequest, answer: Answer, attempt: InstallAttempt | None = None) -> HttpResponse:
    """Render one ending. Touches neither session nor database: both may be down."""
    context = {"answer": answer, "attempt": attempt}
    response = render(request, "installs/ending.html", context, status=answer.status)
    response.headers["Referrer-Policy"] = "no-referrer"
    if answer.status in (429, 503):
        response.headers["Retry-After"] = "15"
    return response


def see_other(address: str) -> HttpResponseRedirect:
    """Send the browser on by GET, whatever it came with; the address it came with leaves its history."""
    response = HttpResponseRedirect(address, status=303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
