"""Pages of lists that may be very long: all of them, each found by an index and none more work than another."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

COUNTED = 5_000
AFTER = "after"  # the key of a row, in an address: the list goes on behind it
_LARGEST = 2**63 - 1


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # of whatever a list shows
    """Pages of five thousand rows: to count or to skip more of a large table takes seconds."""

    template_name = "admin/pages.html"

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNTED)

    @property
    def goes_on(self) -> bool:
        """Tell whether there are more than these."""
        return self._counted > COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: COUNTED + 1].count())

    def page(self, number: int | str) -> "Page[Any]":
        """Return a page: first its keys, in order, then what it shows of these rows alone.

        Otherwise the database joins what a row shows to every row that it skips or sorts on the way to the page.
        """
        number = self.validate_number(number)
        rows: Any = self.object_list
        begin = (number - 1) * self.per_page
        keys = list(rows.select_related(None).values_list("pk", flat=True)[begin : begin + self.per_page])
        found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
        return Page([found[key] for key in keys if key in found], number, self)


class LongList(ChangeList):
    """A list that goes on behind its last page, where the address names the row to go on from.

    Who filters or sorts it anew begins at its beginning.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        asked = request.GET
        self.after = asked.get(AFTER, "")
        request.GET = _without(asked, AFTER)  # to the rest of this class it would be a filter of that name
        super().__init__(request, *args, **kwargs)
        request.GET = asked
        self.preserved_filters = self.model_admin.get_preserved_filters(request)  # from a row's page back to here
        # The form of filters repeats what the address asked for, and leads to another list.
        request.GET = _without(asked, AFTER, PAGE_VAR)

    @property
    def next_rows(self) -> str:
        """Return the address of what follows the last page, "" on every other one."""
        if not self.paginator.goes_on or self.page_num != self.paginator.num_pages:
            return ""
        return self.get_query_string({AFTER: list(self.result_list)[-1].pk, PAGE_VAR: 1})

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Return an address of this list; only that of another page goes on from the same row."""
        stays = {AFTER: self.after} if self.after and PAGE_VAR in (new_params or {}) else {}
        return str(super().get_query_string(stays | (new_params or {}), remove))

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column sorts by; nothing for one that has no index, whatever an address asks for."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        if not self.after.isdecimal() or int(self.after) > _LARGEST:
            return rows
        order = [str(column) for column in rows.query.order_by]
        names = [column.lstrip("-") for column in order]
        row = self.root_queryset.order_by().filter(pk=self.after).values_list(*names).first()
        return rows.filter(_behind(order, row)) if row else rows


class LongLists(ModelAdmin):
    """A page of the admin whose list may be very long. `sortable_by` names the columns that have an index."""

    sortable_by: ClassVar[Any] = ()
    paginator: Any = CappedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count all rows once for each choice

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return LongList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns themselves, some of which are functions."""
        return [one for one in self.get_list_display(request) if getattr(one, "__name__", one) in self.sortable_by]


def _behind(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the condition of the rows that follow the one of these values, none of them None, in this order.

    Said such that an index of the first column is entered at the row, and read on in order.
    """
    name, beyond = order[0].lstrip("-"), "lt" if order[0].startswith("-") else "gt"
    if len(order) == 1:
        return Q((f"{name}__{beyond}", values[0]))
    return Q((f"{name}__{beyond}e", values[0])) & (~Q((name, values[0])) | _behind(order[1:], values[1:]))


def _without(asked: Any, *names: str) -> Any:
    rest = asked.copy()
    for name in names:
        rest.pop(name, None)
    return rest
