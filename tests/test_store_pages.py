"""A store's pages: what a member sees and changes, and what nobody else ever learns."""

import re

import pytest
from django.test import Client

from accounts.models import Membership, StoreSettings, User
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
PAGES = ("", "onboarding/", "settings/store_name/")
ACTIONS = ("onboarding/finish/", "settings/store_name/", "sync/")


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_s_store_is_a_404(merchant: Merchant, stranger: Merchant, path: str) -> None:
    merchant.install()
    stranger.install()
    theirs = stranger.get(f"{merchant.page}{path}")
    nobody_s = stranger.get(f"/stores/999999/{path}")

    assert theirs.status_code == nobody_s.status_code == 404
    assert theirs.content == nobody_s.content


@pytest.mark.parametrize("path", ACTIONS)
def test_a_stranger_changes_nothing(merchant: Merchant, stranger: Merchant, path: str) -> None:
    merchant.install()
    stranger.install()
    before = StoreSettings.objects.filter(pk=merchant.store.pk).values().get()

    assert stranger.post(f"{merchant.page}{path}", {"store_name": "Mine now"}).status_code == 404
    assert StoreSettings.objects.filter(pk=merchant.store.pk).values().get() == before


@pytest.mark.parametrize("path", PAGES)
def test_signed_out_leads_to_sign_in(merchant: Merchant, browser: Client, path: str) -> None:
    merchant.install()
    answer = browser.get(f"{merchant.page}{path}")

    assert answer.status_code == 302
    assert answer["Location"] == f"/sign-in/?next={merchant.page}{path}"


@pytest.mark.parametrize("number", ["0", "01003", "99999999999999999999", "abc", "-1", "1003.0"])
def test_what_is_no_store_number_is_a_404(merchant: Merchant, number: str) -> None:
    merchant.install()
    assert merchant.get(f"/stores/{number}/").status_code == 404


def test_home_leads_to_the_only_store_and_lists_several(merchant: Merchant, stranger: Merchant) -> None:
    merchant.install()
    assert merchant.get("/")["Location"] == "/stores/1003/"
    stranger.install()
    Membership.objects.create(user=merchant.store.owner, store=stranger.store)
    merchant.browser = Client()
    merchant.browser.force_login(merchant.store.owner)  # the store's admin alone would open that one store

    page = merchant.get("/").content.decode()
    assert "/stores/1003/" in page
    assert "/stores/1004/" in page


def test_a_person_without_a_store_sees_what_to_do(browser: Client) -> None:
    browser.force_login(User.objects.create_merchant(name="Nobody yet"))
    assert browser.get("/").status_code == 200


def test_the_first_run_page_shows_the_store_before_anything_is_known(merchant: Merchant) -> None:
    merchant.install()
    page = merchant.get("/stores/1003/onboarding/").content.decode()

    assert "Store 1003" in page
    assert "Parcel Pilot" in page


def test_the_fragment_is_small_and_has_no_page_around_it(merchant: Merchant) -> None:
    merchant.install()
    work()
    fragment = merchant.get("/stores/1003/onboarding/", headers=HTMX).content.decode()

    assert "<html" not in fragment
    assert "Paper Trail" in fragment
    assert len(fragment) < 20_000


def test_finishing_never_waits_for_the_prefill(merchant: Merchant) -> None:
    merchant.install()
    answer = merchant.post("/stores/1003/onboarding/finish/")

    assert answer["Location"] == "/stores/1003/"
    assert merchant.store.onboarded_at is not None
    assert merchant.installation.prefill.state == "waiting"


def test_finishing_twice_keeps_the_first_time(merchant: Merchant) -> None:
    merchant.install()
    merchant.post("/stores/1003/onboarding/finish/")
    first = merchant.store.onboarded_at
    merchant.post("/stores/1003/onboarding/finish/")

    assert merchant.store.onboarded_at == first


def test_an_edit_is_the_merchant_s_own(merchant: Merchant) -> None:
    merchant.install()
    work()
    answer = merchant.post("/stores/1003/settings/phone/", {"phone": "+31 20 555 0100"})

    known = StoreSettings.objects.get(store__store_id=1003)
    assert answer.status_code == 303
    assert known.phone == "+31 20 555 0100"
    assert known.origins["phone"]["by"] == "merchant"
    assert known.origins["store_name"]["by"] == "store"


def test_each_value_says_whose_it_is_and_since_when(merchant: Merchant) -> None:
    merchant.install()
    work()
    page = merchant.get(merchant.page).content.decode()
    times = re.findall(r'From your store, <time datetime="([^"]+)" title="([^"]+)" data-ago>', page)

    assert len(times) > 20
    assert {at for at, _ in times} == {StoreSettings.objects.get().origins["city"]["at"]}
    assert all(title.endswith(" UTC") for _, title in times)


def test_an_own_value_stands_beside_what_the_store_says_until_it_gives_way(merchant: Merchant) -> None:
    merchant.install()
    work()
    door = f"{merchant.page}settings/city/"
    merchant.post(door, {"city": "Delft"})
    assert "Your store says: <bdi>Utrecht</bdi>" in merchant.get(merchant.page).content.decode()
    merchant.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
    merchant.post(f"{merchant.page}sync/")
    work()
    page = merchant.get(merchant.page).content.decode()
    assert "Your store now says: <bdi>Rotterdam</bdi>, changed <time" in page
    assert "<p>City</p>" in page
    merchant.post(door, {"release": "yes"})

    known = StoreSettings.objects.get()
    assert known.city == "Rotterdam"
    assert (known.origins["city"]["by"], "store_changed_at" in known.origins["city"]) == ("store", False)
    assert "Your store now says" not in merchant.get(merchant.page).content.decode()


