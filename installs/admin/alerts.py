"""Alerts in the admin: what stands and what is over, whom to tell, and from which value on."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import doorbell
from accounts.admin import AuditedAdmin, ReadOnlyAdmin, columns
from installs import runbook, tasks
from installs.actions import alarm
from installs.admin import deeds
from installs.models import THRESHOLDS, Alert, AlertDelivery, AlertReceiver, AlertRule, Rule

if TYPE_CHECKING:
    _Form = forms.ModelForm[AlertReceiver]
else:
    _Form = forms.ModelForm

_DELIVERIES = {"done": "success", "waiting": "info", "running": "info", "failed": "danger"}


class OpenFilter(admin.SimpleListFilter):
    """Alerts that stand, or are over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("resolved", "Resolved")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() == "open":
            return rows.filter(resolved_at=None)
        return rows.exclude(resolved_at=None) if self.value() == "resolved" else rows


class DeliveryInline(TabularInline):
    """Who was told."""

    model = AlertDelivery
    extra = 0
    can_delete = False
    fields = readonly_fields = ("receiver", "turn", "state_label", "tries", "error", "delivered_at")
    verbose_name_plural = "who was told"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="state")
    def state_label(self, delivery: AlertDelivery) -> SafeString:
        return columns.label(_DELIVERIES[delivery.state], delivery.state)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts: at most one is open for a rule and a subject; each is resolved by itself when its cause is gone."""

    list_display = (
        "rule_name", "subject", "state_label", "text",
        columns.at("opened_at", "opened"), columns.at("seen_at", "last seen"), columns.at("resolved_at", "resolved"),
    )  # fmt: skip
    list_filter = (OpenFilter, "rule", "opened_at")
    search_fields = ("subject", "text")
    search_help_text = "App, queue or words"
    date_hierarchy = "opened_at"
    ordering = ("-opened_at",)
    fields = (
        "rule_name", "subject", "state_label", "text", "meaning", "remedy", "opened_at", "seen_at", "resolved_at",
    )  # fmt: skip
    inlines = [DeliveryInline]

    @display(description="what", ordering="rule")
    def rule_name(self, alert: Alert) -> str:
        return alert.get_rule_display()

    @display(description="state", ordering="resolved_at")
    def state_label(self, alert: Alert) -> SafeString:
        return columns.label("success", "resolved") if alert.resolved_at else columns.label("danger", "open")

    @display(description="what it means")
    def meaning(self, alert: Alert) -> str:
        return runbook.RULES[Rule(alert.rule)].meaning

    @display(description="what to do")
    def remedy(self, alert: Alert) -> str:
        return runbook.RULES[Rule(alert.rule)].remedy


@admin.register(AlertRule)
class AlertRuleAdmin(AuditedAdmin):
    """Rules: switched on or off, each with the value from which on it raises an alarm."""

    list_display = ("name", "enabled", "limit_words", "own")
    list_display_links = ("name",)
    fields = ("rule", "enabled", "threshold", "limit_words", "meaning", "remedy")
    readonly_fields = ("rule", "limit_words", "meaning", "remedy")
    ordering = ("rule",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        AlertRule.objects.complete()
        rows: QuerySet[AlertRule] = super().get_queryset(request)
        return rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AlertRule | None = None) -> bool:
        return False

    @display(description="rule", ordering="rule")
    def name(self, rule: AlertRule) -> str:
        return rule.get_rule_display()

    @display(description="raises an alarm from")
    def limit_words(self, rule: AlertRule) -> str:
        return f"{rule.limit} {THRESHOLDS[Rule(rule.rule)].unit}"

    @display(description="changed")
    def own(self, rule: AlertRule) -> str:
        return "by an operator" if rule.threshold is not None or not rule.enabled else "–"

    @display(description="what it means")
    def meaning(self, rule: AlertRule) -> str:
        return runbook.RULES[Rule(rule.rule)].meaning

    @display(description="what to do")
    def remedy(self, rule: AlertRule) -> str:
        return runbook.RULES[Rule(rule.rule)].remedy


class AlertReceiverForm(_Form):
    """A receiver; a webhook's secret goes in and never comes out."""

    new_secret = forms.CharField(
        label="Webhook secret",
        required=False,
        min_length=24,
        max_length=255,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Signs what we post, as Standard Webhooks says: whsec_ and base64, or any text of 24 characters or "
        "more. It is never shown again; leave empty to keep it.",
    )

    class Meta:
        model = AlertReceiver
        fields = ("kind", "address", "enabled")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        known = self.instance.pk and AlertReceiver.objects.filter(pk=self.instance.pk).exclude(secret="").exists()
        if data.get("kind") == AlertReceiver.Kind.WEBHOOK and not (data.get("new_secret") or known):
            self.add_error("new_secret", "A webhook needs a secret, or its receiver could not tell that it is ours.")
        return data

    def save(self, commit: bool = True) -> AlertReceiver:
        if secret := self.cleaned_data["new_secret"]:
            self.instance.secret = secret
        return super().save(commit)


@admin.register(AlertReceiver)
class AlertReceiverAdmin(AuditedAdmin):
    """Whom to tell of every alert, and when it is over."""

    form = AlertReceiverForm
    list_display = ("address", "kind", "enabled", "last_told")
    list_filter = ("kind", "enabled")
    fields = ("kind", "address", "new_secret", "enabled", "last_told")
    readonly_fields = ("last_told",)
    actions = ("send_a_test",)
    actions_detail = ("send_a_test_here",)

    @display(description="last told")
    def last_told(self, receiver: AlertReceiver) -> SafeString | str:
        last = AlertDelivery.objects.filter(receiver=receiver).order_by("-pk").first() if receiver.pk else None
        if last is None:
            return "–"
        words = f"{last.delivered_at:%F %H:%M} UTC" if last.delivered_at else last.error or "on its way"
        return format_html("{} {}", columns.label(_DELIVERIES[last.state], last.state), words)

    def has_try_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether this operator may have something sent."""
        return self.has_change_permission(request)

    @admin.action(description="Send a test alert", permissions=["try"])
    def send_a_test(self, request: HttpRequest, rows: QuerySet[AlertReceiver]) -> None:
        for receiver in rows:
            alarm.test(receiver=receiver)
        for pk in AlertDelivery.objects.due().values_list("pk", flat=True)[: len(rows)]:
            doorbell.ring(tasks.deliver, pk)
        deeds.note(request, rows, "Asked for a test alert.")
        messages.success(request, f"Test alerts on their way: {len(rows)}. Each is resolved a few minutes later.")

    send_a_test_here = deeds.on_page(
        "send_a_test",
        title="Send a test alert",
        text="One alert that says that it is a test, and a few minutes later the word that it is over.",
        icon="campaign",
        permission="try",
    )
