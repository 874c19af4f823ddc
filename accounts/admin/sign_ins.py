"""Who came into the admin, when and from where, and who tried."""

from django.contrib import admin
from unfold.decorators import display

from accounts import browsers
from accounts.admin import columns
from accounts.admin.rows import ReadOnlyAdmin
from accounts.models import OperatorSignIn

_COLOURS = {
    "Signed in": "success",
    "Signed in, second factor set up": "success",
    "Signed in with a recovery code": "warning",
    "Confirmed who they are": "success",
    "Wrong name or password": "warning",
    "Wrong code": "warning",
    "Locked out": "danger",
}


@admin.register(OperatorSignIn)
class OperatorSignInAdmin(ReadOnlyAdmin):
    """Every try to get into the admin, newest first. They go after a year."""

    list_display = (columns.at("at", "when", "%F %T"), "username", "outcome_label", "address", "browser")
    list_display_links = None
    list_filter = ("outcome", "at")
    search_fields = ("username", "=address")
    search_help_text = "Name given, or address"
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    show_full_result_count = False
    fields = ("at", "username", "person", "outcome_label", "address", "agent")

    @display(description="outcome", ordering="outcome", label=_COLOURS)
    def outcome_label(self, attempt: OperatorSignIn) -> str:
        return attempt.get_outcome_display()

    @display(description="browser")
    def browser(self, attempt: OperatorSignIn) -> str:
        return browsers.name(attempt.agent) if attempt.agent else "–"
