"""Passkeys: adding one to an account, and signing in with it. No e-mail is typed and none is looked up.

A challenge is ours, for one purpose, in one browser, once and soon: it stands signed in that browser's cookie, and a
bucket of one sees to it that no answer to it counts twice. The device must have made sure who holds it (user
verification), for nothing else is asked: the passkey stands for the whole account, like a link mailed to its address.
Source: https://www.w3.org/TR/webauthn-3/#sctn-rp-operations
"""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, structs
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.registration.verify_registration_response import VerifiedRegistration

from accounts.models import Bucket, Letter, Passkey, User

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=5)
MOST = 10  # passkeys of one person
SIGN_IN = "sign-in"
_LONGEST = 20_000  # an answer is about one kilobyte
# Besides the library's own word: what is no base64, a key that lacks its parts, JSON nested without end.
_MALFORMED = (WebAuthnException, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_SALT = "accounts.passkeys"
_VERIFIED = structs.UserVerificationRequirement.REQUIRED


class Refused(Exception):
    """An answer that is not believed. The reason is for the log; whoever sent it is told nothing."""


def adding(person: User) -> str:
    """Return the purpose of a challenge for a new passkey of `person`."""
    return f"add {person.pk}"


def creation_options(person: User) -> tuple[str, str]:
    """Return what a browser needs to make a passkey for `person`, as JSON, and the seal to keep in its cookie."""
    challenge = webauthn.helpers.generate_challenge()
    held = person.passkeys.values_list("credential_id", flat=True)
    options = webauthn.generate_registration_options(
        rp_id=_site_name(),
        rp_name=_site_name(),
        # What the device shows in its list; the handle is the account's own and says nothing about anybody.
        user_name=person.email or person.get_full_name(),
        user_display_name=person.get_full_name(),
        user_id=person.username.encode(),
        challenge=challenge,
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in held],
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
    )
    return webauthn.options_to_json(options), _seal(adding(person), challenge)


def request_options() -> tuple[str, str]:
    """Return what a browser needs to sign in with any passkey it has for us, as JSON, and the seal for its cookie."""
    challenge = webauthn.helpers.generate_challenge()
    options = webauthn.generate_authentication_options(
        rp_id=_site_name(), challenge=challenge, user_verification=_VERIFIED
    )
    return webauthn.options_to_json(options), _seal(SIGN_IN, challenge)


def add(*, person: User, answer: str, seal: str, name: str, language: str = "") -> Letter | None:
    """Take over the passkey that `answer` shows; return the letter that tells the account's address, if it has one.

    :raises Refused: when the answer is not to a challenge of ours for this person, or the passkey is somebody's
    """
    challenge = _spend(seal, adding(person))
    try:
        shown = webauthn.verify_registration_response(
            credential=_short(answer),
            expected_challenge=challenge,
            expected_rp_id=_site_name(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise Refused(type(error).__name__) from error
    with transaction.atomic(durable=True):
        if User.objects.select_for_update().get(pk=person.pk).passkeys.count() >= MOST:
            raise Refused("enough")
        _create(person, shown, name)
        told = {"kind": Letter.Kind.PASSKEY, "email": person.email, "facts": {"name": name}, "language": language}
        letter = Letter.objects.create(**told, due_at=Now()) if person.email else None
    log.info("passkey_added", extra={"person": person.pk})
    return letter


def _create(person: User, shown: VerifiedRegistration, name: str) -> None:
    facts = {"public_key": shown.credential_public_key, "sign_count": shown.sign_count, "name": name}
    try:
        Passkey.objects.create(person=person, credential_id=bytes_to_base64url(shown.credential_id), **facts)
    except IntegrityError as error:  # already somebody's: nobody takes it over, and nobody learns whose
        raise Refused("known") from error


def sign_in(*, answer: str, seal: str) -> User:
    """Return whom `answer` signs in, and note that the passkey was used.

    :raises Refused: when it is not to a challenge of ours in this browser, or the passkey opens no account
    """
    challenge = _spend(seal, SIGN_IN)
    try:
        credential = webauthn.helpers.parse_authentication_credential_json(_short(answer))
        passkey = _find(credential)
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site_name(),
            expected_origin=_origin(),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise Refused(type(error).__name__) from error
    _count(passkey, shown.new_sign_count)
    log.info("passkey_used", extra={"person": passkey.person_id})
    return passkey.person


def _find(credential: structs.AuthenticationCredential) -> Passkey:
    """Return the passkey of an account that may come in this way: merchants do, operators never."""
    people = {"person__is_active": True, "person__is_staff": False}
    # Not `credential.id`, which is whatever the sender wrote: PostgreSQL takes no NUL in a text.
    name = bytes_to_base64url(credential.raw_id)
    passkey = Passkey.objects.select_related("person").filter(credential_id=name, **people).first()
    if passkey is None or credential.response.user_handle != passkey.person.username.encode():
        raise Refused("unknown")
    return passkey


def _count(passkey: Passkey, count: int) -> None:
    """Note the device's counter; of two answers with the same number one is a copy's.

    Keychains that several devices share do not count: they always say 0.
    """
    ahead = Passkey.objects.filter(Q(sign_count__lt=count) | Q(sign_count=0), pk=passkey.pk)
    if not ahead.update(sign_count=count, used_at=Now()):
        raise Refused("counter")


def _seal(purpose: str, challenge: bytes) -> str:
    return signing.dumps([purpose, bytes_to_base64url(challenge)], salt=_SALT)


def _spend(seal: str, purpose: str) -> bytes:
    """Return the challenge in a browser's seal, once.

    :raises Refused: when it is damaged, too old, used, or for another purpose
    """
    try:
        meant, challenge = signing.loads(seal, salt=_SALT, max_age=LIFE)
    except signing.BadSignature as error:
        raise Refused(type(error).__name__) from error
    if meant != purpose:
        raise Refused("purpose")
    if not Bucket.take("passkey challenge", challenge, size=1, refill=timedelta(days=365)):
        raise Refused("used")
    return base64url_to_bytes(challenge)


def _short(answer: str) -> str:
    if len(answer) > _LONGEST:
        raise Refused("long")
    return answer


def _site_name() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""


def _origin() -> str:
    parts = urlsplit(settings.SITE_URL)
    return f"{parts.scheme}://{parts.netloc}"
