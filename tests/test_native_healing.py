"""The native page heals: what an uninstall, a reinstall or a suspicion took comes back with the next opening."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from installs import tasks
from installs.models import Installation
from tests.cast import SCOPES, work
from tests.deliveries import deliver, event
from tests.framing import Frame
from tests.people import Merchant
from tests.test_native import asked, rows, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def frame(merchant: Merchant) -> Frame:
    return Frame(merchant)


class TestHealing:
    """The payload brings the token at every opening, so whatever was lost comes back with it."""

    def test_a_silent_reinstall_opens_the_next_generation(self, merchant: Merchant, frame: Frame) -> None:
        frame.open()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)

        assert frame.open().status_code == 200
        now = merchant.installation
        assert [now.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
        assert (now.generation, now.prefill.state) == (2, "waiting")

    def test_the_old_payload_opens_nothing_after_a_reinstall(self, merchant: Merchant, frame: Frame) -> None:
        old = merchant.sandbox.native_address("demo-app", 1003)
        frame.visit(old)
        merchant.sandbox.uninstall("demo-app", 1003)
        frame.open()

        assert frame.visit(old).status_code == 403
        assert merchant.installation.generation == 2

    def test_what_was_closed_comes_back(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        merchant.sandbox.uninstall("demo-app", 1003)
        Installation.objects.update(secret_token="", public_token="", uninstalled_at=datetime.now(UTC))

        assert frame.open().status_code == 200
        assert (merchant.installation.state, merchant.installation.generation) == ("installed", 2)

    def test_even_with_the_token_it_had(self, merchant: Merchant, frame: Frame) -> None:
        """Closed by mistake: Ecwid goes on with the same token, which has installed once before."""
        for generation in (1, 2, 3):
            assert frame.open().status_code == 200
            assert merchant.installation.generation == generation
            Installation.objects.update(secret_token="", public_token="", uninstalled_at=datetime.now(UTC))

    @pytest.mark.parametrize("minutes", [10, -10])
    def test_a_host_whose_clock_is_wrong_shuts_nobody_out_after_a_reinstall(
        self, merchant: Merchant, frame: Frame, minutes: int
    ) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
            frame.open()
        merchant.sandbox.uninstall("demo-app", 1003)
        deliver(event("application.uninstalled"))
        tasks.drain()
        assert merchant.installation.state == "uninstalled"

        assert [frame.open().status_code for _ in range(2)] == [200, 200]
        assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)

    def test_an_install_while_the_opening_s_token_is_being_proven_wins(self, merchant: Merchant, frame: Frame) -> None:
        """It has replaced the token, which Ecwid had just said was good."""

        def reinstall() -> None:
            merchant.install()
            connection.close()

        address = merchant.sandbox.native_address("demo-app", 1003)
        merchant.sandbox.on_call("application", reinstall)

        assert frame.visit(address).status_code == 200
        assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
        assert merchant.installation.generation == 1

    def test_a_suspect_token_that_works_is_trusted_again(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        work()
        Installation.objects.update(token_died_at=datetime.now(UTC))

        assert frame.open().status_code == 200
        healed = merchant.installation
        assert (healed.token_died_at, healed.generation, healed.prefill.state) == (None, 1, "waiting")

    def test_a_suspect_token_that_does_not_work_stays_suspect(self, merchant: Merchant, frame: Frame) -> None:
        merchant.install()
        dead = told(merchant)
        merchant.sandbox.uninstall("demo-app", 1003)
        Installation.objects.update(token_died_at=datetime.now(UTC))
        before = rows()

        assert [frame.tell(dead).status_code for _ in range(3)] == [403] * 3
        assert rows() == before
        assert asked(merchant) == 1

    def test_scopes_that_the_app_asks_for_since_come_with_the_reinstall(self, merchant: Merchant, frame: Frame) -> None:
        frame.open()
        merchant.app.wanted_scopes = [*SCOPES, "update_orders"]
        merchant.app.save()
        assert list(merchant.installation.missing_scopes) == ["update_orders"]
        merchant.sandbox.uninstall("demo-app", 1003)
        frame.open()

        assert list(merchant.installation.missing_scopes) == []
