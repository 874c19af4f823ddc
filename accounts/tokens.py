"""Signatures in mailed links: made from a row when a mail is sent, checked against it, and kept nowhere."""

from django.core.signing import BadSignature, Signer


def sign(purpose: str, *facts: object) -> str:
    """Return a signature of `facts`, good for one purpose; whatever changes in them makes it void."""
    return _signer(purpose).signature(_spelled(facts))


def is_signed(token: str, purpose: str, *facts: object) -> bool:
    """Tell whether `token` is our signature of exactly these facts for this purpose."""
    try:
        _signer(purpose).unsign(f"{_spelled(facts)}:{token}")
    except BadSignature:
        return False
    return True


def _signer(purpose: str) -> Signer:
    return Signer(salt=f"accounts.{purpose}")


def _spelled(facts: tuple[object, ...]) -> str:
    return "\n".join(map(str, facts))
