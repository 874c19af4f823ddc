"""Brings this machine's database up to date: tables, the operator, the sandbox's apps. Can be repeated at will."""

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from tests.sandbox import App, demo

OPERATOR = "operator"
MADE, KEPT = "made", "kept"


def main() -> str:
    """Prepare everything and return what standard output is to say: whether the operator was made or kept."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    secret = os.environ.get("SANDBOX_CLIENT_SECRET", "")
    if secret:
        hub = os.environ["SITE_URL"]
        for app in (demo.demo_app(hub, secret=secret), demo.demo_two(hub)):
            _register(app)
    return MADE if _make_operator(os.environ["OPERATOR_PASSWORD"]) else KEPT


def _register(app: App) -> None:
    os.environ["CLIENT_SECRET"] = app.client_secret
    call_command("register_app", app.client_id, name=app.name, scopes=" ".join(app.scopes), stdout=sys.stderr)


def _make_operator(password: str) -> bool:
    people = get_user_model()
    if people.objects.filter(username=OPERATOR).exists():
        return False
    people.objects.create_superuser(OPERATOR, password=password)
    return True


if __name__ == "__main__":
    try:
        print(main())
    except (ImproperlyConfigured, CommandError) as error:
        sys.exit(str(error))
