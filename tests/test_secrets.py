"""Recognisable secrets go through everything the service does, and turn up nowhere but sealed (design rule 10)."""

import base64
import re
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import requests
from django.apps import apps
from django.conf import LazySettings
from django.core import serializers
from django.db import connection, models
from django.test import Client

from accounts import links
from accounts.models import User
from ecwidhub import logs
from installs import spool
from installs.ecwid import oauth
from installs.models import AppRegistration, Installation, InstallAttempt, Prefill
from tests.cast import make_app
from tests.people import Merchant, let_in
from tests.processes import Hub, new_browser, until
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

WRONG_SECRET = "Wr0ngWr0ngWr0ngWr0ngWr0ngWr0ng77"
TYPED_SECRET = "Typ3dTyp3dTyp3dTyp3dTyp3dTyp3d55"
MADE_UP_CODE = "M4d3UpC0d3"


def shapes(secret: str) -> Iterator[bytes]:
    """Yield what to look for: the secret itself, in hex, and inside base64 wherever it may begin."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw)
        yield text[(before * 8 + 5) // 6 : -4]  # less the ends, where its neighbours have a say


def leaks(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    """Name every secret that stands somewhere, and where."""
    assert all(places.values()), f"nothing was seen in {[place for place, seen in places.items() if not seen]}"
    found = []
    for place, seen in places.items():
        for name, secret in secrets.items():
            at = max(seen.find(shape) for shape in shapes(secret))
            if at >= 0:
                found.append(f"{name} in {place}: {seen[max(0, at - 80) : at + 60]!r}")
    return found


def all_secrets(sandbox: Sandbox, settings: LazySettings, **more: str) -> dict[str, str]:
    """Return everything that must not be told, by what it is."""
    codes = {f"code {at}": code for at, code in enumerate(sandbox.world.codes)}
    tokens = {f"token {at}": token for at, token in enumerate(sandbox.world.tokens)}
    ours = {"SECRET_KEY": settings.SECRET_KEY, "TOKEN_KEYS": settings.TOKEN_KEYS[0], "client secret": CLIENT_SECRET}
    return codes | tokens | ours | more


def database() -> bytes:
    """Return the database as a thief would find it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            name = Path(connection.settings_dict["NAME"])
            # Another process reads them: closing such a file here would drop the locks that SQLite has on it, and
            # whoever writes next breaks it (https://www.sqlite.org/howtocorrupt.html, 2.2).
            files = sorted(name.parent.glob(f"{name.name}*"))
            return subprocess.run(["cat", *files], capture_output=True, check=True).stdout
        tables = connection.introspection.table_names(cursor)
        return b"".join(_copied(cursor.cursor, connection.ops.quote_name(table)) for table in tables)


def _copied(cursor: object, table: str) -> bytes:
    with cursor.copy(f"COPY {table} TO STDOUT") as rows:  # type: ignore[attr-defined]
        return table.encode() + b"".join(bytes(row) for row in rows)


def queue(hub: Hub, settings: LazySettings) -> bytes:
    """Return what waits in the queue, whichever it is."""
    if not settings.REDIS_URL:
        return b"".join(path.read_bytes() for path in hub.queue.rglob("*") if path.is_file())
    broker = redis.Redis.from_url(settings.REDIS_URL)
    read: dict[Any, Callable[..., Any]] = {
        b"list": lambda key: broker.lrange(key, 0, -1),
        b"set": broker.smembers,
        b"hash": broker.hgetall,
        b"zset": lambda key: broker.zrange(key, 0, -1),
        b"string": broker.get,
    }
    with broker:
        return b"\n".join(repr(read[broker.type(key)](key)).encode() for key in broker.scan_iter())


class Witness:
    """A browser that remembers every answer it got, headers and all."""

    def __init__(self, hub: Hub, seen: list[bytes]) -> None:
        self._hub = hub
        self._seen = seen
        self._browser = new_browser()
        self._browser.hooks["response"].append(self._remember)

    def remember_in(self, seen: list[bytes]) -> None:
        """Remember in another place from now on."""
        self._seen = seen

    def _remember(self, answer: requests.Response, **_: object) -> None:
        self._seen.append(f"{answer.status_code} {answer.headers}\n".encode() + answer.content)

    def follow(self, address: str) -> requests.Response:
        """Follow a link, and the redirects of ours that come of it."""
        answer = self._hub.follow(address, self._browser)
        while answer.is_redirect and answer.headers["Location"].startswith("/"):
            answer = self._hub.follow(answer.headers["Location"], self._browser)
        return answer

    def press(self, page: requests.Response, button: str) -> requests.Response:
        """Press the button that leads to an address like this one."""
        form = re.search(rf'action="([^"]*{button})".*?name="csrfmiddlewaretoken" value="(\w+)"', page.text, re.DOTALL)
        assert form, page.text
        return self._browser.post(self._hub.url + form[1], {"csrfmiddlewaretoken": form[2]}, timeout=20)


