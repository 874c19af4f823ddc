"""Reading a visit to the Return URL: what came, from where, and whether to trust the browser's word for it."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Bucket
from accounts.sign_in import client_of
from installs.ecwid import oauth
from installs.models import AppRegistration, Arrival, ConnectState, InstallAttempt

_LONGEST_CODE = 512
_MINUTE = timedelta(minutes=1)


class TurnedAway(Exception):
    """A visit that ends before any code is claimed. `outcome` says why."""

    def __init__(self, outcome: InstallAttempt.Outcome, detail: str = "") -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class HeldBack(Exception):
    """A visit by somebody, or to an app, that brought too many worthless codes in a minute."""


class NotANavigation(Exception):
    """Not a person following a link: an image, a frame or a pre-fetch must not use up a code."""


def require_navigation(request: HttpRequest) -> None:
    """Refuse what is not a top-level navigation, before anything is claimed (design rule 5).

    :raises NotANavigation: when the browser says that nobody is looking. Older browsers say nothing and pass.
    """
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        raise NotANavigation
    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
        raise NotANavigation


def require_patience(request: HttpRequest, app: AppRegistration) -> None:
    """Refuse whoever has brought many codes that were worth nothing, before another is claimed: each costs us a call.

    :raises HeldBack: until a minute has gone by. Codes that Ecwid gave are never counted.
    """
    if Bucket.is_any_empty(_worthless(request, app), refill=_MINUTE):
        raise HeldBack


def note_worthless(request: HttpRequest, app: AppRegistration) -> None:
    """Count a code that Ecwid did not know, for whoever brought it and for the app."""
    for (limit, subject), size in _worthless(request, app).items():
        Bucket.take(limit, subject, size=size, refill=_MINUTE)


def _worthless(request: HttpRequest, app: AppRegistration) -> dict[tuple[str, str], int]:
    return {("worthless codes", client_of(request)): 30, ("worthless codes of", app.client_id): 300}


def read(request: HttpRequest, app: AppRegistration) -> Arrival:
    """Return what this visit brings.

    :raises TurnedAway: when the merchant refused, or there is no usable code.
    """
    outcomes = InstallAttempt.Outcome
    if refusal := request.GET.get("error", ""):
        raise TurnedAway(outcomes.REFUSED, f"error={refusal[:50]!r}")
    code = request.GET.get("code", "")
    if not code or len(code) > _LONGEST_CODE or not code.isprintable():
        raise TurnedAway(outcomes.NO_CODE, "code missing" if not code else "code is not one")
    try:
        store_id = oauth.parse_store_id(request.GET["store_id"]) if "store_id" in request.GET else None
    except ValueError as error:
        raise TurnedAway(outcomes.NO_CODE, "store_id is not a number") from error
    return Arrival(code, store_id, _is_trusted(request, app, code))


def _is_trusted(request: HttpRequest, app: AppRegistration, code: str) -> bool:
    """Tell whether the browser shows that it comes from where it should.

    The market's redirect carries no `state`, so anybody can send a browser here with a code for *their* store
    (login CSRF). Another site cannot forge a Referer of the admin's origin, only suppress it; then we ask.
    """
    if state := request.GET.get("state", ""):
        browser = request.COOKIES.get(settings.BROWSER_COOKIE_NAME, "")
        return bool(browser) and ConnectState.objects.redeem(app, state, browser=browser, code=code)
    return _origin(request.headers.get("Referer", "")) in settings.ECWID_ADMIN_ORIGINS


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
