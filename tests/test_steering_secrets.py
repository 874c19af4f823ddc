"""Secrets go through everything operators steer with, pasted, uploaded, mistyped, and turn up nowhere but sealed."""

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from installs import tasks
from installs.models import Job
from tests.people import Merchant, operator
from tests.sandbox import Sandbox
from tests.test_secrets import all_secrets, crawl, database, leaks

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = "secret_D3adD3adD3adD3adD3adD3adD3ad66"
MISTYPED = "secret_M1styp3dM1styp3dM1styp3dM1styp88"
CUSTOM_SECRET = "Cu5tomCu5tomCu5tomCu5tomCu5tom77"
ADMIN = "/admin/installs/"


def test_no_page_no_file_and_no_row_gives_one_out(sandbox: Sandbox, merchant: Merchant, settings: LazySettings) -> None:
    merchant.install()
    living, pk = merchant.installation.secret_token, merchant.installation.pk
    browser = operator()
    lines = f"store_id,secret_token\n1003,{living}\n1004,{DEAD}\n".encode()
    fields = {"app": merchant.app.pk, "file": SimpleUploadedFile("x.csv", lines), "reason": f"moving {MISTYPED}"}
    seen = [browser.post(f"{ADMIN}job/import/", fields, follow=True).getvalue()]
    custom = {"client_id": "custom-app-1003-1", "name": "Own", "client_secret": CUSTOM_SECRET, "store_id": "1003",
              "secret_token": DEAD, "public_token": "", "scopes": []}  # fmt: skip
    seen.append(browser.post(f"{ADMIN}appregistration/custom/", custom).getvalue())
    answer = {"confirmed": "yes", "reason": f"because of {MISTYPED}", "seen": "1"}
    seen.append(browser.post(f"{ADMIN}installation/{pk}/hold/", answer, follow=True).getvalue())
    exported = {"format": "jsonl", "reason": f"asked for {MISTYPED}"}
    seen.append(browser.post(f"{ADMIN}job/export/", exported).getvalue())
    waiting = database()
    for job in Job.objects.all():
        tasks.job(job.pk)

    pages = crawl(browser)
    assert [path for path in pages if path.endswith("report.csv")]
    secrets = all_secrets(sandbox, settings, dead=DEAD, mistyped=MISTYPED, custom=CUSTOM_SECRET)
    places = {"answers": b"".join(seen), "the database of before": waiting, "the database": database()}
    assert leaks(pages | places, secrets) == []
