"""Forms of the ground floor."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

_WRONG = {
    "required": _("Please enter an e-mail address."),
    "invalid": _("This does not look like an e-mail address. Please check it."),
}


class EmailForm(forms.Form):
    """Somebody's e-mail address, in the spelling we keep."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off", "dir": "ltr"}),
        error_messages=_WRONG,
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


class SignInForm(EmailForm):
    """An e-mail address to send a link to."""

    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True, "dir": "ltr"}),
        error_messages=_WRONG,
    )


class NameForm(forms.Form):
    """What others call a person."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        required=False,
        widget=forms.TextInput({"autocomplete": "name", "dir": "auto"}),
    )


class PasskeyForm(forms.Form):
    """What a person calls one of their passkeys."""

    name = forms.CharField(max_length=100, strip=True)


class LanguageForm(forms.Form):
    """Which language a person reads."""

    language = forms.ChoiceField(
        label=_("Your language"),
        choices=[("", _("As your store or your browser says")), *settings.LANGUAGES],
        required=False,
    )


class CodeForm(forms.Form):
    """What an authenticator shows, or a recovery code. For operators, so English and in the admin's looks."""

    code = forms.CharField(
        label="Code",
        max_length=30,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false", "inputmode": "text"}
        ),
        error_messages={"required": "Enter the six digits that the app shows."},
    )

    def __init__(self, data: Any = None, *, enrolling: bool = False) -> None:
        super().__init__(data)
        if enrolling:
            self.fields["code"].label = "The six digits that the app shows now"
            self.fields["code"].widget.attrs["inputmode"] = "numeric"
