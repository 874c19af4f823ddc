"""Keys go round while the service goes on: nothing is unreadable, nothing is lost, and no key goes while it is used."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from accounts import sealing
from accounts.fields import SecretField
from accounts.models import Store
from installs import keys, spool, tasks
from installs.actions import jobs, rotate, visit
from installs.ecwid import oauth
from installs.models import AppRegistration, ImportLine, Installation, InstallAttempt, Job
from tests.cast import long_ago
from tests.people import Merchant, operator
from tests.processes import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a-newer-key-of-more-than-thirty-two-characters"
PAGE = "/admin/installs/job/keys/"


def turn(settings: LazySettings) -> str:
    """Put a newer key in front; return the id of the old one."""
    before = sealing.current_key_id()
    settings.TOKEN_KEYS = [NEW, *settings.TOKEN_KEYS]
    return before


def shell(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def stores(app: AppRegistration, number: int) -> None:
    """Put installations with tokens into the database."""
    made = Store.objects.bulk_create(Store(store_id=60_000 + at) for at in range(number))
    Installation.objects.bulk_create(
        Installation(
            app=app, store=store, installed_at=datetime.now(UTC), secret_token=f"secret_{store.store_id}",
            public_token=f"public_{store.store_id}",
        )
        for store in made
    )  # fmt: skip


def test_every_secret_of_every_app_is_sealed_anew_and_the_old_key_may_go(
    merchant: Merchant, settings: LazySettings
) -> None:
    merchant.install()
    merchant.app.previous_client_secret = "an-older-secret"
    merchant.app.save()
    ImportLine.objects.create(job=jobs.order(kind="import", title="x", reason="x", by=None), app=merchant.app, number=1,
                              secret_token="secret_waiting")  # fmt: skip
    token = merchant.installation.secret_token
    put_aside(merchant)
    before = turn(settings)
    assert sorted(keys.counts(before)) == [
        "installs.AppRegistration.client_secret", "installs.AppRegistration.previous_client_secret",
        "installs.ImportLine.secret_token", "installs.Installation.public_token", "installs.Installation.secret_token",
        "spool",
    ]  # fmt: skip
    with pytest.raises(CommandError, match="6 secrets are still sealed"):
        shell("rotate_keys", "--check")

    said = shell("rotate_keys")
    assert "6 sealed anew" in said
    assert f"{before}  seals nothing, may be removed" in said
    settings.TOKEN_KEYS = [NEW]
    assert merchant.installation.secret_token == token
    assert AppRegistration.objects.get().previous_client_secret == "an-older-secret"
    assert ImportLine.objects.get().secret_token == "secret_waiting"
    assert spool.read(next(spool.waiting())).grant.secret_token == "secret_spooled"
    assert shell("rotate_keys", "--check")


def put_aside(merchant: Merchant) -> None:
    """Leave a grant in the spool."""
    attempt, _ = InstallAttempt.objects.claim(merchant.app, merchant.arrival("a-code"))
    spool.prepare()
    grant = oauth.Grant(1009, "secret_spooled", "public_spooled", (), email="")
    spool.put(spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7))


def test_no_column_of_secrets_can_be_forgotten(app: AppRegistration) -> None:
    """Large tables have an index for their keys, and every column is known by being one."""
    known = {(column.model, column.field.name) for column in keys.columns()}
    assert known >= {(Installation, "secret_token"), (AppRegistration, "client_secret")}
    for model, name in known:
        assert isinstance(model._meta.get_field(name), SecretField)
    for name in ("secret_token", "public_token"):
        assert f"{name}_key" in {index.name for index in Installation._meta.indexes}


def test_the_keys_in_use_are_told_in_as_many_queries_however_many_rows_there_are(app: AppRegistration) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert list(keys.in_use()) == [sealing.current_key_id()]
        return len(asked)

    stores(app, 2)
    few = queries()
    Store.objects.update(store_id=models.F("store_id") + 10_000)
    stores(app, 200)
    assert queries() == few


def test_an_interrupted_rotation_goes_on(app: AppRegistration, settings: LazySettings) -> None:
    stores(app, 450)
    turn(settings)
    job = rotate.order(reason="test", by=None)
    assert rotate.order(reason="again", by=None) == job
    assert job.total == 901
    assert jobs.work(job_id=job.pk, seconds=0) is True
    assert 0 < rotate.remaining() < 901
    assert Job.claim(job.pk) is not None  # and this worker dies
    Job.objects.update(lease_until=long_ago())

    tasks.job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, rotate.remaining()) == ("done", 901, 0)


def test_reading_and_writing_go_on_and_no_write_is_lost(app: AppRegistration, settings: LazySettings) -> None:
    stores(app, 300)
    turn(settings)
    pks = list(Installation.objects.order_by("pk").values_list("pk", flat=True))
    written: dict[int, str] = {}
    wrong: list[str] = []
    over = threading.Event()

    def live() -> None:
        for turn_ in range(10_000):
            for pk in pks[turn_ % 7 :: 97]:
                row = Installation.objects.get(pk=pk)
                expected = written.get(pk) or f"secret_{row.store.store_id}"
                if row.secret_token != expected:
                    wrong.append(f"{pk}: {row.secret_token}")
                row.secret_token = written[pk] = f"secret_new_{turn_}_{pk}"
                row.save(update_fields=["secret_token"])
            if over.is_set():
                break
        connection.close()

    writer = threading.Thread(target=live)
    writer.start()
    try:
        shell("rotate_keys")
    finally:
        over.set()
        writer.join()
    assert wrong == []
    assert len(written) > 10
    settings.TOKEN_KEYS = [NEW]
    for row in Installation.objects.select_related("store"):
        assert row.secret_token == written.get(row.pk, f"secret_{row.store.store_id}")


def test_a_write_between_reading_and_sealing_wins(app: AppRegistration, settings: LazySettings) -> None:
    """The compare in compare-and-set: the twin is only put where the old seal still stands."""
    stores(app, 1)
    turn(settings)
    column = next(one for one in keys.columns() if str(one) == "installs.Installation.secret_token")
    anew, _ = rotate._sealed_anew(column, list(column.keyed()))
    row = Installation.objects.get()
    row.secret_token = "secret_of_a_reinstall"
    row.save()
    rotate._replace(column, anew)
    assert Installation.objects.get().secret_token == "secret_of_a_reinstall"


def test_what_cannot_be_opened_keeps_its_key_in_place(app: AppRegistration, settings: LazySettings) -> None:
    stores(app, 3)
    first, second = Installation.objects.order_by("pk")[:2]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE installs_installation SET secret_token = "
            "(SELECT secret_token FROM installs_installation WHERE id = %s) WHERE id = %s",
            [first.pk, second.pk],
        )
    before = turn(settings)
    with pytest.raises(CommandError, match="1 secrets cannot be opened"):
        shell("rotate_keys")
    assert keys.counts(before) == {"installs.Installation.secret_token": 1}
    assert Job.objects.get().failed == 1


def test_a_file_of_the_spool_that_cannot_be_read_ends_it_as_failed(merchant: Merchant, settings: LazySettings) -> None:
    """Which key it needs, nobody can tell."""
    put_aside(merchant)
    uid = next(spool.waiting())
    (settings.SPOOL_DIR / f"{uid}.grant").write_bytes(b"\xff\xfe")
    turn(settings)
    with pytest.raises(CommandError, match="1 secrets cannot be opened"):
        shell("rotate_keys")


class TestStart:
    """Neither web server nor worker starts with a configuration that lacks a key in use."""

    def test_a_missing_key_is_named_with_its_place(self, app: AppRegistration, settings: LazySettings) -> None:
        lost = sealing.current_key_id()
        settings.TOKEN_KEYS = [NEW]
        with pytest.raises(ImproperlyConfigured, match=rf"{lost} \(installs.AppRegistration.client_secret\)"):
            keys.require_at_start()

    def test_a_grant_in_the_spool_counts(self, merchant: Merchant, settings: LazySettings) -> None:
        put_aside(merchant)
        merchant.app.client_secret = ""
        AppRegistration.objects.update(client_secret="")
        settings.TOKEN_KEYS = [NEW]
        with pytest.raises(ImproperlyConfigured, match="spool"):
            keys.require_at_start()

    def test_all_keys_there_or_nothing_sealed_is_fine(self, app: AppRegistration, settings: LazySettings) -> None:
        turn(settings)
        keys.require_at_start()
        AppRegistration.objects.all().delete()
        settings.TOKEN_KEYS = [NEW]
        keys.require_at_start()


class TestPage:
    """The admin shows which key seals how much, and starts a rotation after a reason."""

    def test_it_tells_which_keys_may_go(self, app: AppRegistration, settings: LazySettings) -> None:
        browser = operator()
        before = turn(settings)
        shown = browser.get(PAGE).content.decode()
        assert f"{before}" in shown
        assert "installs.AppRegistration.client_secret: 1" in shown
        assert NEW not in shown
        assert not Job.objects.exists()

        assert browser.post(PAGE, {"reason": ""}).status_code == 200
        assert not Job.objects.exists()
        answer = browser.post(PAGE, {"reason": "yearly"})
        job = Job.objects.get()
        assert answer["Location"] == f"/admin/installs/job/{job.pk}/change/"
        tasks.job(job.pk)
        assert browser.get(answer["Location"]).status_code == 200
        assert "may be removed" in browser.get(PAGE).content.decode()

    def test_who_may_only_look_rotates_nothing(self, app: AppRegistration, settings: LazySettings) -> None:
        turn(settings)
        onlooker = operator("support")
        assert onlooker.get(PAGE).status_code == 403
        assert onlooker.post(PAGE, {"reason": "yearly"}).status_code == 403


@pytest.mark.parametrize(
    "command", [("-c", "import ecwidhub.wsgi"), ("-m", "celery", "-A", "ecwidhub", "worker", "--pool", "solo")]
)
def test_a_process_without_a_key_in_use_ends_and_says_which(
    app: AppRegistration, settings: LazySettings, command: tuple[str, ...]
) -> None:
    environment = os.environ | {"DATABASE_URL": database_url(), "TOKEN_KEYS": NEW, "SPOOL_DIR": str(settings.SPOOL_DIR)}
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False
    )
    said = (ended.stdout + ended.stderr).decode()
    assert ended.returncode != 0
    assert f"TOKEN_KEYS lacks keys that are in use: {sealing.current_key_id()}" in said
    assert NEW not in said


def test_a_payload_sealed_with_the_previous_secret_counts_as_a_use(merchant: Merchant) -> None:
    payload = merchant.sandbox.payload("demo-app", 1003)
    merchant.app.replace_secret("n" * 32)
    merchant.app.save()
    assert visit.read_payload(app=merchant.app, payload=payload).store_id == 1003
    merchant.app.refresh_from_db()
    assert merchant.app.previous_secret_uses == 1


def test_the_light_of_a_previous_client_secret(app: AppRegistration) -> None:
    app.replace_secret("n" * 32)
    app.save()
    app.note_previous()
    app.note_previous()
    app.refresh_from_db()
    assert app.previous_secret_uses == 2
    assert app.previous_secret_seen_at is not None
    assert app.previous_retirable_at == app.previous_secret_seen_at + timedelta(hours=24)