@pytest.fixture
def hub(ecwid: Sandbox, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
    """Everything says all it can."""
    with Hub(tmp_path, ecwid, LOG_LEVEL="DEBUG", GUNICORN_CMD_ARGS="--log-level debug") as hub:
        settings.SITE_URL = hub.url
        hub.web()
        yield hub


def come_in(hub: Hub, merchant: Merchant, seen: list[bytes]) -> None:
    """Install, refresh, look around, and let somebody else try the same link."""
    address = merchant.address()
    browser = Witness(hub, seen)
    for path in (address, address, merchant.page, f"{merchant.page}settings/phone/", "/"):
        assert browser.follow(path).status_code == 200
    Witness(hub, seen).follow(address)


def be_asked(hub: Hub, merchant: Merchant, seen: list[bytes]) -> None:
    """Install as somebody whom nothing vouches for: a state that is not ours."""
    browser = Witness(hub, seen)
    page = browser.follow(merchant.address(state="n0tOneOfOurStates"))
    assert "Continue as" in page.text
    assert browser.press(page, "continue/").ok


def reconnect(hub: Hub, merchant: Merchant, seen: list[bytes]) -> str:
    """Go round through our own start of the flow; return the state that went along."""
    browser = Witness(hub, [])
    asked = browser.follow("/apps/demo-app/connect/")  # its Location is the one place where the state belongs
    seen.append(asked.content + b".")
    back = urlsplit(merchant.sandbox.authorize(asked.headers["Location"], merchant.store_id))
    browser.remember_in(seen)
    assert browser.follow(f"{back.path}?{back.query}").status_code == 200
    return parse_qs(back.query)["state"][0]


def open_a_mailed_link(hub: Hub, merchant: Merchant) -> str:
    """Open a sign-in link, unseen: its page holds the token on purpose. Return the token."""
    link = urlsplit(links.address(merchant.store.owner))
    assert hub.follow(f"{link.path}?{link.query}").status_code == 200
    return parse_qs(link.query)["sesame"][0]


def fail(hub: Hub, merchant: Merchant, seen: list[bytes]) -> None:
    """Install in every way that goes wrong after the code is known."""
    for how in ("dropped", "reset", "server_error", "malformed", "html", "wrong_types", "redirect"):
        merchant.sandbox.disturb("token", how)
        assert Witness(hub, seen).follow(merchant.address()).status_code >= 400
    for query in (
        f"code={MADE_UP_CODE}&store_id=1003",
        f"code={MADE_UP_CODE}&store_id=x",
        f"error=no&code={MADE_UP_CODE}",
    ):
        assert Witness(hub, seen).follow(f"/apps/demo-app/return/?{query}").status_code >= 400
    address = merchant.address()
    assert requests.post(hub.url + address, timeout=20).status_code in (403, 405)
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2]))) as line:
        line.sendall(f"GET {address} HTTP/nine\r\n\r\n".encode())
        seen.append(line.recv(65_536))


def break_down(hub: Hub, settings: LazySettings, merchant: Merchant, seen: list[bytes]) -> None:
    """Run into what nobody expected: a 500 in the middle of an install, with a traceback in the log."""
    broken = make_app(merchant.sandbox, settings, "broken-app", "Broken")
    sealed_elsewhere = vars(merchant.app)["client_secret"]
    AppRegistration.objects.filter(pk=broken.pk).update(client_secret=sealed_elsewhere)
    merchant.app = broken
    assert Witness(hub, seen).follow(merchant.address()).status_code == 500


def wait_for_a_worker(merchant: Merchant, settings: LazySettings, hub: Hub) -> None:
    """Leave a grant in the spool, as a web process does that is killed at the worst moment."""
    settings.SPOOL_DIR = hub.spool
    code = merchant.sandbox.press_install("demo-app", merchant.store_id)
    attempt, _ = InstallAttempt.objects.claim(merchant.app, merchant.arrival(code))
    grant = oauth.exchange_code(merchant.app.oauth_client(), code, merchant.store_id)
    spool.put(spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7))


def fill(hub: Hub, sandbox: Sandbox) -> None:
    """Let a worker do everything: one store's token is dead, others' answers are spoilt."""
    for how in ("malformed", "server_error", "html"):
        sandbox.disturb("profile", how)
    sandbox.uninstall("demo-app", 1006)
    hub.worker("--loglevel", "DEBUG")
    until(lambda: Installation.objects.count() == 6 and not Prefill.objects.filter(tries=0).exists())
    until(lambda: not Prefill.objects.filter(state=Prefill.State.RUNNING).exists())


