"""The floor: the least Django code that does the same job, in one file, with none of the care.

No claim, no spool, no encryption, no lease: what is measured above it is the price of those.
Served by `gunicorn tests.bench.floor`; DATABASE_URL, FLOOR_ECWID and FLOOR_SECRET come from the environment.
`python -m tests.bench.floor prefill` is its bare loop; it reads and prints JSON as tests/bench/inside.py does.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

import environ
import requests
from django.conf import settings

settings.configure(
    SECRET_KEY="floor" * 10,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": environ.Env().db("DATABASE_URL")
        | (
            {
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
                }
            }
            if "sqlite" in os.environ["DATABASE_URL"]
            else {"CONN_HEALTH_CHECKS": True}
        )
        | {"CONN_MAX_AGE": 60}
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.ScryptPasswordHasher"],
    USE_TZ=True,
)

import django  # noqa: E402  after the settings

django.setup()

from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

ECWID = os.environ["FLOOR_ECWID"]
SECRET = os.environ["FLOOR_SECRET"]


class Token(models.Model):
    user = models.OneToOneField(User, models.CASCADE)
    store_id = models.BigIntegerField(unique=True)
    access_token = models.CharField(max_length=255)
    public_token = models.CharField(max_length=255)
    scope = models.TextField()
    name = models.CharField(max_length=255, default="")
    email = models.CharField(max_length=255, default="")

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.name


def return_url(request: HttpRequest) -> HttpResponse:
    """Exchange, user, token row, session."""
    store_id = request.GET["store_id"]
    form = {
        "client_id": "demo-app",
        "client_secret": SECRET,
        "code": request.GET["code"],
        "redirect_uri": "http://localhost:8000/apps/demo-app/return/",
        "grant_type": "authorization_code",
    }
    grant = requests.post(f"{ECWID}/api/oauth/token/{store_id}", data=form, timeout=10).json()
    user, _ = User.objects.get_or_create(username=f"store-{store_id}")
    facts = {
        "user": user,
        "access_token": grant["access_token"],
        "public_token": grant.get("public_token", ""),
        "scope": grant["scope"],
    }
    Token.objects.update_or_create(store_id=grant["store_id"], defaults=facts)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/")


@csrf_exempt
def webhook(request: HttpRequest) -> HttpResponse:
    """Signature, one insert."""
    body = json.loads(request.body)
    message = f"{body['eventCreated']}.{body['eventId']}".encode()
    expected = base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(expected, request.headers.get("X-Ecwid-Webhook-Signature", "")):
        return HttpResponse(status=401)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO floor_event (event_id, body) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [body["eventId"], request.body.decode()],
        )
    return HttpResponse()


def page(request: HttpRequest) -> HttpResponse:
    """One page about the signed-in person's store."""
    token = Token.objects.get(user=request.user.pk)
    return HttpResponse(f"<!doctype html><title>{token.name}</title><h1>{token.name}</h1><p>{token.email}</p>")


def prefill(store_id: int) -> None:
    """The same two calls, one update."""
    token = Token.objects.get(store_id=store_id)
    headers = {"Authorization": f"Bearer {token.access_token}"}
    profile = requests.get(f"{ECWID}/api/v3/{store_id}/profile", headers=headers, timeout=10).json()
    requests.get(f"{ECWID}/api/v3/{store_id}/application", headers=headers, timeout=10).json()
    name, email = profile["settings"]["storeName"], profile["mailNotifications"]["adminNotificationEmails"][0]
    Token.objects.filter(pk=token.pk).update(name=name, email=email)


def loop(count: int) -> dict[str, float]:
    """Fill so many that are not filled yet, one after the other."""
    due = list(Token.objects.filter(name="").order_by("pk").values_list("store_id", flat=True)[: count + 1])
    prefill(due.pop())
    seconds, cpu = time.perf_counter(), time.process_time()
    for store_id in due:
        prefill(store_id)
    seconds, cpu = time.perf_counter() - seconds, time.process_time() - cpu
    return {"count": len(due), "seconds": seconds, "cpu": cpu, "failures": 0}


def prepare() -> None:
    """Make the tables."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Token)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor_event (event_id varchar(64) PRIMARY KEY, body text NOT NULL)")


urlpatterns = [path("return/", return_url), path("webhook/", webhook), path("page/", page)]
application = get_wsgi_application()

if __name__ == "__main__":
    print(json.dumps(loop(**json.load(sys.stdin))))
