"""Sign-in links: mailed, single use, short-lived, bound to nothing but the account."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.db.models import Prefetch
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from sesame.utils import get_token, get_user

from accounts import languages, mails
from accounts.models import Membership, SignInRequest, Store, User

log = logging.getLogger(__name__)


def holders(email: str) -> list[User]:
    """Return the accounts that have this address as contact and hold a store. Operators never come in this way."""
    stores = Prefetch("memberships", Membership.objects.select_related("store__settings").order_by("store__store_id"))
    people = User.objects.filter(email__iexact=email, is_active=True, is_staff=False, memberships__isnull=False)
    return list(people.distinct().order_by("pk").prefetch_related(stores))


def send(request_id: int) -> None:
    """Mail the links of one request: one mail with a link for each account that has the address, or none at all."""
    work = SignInRequest.claim(request_id)
    if work is None:
        return
    people = holders(work.email)
    try:
        if people:
            _mail(work, people)
    except (SMTPException, OSError) as error:
        # Only what kind of failure it was: an SMTP answer repeats the address.
        log.error("sign_in_mail_failed", extra={"reason": type(error).__name__})
        work.retry(settings.MAIL_RETRY, type(error).__name__)
        return
    # The address has done its work; only that somebody asked is kept.
    work.finish(email="")
    log.info("sign_in_mail", extra={"accounts": len(people)})


def _mail(work: SignInRequest, people: list[User]) -> None:
    links = [{"address": address(person, work.next), "stores": stores_of(person)} for person in people]
    context = {"links": links, "minutes": settings.SESAME_MAX_AGE // 60}
    mails.send("sign_in", work.email, context, languages.of_people(people) or work.language)


def address(person: User, then: str = "") -> str:
    """Return a link that signs `person` in once and leads on to `then`, an address of ours."""
    query = {settings.SESAME_TOKEN_NAME: get_token(person)} | ({"next": then} if then else {})
    return f"{settings.SITE_URL}{reverse('sign-in-link')}?{urlencode(query)}"


def person_of(token: str) -> User | None:
    """Return whom a link's token signs in, or None when it is damaged, too old or used. Does not use it up."""
    found = get_user(token, update_last_login=False) if token else None
    return found if isinstance(found, User) and not found.is_staff else None


def use(token: str) -> User | None:
    """Use a link up and return whom it signs in; of two clicks at once, one gets in."""
    person = person_of(token)
    if person is None:
        return None
    unused = User.objects.filter(pk=person.pk, last_login=person.last_login)
    # The link carries the address it was mailed to (SESAME_INVALIDATE_ON_EMAIL_CHANGE), so it proves it.
    return person if unused.update(last_login=Now(), email_proven_at=Now()) else None


def stores_of(person: User) -> list[Store]:
    """Return the stores a person holds, in a steady order."""
    memberships = person.memberships.select_related("store__settings").order_by("store__store_id")
    return [membership.store for membership in memberships]


def local(address: str) -> str:
    """Return `address` when it leads to a page of ours, else ""; nobody is ever sent to another site.

    Nor is one returned that is longer than the request for a link can keep; no page of ours has such an address.
    """
    if len(address) > SignInRequest.NEXT_MAX:
        return ""
    safe = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if safe and address.isprintable() and "\\" not in address else ""
