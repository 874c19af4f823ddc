"""The page where the tokens of a custom app are pasted: one store, no exchange, probed before anything is saved."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import access, audit, doorbell
from accounts.admin import AuditedAdmin
from installs import tasks
from installs.actions import adopt
from installs.ecwid import api, oauth, scopes, values
from installs.models import AppRegistration, Installation, Source

_NEVER = {"autocomplete": "new-password"}
_WORDS = {
    api.Probe.ALIVE: "Connected: Ecwid takes the token. The store’s settings are being read.",
    api.Probe.PAUSED: "Saved: Ecwid knows the token, but the store’s plan or a suspension stops us for now.",
    api.Probe.BLOCKED: "Saved without proof: Ecwid asked us to slow down. The token is probed again in a few minutes.",
    api.Probe.UNKNOWN: "Saved without proof: Ecwid does not answer. The token is probed again in a few minutes.",
}


def _secret(label: str, help_text: str, **more: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(render_value=False, attrs=_NEVER)
    return forms.CharField(label=label, max_length=values.TOKEN_MAX, widget=widget, help_text=help_text, **more)


class TokensForm(forms.Form):
    """What stands on the app's details page at #develop-apps; tokens go in and never come out."""

    store_id = forms.IntegerField(
        label="Store ID", widget=UnfoldAdminIntegerFieldWidget, validators=[MinValueValidator(1)]
    )
    secret_token = _secret("Secret token", "Begins with secret_. It is never shown again.")
    public_token = _secret(
        "Public token", "Begins with public_; there is none without public_storefront.", required=False
    )
    scopes = forms.MultipleChoiceField(
        label="Permissions",
        required=False,
        initial=scopes.CUSTOM,
        choices=[(name, f"{name} – {allows}") for name, allows in scopes.SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="As the page lists them under access scopes.",
    )

    def __init__(self, app: AppRegistration, data: Any = None) -> None:
        super().__init__(data)
        self.app = app

    def clean_store_id(self) -> int:
        number: int = self.cleaned_data["store_id"]
        others = Installation.objects.installed().filter(app_id=self.app.pk).exclude(store__store_id=number)
        if self.app.pk and (other := others.select_related("store").first()):
            raise ValidationError(f"A custom app has one store, and this one is on store {other.store.store_id}.")
        return number

    def clean_secret_token(self) -> str:
        return self._token("secret_token", other="public_", hint="This is the public token; paste the secret one.")

    def clean_public_token(self) -> str:
        return self._token("public_token", other="secret_", hint="This is the secret token; paste the public one.")

    def _token(self, name: str, *, other: str, hint: str) -> str:
        if not self.cleaned_data[name]:
            return ""
        token = values.token(self.cleaned_data[name])
        if token is None:
            raise ValidationError("A token is one word of letters, digits and signs.")
        if token.startswith(other):
            raise ValidationError(hint)
        return token

    def grant(self) -> oauth.Grant:
        """Return the tokens as an exchange would have brought them."""
        data = self.cleaned_data
        granted = tuple(data["scopes"])
        return oauth.Grant(data["store_id"], data["secret_token"], data["public_token"], granted, email="")


class CustomAppForm(TokensForm):
    """The same with the app itself, which is new."""

    client_id = forms.CharField(
        label="Client ID", widget=UnfoldAdminTextInputWidget, help_text="Such as custom-app-1003-1. It never changes."
    )
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget, help_text="What the merchant sees.")
    client_secret = _secret("Client secret", "At the bottom of the page. It verifies webhooks and opens payloads.")
    field_order = ("client_id", "name", "client_secret")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.app = AppRegistration(
            client_id=data.get("client_id", ""),
            name=data.get("name", ""),
            kind=AppRegistration.Kind.CUSTOM,
            wanted_scopes=data.get("scopes", []),
        )
        try:
            self.app.full_clean()
        except ValidationError as error:
            for name, words in error.message_dict.items():
                self.add_error(name if name in self.fields else None, "; ".join(words))
        if "client_secret" in data and data["client_secret"] == data.get("secret_token"):
            self.add_error("secret_token", "This is the client secret; the token begins with secret_.")
        return data


def add(model_admin: AuditedAdmin, request: HttpRequest) -> HttpResponse:
    """Register a custom app and connect its store."""
    form = CustomAppForm(AppRegistration(), request.POST if request.method == "POST" else None)
    return _answer(model_admin, request, form, title="Add a custom app")


def paste(model_admin: AuditedAdmin, request: HttpRequest, pk: str) -> HttpResponse:
    """Paste the tokens of a custom app that is registered already."""
    app = get_object_or_404(AppRegistration, pk=pk, kind=AppRegistration.Kind.CUSTOM)
    form = TokensForm(app, request.POST if request.method == "POST" else None)
    return _answer(model_admin, request, form, title=f"Tokens of {app}")


def _answer(model_admin: AuditedAdmin, request: HttpRequest, form: TokensForm, *, title: str) -> HttpResponse:
    if form.is_valid():
        verdict = adopt.look(form.grant())
        if verdict is not api.Probe.DEAD:
            return _saved(request, form, verdict)
        store = form.cleaned_data["store_id"]
        form.add_error("secret_token", f"Ecwid does not take this token for store {store}. Copy both again from there.")
    context = {**model_admin.admin_site.each_context(request), "title": title, "opts": model_admin.opts, "form": form}
    return TemplateResponse(request, "admin/steering/tokens.html", context)


def _saved(request: HttpRequest, form: TokensForm, verdict: api.Probe) -> HttpResponse:
    """Save the app, if it is new, and its installation. Doing it twice comes to the same."""
    app, by = form.app, access.person_of(request)
    if not app.pk:
        app.replace_secret(form.cleaned_data["client_secret"])
        app.save()
        audit.record(by=by, what="added", target=app, request=request, changes={"kind": app.kind})
    installation = adopt.adopt(app=app, grant=form.grant(), source=Source.PASTED, verdict=verdict)
    audit.record(by=by, what="pasted tokens", target=installation, request=request, changes={"probe": verdict.value})
    doorbell.ring(tasks.prefill, installation.pk)
    tell = messages.success if verdict is api.Probe.ALIVE else messages.warning
    tell(request, _WORDS[verdict])
    return redirect(reverse("admin:installs_installation_change", args=[installation.pk]))
