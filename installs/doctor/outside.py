"""The look from outside: requests to our own public address, made only when somebody asks for it.

What Ecwid sees may differ from what we think: a proxy that redirects, a certificate that ran out, a name that leads
elsewhere. The requests go through the same guarded wire as all others: one deadline, no redirect followed.
"""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection

from installs.actions import watch
from installs.doctor.finding import Finding
from installs.ecwid import errors, wire
from installs.models import AppRegistration, Rule

_TIMEOUTS = wire.Timeouts(connect=3.0, read=5.0, total=8.0)
_SOON_DAYS = 14
_SMALL = 65_536


def site() -> Iterator[Finding]:
    """Does the public address lead to us?"""
    subject = "from outside"
    reached = f"{settings.SITE_URL}/healthz"
    try:
        reply = wire.send(wire.Request("GET", reached, timeouts=_TIMEOUTS, max_bytes=_SMALL, fresh=True))
    except errors.EcwidError as error:
        advice = "Check name, proxy and certificate. Some networks cannot reach their own public address; then look "
        yield Finding("error", subject, f"{reached}: {error}", f"{advice}from another one.")
        return
    if reply.status == 200 and reply.body.strip() == b"ok":
        yield Finding("ok", subject, f"{settings.SITE_URL} leads here")
    else:
        advice = "The proxy must pass every path on to us, with its Host header."
        yield Finding("error", subject, f"{reached} answered {reply.status}, and not as we do", advice)


def certificate() -> Iterator[Finding]:
    """Is the certificate one that browsers and Ecwid trust, and for how long?"""
    place = urlsplit(settings.SITE_URL)
    if place.scheme != "https" or not place.hostname:
        return
    try:
        days = (_valid_until(place.hostname, place.port or 443) - datetime.now(UTC)).days
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        words = getattr(error, "verify_message", "") or type(error).__name__
        advice = "Install a certificate from a public authority, with its whole chain, at the proxy."
        yield Finding("error", "certificate", words, advice)
        return
    if days < _SOON_DAYS:
        yield Finding("warning", "certificate", f"ends in {days} days", "Renew it, and see why that was not automatic.")
    else:
        yield Finding("ok", "certificate", f"valid for {days} days")


def _valid_until(host: str, port: int) -> datetime:
    trusted = ssl.create_default_context()
    line = socket.create_connection((host, port), timeout=_TIMEOUTS.connect)
    with line, trusted.wrap_socket(line, server_hostname=host) as secured:
        ends = str((secured.getpeercert() or {})["notAfter"])
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def doors() -> Iterator[Finding]:
    """Does each webhook address answer a stranger with a refusal, and never with a redirect (contract §7.5)?"""
    for app in AppRegistration.objects.enabled():
        address = app.address("webhook")
        verdicts = [_knock(url) for url in (address, address.rstrip("/"))]
        wrong = next((verdict for verdict in verdicts if verdict), "")
        subject = f"webhook address {app.client_id}"
        if wrong:
            advice = "Have the proxy pass POST on to us unchanged: Ecwid counts every redirect as a failed delivery."
            yield Finding("error", subject, wrong, advice, Rule.WEBHOOKS_SILENT)
        else:
            yield Finding("ok", subject, "refuses a stranger, redirects nobody")


def _knock(url: str) -> str:
    """Return what is wrong with a webhook address, "" when nothing is."""
    headers = {"Content-Type": "application/json", "X-Ecwid-Webhook-Signature": watch.OURS}
    try:
        reply = wire.send(wire.Request("POST", url, headers, b"{}", _TIMEOUTS, _SMALL, fresh=True))
    except errors.EcwidError as error:
        return f"{url}: {error}"
    return "" if 400 <= reply.status < 500 else f"{url} answered {reply.status}"


def mail_server() -> Iterator[Finding]:
    """Does the mail server take us?"""
    try:
        server = get_connection()
        server.open()
        server.close()
    except OSError as error:  # smtplib's errors are OSErrors
        advice = "Check EMAIL_URL: host, port, user, password, TLS."
        yield Finding("error", "mail server", f"does not take us: {type(error).__name__}", advice)
    else:
        yield Finding("ok", "mail server", "takes us")