def test_a_store_that_has_not_changed_has_nothing_to_say(merchant: Merchant) -> None:
    merchant.install()
    work()
    merchant.post(f"{merchant.page}sync/")
    work()
    assert "since you last looked" not in merchant.get(merchant.page).content.decode()


def test_reading_again_without_reload_answers_with_what_changes(merchant: Merchant) -> None:
    merchant.install()
    work()
    merchant.post(f"{merchant.page}onboarding/finish/")
    answer = merchant.post(f"{merchant.page}sync/", headers=HTMX).content.decode()

    assert "<html" not in answer
    assert 'id="again" aria-disabled="true"' in answer
    assert "Reading your store’s details …" in answer


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "€1.234,50"),
        ({"currency_prefix": "", "currency_suffix": " kr", "currency_group_separator": " "}, "1 234,50 kr"),
        ({"currency_precision": 0, "currency_prefix": "¥", "currency_group_separator": ","}, "¥1,234"),
        ({"currency_precision": None}, ""),
    ],
)
def test_a_price_is_written_the_way_the_store_writes_it(
    merchant: Merchant, changes: dict[str, object], shown: str
) -> None:
    merchant.install()
    work()
    StoreSettings.objects.update(**changes)
    page = merchant.get(merchant.page).content.decode()
    assert re.findall(r"Prices in your store look like this: <bdi>(.*?)</bdi>", page) == ([shown] if shown else [])


def test_an_edit_without_reload_answers_with_the_row(merchant: Merchant) -> None:
    merchant.install()
    form = merchant.get("/stores/1003/settings/store_name/", headers=HTMX).content.decode()
    row = merchant.post("/stores/1003/settings/store_name/", {"store_name": "Ümläut & Söhne"}, headers=HTMX)

    assert 'name="store_name"' in form
    assert "<html" not in form
    assert "Ümläut &amp; Söhne" in row.content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contact_email", "not an address"),
        ("country_code", "Atlantis"),
        ("currency", "XXXX"),
        ("timezone", "Moon/Base"),
        ("store_name", "x" * 256),
    ],
)
def test_a_wrong_value_is_refused_with_a_reason_and_kept_in_the_form(merchant: Merchant, name: str, value: str) -> None:
    merchant.install()
    work()
    before = StoreSettings.objects.filter(pk=merchant.store.pk).values().get()
    answer = merchant.post(f"/stores/1003/settings/{name}/", {name: value})

    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert StoreSettings.objects.filter(pk=merchant.store.pk).values().get() == before


@pytest.mark.parametrize("name", ["origins", "filled_at", "store", "suspended", "plan_features", "no_such"])
def test_what_is_no_setting_of_the_merchant_cannot_be_edited(merchant: Merchant, name: str) -> None:
    merchant.install()
    assert merchant.post(f"/stores/1003/settings/{name}/", {name: "x"}).status_code == 404


def test_what_the_store_says_is_text_and_never_markup(merchant: Merchant) -> None:
    settings = merchant.sandbox.stores[1003].profile["settings"]
    settings["storeName"] = '<script>alert("x")</script>'
    merchant.sandbox.stores[1003].profile["generalInfo"]["storeUrl"] = "javascript:alert(1)"
    merchant.install()
    work()

    for path in ("/stores/1003/", "/stores/1003/onboarding/"):
        page = merchant.get(path).content.decode()
        assert "<script>alert" not in page
        assert "javascript:" not in page


def test_merchant_pages_name_neither_ecwid_nor_lightspeed(merchant: Merchant, stranger: Merchant) -> None:
    """Resellers relabel the admin (design rule 12)."""
    merchant.sandbox.stores[1003].profile["account"]["brandName"] = "Shop System"
    paths = ["/sign-in/", "/apps/none/return/?code=x", "/apps/demo-app/return/", "/apps/demo-app/return/?error=no",
             "/apps/demo-app/return/?code=made-up&store_id=1003", "/no-such-page/"]  # fmt: skip
    pages = [merchant.get(path) for path in paths]
    confirm = merchant.install(from_admin=False)
    pages.append(merchant.get(confirm["Location"]))
    merchant.post(f"{confirm['Location']}continue/")
    pages.append(merchant.get("/stores/1003/onboarding/"))
    work()
    pages += [merchant.get(f"/stores/1003/{path}") for path in PAGES]
    pages.append(merchant.post("/sign-out/"))

    for page in pages:
        words = page.content.decode().lower()
        title = words.partition("<title>")[2][:80]
        assert "ecwid" not in words.replace("ecwidhub", ""), title
        assert "lightspeed" not in words, title


def test_every_page_is_kept_out_of_frames_caches_and_other_sites(merchant: Merchant) -> None:
    merchant.install()
    for path in ("/stores/1003/", "/stores/1003/onboarding/", "/sign-in/", "/no-such-page/"):
        answer = merchant.get(path)
        policy = answer["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Cache-Control"].startswith(("no-store", "max-age=0, no-cache, no-store"))
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_long_list_is_written_whole_with_its_choice_and_nothing_unescaped(merchant: Merchant) -> None:
    merchant.install()
    work()
    StoreSettings.objects.update(currency='"<b')
    page = merchant.get(f"{merchant.page}settings/currency/").content.decode()
    select = page[page.index("<select") : page.index("</select>")]

    assert select.count("<option") > 150
    assert re.findall(r'<option value="([^"]*)" selected>', select) == ["&quot;&lt;b"]
    assert "<b" not in select
    assert 'name="currency"' in select
    assert "autofocus" in select
