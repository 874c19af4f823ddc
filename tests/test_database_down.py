"""PostgreSQL is killed and comes back: no grant is lost, no code is wasted, nobody sees a 500."""

import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cast import SCOPES
from tests.chaos.servers import PROGRAMS, Postgres
from tests.processes import Hub, until
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET

pytestmark = pytest.mark.services

IN_FLIGHT = (1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010)
NINTH = 1014


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    if not PROGRAMS:
        missing = "PostgreSQL's programs are not installed (Debian: apt-get install postgresql)"
        if os.environ.get("ECWIDHUB_TEST_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(f"NOT TESTED: what a database that goes away does to installs. {missing}")
    # Not below pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="ecwidhub-postgres-") as folder, Postgres(Path(folder)) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def hub(postgres: Postgres, ecwid: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Two web processes on that database, and one app."""
    folder = tmp_path_factory.mktemp("hub")
    with Hub(folder, ecwid, DATABASE_URL=postgres.url, REDIS_URL="") as hub:
        hub.manage("migrate", "--verbosity=0")
        app = ("demo-app", "--name=Parcel Pilot", f"--scopes={' '.join(SCOPES)}")
        hub.manage("register_app", *app, CLIENT_SECRET=CLIENT_SECRET)
        hub.web(workers=2)
        yield hub


@pytest.fixture
def market(sandbox: Sandbox, hub: Hub) -> Sandbox:
    """The other side, where the app is known too."""
    back = f"{hub.url}/apps/demo-app/return/"
    sandbox.add_app("demo-app", client_secret=CLIENT_SECRET, redirect_url=back, scopes=SCOPES)
    return sandbox


def link(market: Sandbox, store_id: int) -> str:
    """Press Install and return where the market sends the browser: path and query."""
    return f"/apps/demo-app/return/?code={market.press_install('demo-app', store_id)}&store_id={store_id}"


def grants(hub: Hub) -> int:
    """Count what waits in the spool."""
    return len(list(hub.spool.glob("*.grant")))


def token_used(market: Sandbox, store_id: int) -> str:
    """Return the token with which this store's profile was read."""
    (call,) = [call for call in market.calls_of("profile") if f"/{store_id}/" in call.path]
    assert call.status == 200
    return str(call.headers["Authorization"]).removeprefix("Bearer ")


def test_every_grant_survives_a_database_killed_during_the_exchange(
    hub: Hub, postgres: Postgres, market: Sandbox
) -> None:
    market.disturb("token", "slow", times=len(IN_FLIGHT), seconds=600)
    links = [link(market, store_id) for store_id in IN_FLIGHT]
    with ThreadPoolExecutor(len(links)) as browsers:
        answers = [browsers.submit(hub.follow, address) for address in links]
        until(lambda: len(market.calls_of("token")) == len(links))
        postgres.kill()
        market.calm()
        statuses = [answer.result().status_code for answer in answers]
    ninth = link(market, NINTH)
    refused = hub.follow(ninth)

    assert set(statuses) <= {202, 503}
    assert grants(hub) == len(IN_FLIGHT)
    assert refused.status_code == 503
    assert len(market.calls_of("token")) == len(IN_FLIGHT), "a code was spent while nothing could be kept"

    postgres.start()
    assert hub.follow(ninth).status_code == 303
    worker = hub.worker()
    everyone = (*IN_FLIGHT, NINTH)
    worker.wait_for(lambda: worker.words.count('"prefilled"') == len(everyone))
    worker.kill()

    assert grants(hub) == 0
    rows = {row["store_id"]: row for row in json.loads(hub.manage("installations", "--json"))}
    assert sorted(rows) == sorted(everyone)
    assert {(row["generation"], row["prefill"], row["health"]) for row in rows.values()} == {(1, "done", "ok")}
    for store_id in everyone:
        assert market.live_tokens("demo-app", store_id) == [token_used(market, store_id)]
    assert len(market.calls_of("token")) == len(everyone)
    assert '"status_code": 500' not in hub.words


def test_after_a_restart_no_request_fails(hub: Hub, postgres: Postgres, market: Sandbox) -> None:
    """Every thread of the web server holds a connection that is dead now."""
    door = "/apps/demo-app/connect/"  # reads one table and writes another
    with ThreadPoolExecutor(16) as browsers:
        before = [answer.status_code for answer in browsers.map(hub.follow, [door] * 64)]
        postgres.kill()
        postgres.start()
        after = [answer.status_code for answer in browsers.map(hub.follow, [door] * 64)]

    assert set(before) == {303}
    assert set(after) == {303}
