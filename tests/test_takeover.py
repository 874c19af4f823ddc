"""Installations from a file: each probed, none twice, its tokens nowhere but sealed, and gone when they are done."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from accounts.models import AuditEntry, User
from installs import manifests, tasks, uploads
from installs.actions import jobs, takeover
from installs.models import AppRegistration, ImportLine, Installation, Job
from tests.cast import long_ago, work
from tests.people import Merchant, let_in
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/installs/job/import/"
STORES = (1003, 1004, 1005)


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def tokens(sandbox: Sandbox, app: AppRegistration) -> dict[int, str]:
    """Living tokens that another service got for our app, by store."""
    found = {}
    for store in STORES:
        fields = {"client_id": "demo-app", "client_secret": CLIENT_SECRET, "redirect_uri": app.address("return"),
                  "code": sandbox.press_install("demo-app", store), "grant_type": "authorization_code"}  # fmt: skip
        answer = requests.post(f"{sandbox.oauth_url}/token/{store}", data=fields, timeout=5)
        found[store] = str(answer.json()["access_token"])
    return found


def listed(tokens: dict[int, str]) -> bytes:
    return "".join(["store_id,secret_token\n", *(f"{store},{token}\n" for store, token in tokens.items())]).encode()


def upload(client: Client, app: AppRegistration, content: bytes, **changes: str) -> HttpResponse:
    fields: dict[str, Any] = {"app": app.pk, "file": SimpleUploadedFile("stores.csv", content), "reason": "moving"}
    return client.post(PAGE, fields | changes)  # type: ignore[return-value]


def done(app: AppRegistration, content: bytes, **more: Any) -> Job:
    """Take a file over, as a worker does."""
    job = takeover.order(app=app, content=content, reason="moving", by=None, **{"dry_run": False} | more)
    tasks.job(job.pk)
    job.refresh_from_db()
    return job


def words(job: Job) -> list[str]:
    return list(job.lines.order_by("number").values_list("words", flat=True))


class TestTakingOver:
    """What becomes of each line."""

    def test_living_tokens_make_installations_that_fill_themselves(
        self, operator: Client, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        answer = upload(operator, app, listed(tokens))
        job = Job.objects.get()
        assert answer["Location"] == f"/admin/installs/job/{job.pk}/change/"
        tasks.job(job.pk)
        work()

        job.refresh_from_db()
        assert (job.state, job.total, job.done) == ("done", 3, 3)
        for row in Installation.objects.select_related("app", "store__settings", "prefill"):
            assert (row.health, row.secret_token) == ("ok", tokens[row.store.store_id])
            assert row.store.settings.store_name
        assert "installed, generation 1" in operator.get(answer["Location"]).content.decode()

    def test_a_dry_run_probes_and_saves_nothing(self, app: AppRegistration, tokens: dict[int, str]) -> None:
        job = done(app, listed(tokens | {1006: "secret_dead_0123456789abcdef"}), dry_run=True)
        assert words(job) == [*["would be installed"] * 3, "Ecwid does not take this token for this store"]
        assert not Installation.objects.exists()
        assert not ImportLine.objects.exclude(secret_token="").exists()

    def test_what_is_here_already_keeps_its_token(
        self, merchant: Merchant, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        merchant.sandbox.switches.reconnect_keeps_token = True
        done(app, listed({1003: tokens[1003]}))
        held = merchant.installation.secret_token
        assert words(done(app, listed(tokens)))[0] == "is here already"
        Installation.objects.filter(pk=merchant.installation.pk).update(generation=7)
        row = merchant.installation
        row.secret_token = "secret_another_one_that_works"
        row.save()
        assert words(done(app, listed(tokens)))[0] == "is here already with another token, which stays"
        assert merchant.installation.secret_token != held

    def test_what_was_uninstalled_comes_back_as_the_next_generation(
        self, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        done(app, listed(tokens))
        Installation.objects.update(uninstalled_at=long_ago(), secret_token="", public_token="")
        assert set(words(done(app, listed(tokens)))) == {"installed, generation 2"}

    def test_scopes_come_from_the_file_or_else_from_the_app(self, app: AppRegistration, tokens: dict[int, str]) -> None:
        rows = [
            {"store_id": 1003, "token": tokens[1003], "scopes": ["read_store_profile", "read_orders"]},
            {"store_id": "1004", "access_token": tokens[1004], "scopes": "read_store_profile, charge"},
            {"store_id": 1005, "secret_token": tokens[1005]},
        ]
        done(app, json.dumps(rows).encode())
        granted = dict(Installation.objects.values_list("store__store_id", "scopes"))
        assert granted[1003] == ["read_store_profile", "read_orders"]
        assert granted[1004] == ["read_store_profile", "charge"]
        assert granted[1005] == app.wanted_scopes

    def test_bad_lines_cost_only_themselves_and_are_told_without_their_content(
        self, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        content = (
            "store_id,secret_token,public_token\n"
            f"1003,{tokens[1003]},\n"
            "abc,secret_Hidden0123456789,\n"
            "1004,,\n"
            "1005,public_Hidden0123456789,\n"
            f"1003,{tokens[1003]},\n"
            "1006,secret_ok_0123456789,two words\n"
        )
        job = done(app, content.encode())
        assert words(job) == [
            "installed, generation 1", "it has no store ID, or one that is no number",
            "it has no secret token, or one that is none", "its secret token is a public one",
            "the same store is on line 2", "its public token is none",
        ]  # fmt: skip
        assert (job.total, job.done, job.failed) == (6, 1, 5)
        assert "Hidden" not in str(list(ImportLine.objects.values()))

    def test_while_nobody_answers_the_job_waits_and_then_goes_on(
        self, sandbox: Sandbox, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        sandbox.disturb("profile", "server_error", times=3)
        job = done(app, listed(tokens))
        assert (job.state, job.seen) == ("waiting", 0)
        assert "nobody answers" in job.error
        Job.objects.update(due_at=long_ago())
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.done) == ("done", 3)


class TestSecrets:
    """The tokens of a file are sealed, then gone; the file is kept nowhere."""

    def test_nothing_shows_a_token_and_nothing_keeps_one(
        self, operator: Client, app: AppRegistration, tokens: dict[int, str]
    ) -> None:
        upload(operator, app, listed(tokens))
        job = Job.objects.get()
        before = [str(list(model.objects.values())) for model in (Job, ImportLine, AuditEntry)]
        waiting = operator.get(f"/admin/installs/job/{job.pk}/change/").content.decode()
        tasks.job(job.pk)
        after = [
            operator.get(f"/admin/installs/job/{job.pk}/change/").content.decode(),
            b"".join(operator.get(f"/admin/installs/job/{job.pk}/report.csv")).decode(),
            operator.get("/admin/installs/job/").content.decode(),
            repr(list(ImportLine.objects.all())),
            *(str(list(model.objects.values())) for model in (Job, AuditEntry)),
        ]
        for token in tokens.values():
            assert not [place for place in [*before, waiting, *after] if token in place]
        assert set(ImportLine.objects.values_list("secret_token", flat=True)) == {""}

    @pytest.mark.parametrize("stopped", [True, False])
    def test_a_job_that_will_not_go_on_keeps_no_token(
        self, operator: Client, app: AppRegistration, tokens: dict[int, str], stopped: bool
    ) -> None:
        job = takeover.order(app=app, content=listed(tokens), dry_run=False, reason="x", by=None)
        assert ImportLine.objects.exclude(secret_token="").count() == 3
        if stopped:
            operator.post(f"/admin/installs/job/{job.pk}/stop/")
        for _ in range(6):  # else every worker dies of it
            Job.claim(job.pk)
            Job.objects.update(lease_until=long_ago())
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.done) == ("failed", 0)
        assert not ImportLine.objects.exclude(secret_token="").exists()

    def test_an_upload_never_touches_the_disk(
        self, operator: Client, app: AppRegistration, tokens: dict[int, str], settings: LazySettings, tmp_path: Path
    ) -> None:
        settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "there is no such folder")  # whoever writes there fails
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1
        padding = b"\n" * 3_000_000
        assert upload(operator, app, listed(tokens) + padding).status_code == 302

    def test_a_file_that_is_too_large_is_dropped(self, operator: Client, app: AppRegistration) -> None:
        shown = upload(operator, app, b"x" * (uploads.LARGEST + 1)).content.decode()
        assert "too large" in shown
        assert not Job.objects.exists()

    def test_a_broken_file_leaves_nothing(self, operator: Client, app: AppRegistration) -> None:
        for content in (b"\xff\xfe\x00", b"name,phone\n1,2\n", b"[{", b'{"store_id": 1}\nnot json', b""):
            assert upload(operator, app, content).status_code == 200
            with pytest.raises(manifests.Unreadable):
                takeover.order(app=app, content=content, dry_run=False, reason="x", by=None)
        assert not Job.objects.exists()
        assert not ImportLine.objects.exists()

    def test_who_may_only_look_takes_nothing_over(self, app: AppRegistration, tokens: dict[int, str]) -> None:
        onlooker = Client()
        let_in(onlooker, User.objects.create(username="onlooker", is_staff=True))
        assert onlooker.get(PAGE).status_code == 403
        assert upload(onlooker, app, listed(tokens)).status_code == 403
        assert not Job.objects.exists()


class TestPace:
    """Many dead tokens make us wait; a killed worker's job goes on."""

    def test_a_heap_of_dead_tokens_is_taken_slowly(self, app: AppRegistration) -> None:
        dead = {60_000 + at: f"secret_dead_{at:020}" for at in range(60)}
        job = takeover.order(app=app, content=listed(dead), dry_run=False, reason="x", by=None)
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.failed) == ("waiting", 40)
        assert "shut us out" in job.error
        Job.objects.update(due_at=long_ago())
        tasks.job(job.pk)
        job.refresh_from_db()
        assert job.failed == 60

    def test_a_killed_worker_s_import_goes_on(self, app: AppRegistration, tokens: dict[int, str]) -> None:
        job = takeover.order(app=app, content=listed(tokens), dry_run=False, reason="x", by=None)
        assert Job.claim(job.pk) is not None
        assert jobs.work(job_id=job.pk) is False
        Job.objects.update(lease_until=long_ago())
        tasks.sweep()
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.done, Installation.objects.count()) == ("done", 3, 3)


