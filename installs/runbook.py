"""The runbook: for every way an install can end and for every alert, what it means and what to do.

The one source of docs/runbook.md, the admin's runbook page and the mails about alerts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from installs.models import InstallAttempt, Rule

_Outcome = InstallAttempt.Outcome


@dataclass(frozen=True)
class Entry:
    """What something means, and what an operator does about it."""

    meaning: str
    remedy: str


OUTCOMES: dict[_Outcome, Entry] = {
    _Outcome.CLAIMED: Entry(
        "The code is being exchanged, or whoever did it died less than a minute ago.",
        "Wait a minute: it becomes “Installed” or “Interrupted” by itself. If it stays, no worker runs the sweep; "
        "start worker and schedule.",
    ),
    _Outcome.INSTALLED: Entry(
        "The store is connected, with tokens and an account.",
        "Nothing. If the merchant still has trouble, look at the installation’s health and prefill.",
    ),
    _Outcome.UNKNOWN_APP: Entry(
        "Somebody opened the Return URL of a client ID that is not registered here.",
        "Compare the address that Ecwid has for the app with the one in its registration. A mistyped one is changed "
        "by Ecwid on request; the doctor has the text.",
    ),
    _Outcome.APP_DISABLED: Entry(
        "The app is registered and switched off.",
        "Enable it in its registration when merchants may install it.",
    ),
    _Outcome.REFUSED: Entry(
        "The merchant declined the permissions.",
        "Nothing, unless it happens often: then ask for fewer scopes, or explain them in the listing.",
    ),
    _Outcome.NO_CODE: Entry(
        "The visit came without a usable code: an old bookmark, a shortened link, or a scanner.",
        "Ask the merchant to open the app from their store’s admin.",
    ),
    _Outcome.CODE_REJECTED: Entry(
        "Ecwid did not take the code: it is minutes old, was used before, or was made up.",
        "Ask the merchant to press Install again. If every install ends so, compare the app’s redirectUrl at Ecwid "
        "with the Return URL here: they must be equal to the letter.",
    ),
    _Outcome.SECRET_WRONG: Entry(
        "Ecwid refused our client secret: no store can install this app.",
        "Copy the client secret from the app’s details at #develop-apps into its registration, then have the merchant "
        "press Install again.",
    ),
    _Outcome.UNREACHABLE: Entry(
        "Ecwid could not be reached and nothing was sent. The merchant’s link still works.",
        "Look at status.ecwid.com, and at this host’s DNS and outgoing HTTPS. The merchant may reload the page.",
    ),
    _Outcome.THROTTLED: Entry(
        "Ecwid asked us to slow down in the middle of an exchange.",
        "Ask the merchant to connect again in a minute. If it lasts, find out what else calls Ecwid from this address.",
    ),
    _Outcome.REPLY_LOST: Entry(
        "The code was sent and no whole answer came; nobody knows whether it was used.",
        "Ask the merchant to connect again, which makes a fresh code. Many of them: look at status.ecwid.com and at "
        "whatever stands between us and Ecwid.",
    ),
    _Outcome.REPLY_MALFORMED: Entry(
        "Ecwid’s answer to the exchange could not be understood.",
        "Ask the merchant to connect again. Many of them: a proxy may answer in Ecwid’s place, or the exchange has "
        "changed; read the attempt’s detail and tell the developers.",
    ),
    _Outcome.WORKER_LOST: Entry(
        "The process that exchanged the code died before it knew the result.",
        "Ask the merchant to press Open in their store’s admin, or to connect again. Then find out why the process "
        "died: memory, a restart, a deployment without grace.",
    ),
    _Outcome.STORE_MISMATCH: Entry(
        "The token is for another store than the address named, so neither was connected: a mixed-up or forged link.",
        "Ask the merchant to open the app from their own store’s admin. Many of them from one place: an attack.",
    ),
    _Outcome.SUPERSEDED: Entry(
        "A newer install of the same store finished first; its token is the living one.",
        "Nothing. The merchant is signed in as usual.",
    ),
}

RULES: dict[Rule, Entry] = {
    Rule.SECRET_WRONG: Entry(
        "Ecwid refuses an app’s client secret; no merchant can install it, and webhooks may be refused as well.",
        "Copy the client secret from #develop-apps into the app’s registration. The alert ends with the new secret.",
    ),
    Rule.EXCHANGES_FAIL: Entry(
        "A share of the installs of the last quarter of an hour failed between us and Ecwid.",
        "Open the attempts, newest first: unreachable and lost replies are the network or Ecwid (status.ecwid.com), "
        "throttled is too many calls, interrupted is our own processes dying.",
    ),
    Rule.INSTALL_UNFINISHED: Entry(
        "Ecwid says that a store installed an app, and nobody has come to the Return URL with a code.",
        "Compare the app’s redirectUrl at Ecwid with the one in its registration, and look whether the address answers "
        "from outside. The merchant can press Open in their store’s admin to try again.",
    ),
    Rule.WEBHOOKS_SILENT: Entry(
        "An app with installed stores has had no webhook for a day. Ecwid blocks webhooks after two weeks of failure.",
        "Run the doctor with its look from outside: the webhook address must answer 4xx to a stranger, never a "
        "redirect. If it does, send Ecwid the text that the doctor has ready.",
    ),
    Rule.WEBHOOKS_REFUSED: Entry(
        "Webhooks come and none can be believed: most likely the client secret is not the one Ecwid signs with.",
        "Enter the client secret again; the previous one keeps verifying. Ecwid sends everything again for a day, so "
        "nothing is lost if you are quick.",
    ),
    Rule.DEAD_LETTERS: Entry(
        "Events failed so often that they are no longer tried by themselves.",
        "Open them in the admin, read the traceback, mend the cause, then: python manage.py replay_events --dead",
    ),
    Rule.QUEUE_OLD: Entry(
        "Something has been due for minutes and nobody has worked on it.",
        "Start workers (celery -A ecwidhub worker) and the schedule (celery -A ecwidhub beat), or more of them. "
        "Nothing is lost: the rows wait.",
    ),
    Rule.HEALTH_DROP: Entry(
        "Many stores of one app were uninstalled, disconnected or paused within a day.",
        "Look at a few of them: refused tokens all at once mean that Ecwid has disabled or changed the app; "
        "uninstalls mean that merchants are unhappy, perhaps since the last release.",
    ),
    Rule.SPOOL_FULL: Entry(
        "Grants wait on disk because the database did not take them; these merchants are not installed yet.",
        "Make database and worker run: the sweep imports them within seconds. If they stay, look for spool_unreadable "
        "in the log and put the missing key back into TOKEN_KEYS. Never delete the files.",
    ),
    Rule.PRIVACY_DUE: Entry(
        "Somebody’s request about their personal data must be answered soon, by law.",
        "Answer and close it in the admin under Privacy requests.",
    ),
    Rule.TEST: Entry("Somebody tried whether alerts reach you.", "Nothing: they do."),
}


def address(key: str) -> str:
    """Return where the admin shows the entry of an outcome or a rule."""
    return f"{settings.SITE_URL}{reverse('admin:runbook')}#{key}"


def as_markdown() -> str:
    """Return the whole as docs/runbook.md has it."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Runbook"
    yield ""
    yield "What each ending of an install and each alert means, and what to do. A support code leads to its attempt:"
    yield "search for it in the admin under Visits. This page is made from `installs/runbook.py`; a test"
    yield "keeps both equal."
    head = ("", "| name | in the admin | what it means | what to do |", "| --- | --- | --- | --- |")
    for title, entries in (("How installs end", OUTCOMES), ("Alerts", RULES)):
        yield from ("", f"## {title}", *head)
        for key, entry in entries.items():
            yield f"| `{key.value}` | {key.label} | {entry.meaning} | {entry.remedy} |"
    yield ""
