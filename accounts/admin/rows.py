"""What every page of the admin is made from: all that is done there goes on record, and facts are only looked at."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from unfold.admin import ModelAdmin, checkbox
from unfold.decorators import display

from accounts import audit

_CHANGES = "audit_changes"  # where a request keeps them between the form and the record


@lru_cache
def _box(_language: str) -> str:
    """Return the theme's box, with a place for the row's key."""
    return str(checkbox.render(ACTION_CHECKBOX_NAME, "{}"))


class AuditedAdmin(ModelAdmin):
    """A page whose additions, changes and deletions stand in the audit trail, instead of in Django's own log.

    Actions name who may use them by `permissions=["operate"]` and so on: see below.
    """

    list_sections = ()  # the theme's list asks for it twice a row, and asking for what is not there is slow

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: Any) -> SafeString:
        """Draw a row's box as the theme does, which would take four templates for each."""
        return format_html(_box(get_language() or ""), obj.pk)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Iterable[Any], add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        changes = audit.changes_of(form)
        for formset in formsets or ():
            rows = [*formset.new_objects, *(row for row, _names in formset.changed_objects), *formset.deleted_objects]
            changes |= {str(formset.model._meta.verbose_name_plural): [str(row.pk) for row in rows]} if rows else {}
        setattr(request, _CHANGES, changes)
        message: list[dict[str, dict[str, list[str]]]] = super().construct_change_message(request, form, formsets, add)
        return message

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # What stood there before an addition is the form's suggestion, nobody's value.
        added = {name: value[-1:] for name, value in getattr(request, _CHANGES, {}).items() if value}
        audit.record(by=_operator(request), what="added", target=obj, request=request, changes=added)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record a change by a form, or one that `message` tells in words; a form that changed nothing is none."""
        changes, words = getattr(request, _CHANGES, {}), message if isinstance(message, str) else ""
        if changes or words:
            audit.record(by=_operator(request), what=words or "changed", target=obj, request=request, changes=changes)

    def log_deletions(self, request: HttpRequest, queryset: "QuerySet[Any]") -> Any:
        audit.record_each(by=_operator(request), what="deleted", targets=queryset, request=request)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Go to the audit trail of this row."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        about = {"target_kind__exact": self.opts.label_lower, "target_id__exact": unquote(object_id)}
        return HttpResponseRedirect(f"{reverse('admin:accounts_auditentry_changelist')}?{urlencode(about)}")

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.operate")

    def has_support_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.support_view")

    def has_disconnect_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.disconnect")

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.erase")

    def has_export_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.export")

    def has_import_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.import_installations")

    def has_secrets_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.rotate_secrets")


class ReadOnlyAdmin(AuditedAdmin):
    """Rows that are facts: to be looked at, never added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _operator(request: HttpRequest) -> Any:
    return request.user
