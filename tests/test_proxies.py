"""Behind proxies: the visitor's own address counts, and what a visitor claims to be does not."""

import pytest
from django.conf import LazySettings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client

from accounts.models import SignInRequest
from ecwidhub import proxies

pytestmark = pytest.mark.django_db

PROXY = "10.0.0.9"


def links_mailed(forwarded: str | None, asked: int = 1, remote: str = PROXY) -> int:
    """Ask for sign-in links, each for another mail address; return how many are sent. One visitor gets 20 an hour."""
    before = SignInRequest.objects.count()
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    browser = Client(REMOTE_ADDR=remote, headers=headers)
    for n in range(asked):
        browser.post("/sign-in/", {"email": f"{before + n}@shop.example"})
    return SignInRequest.objects.count() - before


def address_of(forwarded: str, remote: str = PROXY) -> str:
    """Return the address that everything behind the middleware sees."""
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponseBase:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponseBase()

    request = HttpRequest()
    request.META = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    proxies.ClientAddress(view)(request)
    return seen[0]


def test_without_a_proxy_nobody_gets_a_fresh_limit_by_claiming_another_address() -> None:
    links_mailed("203.0.113.1", asked=20)

    assert links_mailed("203.0.113.2") == 0


def test_behind_a_proxy_one_visitor_s_limit_is_not_another_s(settings: LazySettings) -> None:
    settings.NUM_PROXIES = 1
    links_mailed("203.0.113.1", asked=20)

    assert links_mailed("203.0.113.1") == 0
    assert links_mailed("203.0.113.2") == 1


def test_behind_a_proxy_nobody_gets_a_fresh_limit_by_sending_the_header_themselves(settings: LazySettings) -> None:
    settings.NUM_PROXIES = 1
    links_mailed("203.0.113.1", asked=20)

    assert links_mailed("198.51.100.7, 203.0.113.1") == 0


def test_one_customer_s_many_ipv6_addresses_share_a_limit() -> None:
    links_mailed(None, asked=20, remote="2001:db8:1:2::1")

    assert links_mailed(None, remote="2001:db8:1:2:ffff::77") == 0
    assert links_mailed(None, remote="2001:db8:1:3::1") == 1


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "203.0.113.1", PROXY),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "198.51.100.7, 203.0.113.1", "203.0.113.1"),
        (2, "198.51.100.7,203.0.113.1 , 10.0.0.8", "203.0.113.1"),
        (1, "203.0.113.1:4711", "203.0.113.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "", PROXY),
        (1, "unknown", PROXY),
        (1, "203.0.113.1,", PROXY),
        (2, "203.0.113.1", PROXY),
        (1, "203.0.113.1' OR 1=1", PROXY),
    ],
)
def test_the_address_is_the_one_that_the_outermost_of_our_proxies_saw(
    settings: LazySettings, hops: int, forwarded: str, address: str
) -> None:
    settings.NUM_PROXIES = hops

    assert address_of(forwarded) == address
