"""Languages: what the admin says, then the person, then the store, then the browser; a region is its language."""

import re

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from accounts.models import Letter, SignInRequest, StoreSettings, User
from installs.models import AppRegistration
from tests.cast import work
from tests.framing import Frame
from tests.letters import post
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


def language(answer: HttpResponse) -> str:
    """Return the language a page says it is in; page and header must agree."""
    found = re.search(r'<html lang="([^"]*)" dir="([^"]*)"', answer.content.decode())
    assert found
    assert found[2] == ("rtl" if found[1] == "ar" else "ltr")
    assert answer.headers["Content-Language"] == found[1]
    assert "Accept-Language" in answer.headers["Vary"]
    return found[1]


def html() -> str:
    """Return the last mail as it is shown."""
    message = mail.outbox[-1]
    assert isinstance(message, mail.EmailMultiAlternatives)
    return str(message.alternatives[0][0])


def speaks(merchant: Merchant, language: str) -> None:
    """Let the merchant's store speak a language."""
    StoreSettings.objects.filter(store__store_id=merchant.store_id).update(default_language=language)


@pytest.fixture
def owner(merchant: Merchant) -> Merchant:
    """The owner of a store whose details are read, signed in."""
    merchant.install()
    work()
    return merchant


class TestBrowser:
    """Nobody is signed in: the browser says what its person reads."""

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("nl", "nl"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("pt-BR", "pt"),
            ("pt-PT", "pt"),
            ("es-419,es;q=0.9", "es"),
            ("fr-CA", "fr"),
            ("ar-EG", "ar"),
            ("ru,it;q=0.5,en;q=0.4", "it"),
            ("ru", "en"),
            ("", "en"),
            ("*", "en"),
            ("ru, *;q=0.5, de;q=0.1", "en"),
            ("en;q=x,de", "en"),
            ("../../etc/passwd", "en"),
            ("x" * 4000, "en"),
        ],
    )
    def test_a_page_is_in_the_nearest_language_that_we_have(self, browser: Client, asked: str, given: str) -> None:
        assert language(browser.get("/sign-in/", headers={"Accept-Language": asked})) == given  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("asked", "heading"),
        [
            ("ar", "تسجيل الدخول"),
            ("de", "Anmelden"),
            ("es", "Iniciar sesión"),
            ("fr", "Se connecter"),
            ("it", "Accedi"),
            ("nl", "Inloggen"),
            ("pt", "Entrar"),
        ],
    )
    def test_its_words_are_in_that_language_too(self, browser: Client, asked: str, heading: str) -> None:
        page = browser.get("/sign-in/", headers={"Accept-Language": asked}).content.decode()
        assert f"<h1>{heading}</h1>" in page
        assert "Sign in" not in page

    def test_a_page_that_is_missing_is_missing_in_the_readers_language(self, browser: Client) -> None:
        answer = browser.get("/nothing/", headers={"Accept-Language": "ar"})
        assert (answer.status_code, language(answer)) == (404, "ar")  # type: ignore[arg-type]

    def test_no_cookie_remembers_it(self, browser: Client) -> None:
        answer = browser.get("/sign-in/", headers={"Accept-Language": "nl"})
        assert set(answer.cookies) <= {"csrf"}

    def test_a_cookie_of_somebody_else_decides_nothing(self, browser: Client) -> None:
        browser.cookies["django_language"] = "fr"
        assert language(browser.get("/sign-in/")) == "en"  # type: ignore[arg-type]

    def test_the_operators_pages_stay_english(self, browser: Client) -> None:
        answer = browser.get("/admin/login/", headers={"Accept-Language": "ar"})
        assert '<html lang="en' in answer.content.decode()

    def test_a_machine_hears_nothing_of_languages(self, browser: Client) -> None:
        answer = browser.get("/healthz", headers={"Accept-Language": "ar"})
        assert "Content-Language" not in answer.headers


