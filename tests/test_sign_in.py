"""Sign in at once when the browser shows that it comes from the store's own admin, else ask (design rule 5)."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Membership, User
from installs.models import AppRegistration, InstallAttempt
from tests.cast import make_app
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


def confirm_address(merchant: Merchant, answer: object) -> str:
    location = answer["Location"]  # type: ignore[index]
    assert location == f"/installs/{InstallAttempt.objects.latest('pk').uid}/"
    return str(location)


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://evil.example/",
        "https://my.ecwid.com.evil.example/",
        "https://evil.example/?https://my.ecwid.com/",
        "http://my.ecwid.com/",
        "https://my.ecwid.com:444/",
        "https://user@my.ecwid.com/",
        "https://[broken/",
        "null",
    ],
)
def test_a_browser_that_does_not_come_from_the_admin_is_asked(
    merchant: Merchant, settings: LazySettings, referer: str
) -> None:
    settings.ECWID_ADMIN_ORIGINS = ["https://my.ecwid.com"]
    answer = merchant.follow(merchant.address(), from_admin=False, Referer=referer)

    assert not merchant.is_signed_in
    page = merchant.get(confirm_address(merchant, answer))
    assert page.status_code == 200
    assert "Continue as" in page.content.decode()
    assert not merchant.is_signed_in


def test_the_admin_s_origin_signs_in_at_once(merchant: Merchant, settings: LazySettings) -> None:
    settings.ECWID_ADMIN_ORIGINS = ["https://my.ecwid.com", "https://admin.reseller.example"]
    merchant.follow(merchant.address(), from_admin=False, Referer="https://admin.reseller.example/store/1003")

    assert merchant.is_signed_in


def test_one_click_signs_in(merchant: Merchant) -> None:
    address = confirm_address(merchant, merchant.install(from_admin=False))
    answer = merchant.post(f"{address}continue/")

    assert answer.status_code == 303
    assert answer["Location"] == "/stores/1003/onboarding/"
    assert merchant.is_signed_in
    assert InstallAttempt.objects.get().signed_in_at is not None


def test_the_click_needs_our_own_page(merchant: Merchant) -> None:
    merchant.browser = Client(enforce_csrf_checks=True)
    address = confirm_address(merchant, merchant.install(from_admin=False))

    assert merchant.post(f"{address}continue/").status_code == 403
    assert not merchant.is_signed_in


def test_only_the_browser_that_brought_the_code_may_continue(merchant: Merchant, browser: Client) -> None:
    address = confirm_address(merchant, merchant.install(from_admin=False))

    assert browser.get(address).status_code == 410
    assert browser.post(f"{address}continue/").status_code == 410
    assert "_auth_user_id" not in browser.session


def test_a_forged_cookie_does_not_open_somebody_s_attempt(merchant: Merchant, browser: Client) -> None:
    address = confirm_address(merchant, merchant.install(from_admin=False))
    browser.cookies["attempt"] = f"{InstallAttempt.objects.get().uid}:1xV1qs:forged-signature"

    assert browser.post(f"{address}continue/").status_code == 410


def test_a_link_with_a_stranger_s_code_signs_nobody_in(merchant: Merchant, stranger: Merchant) -> None:
    """Login CSRF: Mallory installs in her own store, keeps the redirect and makes the victim follow it."""
    merchant.install()
    stores_before = set(Membership.objects.filter(store=merchant.store).values_list("user", flat=True))
    victim, merchant.browser = merchant.browser, merchant.browser
    answer = victim.get(stranger.address(), headers={"Referer": "https://mallory.example/"})
    page = victim.get(answer["Location"]).content.decode()

    assert victim.get(merchant.page).status_code == 200
    assert victim.get(stranger.page).status_code == 404
    assert set(Membership.objects.filter(store=merchant.store).values_list("user", flat=True)) == stores_before
    assert "Store 1003" in page
    assert "Store 1004" in page


def test_even_from_the_admin_somebody_else_s_session_is_not_replaced_unasked(
    merchant: Merchant, stranger: Merchant
) -> None:
    merchant.install()
    stranger.browser = merchant.browser
    answer = stranger.install()
    address = confirm_address(stranger, answer)

    assert merchant.get(merchant.page).status_code == 200
    stranger.post(f"{address}continue/")
    assert stranger.get(stranger.page).status_code == 200
    assert merchant.get(merchant.page).status_code == 404
    assert Membership.objects.count() == 2


def test_an_operator_s_session_is_switched_not_merged(merchant: Merchant) -> None:
    operator = User.objects.create_superuser("operator", "", "a long pass phrase")
    merchant.browser.force_login(operator)
    address = confirm_address(merchant, merchant.install())
    assert "operator" in merchant.get(address).content.decode()
    merchant.post(f"{address}continue/")

    assert merchant.store.owner != operator
    assert merchant.browser.session["_auth_user_id"] == str(merchant.store.owner.pk)
    assert not Membership.objects.filter(user=operator).exists()


def test_an_owner_who_is_switched_off_shuts_no_other_owner_out(merchant: Merchant) -> None:
    merchant.install()
    joris = User.objects.create_merchant(email="joris@people.example")
    Membership.objects.create(user=joris, store=merchant.store, role=Membership.Role.OWNER)
    User.objects.filter(pk=merchant.store.owner.pk).update(is_active=False)
    merchant.install()

    assert merchant.get(f"{merchant.page}onboarding/").status_code == 200
    assert merchant.browser.session["_auth_user_id"] == str(joris.pk)


@pytest.mark.parametrize("from_admin", [True, False])
def test_where_every_owner_is_switched_off_a_page_says_so_and_nobody_goes_round(
    merchant: Merchant, from_admin: bool
) -> None:
    merchant.install()
    User.objects.update(is_active=False)
    answer = merchant.install(from_admin=from_admin)
    if not from_admin:
        answer = merchant.post(f"{confirm_address(merchant, answer)}continue/")

    assert answer.status_code == 403
    assert "switched off" in answer.content.decode()
    assert InstallAttempt.objects.order_by("pk").last().support_code in answer.content.decode()  # type: ignore[union-attr]
    assert merchant.installation.generation == 2, "the app is connected all the same"
    assert User.objects.count() == 1


def test_signing_out_ends_the_session(merchant: Merchant) -> None:
    merchant.install()
    merchant.post("/sign-out/")

    answer = merchant.get(merchant.page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")
    assert merchant.get("/sign-out/").status_code == 405


# Our own start of the flow.


def begin(merchant: Merchant) -> str:
    """Follow connect/ and allow it; return where Ecwid sends the browser."""
    answer = merchant.get("/apps/demo-app/connect/")
    assert answer.status_code == 303
    back = urlsplit(merchant.sandbox.authorize(answer["Location"], merchant.store_id))
    return f"{back.path}?{back.query}"


def test_connect_asks_for_the_wanted_scopes_with_a_state(merchant: Merchant) -> None:
    address = merchant.get("/apps/demo-app/connect/")["Location"]
    query = parse_qs(urlsplit(address).query)

    assert address.startswith(f"{merchant.sandbox.oauth_url}/authorize?")
    assert query["scope"] == ["read_store_profile read_catalog public_storefront read_orders"]
    assert query["redirect_uri"] == [merchant.app.address("return")]
    assert len(query["state"][0]) >= 32


def test_our_own_state_signs_in_at_once(merchant: Merchant) -> None:
    merchant.follow(begin(merchant), from_admin=False)
    assert merchant.is_signed_in


def test_a_state_given_to_another_browser_is_worth_nothing(merchant: Merchant) -> None:
    address = begin(merchant)
    merchant.browser = Client()
    answer = merchant.follow(address, from_admin=False)

    confirm_address(merchant, answer)
    assert not merchant.is_signed_in


def test_a_state_is_worth_nothing_in_a_browser_with_a_state_of_its_own(merchant: Merchant) -> None:
    address = begin(merchant)
    merchant.browser = Client()
    merchant.get("/apps/demo-app/connect/")
    merchant.follow(address, from_admin=False)

    assert not merchant.is_signed_in


def test_a_wrong_state_is_not_mended_by_a_good_referer(merchant: Merchant) -> None:
    merchant.follow(merchant.address(state="made-up"))
    assert not merchant.is_signed_in


def test_a_state_serves_one_code_only(merchant: Merchant, stranger: Merchant) -> None:
    address = begin(merchant)
    merchant.follow(address, from_admin=False)
    merchant.browser.logout()
    state = parse_qs(urlsplit(address).query)["state"][0]
    stranger.browser = merchant.browser
    stranger.follow(stranger.address(state=state), from_admin=False)

    assert not stranger.is_signed_in


def test_a_state_of_another_app_is_worth_nothing(merchant: Merchant, settings: LazySettings) -> None:
    state = parse_qs(urlsplit(begin(merchant)).query)["state"][0]
    merchant.app = make_app(merchant.sandbox, settings, "demo-two", "Label Maker")
    merchant.follow(merchant.address(state=state), from_admin=False)

    assert not merchant.is_signed_in


def test_reconnecting_opens_the_next_generation(merchant: Merchant) -> None:
    merchant.install()
    merchant.follow(begin(merchant))

    assert merchant.installation.generation == 2
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)


def test_connect_to_an_unknown_or_disabled_app_is_a_404(merchant: Merchant) -> None:
    assert merchant.get("/apps/no-such-app/connect/").status_code == 404
    AppRegistration.objects.update(enabled=False)
    assert merchant.get("/apps/demo-app/connect/").status_code == 404


def test_open_takes_a_signed_in_merchant_to_the_store_and_others_to_sign_in(
    merchant: Merchant, browser: Client
) -> None:
    merchant.install()

    assert merchant.get("/apps/demo-app/open/")["Location"] == "/stores/1003/"
    assert browser.get("/apps/demo-app/open/")["Location"] == "/sign-in/?next=/apps/demo-app/open/"