def test_no_secret_is_told_on_the_way_through_the_service(
    hub: Hub, sandbox: Sandbox, app: AppRegistration, settings: LazySettings
) -> None:
    def merchant(store_id: int) -> Merchant:
        return Merchant(sandbox, app, store_id)

    seen: list[bytes] = []
    come_in(hub, merchant(1003), seen)
    be_asked(hub, merchant(1004), seen)
    state = reconnect(hub, merchant(1005), seen)
    mailed = open_a_mailed_link(hub, merchant(1003))
    for store_id in (1006, 1007):
        hub.follow(merchant(store_id).address())
    wait_for_a_worker(merchant(1008), settings, hub)
    fail(hub, merchant(1009), seen)
    break_down(hub, settings, merchant(1010), seen)
    waiting = {
        "the queue": queue(hub, settings),
        "the spool": b"".join(path.read_bytes() for path in hub.spool.iterdir()),
    }
    secrets = all_secrets(sandbox, settings, state=state, mailed=mailed, made_up=MADE_UP_CODE)
    assert leaks(waiting, secrets) == []
    fill(hub, sandbox)
    said = {process.said.name: process.words.encode() for process in hub.processes}

    assert "Traceback" in hub.words
    assert leaks({"the database": database(), "pages": b"\n".join(seen)} | said, secrets) == []


def test_no_model_and_no_value_shows_a_secret_when_printed(
    sandbox: Sandbox, merchant: Merchant, settings: LazySettings
) -> None:
    """What ends up in a traceback, a debugger or somebody's print."""
    merchant.install()
    code = sandbox.press_install("demo-app", 1004)
    arrival = merchant.arrival(code)
    attempt, _ = InstallAttempt.objects.claim(merchant.app, arrival)
    grant = oauth.exchange_code(merchant.app.oauth_client(), code, 1004)
    receipt = spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7)
    values = [arrival, grant, receipt, merchant.app.oauth_client(), merchant.installation.credentials()]
    rows = [row for model in ours() for row in model._default_manager.all()]
    for row in rows:
        values += [row, vars(row)]

    secrets = all_secrets(sandbox, settings)
    assert {type(row).__name__ for row in rows} >= {"AppRegistration", "Installation", "InstallAttempt", "Session"}
    printed = {f"{at}: {value!r:.40}": f"{value!r} {value!s}".encode() for at, value in enumerate(values)}
    assert leaks(printed, secrets) == []
    assert leaks({"dumpdata": serializers.serialize("json", rows).encode()}, secrets) == []


def test_redaction_tells_a_token_from_the_scope_that_looks_like_one() -> None:
    assert logs.redact("public_storefront read_orders") == "public_storefront read_orders"
    assert logs.redact("got public_storefront-1 and public_Hn4cQ2") == "got [redacted] and [redacted]"


def ours() -> list[type[models.Model]]:
    """Return every model there is, but those that Django itself needs."""
    return [model for model in apps.get_models() if model._meta.app_label not in ("contenttypes", "auth")]


def test_the_admin_takes_secrets_in_and_never_gives_one_out(
    sandbox: Sandbox, merchant: Merchant, settings: LazySettings
) -> None:
    merchant.install()
    operator = Client()
    let_in(operator, User.objects.create_superuser("operator", "", "a long pass phrase"))
    form = f"/admin/installs/appregistration/{merchant.app.pk}/change/"
    initial = operator.get(form).context["adminform"].form.initial
    known = {name: value for name, value in initial.items() if value is not None}
    operator.post(form, known | {"new_client_secret": TYPED_SECRET})
    merchant.app.refresh_from_db()
    assert merchant.app.client_secret == TYPED_SECRET
    pages = crawl(operator)

    assert len([path for path in pages if path.endswith("/change/")]) >= 5
    assert len([path for path in pages if path.endswith("/history/")]) >= 5
    secrets = all_secrets(sandbox, settings, typed=TYPED_SECRET)
    assert leaks(pages | {"the database": database()}, secrets) == []


def crawl(operator: Client) -> dict[str, bytes]:
    """Open every page of the admin that a link leads to, filters and sortings aside."""
    pages: dict[str, bytes] = {}
    paths = deque(["/admin/"])
    while paths:
        path = paths.popleft()
        if path in pages or "logout" in path:
            continue
        answer = operator.get(path)
        assert answer.status_code in (200, 302), path
        content = answer.getvalue()  # also of what is streamed
        pages[path] = content + str(answer.headers).encode()
        paths += re.findall(r'href="(/admin/[^"?#]*)', content.decode())
    return pages