class TestOrder:
    """The store before the browser, the person before the store."""

    def test_a_page_about_a_store_is_in_the_stores_language(self, owner: Merchant) -> None:
        speaks(owner, "de_AT")
        for page in ("", "connection/", "people/", "settings/phone/"):
            assert language(owner.get(owner.page + page, headers={"Accept-Language": "fr"})) == "de"

    def test_a_page_about_no_store_is_in_the_browsers(self, owner: Merchant) -> None:
        speaks(owner, "de")
        assert language(owner.get("/account/", headers={"Accept-Language": "fr"})) == "fr"

    def test_a_store_whose_language_we_do_not_have_leaves_it_to_the_browser(self, owner: Merchant) -> None:
        speaks(owner, "ja")
        assert language(owner.get(owner.page, headers={"Accept-Language": "fr"})) == "fr"

    def test_what_the_person_chose_comes_before_both(self, owner: Merchant) -> None:
        speaks(owner, "de")
        assert owner.post("/account/language/", {"language": "ar"}).status_code == 303

        for page in (owner.page, "/account/"):
            assert language(owner.get(page, headers={"Accept-Language": "fr"})) == "ar"

    def test_a_choice_can_be_taken_back(self, owner: Merchant) -> None:
        owner.post("/account/language/", {"language": "ar"})
        owner.post("/account/language/", {"language": ""})
        assert language(owner.get("/account/", headers={"Accept-Language": "fr"})) == "fr"

    def test_a_language_that_we_do_not_have_cannot_be_chosen(self, owner: Merchant) -> None:
        assert owner.post("/account/language/", {"language": "ru"}).status_code == 422
        assert User.objects.get(memberships__store__store_id=1003).language == ""

    def test_the_account_page_offers_each_language_in_its_own_name(self, owner: Merchant) -> None:
        page = owner.get("/account/").content.decode()
        for name in ("العربية", "Deutsch", "English", "Español", "Français", "Italiano", "Nederlands", "Português"):
            assert f">{name}</option>" in page

    def test_a_stranger_does_not_learn_the_stores_language(self, owner: Merchant, stranger: Merchant) -> None:
        speaks(owner, "de")
        stranger.install()
        answer = stranger.get(owner.page, headers={"Accept-Language": "fr"})
        assert (answer.status_code, language(answer)) == (404, "fr")

    def test_one_persons_language_does_not_stay_for_the_next(self, owner: Merchant, browser: Client) -> None:
        owner.post("/account/language/", {"language": "ar"})
        owner.get("/account/")
        assert language(browser.get("/sign-in/")) == "en"  # type: ignore[arg-type]


class TestFrame:
    """Inside the store's admin its own language comes first."""

    def test_the_admins_language_comes_before_the_stores(self, owner: Merchant) -> None:
        speaks(owner, "de")
        frame = Frame(owner)
        assert language(frame.open(lang="nl_NL")) == "nl"
        assert frame.get("settings/phone/").headers["Content-Language"] == "nl"

    def test_where_we_do_not_have_it_the_store_decides_and_then_the_browser(self, owner: Merchant) -> None:
        speaks(owner, "de")
        assert language(Frame(owner).open(lang="ja")) == "de"
        speaks(owner, "ja")
        assert language(Frame(owner).open(lang="ja")) == "en"

    def test_a_person_signed_in_outside_changes_nothing_inside(self, owner: Merchant) -> None:
        owner.post("/account/language/", {"language": "ar"})
        assert language(Frame(owner).open(lang="nl")) == "nl"


class TestMails:
    """A mail is in the language of whoever will read it, as far as we know."""

    def test_a_sign_in_link_comes_in_the_language_it_was_asked_in(self, owner: Merchant, browser: Client) -> None:
        email = User.objects.get(memberships__store__store_id=1003).email
        browser.post("/sign-in/", {"email": email}, headers={"Accept-Language": "nl"})
        assert SignInRequest.objects.get().language == "nl"

        post()
        assert '<html lang="nl" dir="ltr">' in html()

    def test_it_comes_in_the_language_its_person_has_chosen(self, owner: Merchant, browser: Client) -> None:
        owner.post("/account/language/", {"language": "ar"})
        email = User.objects.get(memberships__store__store_id=1003).email
        browser.post("/sign-in/", {"email": email}, headers={"Accept-Language": "nl"})

        post()
        assert '<html lang="ar" dir="rtl">' in html()
        assert '<div lang="ar" dir="rtl">' in html()

    def test_an_invitation_speaks_the_stores_language(self, owner: Merchant) -> None:
        speaks(owner, "it")
        owner.post(f"{owner.page}people/invite/", {"email": "sam@paper.example"})
        assert Letter.objects.get().language == "it"

    def test_an_invitation_of_a_store_whose_language_we_do_not_have_speaks_the_inviters(self, owner: Merchant) -> None:
        speaks(owner, "ja")
        owner.post("/account/language/", {"language": "es"})
        owner.post(f"{owner.page}people/invite/", {"email": "sam@paper.example"})
        assert Letter.objects.get().language == "es"


def test_words_of_a_missing_app_are_in_the_readers_language(browser: Client, app: AppRegistration) -> None:
    answer = browser.get("/apps/nobody/return/?code=x", headers={"Accept-Language": "ar"})
    assert language(answer) == "ar"  # type: ignore[arg-type]


class TestLearned:
    """A page that is open when the store's language becomes known never speaks two at once."""

    def test_it_is_loaded_anew_but_not_while_something_is_edited(self, merchant: Merchant) -> None:
        merchant.install()
        page = merchant.browser.get("/stores/1003/onboarding/")
        assert language(page) == "en"  # type: ignore[arg-type]
        found = re.search(r'hx-get="([^"]*)"', page.content.decode())
        assert found
        asks = found[1].replace("&amp;", "&")
        work()
        speaks(merchant, "ar")

        editing = merchant.browser.get(f"{asks}&editing=&editing=store_name", headers={"HX-Request": "true"})
        assert (editing.status_code, editing.headers.get("HX-Refresh"), editing.content) == (204, None, b"")
        answer = merchant.browser.get(f"{asks}&editing=", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Refresh"], answer.content) == (204, "true", b"")
        again = merchant.browser.get(page.request["PATH_INFO"])
        assert language(again) == "ar"  # type: ignore[arg-type]