class TestShell:
    """The same from the shell, with a line for everything that was not taken over."""

    def run(self, *words: str) -> str:
        out = io.StringIO()
        call_command("import_installations", *words, stdout=out)
        return out.getvalue()

    def test_it_takes_over_and_counts(self, app: AppRegistration, tokens: dict[int, str], tmp_path: Path) -> None:
        path = tmp_path / "stores.csv"
        path.write_bytes(listed(tokens))
        assert "3 would be taken over, 0 left alone, 0 failed." in self.run(str(path), "--app", "demo-app", "--dry-run")
        assert "3 taken over" in self.run(str(path), "--app", "demo-app")
        assert "line 2, store 1003: is here already" in self.run(str(path), "--app", "demo-app")

    def test_a_stopped_one_is_resumed(self, app: AppRegistration, tokens: dict[int, str]) -> None:
        job = takeover.order(app=app, content=listed(tokens), dry_run=False, reason="x", by=None)
        assert "3 taken over" in self.run("--resume", str(job.pk))
        with pytest.raises(CommandError, match="No import"):
            self.run("--resume", "999")

    def test_failures_end_it_badly(self, app: AppRegistration, tmp_path: Path) -> None:
        path = tmp_path / "stores.csv"
        path.write_bytes(listed({1003: "secret_dead_0123456789"}))
        with pytest.raises(CommandError, match="1 of 1 lines failed"):
            self.run(str(path), "--app", "demo-app")
        with pytest.raises(CommandError, match="cannot be read"):
            self.run(str(tmp_path / "none"), "--app", "demo-app")
        with pytest.raises(CommandError, match="--app"):
            self.run(str(path))
