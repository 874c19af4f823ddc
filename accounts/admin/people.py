"""People: merchants, as installs made them, and operators with their roles."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import access, audit, operators, search, second_factor, step_up
from accounts.admin import columns, pages
from accounts.admin.rows import AuditedAdmin
from accounts.models import Membership, Session, User

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin

admin.site.unregister(Group)


def _standing(operator: User) -> str:
    if not operator.is_active:
        return "switched off"
    return "superuser" if operator.is_superuser else "operator"


class MembershipInline(TabularInline):
    """Who belongs to what."""

    model = Membership
    extra = 0
    per_page = 20  # some people have hundreds of stores
    can_delete = False
    fields = readonly_fields = ("user", "store", "role", "created_at")
    verbose_name_plural = "members"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "store__settings").order_by("pk")


class Asking(AuditedAdmin):
    """A page whose form asks for the second factor itself: no edit is lost on the way to another page and back."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if change and not operators.is_fresh(request):
            base: Any = kwargs.get("form", self.form)
            more = {step_up.FIELD: step_up.field(), "request": request}
            kwargs["form"] = type(base.__name__, (step_up.Asked, base), more)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = [*super().get_fieldsets(request, obj)]
        asks = obj and self.has_change_permission(request, obj) and not operators.is_fresh(request)
        return [*shown, ("Is it you?", {"fields": (step_up.FIELD,)})] if asks else shown


# A group's rights are those of all who are in it.
@method_decorator(step_up.before("GET", "POST"), name="add_view")
@method_decorator(step_up.before("POST"), name="changelist_view")
@admin.register(Group)
class GroupsAdmin(GroupAdmin, Asking):
    """Groups, in the theme."""

    fieldsets = ((None, {"fields": ("name", "permissions")}),)


# Who may change an account, or give one its password, may come in by it.
@method_decorator(step_up.before("GET", "POST"), name="add_view")
@method_decorator(step_up.before("GET", "POST"), name="user_change_password")
@method_decorator(step_up.before("POST"), name="changelist_view")
@admin.register(User)
class PeopleAdmin(_UserAdmin, pages.LongLists, Asking):  # type: ignore[misc]  # get_form's arguments have other names
    """People: merchants come from installs; operators are added here."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username", "name", "email", "operator",
        columns.at("last_login", "last sign-in"), columns.at("date_joined", "joined"),
    )  # fmt: skip
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    sortable_by = ("username",)
    search_fields = ("username",)  # what they mean says accounts.search
    search_help_text = "Whole e-mail or user name, store ID or name, or a part of an operator's name"
    ordering = ("-pk",)  # the newest first, without sorting all merchants
    readonly_fields = ("last_login", "date_joined")
    actions = ("end_sessions", "reset_second_factor")
    inlines = [MembershipInline]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Contact", {"fields": ("name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        return (queryset.filter(pk__in=search.people(search_term)) if search_term.strip() else queryset), False

    @display(description="operator", ordering="is_staff")
    def operator(self, person: User) -> SafeString | str:
        return columns.label("info" if person.is_active else "warning", _standing(person)) if person.is_staff else "–"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if "email" in form.changed_data:
            obj.email_proven_at = None  # the address before was proven, not this one
        super().save_model(request, obj, form, change)
        if not obj.is_active or ("is_staff" in form.changed_data and not obj.is_staff):
            obj.sessions.all().delete()

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> None:
        Session.objects.filter(user__in=people).delete()
        self._done(request, people, "signed out everywhere")

    @admin.action(description="Reset the second factor", permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            second_factor.forget(person)
        self._done(request, people, "reset the second factor")

    def _done(self, request: HttpRequest, people: QuerySet[User], what: str) -> None:
        audit.record_each(by=access.person_of(request), what=what, targets=people, request=request)
        messages.success(request, f"Done for {people.count()}: {what}.")
