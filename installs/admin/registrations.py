"""Apps registered with Ecwid, in the admin: live as soon as they are saved."""

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Count, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import operators, sealing, step_up
from accounts.admin import columns
from installs.actions import fleet, vitals
from installs.admin import asking, custom_page
from installs.ecwid import scopes
from installs.models import AppRegistration

if TYPE_CHECKING:
    _Form = forms.ModelForm[AppRegistration]
else:
    _Form = forms.ModelForm

_UNREADABLE = "cannot be read with these TOKEN_KEYS"


def _fingerprint(app: AppRegistration) -> str:
    """Return the secret's fingerprint, or why there is none: the page must open to have the secret entered anew."""
    try:
        return app.secret_fingerprint
    except sealing.SealBroken:
        return _UNREADABLE


def _asks(request: HttpRequest, app: AppRegistration | None) -> bool:
    """Tell whether who replaces this app's secret has to show who they are; a first one replaces nothing."""
    return bool(app and app.pk) and not operators.is_fresh(request)


class AppRegistrationForm(_Form):
    """An app registration; its client secret goes in and never comes out."""

    new_client_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        max_length=255,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    code = step_up.field("Only with a new secret.")
    wanted_scopes = forms.MultipleChoiceField(
        required=False,
        choices=[(name, f"{name} – {allows}") for name, allows in scopes.SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="No more than Ecwid has configured for the app. read_store_profile always comes along.",
    )

    request: HttpRequest  # whose form it is; see `get_form`

    class Meta:
        model = AppRegistration
        fields = ("client_id", "name", "kind", "enabled", "retention_days", "wanted_scopes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not _asks(self.request, self.instance):
            del self.fields[step_up.FIELD]
        secret = self.fields["new_client_secret"]
        if self.instance.pk and (known := _fingerprint(self.instance)):
            secret.help_text = (
                f"Set, fingerprint {known}. It is never shown again; leave empty to keep it. A new one takes over at "
                "once, and the old one still verifies webhooks until you have it forgotten."
            )
        else:
            secret.required = True
            secret.help_text = "At the bottom of the app's details page at #develop-apps. It is never shown again."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("new_client_secret") and not self.errors:
            step_up.passed(self, self.request)
        return data

    def save(self, commit: bool = True) -> AppRegistration:
        if secret := self.cleaned_data["new_client_secret"]:
            self.instance.replace_secret(secret)
        return super().save(commit)


@admin.register(AppRegistration)
class AppRegistrationAdmin(asking.Steered):
    """Apps registered with Ecwid."""

    form = AppRegistrationForm
    list_display = (
        "name",
        "client_id",
        "kind",
        "enabled",
        "fingerprint",
        "installed_count",
        columns.at("updated_at", "changed"),
    )
    list_display_links = ("name", "client_id")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "client_id")
    readonly_fields = (
        "addresses", "fingerprint", "client_secret_set_at", "previous_secret", "lacking", "created_at", "updated_at",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("client_id", "name", "kind", "enabled")}),
        ("Secret", {"fields": ("new_client_secret", "client_secret_set_at", "previous_secret")}),
        ("Addresses to hand to Ecwid", {"fields": ("addresses",)}),
        ("After an uninstall", {"fields": ("retention_days",)}),
        ("Permissions", {"fields": ("lacking", "wanted_scopes")}),
    )
    replacing = ("Secret", {"fields": ("new_client_secret", step_up.FIELD, "client_secret_set_at", "previous_secret")})
    offers = ("forget-previous-secret",)
    actions_list = ("add_custom_app",)
    actions_detail = ("paste_tokens",)

    @action(description="Add a custom app", url_path="custom", icon="storefront", permissions=["add", "secrets"])
    def add_custom_app(self, request: HttpRequest) -> HttpResponse:
        return custom_page.add(self, request)

    @action(description="Paste tokens", url_path="tokens", icon="content_paste", permissions=["paste"])
    def paste_tokens(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return custom_page.paste(self, request, object_id)

    def has_paste_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether this is a custom app, so that the button stands only where there are tokens to paste."""
        custom = AppRegistration.objects.filter(pk=object_id, kind=AppRegistration.Kind.CUSTOM)
        return self.has_secrets_permission(request) and custom.exists()

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppRegistration]:
        health = vitals.health()
        # A worker counts all of them every few minutes. Before its first time there are few.
        installed: Any = Count("installations", filter=Q(installations__uninstalled_at=None))
        if health:
            counts = health.standing().items()
            installed = Case(*(When(client_id=app, then=count) for app, count in counts), default=0)
        rows: QuerySet[AppRegistration] = super().get_queryset(request)
        return rows.annotate(installed=installed)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"request": request})

    def get_fieldsets(self, request: HttpRequest, obj: AppRegistration | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return [self.replacing if one[0] == "Secret" and _asks(request, obj) else one for one in shown]

    def get_readonly_fields(self, request: HttpRequest, obj: AppRegistration | None = None) -> tuple[str, ...]:
        # Ecwid never changes a client ID, and the sealed secret is bound to it.
        return ("client_id", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="Addresses")
    def addresses(self, app: AppRegistration) -> SafeString | str:
        if not app.pk:
            return "Shown once the app is saved."
        row = (
            '<div class="mb-2">'
            '<span class="inline-block w-40 text-font-subtle-light dark:text-font-subtle-dark">{}</span> '
            '<code class="select-all break-all">{}</code></div>'
        )
        return format_html_join("", row, app.addresses().items())

    @display(description="Secret fingerprint")
    def fingerprint(self, app: AppRegistration) -> str:
        return _fingerprint(app) or "not set"

    @display(description="Installed", ordering="installed")
    def installed_count(self, app: AppRegistration) -> int:
        return app.installed  # type: ignore[attr-defined]  # annotated above

    @display(description="Previous client secret")
    def previous_secret(self, app: AppRegistration) -> SafeString | str:
        if not (app.pk and _has_previous(app.pk)):
            return "none"
        uses, seen = app.previous_secret_uses, app.previous_secret_seen_at
        used = f"used {uses} times since, last {seen:%F %T} UTC" if seen else "not used since"
        at = app.previous_retirable_at
        if at is None or at <= datetime.now(UTC):
            light = columns.label("success", "safe to retire")
        else:
            light = columns.label("warning", f"keep until {at:%F %H:%M} UTC")
        return format_html("{} still verifies what comes in, {}.", light, used)

    @display(description="Missing on installations")
    def lacking(self, app: AppRegistration) -> SafeString | str:
        count, missing = fleet.missing_scopes(app, vitals.grants()) if app.pk else (0, Counter())
        if not count:
            return "none"
        rows = format_html_join("", "<div><code>{}</code> – missing on {}</div>", missing.most_common())
        total = app.installed  # type: ignore[attr-defined]  # annotated above
        return format_html("<div>{} of {} installed lack something; their merchants have to reconnect.</div>{}",
                           count, total, rows)  # fmt: skip


def _has_previous(pk: Any) -> bool:
    return AppRegistration.objects.filter(pk=pk).exclude(previous_client_secret="").exists()
