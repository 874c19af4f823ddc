"""The registered apps: secret, addresses, scopes, last exchange, webhooks, and what to ask Ecwid for."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from accounts import sealing
from installs import events, features
from installs.actions import watch
from installs.doctor.finding import Finding
from installs.models import AppRegistration, InstallAttempt, Rule, Source

_SECRET_SHAPE = re.compile(r"[A-Za-z0-9]{32}")
_NATIVE_SCOPE = "add_to_cp"
# What each kind of app has use for (contract §1.1); a custom app's tokens are pasted, nobody comes back with a code.
_ENDPOINTS = {
    AppRegistration.Kind.EXTERNAL: ("redirectUrl", "openAppUrl", "webhookUrl"),
    AppRegistration.Kind.NATIVE: ("iframeUrl", "webhookUrl"),
    AppRegistration.Kind.CUSTOM: ("webhookUrl",),
}


def registrations() -> Iterator[Finding]:
    """Can each app be installed?"""
    apps = list(AppRegistration.objects.all())
    if not apps:
        advice = "Register one in the admin, or run: python manage.py register_app --help"
        yield Finding("warning", "apps", "none is registered", advice)
    for app in apps:
        try:
            yield _registration(app)
        except sealing.SealBroken as error:
            advice = "Put the missing key back into TOKEN_KEYS, or enter the client secret again."
            yield Finding("error", f"app {app.client_id}", str(error), advice)
        yield from _scopes(app)


def _registration(app: AppRegistration) -> Finding:
    subject = f"app {app.client_id}"
    visits = InstallAttempt.objects.filter(app=app, source=Source.RETURN).order_by("-arrived_at")
    good = visits.filter(exchanged_at__isnull=False).values_list("arrived_at", flat=True).first()
    refused = visits.filter(outcome=InstallAttempt.Outcome.SECRET_WRONG)
    for since in filter(None, (good, app.client_secret_set_at)):
        refused = refused.filter(arrived_at__gt=since)
    if not app.client_secret and app.kind == AppRegistration.Kind.CUSTOM:
        advice = "Enter it in the admin if the app gets webhooks: without it none can be verified."
        return Finding("warning", subject, "has no client secret", advice)
    if not app.client_secret:
        return Finding("error", subject, "has no client secret", "Enter it in the admin.", Rule.SECRET_WRONG)
    if refused.exists():
        advice = "Copy it again from #develop-apps."
        return Finding("error", subject, "Ecwid refused its client secret", advice, Rule.SECRET_WRONG)
    if not _SECRET_SHAPE.fullmatch(app.client_secret):
        advice = "Ecwid's are 32 letters and digits; a token that begins with secret_ is not one."
        return Finding("warning", subject, "its client secret has an unusual shape", advice, Rule.SECRET_WRONG)
    return Finding("ok", subject, f"last exchange {good:%F %T} UTC" if good else "no exchange yet")


def _scopes(app: AppRegistration) -> Iterator[Finding]:
    subject = f"scopes {app.client_id}"
    wanted = {scope: feature.title for feature in features.of(app.client_id) for scope in feature.scopes}
    if app.kind == AppRegistration.Kind.NATIVE:
        wanted.setdefault(_NATIVE_SCOPE, "its page inside the store’s admin")
    lacking = sorted(set(wanted) - set(app.wanted_scopes))
    if lacking:
        why = ", ".join(f"{scope} (for {wanted[scope]})" for scope in lacking)
        advice = "Tick them in the registration, and ask Ecwid for them with the text below: stores must reconnect."
        yield Finding("warning", subject, f"not among the app's: {why}", advice)
    else:
        yield Finding("ok", subject, f"{len(app.wanted_scopes)} cover what its features need")


def webhooks() -> Iterator[Finding]:
    """Is each app heard?"""
    for app in AppRegistration.objects.all():
        heard = watch.hearing(app=app)
        subject = f"webhooks {app.client_id}"
        last = f"last received {heard.last:%F %T} UTC" if heard.last else "none received yet"
        match heard.verdict:
            case "refused":
                advice = "Nothing else came: enter the client secret again. Ecwid blocks the app after two weeks."
                text = f"{heard.refused} refused within an hour, {last}"
                yield Finding("error", subject, text, advice, Rule.WEBHOOKS_REFUSED)
            case "silent":
                advice = f"Hand {app.address('webhook')} to Ecwid, and look whether it answers from outside."
                yield Finding("warning", subject, f"silent for a day or more, {last}", advice, Rule.WEBHOOKS_SILENT)
            case _:
                yield Finding("ok", subject, last)


def address() -> Iterator[Finding]:
    """Is the address that everything is built from one that Ecwid can use?"""
    host = urlsplit(settings.SITE_URL).hostname or ""
    if not settings.HTTPS:
        advice = "Ecwid sends merchants and webhooks to HTTPS only: set SITE_URL to the public https:// address."
        yield Finding("warning", "address", f"{settings.SITE_URL} is not HTTPS", advice)
    elif not validate_host(host, settings.ALLOWED_HOSTS):
        yield Finding("error", "address", f"{host} is not in ALLOWED_HOSTS", f"Add {host} to ALLOWED_HOSTS.")
    else:
        yield Finding("ok", "address", settings.SITE_URL)


def request_text(app: AppRegistration) -> str:
    """Return what to write to Ecwid, who change an app's settings only when asked. Source: contract §1.2, §1.3, §9.1

    It goes into the form behind Contact in the app's details at #develop-apps, or to the API support by mail.
    """
    names = _ENDPOINTS[AppRegistration.Kind(app.kind)]
    addresses = [f"- {name}: {url}" for name, url in app.addresses().items() if name in names]
    lines = [
        "Hello,",
        "",
        f"please set the following for our app {app.client_id} ({app.name}). Everything else stays as it is.",
        "",
        "Endpoints:",
        *addresses,
        "",
        "Access scopes, these and no others:",
        *(f"- {scope}" for scope in app.asked_scopes),
        "",
        "Webhook events:",
        *(f"- {name}" for name in events.types_of(app.client_id)),
        "",
        "Please tell us when it is done. Thank you!",
    ]
    return "\n".join(lines)
