"""Find: from the support code, too, that somebody reads out to an operator to the store or the visit."""

import re

from django.db.models import QuerySet

from accounts import search
from installs.models import InstallAttempt

_SUPPORT_CODE = re.compile(r"\s*([2-9A-HJ-NP-TV-Z]{5})[- ]?([2-9A-HJ-NP-TV-Z]{5})\s*", re.IGNORECASE)


def attempts(words: str) -> QuerySet[InstallAttempt]:
    """Return the visit whose support code this is, however it was typed; none when it is no such code."""
    code = _SUPPORT_CODE.fullmatch(words)
    known = "-".join(code.groups()).upper() if code else ""
    return InstallAttempt.objects.filter(support_code=known) if known else InstallAttempt.objects.none()


def stores(words: str) -> list[int]:
    """Return the keys of the stores that `words` name: a support code, or what `accounts.search` knows."""
    visited = attempts(words).filter(installation__isnull=False).values_list("installation__store", flat=True)
    return sorted({*visited} | search.stores(words))
