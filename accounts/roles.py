"""Roles: what each kind of operator may do, in one table. `migrate` brings the groups of these names in line with it.

A role may do what stands at its name and everything that stands before. Permissions are Django's, by name, so rooms
above this floor are named here and not imported; `*` stands for any rest. A new model of `installs` can be looked at
by every operator; who may do more with it is one line here.
"""

from fnmatch import fnmatch
from typing import Any

from django.apps import AppConfig
from django.apps import apps as all_apps
from django.apps.registry import Apps

VIEWER, SUPPORT, MANAGER, ADMIN = "viewer", "support", "manager", "admin"

TABLE: dict[str, tuple[str, ...]] = {
    # Looks.
    VIEWER: (
        "installs.view_*",
        "accounts.view_store",
        "accounts.view_storesettings",
        "accounts.view_membership",
        "accounts.view_user",
        "accounts.view_auditentry",
    ),
    # Helps a merchant, with deeds that can be repeated and lose nothing.
    SUPPORT: (
        "accounts.operate",
        "accounts.support_view",
    ),
    # Runs the apps: sets them up, and does what cannot be taken back.
    MANAGER: (
        "accounts.disconnect",
        "accounts.erase",
        "accounts.export",
        "accounts.import_installations",
        "accounts.rotate_secrets",
        "accounts.view_operatorsignin",
        "installs.add_appregistration",
        "installs.change_appregistration",
        "installs.*_alertrule",
        "installs.*_alertreceiver",
    ),
    # Decides who is an operator, and which.
    ADMIN: (
        "accounts.add_user",
        "accounts.change_user",
        "auth.view_group",
        "auth.add_group",
        "auth.change_group",
        "auth.delete_group",
        "installs.delete_appregistration",
    ),
}


def permissions_of(role: str) -> list[str]:
    """Return the permissions of a role, those of the roles before it included; some end in `*`."""
    names = list(TABLE)
    return [name for before in names[: names.index(role) + 1] for name in TABLE[before]]


def after_migrate(sender: AppConfig, using: str, apps: Apps = all_apps, **_: Any) -> None:
    """Give every role what the table says about the app that was just migrated, and take what it does not say."""
    if not any(name.startswith(f"{sender.label}.") for name in permissions_of(ADMIN)):
        return
    try:
        permissions, groups = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    except LookupError:  # on the way back to before they were there
        return
    known = permissions._default_manager.using(using).filter(content_type__app_label=sender.label)
    codes = {f"{sender.label}.{code}": pk for pk, code in known.values_list("pk", "codename")}
    for role in TABLE:
        group, _made = groups._default_manager.using(using).get_or_create(name=role)
        wanted = {pk for name, pk in codes.items() if any(fnmatch(name, one) for one in permissions_of(role))}
        held = set(group.permissions.filter(pk__in=codes.values()).values_list("pk", flat=True))
        group.permissions.add(*wanted - held)
        group.permissions.remove(*held - wanted)
