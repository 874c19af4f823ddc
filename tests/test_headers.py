"""Security headers and cookies of every kind of page, under the settings of a deployment, scored as Mozilla does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from installs.models import AppRegistration, InstallAttempt
from tests import observatory
from tests.cast import work
from tests.people import Merchant
from tests.test_configuration import PRODUCTION, ROOT

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = {
    "front door": "/",
    "sign-in": "/sign-in/",
    "dead link": "/sign-in/link/?sesame=none",
    "account": "/account/",
    "store": "/stores/1003/",
    "first run": "/stores/1003/onboarding/",
    "people": "/stores/1003/people/",
    "connection": "/stores/1003/connection/",
    "data to take along": "/stores/1003/connection/export/",
    "somebody else's store": "/stores/1004/",
    "used code": "/apps/demo-app/return/?code=none&store_id=1003",
    "refused install": "/apps/demo-app/return/?error=access_denied",
    "reconnect": "/apps/demo-app/connect/",
    "open app": "/apps/demo-app/open/",
    "unknown app": "/apps/nobody/return/?code=none&store_id=1003",
    "nothing here": "/nowhere/",
    "style sheet": "/static/hub.css",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
    "webhook, by a browser": "/apps/demo-app/webhook/",
}
ADMIN = {
    "admin": "/admin/",
    "admin list": "/admin/installs/installation/",
    "admin form": "/admin/installs/appregistration/add/",
}


@pytest.fixture
def deployed(settings: LazySettings) -> None:
    """Cookies and headers as a deployment with HTTPS has them: read from the settings that its variables give."""
    code = (
        "import json; from ecwidhub import settings as s;"
        "print(json.dumps({n: v for n, v in vars(s).items() if n == 'HTTPS' or 'COOKIE' in n or 'SECURE_' in n}))"
    )
    changed = os.environ | PRODUCTION
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=changed, capture_output=True, check=True)
    for name, value in json.loads(done.stdout).items():
        setattr(settings, name, value)


@pytest.fixture
def visit(deployed: None, merchant: Merchant, settings: LazySettings) -> Callable[..., HttpResponse]:
    """Return how the merchant, whose store is filled and who is signed in, opens an address by HTTPS."""
    merchant.browser = Client()
    merchant.browser.get(
        merchant.address(),
        headers={"Referer": f"{merchant.sandbox.origin}/", "Sec-Fetch-Dest": "document"},
        secure=True,
    )
    work()
    settings.WHITENOISE_USE_FINDERS = True
    merchant.browser.handler.load_middleware()

    def open_it(path: str, **kwargs: Any) -> HttpResponse:
        answer = merchant.get(path, secure=True, **kwargs)
        answer.close()  # a file that is served
        return answer

    return open_it


def assert_nothing_inline(answer: HttpResponse) -> None:
    """The policy would refuse it, and the page would be broken."""
    if answer.streaming or "text/html" not in answer.headers.get("Content-Type", ""):
        return
    page = answer.content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    assert not re.findall(r"<[^>]*\s(?:on\w+|style)=", page)


def test_every_kind_of_page_a_merchant_meets_scores_far_above_an_a(visit: Callable[..., HttpResponse]) -> None:
    answers = {kind: visit(path) for kind, path in KINDS.items()}

    assert {
        kind: observatory.points(answer) for kind, answer in answers.items() if observatory.score(answer) < 135
    } == {}
    assert answers["style sheet"].status_code == answers["store"].status_code == 200
    assert answers["somebody else's store"].status_code == 404
    for kind, answer in answers.items():
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", kind
        assert "camera=()" in answer.headers["Permissions-Policy"], kind
        assert answer.headers["X-Frame-Options"] == "DENY", kind
        assert_nothing_inline(answer)


def test_the_admin_scores_an_a_plus_in_spite_of_what_its_theme_evaluates(deployed: None) -> None:
    operator = Client()
    login = operator.get("/admin/login/", secure=True)
    operator.force_login(User.objects.create_superuser("operator", "", "a long pass phrase"))
    answers = {kind: operator.get(path, secure=True) for kind, path in ADMIN.items()} | {"sign-in": login}

    assert {
        kind: observatory.points(answer) for kind, answer in answers.items() if observatory.score(answer) < 110
    } == {}


def test_the_native_page_is_framed_by_the_store_s_admin_alone_and_sets_no_cookie(
    visit: Callable[..., HttpResponse], merchant: Merchant
) -> None:
    parts = urlsplit(merchant.sandbox.native_address("demo-app", 1003, "query"))
    answer = visit(f"{parts.path}?{parts.query}")
    refused = visit(f"{parts.path}?payload=none")

    assert answer.status_code == 200
    assert refused.status_code == 403
    for page in (answer, refused):
        assert observatory.policy_of(page)["frame-ancestors"] == {merchant.sandbox.origin}
        assert "X-Frame-Options" not in page.headers
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert not page.cookies
        assert observatory.score(page) >= 130, observatory.points(page)
        assert_nothing_inline(page)


@pytest.mark.parametrize(
    ("setting", "value", "test"),
    [
        ("SECURE_HSTS_SECONDS", 0, "https"),
        ("SECURE_CONTENT_TYPE_NOSNIFF", False, "sniffing"),
        ("CSRF_COOKIE_SAMESITE", None, "cookies"),
        ("CSRF_COOKIE_HTTPONLY", False, "cookies"),
        ("CSRF_COOKIE_SECURE", False, "cookies"),
        ("CSRF_COOKIE_NAME", "csrf", "cookies"),
        ("CONTENT_SECURITY_POLICY", {"DIRECTIVES": {"script-src": ["'unsafe-inline'"]}}, "policy"),
    ],
)
def test_a_setting_that_is_let_go_costs_points(
    deployed: None, settings: LazySettings, setting: str, value: object, test: str
) -> None:
    before = observatory.points(Client().get("/sign-in/", secure=True))
    setattr(settings, setting, value)
    after = observatory.points(Client().get("/sign-in/", secure=True))

    assert {name for name in before if after[name] < before[name]} >= {test}


def test_each_cookie_of_an_install_is_bound_to_this_host_and_hidden_from_scripts(
    deployed: None, merchant: Merchant, app: AppRegistration
) -> None:
    browser = merchant.browser = Client()
    browser.get("/apps/demo-app/connect/", secure=True)
    browser.get("/sign-in/", secure=True)
    browser.get("/sign-in/passkey/options/", secure=True)
    answer = browser.get(merchant.address(), headers={"Sec-Fetch-Dest": "document"}, secure=True)
    assert answer["Location"] == f"/installs/{InstallAttempt.objects.latest('pk').uid}/"
    browser.post(f"{answer['Location']}continue/", secure=True)

    assert {"__Host-browser", "__Host-attempt", "__Host-csrf", "__Host-session"} <= set(browser.cookies)
    for name, cookie in browser.cookies.items():
        assert name.startswith("__Host-"), name
        assert cookie["secure"], name
        assert cookie["httponly"], name
        assert cookie["samesite"] in {"Lax", "Strict"}, name
        assert cookie["path"] == "/", name
        assert not cookie["domain"], name
