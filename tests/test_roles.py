"""Roles: groups that `migrate` ships and keeps in line with one table."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts import roles
from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def holder(role: str) -> User:
    user = User.objects.create(username=role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def test_migrate_ships_the_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {"viewer", "support", "manager", "admin"}


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", "installs.view_installation", "accounts.operate"),
        ("support", "accounts.operate", "accounts.export"),
        ("support", "accounts.support_view", "accounts.erase"),
        ("support", "installs.view_webhookevent", "accounts.rotate_secrets"),
        ("manager", "accounts.erase", "accounts.change_user"),
        ("manager", "installs.change_appregistration", "auth.change_group"),
        ("admin", "accounts.change_user", "accounts.delete_auditentry"),
    ],
)
def test_a_role_may_what_the_table_says_and_no_more(role: str, may: str, may_not: str) -> None:
    assert holder(role).has_perms([may])
    assert not User.objects.get(username=role).has_perm(may_not)


def test_every_role_may_all_that_the_role_before_it_may() -> None:
    held = [set(Group.objects.get(name=name).permissions.values_list("pk", flat=True)) for name in roles.TABLE]
    assert held[0] < held[1] < held[2] < held[3]


def test_migrating_again_mends_what_was_changed_by_hand() -> None:
    group = Group.objects.get(name="support")
    before = set(group.permissions.all())
    group.permissions.add(Permission.objects.get(codename="erase"))
    group.permissions.remove(Permission.objects.get(codename="operate"))
    call_command("migrate", verbosity=0)
    assert set(group.permissions.all()) == before


def test_a_group_of_the_operators_own_is_left_alone() -> None:
    group = Group.objects.create(name="accountants")
    group.permissions.add(Permission.objects.get(codename="export"))
    call_command("migrate", verbosity=0)
    assert group.permissions.count() == 1


def test_every_permission_in_the_table_exists() -> None:
    known = {f"{label}.{code}" for label, code in Permission.objects.values_list("content_type__app_label", "codename")}
    named = {name for role in roles.TABLE for name in roles.TABLE[role] if "*" not in name}
    assert named - known == set()
