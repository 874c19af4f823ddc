"""The operators' first page: right numbers on a small known history, in as many queries however many rows there are."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from installs import tasks
from installs.actions import figures
from installs.admin import shown
from installs.models import Alert, AppRegistration, Happening, InstallAttempt, Prefill, Pulse, RejectedDelivery, Tally
from tests.cast import long_ago, work
from tests.deliveries import deliver
from tests.people import Merchant, let_in
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/"


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create_superuser("operator", "", "a long pass phrase"))
    return client


def show(operator: Client, address: str = PAGE) -> str:
    answer = operator.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def history(merchant: Merchant, stranger: Merchant) -> None:
    """One store came, left and came back; another stayed; a third visit failed."""
    merchant.install()
    work()
    merchant.sandbox.uninstall("demo-app", 1003)
    deliver(event("application.uninstalled"))
    tasks.drain()
    merchant.install()
    stranger.install()
    work()
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    deliver(event("order.created"), secret="w" * 32)
    Pulse.objects.all().delete()
    tasks.tally()


def table(operator: Client, name: str, query: str = "") -> list[list[str]]:
    answer = operator.get(f"/admin/installs/tally/{name}.csv{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_it_counts_what_happened(operator: Client, merchant: Merchant, stranger: Merchant) -> None:
    history(merchant, stranger)
    today = str(datetime.now(UTC).date())

    assert table(operator, "days")[1] == [today, "3", "1", "2"]
    assert table(operator, "funnel")[1:3] == [
        ["Return URL visited", "4", "0", ""],
        ["Code exchanged", "3", "1", "Code rejected or expired: 1"],
    ]
    assert table(operator, "health")[1:] == [["Nothing", "2"]]
    assert table(operator, "webhooks")[1] == [today, "1", "0", "1", "signature: 1"]


def test_today_is_live_before_anybody_has_counted(operator: Client, merchant: Merchant) -> None:
    merchant.install()
    assert table(operator, "days")[1][1:] == ["1", "0", "1"]


def test_the_range_and_the_app_choose_what_is_shown(operator: Client, merchant: Merchant, stranger: Merchant) -> None:
    history(merchant, stranger)

    assert len(table(operator, "days", "?days=7")) == 8
    assert len(table(operator, "days", "?days=365")) == 366
    assert len(table(operator, "days", "?days=100000")) == 31
    assert table(operator, "days", "?app=demo-app")[1][1] == "3"
    merchant.app.pk = None
    merchant.app.client_id = "other"
    merchant.app.save(force_insert=True)
    assert table(operator, "days", "?app=other")[1][1:] == ["0", "0", "0"]


def test_a_year_is_shown_by_the_week_and_says_so(operator: Client, merchant: Merchant, stranger: Merchant) -> None:
    history(merchant, stranger)
    month, year = show(operator), show(operator, "/admin/?days=365")
    today = datetime.now(UTC).date()

    assert "Installs and uninstalls a day</h2>" in month
    assert "most in a day: 3 in, 1 out" in month
    assert "Weeks" not in month
    assert "Installs and uninstalls a week</h2>" in year
    assert "most in a week: 3 in, 1 out" in year
    assert "for each week" in year
    assert "Weeks run from Monday to Sunday" in year
    part = f"the last has {today.weekday() + 1} so far"
    assert (part in year) == (today.weekday() < 6)
    monday = today - timedelta(days=today.weekday())
    week = f"{monday}" if monday == today else f"{monday} to {today}"
    assert f"<td>{week}</td><td>3</td><td>1</td><td>2</td>" in year
    assert len(table(operator, "days", "?days=365")) == 366


@pytest.mark.parametrize("last", [date(2026, 11, 26), date(2026, 11, 29), date(2026, 11, 23)])
def test_weeks_say_what_their_days_say(merchant: Merchant, last: date) -> None:
    def rows(app: AppRegistration, step: int) -> Iterator[Tally]:
        for n in range(400):
            day, words = last - timedelta(days=n), {"code_rejected": n % 5 + 1} | ({"refused": 2} if n % 3 else {})
            yield Tally(
                app=app, day=day, counted_at=datetime.now(UTC), visits=n + step, exchanged=n, installs=n % 7 + step,
                uninstalls=n % 4, events=n * 3, failed_events=n % 2, outcomes=words, unread={"gave up": n % 2},
                rejected={"signature": step} if n % 2 else {},
            )  # fmt: skip

    other = AppRegistration.objects.create(client_id="other", client_secret_set_at=datetime.now(UTC))
    Tally.objects.bulk_create([*rows(merchant.app, 1), *rows(other, 2)])
    for app in (None, other):
        window = figures.Window(365, app, last)
        days, weeks = figures.days(window), figures.shown(window)

        assert figures.total(weeks.values()) == figures.total(days.values())
        for week, sums in weeks.items():
            assert sums == figures.total(day for at, day in days.items() if week.first <= at.first <= week.last)
        assert next(iter(weeks)).first == window.first
        assert list(weeks)[-1].last == last
        assert {week.first.weekday() for week in list(weeks)[1:]} == {0}
        assert {week.days for week in list(weeks)[1:-1]} == {7}
    assert figures.total(days.values()).numbers["installs"] == sum(n % 7 + 2 for n in range(365))
    assert len(figures.shown(figures.Window(90, None, last))) == 90


def test_a_failure_stands_there_with_its_code_and_leads_to_its_cause(operator: Client, merchant: Merchant) -> None:
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    attempt = InstallAttempt.objects.get()
    page = show(operator)

    assert attempt.support_code in page
    assert f"/admin/installs/installattempt/{attempt.pk}/change/" in page
    attempt.arrived_at = datetime.now(UTC) - timedelta(days=2)
    attempt.save()
    assert attempt.support_code not in show(operator)


def test_what_is_said_of_webhooks_agrees_with_the_verdict(operator: Client, merchant: Merchant) -> None:
    def said() -> str:
        return " ".join(re.sub("<[^>]+>", " ", show(operator).split("Webhooks</h2>")[1].split("Table")[0]).split())

    merchant.install()
    deliver(event("order.created"), secret="w" * 32)
    assert "refused none believed yet; 1 not believed within an hour: see its client secret" in said()
    deliver(event("order.created"))
    words = said()
    assert re.search(r"heard last believed (now|\w+.seconds? ago|\w+.minutes? ago);", words)
    assert "1 not believed within an hour, which is usual as long as others are" in words
    assert "0 minutes" not in words
    RejectedDelivery.objects.all().delete()
    assert "not believed" not in said()


def test_with_nothing_there_it_claims_nothing(operator: Client, merchant: Merchant) -> None:
    tasks.tally()
    page = " ".join(re.sub("<[^>]+>", " ", show(operator)).split())

    assert "Nothing wrong – of those connected" in page
    assert "No store was connected when they were counted." in page
    assert "every connected installation is well" not in page
    assert f"{merchant.app.name} none due none believed yet" in page
    assert "Exchange of a code none yet" in page
    assert "0 ms" not in page


def test_from_the_failure_it_is_two_clicks_to_where_the_cause_is_mended(operator: Client, merchant: Merchant) -> None:
    merchant.app.replace_secret("s" * 32)
    merchant.app.save()
    merchant.install()
    attempt = InstallAttempt.objects.get()
    visit, app = (
        f"/admin/installs/installattempt/{attempt.pk}/change/",
        f"/admin/installs/appregistration/{merchant.app.pk}/change/",
    )

    assert f'href="{visit}"' in show(operator)
    page = show(operator, visit)
    assert "Client secret is wrong" in page
    assert f'href="{app}"' in page
    assert 'name="new_client_secret"' in show(operator, app)


def test_a_queue_that_nobody_works_off_is_late(operator: Client, merchant: Merchant) -> None:
    merchant.install()
    assert "late</" not in show(operator)
    Prefill.objects.update(due_at=long_ago() - timedelta(minutes=5))
    assert "5 min" in show(operator)


def test_calls_show_how_long_ecwid_took(merchant: Merchant) -> None:
    merchant.install()
    installation = merchant.installation
    for ms in range(1, 101):
        Happening.objects.create(installation=installation, generation=1, kind="probe", outcome="alive", took_ms=ms)
    probes = next(one for one in figures.calls() if one.title == "Probe")

    assert (probes.count, probes.p50, probes.p95) == (100, 50, 95)
    assert [ms for ms, _, _ in probes.slowest] == list(range(100, 90, -1))


def test_the_failures_and_the_slowest_calls_are_files_too(operator: Client, merchant: Merchant) -> None:
    merchant.install()
    for number in range(figures.LISTED + 2):
        merchant.follow(f"/apps/demo-app/return/?code=made-up-{number}&store_id=1003")
    failed = InstallAttempt.objects.filter(installation=None)
    slowest = InstallAttempt.objects.exclude(exchange_ms=None).order_by("-exchange_ms")[0]
    rows, calls = table(operator, "failures")[1:], table(operator, "calls")[1:]

    assert {row[0] for row in rows} == set(failed.values_list("support_code", flat=True))
    assert rows[0][2:] == ["demo-app", "1003", "Code rejected or expired"]
    assert calls[0][:2] == ["Exchange of a code", str(slowest.exchange_ms)]
    assert calls[0][3].endswith(f"/admin/installs/installattempt/{slowest.pk}/change/")
    page = show(operator)
    assert "failures.csv?days=30" in page
    assert "calls.csv?days=30" in page


def test_an_open_alert_says_what_and_since_when_and_leads_to_what_to_do(operator: Client) -> None:
    assert "nothing is wrong that an alert rule watches for" in show(operator)
    Alert.objects.create(rule="test", subject="long gone", text="x", resolved_at=datetime.now(UTC))
    alert = Alert.objects.create(rule="webhooks_silent", subject="demo-app", text="The last came a day ago.")
    Alert.objects.filter(pk=alert.pk).update(opened_at=datetime.now(UTC) - timedelta(hours=3))
    page = show(operator)

    assert f'href="/admin/installs/alert/{alert.pk}/change/">No webhooks come</a>: demo-app' in page
    assert 'href="/admin/installs/pulse/runbook/#webhooks_silent"' in page
    assert "began 3\xa0hours ago" in page
    assert "The last came a day ago." in page
    assert "long gone" not in page
    assert "nothing is wrong" not in page


def test_the_number_of_queries_does_not_grow_with_rows(
    operator: Client, merchant: Merchant, stranger: Merchant
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            show(operator)
        return len(captured)

    merchant.install()
    work()
    queries()
    few = queries()
    history(merchant, stranger)

    assert queries() <= few


def test_it_is_for_operators_who_may_see_installations(merchant: Merchant) -> None:
    merchant.install()
    nobody, viewer = Client(), Client()
    let_in(nobody, User.objects.create_user("temp", "", "a long pass phrase", is_staff=True))
    looks = User.objects.create_user("looks", "", "a long pass phrase", is_staff=True)
    looks.groups.add(Group.objects.get(name="viewer"))
    let_in(viewer, looks)

    assert "Connected now" in show(viewer)
    assert "Connected now" not in show(nobody)
    assert nobody.get("/admin/installs/tally/days.csv").status_code == 403
    assert viewer.get("/admin/installs/tally/nonsense.csv").status_code == 404


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+31 20 555", "'+31 20 555"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("-12.5", "-12.5"),
        ("Paper Trail", "Paper Trail"),
        (None, ""),
        (7, "7"),
    ],
)
def test_no_cell_of_a_file_is_a_formula(cell: object, written: str) -> None:
    assert shown.harmless([cell]) == [written]


class TestSearch:
    """From any page: a store, a person, a support code."""

    @pytest.mark.parametrize("words", ["1003", "paper tr", "TRAIL", "{code}", "{bare}"])
    def test_what_a_merchant_reads_out_finds_the_installation(
        self, operator: Client, merchant: Merchant, words: str
    ) -> None:
        merchant.install()
        work()
        code = InstallAttempt.objects.get().support_code
        words = words.format(code=code.lower(), bare=code.replace("-", " "))
        page = operator.get("/admin/search/", {"s": words, "extended": "1"}).content.decode()

        assert f"/admin/installs/installation/{merchant.installation.pk}/change/" in page

    def test_an_e_mail_finds_the_store(self, operator: Client, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install()
        work()
        email = merchant.store.owner.email.upper()
        page = operator.get("/admin/search/", {"s": email, "extended": "1"}).content.decode()

        assert f"/admin/installs/installation/{merchant.installation.pk}/change/" in page
        assert f"/admin/installs/installation/{stranger.installation.pk}/change/" not in page

    def test_a_support_code_of_a_failed_visit_leads_to_it(self, operator: Client, merchant: Merchant) -> None:
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        attempt = InstallAttempt.objects.get()
        page = operator.get("/admin/search/", {"s": attempt.support_code, "extended": "1"}).content.decode()

        assert f"/admin/installs/installattempt/{attempt.pk}/change/" in page
        assert "Code rejected or expired" in page

    def test_who_may_not_see_finds_nothing(self, merchant: Merchant) -> None:
        merchant.install()
        client = Client()
        let_in(client, User.objects.create_user("temp", "", "a long pass phrase", is_staff=True))

        assert "/change/" not in client.get("/admin/search/", {"s": "1003", "extended": "1"}).content.decode()


def test_the_sidebar_offers_what_one_may_see(operator: Client, merchant: Merchant) -> None:
    temp = Client()
    let_in(temp, User.objects.create_user("temp", "", "a long pass phrase", is_staff=True))

    assert 'href="/admin/installs/appregistration/"' in show(operator)
    assert 'href="/admin/installs/appregistration/"' not in show(temp)


def test_a_visit_to_no_app_is_told_in_whole_words(operator: Client, browser: Client) -> None:
    browser.get("/apps/nope/return/?code=made-up&store_id=1003")
    page = show(operator)
    assert "No such app" in page
    assert "<small>, " not in page
    assert "<small>an unknown app, " in page
