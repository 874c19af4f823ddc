"""The doctor: what is wrong with this deployment, and what to do about it."""

from installs.doctor import apps, ground, outside, work
from installs.doctor.apps import request_text
from installs.doctor.finding import Finding, Look

__all__ = ["SECTIONS", "Finding", "examine", "look_from_outside", "request_text"]

SECTIONS: dict[str, tuple[Look, ...]] = {
    "Ground": (ground.clock, ground.keys, ground.grants, ground.disk, ground.mail),
    "Work": (work.round_trip, work.schedule, work.queues, work.alerts, work.privacy),
    "Apps": (apps.registrations, apps.webhooks, apps.address),
}
_WITHOUT_DATABASE: dict[str, tuple[Look, ...]] = {
    "Ground": (ground.grants, ground.disk, ground.mail),
    "Apps": (apps.address,),
}
_OUTSIDE: tuple[Look, ...] = (outside.site, outside.certificate, outside.doors, outside.mail_server)


def examine() -> dict[str, list[Finding]]:
    """Look at everything, by section. Asks the database, the queue and the disk; makes no request to anybody."""
    base = list(ground.database())
    answers = all(finding.level != "error" for finding in base)
    sections = SECTIONS if answers else _WITHOUT_DATABASE
    found = {name: [finding for look in looks for finding in look()] for name, looks in sections.items()}
    found["Ground"] = base + found["Ground"]
    return found


def look_from_outside() -> list[Finding]:
    """Ask our own public address, as Ecwid would, and the mail server. Takes up to half a minute."""
    return [finding for look in _OUTSIDE for finding in look()]
