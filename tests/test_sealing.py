"""Secrets at rest: sealed, bound to their row, loud when a key is missing."""

import pytest
from django.conf import LazySettings
from django.core import serializers
from django.db import connection

from accounts import sealing
from installs.models import AppRegistration, Installation
from tests.people import Merchant

pytestmark = pytest.mark.django_db


def stored(table: str, column: str, pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [pk])  # noqa: S608  names are the test's own
        return str(cursor.fetchone()[0])


def test_what_stands_in_the_database_is_sealed(app: AppRegistration) -> None:
    text = stored("installs_appregistration", "client_secret", app.pk)

    assert text.startswith(f"v1:{sealing.current_key_id()}:")
    assert app.client_secret not in text
    assert AppRegistration.objects.get().client_secret == app.client_secret


def test_a_seal_moved_to_another_row_does_not_open(merchant: Merchant, stranger: Merchant) -> None:
    merchant.install()
    stranger.install()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE installs_installation SET secret_token = "
            "(SELECT secret_token FROM installs_installation WHERE id = %s) WHERE id = %s",
            [merchant.installation.pk, stranger.installation.pk],
        )

    assert merchant.installation.secret_token.startswith("secret_")
    with pytest.raises(sealing.SealBroken):
        _ = stranger.installation.secret_token


def test_a_seal_moved_to_another_column_does_not_open(merchant: Merchant) -> None:
    merchant.install()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE installs_installation SET public_token = secret_token")

    with pytest.raises(sealing.SealBroken):
        _ = merchant.installation.public_token


def test_a_new_key_seals_and_the_old_one_still_opens(app: AppRegistration, settings: LazySettings) -> None:
    secret = app.client_secret
    settings.TOKEN_KEYS = ["a-new-key-of-more-than-thirty-two-characters", *settings.TOKEN_KEYS]
    again = AppRegistration.objects.get()
    assert again.client_secret == secret
    again.client_secret = "another secret"
    again.save()

    assert sealing.key_id(stored("installs_appregistration", "client_secret", app.pk)) == sealing.current_key_id()
    assert AppRegistration.objects.get().client_secret == "another secret"


def test_a_missing_key_fails_loudly_instead_of_giving_ciphertext(app: AppRegistration, settings: LazySettings) -> None:
    settings.TOKEN_KEYS = ["a-wrong-key-of-more-than-thirty-two-characters"]
    with pytest.raises(sealing.SealBroken, match="TOKEN_KEYS"):
        _ = AppRegistration.objects.get().client_secret


@pytest.mark.parametrize("damage", ["", "v1:", "v0:x:y", "v1:deadbeef:!!!", "plain text"])
def test_a_damaged_seal_fails_loudly(damage: str) -> None:
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(damage, "a place")


@pytest.mark.parametrize("position", range(0, 40, 3))
def test_every_flipped_bit_breaks_the_seal(position: int) -> None:
    seal = sealing.seal("secret_TEST", "a place")
    head, body = seal.rsplit(":", 1)
    flipped = body[:position] + ("A" if body[position] != "A" else "B") + body[position + 1 :]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(f"{head}:{flipped}", "a place")


def test_a_secret_cannot_slip_in_unsealed(app: AppRegistration) -> None:
    with pytest.raises(TypeError, match="saved"):
        AppRegistration.objects.update(client_secret="plain")
    with pytest.raises(TypeError, match="saved"):
        AppRegistration.objects.bulk_update([app], ["client_secret"])


def test_wiping_is_allowed(app: AppRegistration) -> None:
    AppRegistration.objects.update(client_secret="")
    assert AppRegistration.objects.get().client_secret == ""


def test_an_export_of_the_rows_holds_no_secret(merchant: Merchant) -> None:
    merchant.install()
    dump = serializers.serialize("json", [*AppRegistration.objects.all(), *Installation.objects.all()])

    assert merchant.app.client_secret not in dump
    assert merchant.installation.secret_token not in dump


def test_rows_load_without_opening_their_secrets(app: AppRegistration, settings: LazySettings) -> None:
    settings.TOKEN_KEYS = ["a-wrong-key-of-more-than-thirty-two-characters"]
    assert [str(row) for row in AppRegistration.objects.defer("client_secret")] == ["Parcel Pilot (demo-app)"]
    assert AppRegistration.objects.get().name == "Parcel Pilot"
