"""The webhook door: believed is recorded once and answered at once, everything else is refused and does nothing."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installs.models import AppRegistration, RejectedDelivery, WebhookEvent
from tests.deliveries import deliver, event, sign

pytestmark = pytest.mark.django_db(transaction=True)

HEADER_TEXT = st.characters(codec="latin-1", exclude_categories=["Cc"])


@pytest.mark.usefixtures("app")
class TestAccepted:
    """What Ecwid signed is committed before the answer."""

    def test_a_signed_event_is_recorded_and_answered(self) -> None:
        answer = deliver(event("order.created", data={"orderId": "XJ12H"}))

        row = WebhookEvent.objects.get()
        assert (answer.status_code, answer.content) == (200, b"")
        assert (row.type, row.store_id, row.state, row.signer) == ("order.created", 1003, "waiting", "current")
        assert json.loads(row.body)["data"] == {"orderId": "XJ12H"}

    @pytest.mark.parametrize(
        "path",
        [
            "/apps/demo-app/webhook",
            "/apps/demo-app/webhook/?eventtype=order.updated",
            "/apps/demo-app/webhook?a=1&b=2",
        ],
    )
    def test_the_slash_and_extra_parameters_do_not_matter(self, path: str) -> None:
        assert deliver(event("order.updated"), path=path).status_code == 200

    def test_numbers_may_come_as_strings(self) -> None:
        body = event("order.updated", store_id="1003", eventCreated="1763769600", entityId="7")
        assert deliver(body).status_code == 200
        assert WebhookEvent.objects.get().store_id == 1003

    @pytest.mark.parametrize(
        "spelling", ["application.subscriptionStatusChanged", "application.subscription_status_changed"]
    )
    def test_both_spellings_are_one_type(self, spelling: str) -> None:
        deliver(event(spelling))
        assert WebhookEvent.objects.get().type == "application.subscriptionstatuschanged"

    def test_the_previous_client_secret_still_counts_and_is_named(self, app: AppRegistration) -> None:
        app.previous_client_secret, app.client_secret = app.client_secret, "n" * 32
        app.save()
        assert deliver(event("order.created")).status_code == 200
        assert deliver(event("order.created"), secret="n" * 32).status_code == 200

        assert list(WebhookEvent.objects.order_by("pk").values_list("signer", flat=True)) == ["previous", "current"]

    def test_a_duplicate_is_counted_not_repeated(self) -> None:
        body = event("order.created")
        assert [deliver(body).status_code for _ in range(3)] == [200, 200, 200]

        row = WebhookEvent.objects.get()
        assert (row.deliveries, row.conflicts) == (3, 0)

    def test_the_same_signature_on_another_body_is_noticed(self) -> None:
        body = event("order.created")
        deliver(body)
        deliver(body | {"eventType": "application.uninstalled"})

        row = WebhookEvent.objects.get()
        assert (row.type, row.conflicts) == ("order.created", 1)

    def test_fifty_copies_at_once_are_one_event(self) -> None:
        body = event("order.created")

        def send(_: int) -> int:
            try:
                return deliver(body).status_code
            finally:
                connection.close()

        with ThreadPoolExecutor(10) as senders:
            assert list(senders.map(send, range(50))) == [200] * 50
        assert WebhookEvent.objects.get().deliveries == 50

    def test_a_disabled_app_still_hears(self, app: AppRegistration) -> None:
        AppRegistration.objects.update(enabled=False)
        assert deliver(event("application.uninstalled")).status_code == 200


@pytest.mark.usefixtures("app")
class TestRefused:
    """What nobody signed changes nothing and is kept for an operator for a while."""

    @pytest.mark.parametrize("signature", ["", "AAAA", "T/yd9l7/uw9Bp2Mu0SStqmEg/zlLPK3xLco70fvBq9E=", "é", "x" * 5000])
    def test_a_missing_or_wrong_signature_is_a_401(self, signature: str) -> None:
        answer = deliver(event("application.uninstalled"), **{"X-Ecwid-Webhook-Signature": signature})

        assert answer.status_code == 401
        assert not WebhookEvent.objects.exists()
        assert RejectedDelivery.objects.get().reason in ("unsigned", "signature")

    def test_another_app_s_signature_is_a_401(self) -> None:
        assert deliver(event("application.uninstalled"), secret="o" * 32).status_code == 401

    def test_an_app_without_a_secret_believes_nobody(self) -> None:
        AppRegistration.objects.update(client_secret="")
        assert deliver(event("application.uninstalled"), secret="").status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"NaN",
            b"[" * 200_000,
            b'{"eventId": "\x00"}',
            b"\xff\xfe",
            b'{"eventId":"a","eventCreated":true,"storeId":1,"eventType":"x"}',
            b'{"eventId":"a","eventCreated":1,"storeId":1e30,"eventType":"x"}',
        ],
    )
    def test_junk_is_refused_and_never_a_500(self, body: bytes) -> None:
        answer = deliver(body, **{"X-Ecwid-Webhook-Signature": sign("k", 1, "a")})
        assert answer.status_code in (400, 401)
        assert not WebhookEvent.objects.exists()

    def test_a_body_that_announces_too_much_is_not_read(self) -> None:
        assert deliver(b"x" * (256 * 1024 + 1)).status_code == 413
        assert RejectedDelivery.objects.get().body == ""

    def test_an_unknown_app_is_a_404(self) -> None:
        assert deliver(event("order.created"), path="/apps/none/webhook/").status_code == 404

    @pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
    def test_only_post_is_answered(self, method: str, browser: Client) -> None:
        assert getattr(browser, method)("/apps/demo-app/webhook/").status_code == 405

    def test_refused_deliveries_are_kept_in_bounds(self, app: AppRegistration) -> None:
        RejectedDelivery.objects.bulk_create(RejectedDelivery(app=app, reason="signature") for _ in range(1200))
        for _ in range(100):
            RejectedDelivery.objects.note(app, b"x" * 5000, "s", "signature")

        assert RejectedDelivery.objects.count() <= 1100
        assert len(RejectedDelivery.objects.latest("pk").body) == RejectedDelivery.BODY_KEPT

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        body=st.binary(max_size=200),
        signature=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=50),
    )
    def test_random_bytes_never_get_in(self, body: bytes, signature: str) -> None:
        assert deliver(body, **{"X-Ecwid-Webhook-Signature": signature}).status_code in (400, 401)
        assert not WebhookEvent.objects.exists()
