"""Many visits at once to several web processes: one exchange a code, one account a store, nobody sees an error."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import LazySettings
from requests import Response

from accounts.models import Membership, Store, User
from installs.models import AppRegistration, Installation, InstallAttempt, Prefill
from tests.people import Merchant
from tests.processes import Hub
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

HITS = 20
ROUNDS = ((1003, (1004, 1005)), (1006, (1007, 1008)), (1009, (1010, 1014)))  # one store's crowd, and who else comes


@pytest.fixture(scope="module")
def hub(django_db_setup: None, ecwid: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Two web processes with their threads, as production has."""
    with Hub(tmp_path_factory.mktemp("hub"), ecwid) as hub:
        hub.web(workers=2)
        yield hub


@pytest.fixture(autouse=True)
def _at_the_hub(hub: Hub, settings: LazySettings) -> None:
    settings.SITE_URL = hub.url


def visit(hub: Hub, addresses: list[str]) -> dict[str, list[Response]]:
    """Follow all of these links at once, each in a browser of its own; return the answers by link."""
    with ThreadPoolExecutor(len(addresses)) as browsers:
        answers = list(browsers.map(hub.follow, addresses))
    by_link: dict[str, list[Response]] = {address: [] for address in addresses}
    for address, answer in zip(addresses, answers, strict=True):
        by_link[address].append(answer)
    return by_link


def assert_ends_well(answers: list[Response], store_id: int) -> None:
    """Whoever came before the result was known is let in; who comes right after it is asked first."""
    assert {answer.status_code for answer in answers} == {303}
    let_in = [answer for answer in answers if answer.headers["Location"] == f"/stores/{store_id}/onboarding/"]
    asked = [answer for answer in answers if answer.headers["Location"].startswith("/installs/")]
    assert let_in
    assert len(let_in) + len(asked) == len(answers)


def test_a_crowd_with_one_link_makes_one_exchange_and_one_account(
    hub: Hub, sandbox: Sandbox, app: AppRegistration
) -> None:
    for crowded, others in ROUNDS:
        sandbox.disturb("token", "slow", times=3, seconds=0.3)
        links = {Merchant(sandbox, app, store_id).address(): store_id for store_id in (crowded, *others)}
        hits = [link for link, store_id in links.items() for _ in range(HITS if store_id == crowded else 1)]
        random.shuffle(hits)
        for link, answers in visit(hub, hits).items():
            assert_ends_well(answers, links[link])

    stores = [store_id for crowded, others in ROUNDS for store_id in (crowded, *others)]
    exchanges = Counter(call.form["code"] for call in sandbox.calls_of("token"))
    assert sorted(exchanges.values()) == [1] * len(stores)
    assert sorted(Store.objects.values_list("store_id", flat=True)) == sorted(stores)
    assert User.objects.count() == Membership.objects.count() == Prefill.objects.count() == len(stores)
    assert set(InstallAttempt.objects.values_list("outcome", flat=True)) == {"installed"}
    assert InstallAttempt.objects.count() == len(stores)
    for one in Installation.objects.select_related("store"):
        assert one.generation == 1
        assert [one.secret_token] == sandbox.live_tokens(app.client_id, one.store.store_id)
    assert "Traceback" not in hub.words
