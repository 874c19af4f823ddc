"""What one test leaves in the database, the next one does not find."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from accounts.models import Store, StoreSettings, User
from tests.leftovers import Beginning

pytestmark = pytest.mark.django_db(transaction=True)


def counts() -> list[int]:
    return [model.objects.count() for model in (StoreSettings, Store, User, Group, Group.permissions.through)]


def test_what_was_written_is_gone() -> None:
    beginning, before = Beginning(), counts()
    StoreSettings.objects.create(store=Store.objects.create(store_id=1003))
    User.objects.create_merchant(name="Anna")
    Group.objects.create(name="Nobody's").permissions.set(Permission.objects.all()[:3])

    beginning.restore()

    assert counts() == before


def standing() -> list[tuple[Any, ...]]:
    return [*Permission.objects.order_by("pk").values_list(), *ContentType.objects.order_by("pk").values_list()]


def test_what_stood_is_back_whether_it_was_deleted_or_changed() -> None:
    beginning, before = Beginning(), standing()
    ContentType.objects.filter(model="user").update(model="nobody")
    Permission.objects.all().delete()

    beginning.restore()

    assert standing() == before
    assert before
