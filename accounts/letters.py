"""Letters: what each kind says, and sending them. A link is made at the last moment, from the row it is about."""

import logging
from collections.abc import Callable
from smtplib import SMTPException

from django.conf import settings
from django.urls import reverse

from accounts import invitations, joining, links, mails, moving
from accounts.models import INVITATION_LIFE, PROOF_LIFE, Letter

log = logging.getLogger(__name__)

Context = dict[str, object]

_TRIES = 40  # with waits that grow by a minute each time: half a day


def send(letter_id: int) -> None:
    """Send one letter, if that is due and nobody else is at it, and forget whom it went to."""
    letter = Letter.claim(letter_id)
    if letter is None:
        return
    context = _CONTEXTS[letter.Kind(letter.kind)](letter)
    try:
        if context is not None and letter.recipient:
            mails.send(letter.kind, letter.recipient, context, letter.language)
    except (SMTPException, OSError) as error:
        _later(letter, error)
        return
    letter.finish(email="", facts={})
    log.info("letter_sent", extra={"kind": letter.kind, "told": context is not None})


def _later(letter: Letter, error: Exception) -> None:
    log.error("letter_failed", extra={"kind": letter.kind, "tries": letter.tries})
    reason = type(error).__name__  # an SMTP answer repeats the address
    if letter.tries >= _TRIES:
        letter.give_up(reason, email="", facts={})
        return
    letter.retry(settings.MAIL_RETRY * letter.tries, reason)


def _invitation(letter: Letter) -> Context | None:
    invitation = letter.invitation
    if invitation is None:
        return None
    return {
        "store": invitation.store,
        "inviter": invitation.inviter,
        "link": invitations.address(invitation),
        "days": INVITATION_LIFE.days,
    }


def _join(letter: Letter) -> Context | None:
    proof = letter.proof
    accounts = joining.others(proof) if proof else []
    if proof is None or not accounts:
        return None
    offers = [{"link": joining.address(proof, one), "stores": links.stores_of(one)} for one in accounts]
    return {"offers": offers, "kept": links.stores_of(proof.person), "minutes": PROOF_LIFE.seconds // 60}


def _address(letter: Letter) -> Context | None:
    return {"link": moving.address(letter.proof), "minutes": PROOF_LIFE.seconds // 60} if letter.proof else None


def _passkey(letter: Letter) -> Context:
    return letter.facts | {"link": f"{settings.SITE_URL}{reverse('account')}"}


def _facts(letter: Letter) -> Context:
    return letter.facts


_CONTEXTS: dict[Letter.Kind, Callable[[Letter], Context | None]] = {
    Letter.Kind.INVITATION: _invitation,
    Letter.Kind.JOIN: _join,
    Letter.Kind.ADDRESS: _address,
    Letter.Kind.JOINED: _facts,
    Letter.Kind.MOVED: _facts,
    Letter.Kind.PASSKEY: _passkey,
    Letter.Kind.RECONNECT: _facts,
}
