"""People who use the service, each with a browser of their own."""

import time
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client

from accounts.models import Authenticator, Store, User
from installs.models import AppRegistration, Arrival, Installation
from tests.sandbox import Sandbox


def let_in(browser: Client, operator: User) -> Client:
    """Sign an operator in with both steps behind them."""
    authenticator, _ = Authenticator.objects.get_or_create(user=operator, confirmed=True, defaults={"seed": "A" * 32})
    browser.force_login(operator)
    session = browser.session
    session["otp_device_id"] = authenticator.persistent_id
    session["operator"] = [time.time(), time.time()]
    session.save()
    return browser


def operator(role: str = "", username: str = "operator") -> Client:
    """Return the browser of an operator who is let in: with one role, or with every right there is."""
    person = User.objects.create(username=username, is_staff=True, is_superuser=not role)
    if role:
        person.groups.add(Group.objects.get(name=role))
    return let_in(Client(), person)


class Merchant:
    """Somebody with a store and a browser."""

    def __init__(self, sandbox: Sandbox, app: AppRegistration, store_id: int) -> None:
        self.sandbox = sandbox
        self.app = app
        self.store_id = store_id
        self.browser = Client()

    def address(self, **more: str) -> str:
        """Press Install in the market and return where it sends the browser: path and query."""
        parts = urlsplit(self.sandbox.redirect_address(self.app.client_id, self.store_id))
        query = "&".join([parts.query, *(f"{name}={value}" for name, value in more.items())])
        return f"{parts.path}?{query}"

    def follow(self, address: str, *, from_admin: bool = True, **headers: str) -> HttpResponse:
        """Follow a link to us, as a browser does that comes from the store's admin."""
        sent = {"Referer": f"{self.sandbox.origin}/"} if from_admin else {}
        return self.browser.get(address, headers={**sent, "Sec-Fetch-Dest": "document", **headers})  # type: ignore[return-value]

    def install(self, *, from_admin: bool = True) -> HttpResponse:
        """Press Install and follow the redirect."""
        return self.follow(self.address(), from_admin=from_admin)

    def arrival(self, code: str) -> Arrival:
        """Return what the visit with `code` brings, for stories that begin in the middle."""
        return Arrival(code, self.store_id, trusted=True)

    def get(self, path: str, **kwargs: Any) -> HttpResponse:
        return self.browser.get(path, **kwargs)  # type: ignore[return-value]

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> HttpResponse:
        return self.browser.post(path, data or {}, **kwargs)  # type: ignore[return-value]

    @property
    def page(self) -> str:
        return f"/stores/{self.store_id}/"

    @property
    def store(self) -> Store:
        return Store.objects.get(store_id=self.store_id)

    @property
    def installation(self) -> Installation:
        rows = Installation.objects.select_related("app", "store", "prefill")
        return rows.get(app=self.app, store__store_id=self.store_id)

    @property
    def is_signed_in(self) -> bool:
        return "_auth_user_id" in self.browser.session
