"""The second factor: an authenticator app is taken up, checked and replaced, and recovery codes for when it is lost."""

import base64
import hashlib
import os
import secrets

import django_otp
import segno
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.http import urlencode

from accounts.models import Authenticator, RecoveryCode, User

CODES = 10
_DIGITS = 8  # no authenticator shows more
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"  # 32, so 16 of them are 80 bits; none that looks like a digit
_MISREAD = str.maketrans("OIL", "011")


def authenticator_of(person: User) -> Authenticator | None:
    """Return the authenticator that signs a person in; None before the first was set up."""
    return Authenticator.objects.filter(user=person, confirmed=True).first()


def offered_to(person: User) -> Authenticator:
    """Return the authenticator that a person may take up, the same until they do or a new one is begun."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=person.pk)
        offered = Authenticator.objects.filter(user=person, confirmed=False).first()
        if offered is None:
            seed = base64.b32encode(os.urandom(20)).decode()
            offered = Authenticator.objects.create(user=person, name="authenticator", confirmed=False, seed=seed)
    return offered


def take_up(person: User, digits: str) -> list[str] | None:
    """Make the offered authenticator the one that counts, and return new recovery codes, to be shown this once.

    None when the digits are wrong, or came too soon after wrong ones.
    """
    with transaction.atomic():
        offered = offered_to(person)
        if not _passes(person, offered, digits):
            return None
        Authenticator.objects.filter(user=person).exclude(pk=offered.pk).delete()
        Authenticator.objects.filter(pk=offered.pk).update(confirmed=True)
        return renew_codes(person)


def check(person: User, text: str) -> Authenticator | None:
    """Return the person's authenticator if `text` is what it shows; None when not, or when asked too soon."""
    authenticator = authenticator_of(person)
    return authenticator if authenticator and _passes(person, authenticator, text) else None


def recover(person: User, text: str) -> Authenticator | None:
    """Return the person's authenticator if `text` is a recovery code that was never used; it is used now."""
    authenticator = authenticator_of(person)
    if authenticator is None or not authenticator.verify_is_allowed()[0]:
        return None
    codes = RecoveryCode.objects.filter(user=person, digest=_digest(text), used_at=None)
    if codes.update(used_at=Now()):
        return authenticator
    _wrong(authenticator)
    return None


def verify(person: User, text: str) -> tuple[Authenticator | None, bool]:
    """Check what an authenticator shows, or a longer recovery code; return the authenticator, and if it was the latter.

    None in its place when that is wrong, or came too soon after something wrong.
    """
    recovers = len("".join(text.split())) > _DIGITS
    return (recover if recovers else check)(person, text), recovers


def renew_codes(person: User) -> list[str]:
    """Make recovery codes in place of the ones before; return them, for they can never be read again."""
    codes = ["-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)) for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=person).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=person, digest=_digest(code)) for code in codes)
    return codes


def forget(person: User) -> None:
    """Forget a person's second factor; their next sign-in sets up a new one. Their sessions end."""
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        RecoveryCode.objects.filter(user=person).delete()
        person.sessions.all().delete()


def picture(authenticator: Authenticator) -> str:
    """Return what an app scans to take the seed over, as a picture that stands in the page itself."""
    issuer = settings.UNFOLD["SITE_TITLE"]
    query = urlencode({"secret": authenticator.seed, "issuer": str(issuer)})
    address = f"otpauth://totp/{issuer}:{authenticator.user.get_username()}?{query}"
    return str(segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="white"))


def _passes(person: User, authenticator: Authenticator, digits: str) -> bool:
    if django_otp.verify_token(person, authenticator.persistent_id, digits) is not None:
        return True
    _wrong(authenticator)
    return False


def _wrong(authenticator: Authenticator) -> None:
    """Make the next try wait longer. A try that had to wait changes nothing, or nobody would ever get in."""
    with transaction.atomic():
        locked = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        if locked.verify_is_allowed()[0]:
            locked.throttle_increment()


def _digest(code: str) -> str:
    letters = "".join(letter for letter in code.upper().translate(_MISREAD) if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
