"""Everything about installations that is not secret, as a file: streamed, safe to open, and on record."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.fields import SecretField
from accounts.models import AuditEntry, StoreSettings, User
from installs.actions import export
from installs.models import Installation
from tests.cast import work
from tests.people import Merchant, let_in

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/installs/job/export/"


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def _installed(merchant: Merchant, stranger: Merchant) -> None:
    for one in (merchant, stranger):
        one.install()
    work()


def fetched(client: Client, **fields: str) -> str:
    answer = client.post(PAGE, {"format": "csv", "reason": "yearly report"} | fields)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]


def test_a_spreadsheet_gets_a_line_for_each_installation(operator: Client, merchant: Merchant) -> None:
    lines = list(csv.DictReader(io.StringIO(fetched(operator))))
    assert [line["store_id"] for line in lines] == ["1003", "1004"]
    assert lines[0]["health"] == "ok"
    assert lines[0]["store_name"] == merchant.store.settings.store_name
    assert lines[0]["scopes"] == " ".join(merchant.installation.scopes)


def test_a_program_gets_json_lines(operator: Client) -> None:
    rows = [json.loads(line) for line in fetched(operator, format="jsonl").splitlines()]
    assert [row["store_id"] for row in rows] == [1003, 1004]
    assert rows[0]["scopes"] == ["read_store_profile", "read_catalog", "public_storefront", "read_orders"]


def test_no_secret_and_no_column_of_secrets_is_in_it(operator: Client, merchant: Merchant) -> None:
    content = fetched(operator) + fetched(operator, format="jsonl")
    for secret in (merchant.installation.secret_token, merchant.installation.public_token, merchant.app.client_secret):
        assert secret not in content
    assert "v1:" not in content
    fields = [field for model in apps.get_models() for field in model._meta.fields]
    assert {field.name for field in fields if isinstance(field, SecretField)}.isdisjoint(export.NAMES)
    assert {"held_at", "subscription_status", "country_code"} <= set(export.NAMES)


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\t=1", "  =1", "＝1"])  # noqa: RUF001
def test_no_store_s_name_runs_in_a_spreadsheet(operator: Client, merchant: Merchant, name: str) -> None:
    StoreSettings.objects.filter(store=merchant.store).update(store_name=name)
    line = next(csv.DictReader(io.StringIO(fetched(operator))))
    assert line["store_name"] == f"'{name}"


def test_filters_leave_what_they_say(operator: Client, merchant: Merchant) -> None:
    Installation.objects.filter(pk=merchant.installation.pk).update(uninstalled_at=merchant.installation.installed_at)
    lines = list(csv.DictReader(io.StringIO(fetched(operator, state="installed", app=str(merchant.app.pk)))))
    assert [line["store_id"] for line in lines] == ["1004"]


def test_it_is_read_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_BATCH", 1)
    with CaptureQueriesContext(connection) as asked:
        assert len(list(export.rows(Installation.objects.all()))) == 2
    assert len(asked) == 3


def test_it_wants_a_reason_and_leaves_a_record(operator: Client) -> None:
    assert operator.get(PAGE).status_code == 200
    operator.post(PAGE, {"format": "csv", "reason": ""})
    assert not AuditEntry.objects.exists()
    fetched(operator)
    assert AuditEntry.objects.get().reason == "yearly report"


def test_who_may_not_export_gets_nothing() -> None:
    onlooker = Client()
    let_in(onlooker, User.objects.create(username="onlooker", is_staff=True))
    assert onlooker.get(PAGE).status_code == 403
    assert onlooker.post(PAGE, {"format": "csv", "reason": "yearly report"}).status_code == 403


def test_the_shell_writes_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path, out = tmp_path / "all.csv", io.StringIO()
    call_command("export_installations", "--output", str(path), stdout=out)
    assert "3 lines" in out.getvalue()
    assert path.stat().st_mode & 0o777 == 0o600
    call_command("export_installations", "--app", "demo-app", "--format", "jsonl", stdout=(out := io.StringIO()))
    assert len(out.getvalue().splitlines()) == 2
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_installations", "--output", str(tmp_path / "no" / "x.csv"))
