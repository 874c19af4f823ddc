"""Mails: one text in its two forms, in the reader's language."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import override

from accounts import languages

_FORMS = ("_subject.txt", ".txt", ".html")


def send(name: str, to: str, context: dict[str, object], language: str = "") -> None:
    """Send the mail `name` (templates/accounts/mails/) to one address.

    :raises OSError: when the mail server does not take it; SMTPException is one
    """
    with override(languages.nearest(language) or settings.LANGUAGE_CODE):
        words = {form: render_to_string(f"accounts/mails/{name}{form}", context) for form in _FORMS}
    # Names come from stores and people: a subject is one line whatever they hold.
    mail = EmailMultiAlternatives(" ".join(words["_subject.txt"].split()), words[".txt"], to=[to])
    mail.attach_alternative(words[".html"], "text/html")
    mail.send()
