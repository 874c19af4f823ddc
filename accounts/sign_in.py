"""Signing a person in, in one place, so that no way in forgets a part of it."""

import ipaddress

from django.contrib import auth
from django.http import HttpRequest

from accounts.models import Store, User
from accounts.sessions import STORE

AGENT = "agent"


def sign_in(request: HttpRequest, person: User, only: Store | None = None) -> None:
    """Sign `person` in with a fresh session key; whoever else was signed in here is signed out, never merged.

    With `only` the session sees that store and no other of theirs: the store's admin vouches for nothing else.
    """
    auth.login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    request.session.cycle_key()  # Django keeps the key of somebody who signs in again, who may see more from now on
    request.session.pop(STORE, None)
    if only:
        request.session[STORE] = only.pk
    request.session[AGENT] = request.headers.get("User-Agent", "")[:200]


def client_of(request: HttpRequest) -> str:
    """Return who asks, for rate limits: an IPv4 address, or the 64 bits of an IPv6 one that its customer has whole."""
    text = str(request.META.get("REMOTE_ADDR", ""))  # the visitor's, not a proxy's: ecwidhub/proxies.py
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped
    return str(mapped or ipaddress.IPv6Network((address, 64), strict=False))
