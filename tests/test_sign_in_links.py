"""Coming back later: a mailed link, used once, by a click, and never a word about who has an account."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts import links, tasks
from accounts.models import Bucket, Membership, Session, SignInRequest, User
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "orders@papertrail.example"


@pytest.fixture
def known(merchant: Merchant) -> Merchant:
    """A merchant whose store is known, and who is signed out."""
    merchant.install()
    work()
    merchant.browser = Client()
    return merchant


def ask(browser: Client, email: str = ADDRESS, then: str = "") -> object:
    answer = browser.post(f"/sign-in/?next={then}" if then else "/sign-in/", {"email": email})
    for pk in SignInRequest.objects.due().values_list("pk", flat=True):
        tasks.send_sign_in_link(pk)
    return answer


def mailed() -> list[str]:
    """Return the links of the last mail: path and query."""
    found = re.findall(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
    return [f"{urlsplit(link).path}?{urlsplit(link).query}" for link in found]


def test_a_link_signs_in_with_one_click(known: Merchant, browser: Client) -> None:
    ask(browser)
    (link,) = mailed()
    page = browser.get(link)
    assert "Paper Trail" in page.content.decode()
    assert "_auth_user_id" not in browser.session
    answer = browser.post(link)

    assert answer["Location"] == "/"
    assert browser.get("/stores/1003/").status_code == 200


def test_the_mail_names_the_store_and_has_both_forms(known: Merchant, browser: Client) -> None:
    ask(browser)
    (message,) = mail.outbox

    assert message.to == [ADDRESS]
    assert message.from_email == "no-reply@testserver"
    assert "Paper Trail" in message.body
    assert message.alternatives[0][1] == "text/html"  # type: ignore[attr-defined]
    assert "Paper Trail" in str(message.alternatives[0][0])  # type: ignore[attr-defined]
    assert "cwid" not in f"{message.subject} {message.body}"


def test_the_answer_is_the_same_for_everybody(known: Merchant, browser: Client) -> None:
    somebody = ask(browser)
    nobody = ask(browser, "nobody@nowhere.example")

    pages = [answer.content.decode() for answer in (somebody, nobody)]  # type: ignore[attr-defined]
    assert pages[0].replace(ADDRESS, "X") == pages[1].replace("nobody@nowhere.example", "X")
    assert len(mail.outbox) == 1
    assert SignInRequest.objects.filter(state="done", email="").count() == 2


def test_a_link_works_once(known: Merchant, browser: Client) -> None:
    ask(browser)
    (link,) = mailed()
    browser.post(link)
    thief = Client()

    assert thief.get(link).status_code == 410
    assert thief.post(link).status_code == 410
    assert "_auth_user_id" not in thief.session


def test_looking_at_a_link_does_not_use_it_up(known: Merchant, browser: Client) -> None:
    """Mail scanners open links."""
    ask(browser)
    (link,) = mailed()
    for _ in range(3):
        assert Client().get(link).status_code == 200

    assert browser.post(link).status_code == 302


def test_a_link_is_too_old_after_a_quarter_of_an_hour(known: Merchant, browser: Client) -> None:
    ask(browser)
    (link,) = mailed()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        assert browser.post(link).status_code == 410


@pytest.mark.parametrize("damage", ["", "x", "AAAA" * 20, "é"])
def test_a_damaged_link_signs_nobody_in(known: Merchant, browser: Client, damage: str) -> None:
    ask(browser)
    assert browser.post("/sign-in/link/", query_params={"sesame": damage}).status_code == 410
    (link,) = mailed()
    assert browser.post(link.replace("sesame=", f"sesame={damage or 'A'}")).status_code == 410


def test_the_click_needs_our_own_page(known: Merchant) -> None:
    strict = Client(enforce_csrf_checks=True)
    ask(Client())
    assert strict.post(mailed()[0]).status_code == 403


def test_accounts_that_share_an_address_get_a_link_each(known: Merchant, stranger: Merchant, browser: Client) -> None:
    stranger.install()
    User.objects.filter(pk=stranger.store.owner.pk).update(email=ADDRESS)
    ask(browser)

    assert len(mail.outbox) == 1
    assert len(mailed()) == 2
    browser.post(mailed()[0])
    assert browser.get("/stores/1003/").status_code == 200
    assert browser.get("/stores/1004/").status_code == 404


def test_an_operator_never_comes_in_by_mail(known: Merchant, browser: Client) -> None:
    staff = User.objects.create_superuser("boss", "boss@hub.example", "a long pass phrase")
    Membership.objects.create(user=staff, store=known.store)
    ask(browser, "boss@hub.example")
    assert mail.outbox == []
    link = urlsplit(links.address(staff))

    assert browser.post(f"{link.path}?{link.query}").status_code == 410


def test_the_merchant_returns_to_where_they_wanted_to_go(known: Merchant, browser: Client) -> None:
    ask(browser, then="/apps/demo-app/open/")
    assert browser.post(mailed()[0])["Location"] == "/apps/demo-app/open/"


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "https:evil.example", "http:/evil.example", "///evil.example", "/\t/evil.example", "/%0d%0aX: y\r\nX: y",
        "data:text/html,x", "evil.example", "\x08//evil.example", "https://testserver@evil.example/",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(known: Merchant, browser: Client, away: str) -> None:
    link = urlsplit(links.address(known.store.owner, away))
    answer = browser.post(f"{link.path}?{link.query}")

    assert answer["Location"] == "/"


@pytest.mark.parametrize(("length", "kept"), [(500, 500), (501, 0), (600, 0)])
def test_a_way_on_that_is_too_long_to_be_ours_is_left_out(
    known: Merchant, browser: Client, length: int, kept: int
) -> None:
    answer = ask(browser, then="/account/".ljust(length, "x"))

    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert len(SignInRequest.objects.get().next) == kept
    assert len(mailed()) == 1


def test_requests_are_limited_for_each_address_and_nobody_can_tell(known: Merchant, browser: Client) -> None:
    answers = [ask(browser) for _ in range(8)]

    assert {answer.status_code for answer in answers} == {200}  # type: ignore[attr-defined]
    assert len(mail.outbox) == 5


def test_requests_are_limited_for_each_client(known: Merchant, browser: Client) -> None:
    for number in range(25):
        ask(browser, f"nobody-{number}@nowhere.example")
    assert SignInRequest.objects.count() == 20


def test_a_bucket_fills_again() -> None:
    hour = timedelta(hours=1)
    assert [Bucket.take("t", "x", size=2, refill=hour) for _ in range(3)] == [True, True, False]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        assert [Bucket.take("t", "x", size=2, refill=hour) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("email", ["", "not an address", "a@b", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_said_so(browser: Client, email: str) -> None:
    answer = browser.post("/sign-in/", {"email": email})
    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert not SignInRequest.objects.exists()


def test_a_person_sees_their_sessions_and_ends_the_others(known: Merchant, browser: Client) -> None:
    known.install()
    browser.force_login(known.store.owner)
    assert Session.objects.filter(user=known.store.owner).count() >= 2
    assert "this one" in known.get("/account/").content.decode()
    known.post("/account/sign-out-everywhere/")

    assert known.get(known.page).status_code == 200
    assert browser.get(known.page).status_code == 302


def test_a_mail_that_could_not_be_sent_is_sent_later(known: Merchant, browser: Client) -> None:
    browser.post("/sign-in/", {"email": ADDRESS})
    request = SignInRequest.objects.get()
    assert SignInRequest.claim(request.pk) is not None  # a worker that is killed now
    tasks.send_sign_in_link(request.pk)
    assert mail.outbox == []
    SignInRequest.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    tasks.send_sign_in_link(request.pk)

    assert len(mail.outbox) == 1


def test_of_two_clicks_at_once_one_gets_in(known: Merchant) -> None:
    token = urlsplit(links.address(known.store.owner)).query.partition("=")[2]

    assert links.use(token) == known.store.owner
    assert links.use(token) is None
