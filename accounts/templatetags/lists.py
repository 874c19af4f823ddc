"""Rows of the admin's lists, as the theme draws them, in less time: it makes every column's head anew for each row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import checkbox
from unfold.templatetags import unfold_list as theme
from unfold.utils import display_for_field, display_for_label, display_for_value

register = template.Library()

_BOX = "action_checkbox"
_LINK = " ".join(theme.LINK_CLASSES)


@dataclass(frozen=True)
class Column:
    """What is the same in all cells of a column."""

    name: str
    tag: str
    classes: str
    head: Any
    linked: bool


@register.simple_tag
def table_rows(rows: Iterable[Iterable[Any]]) -> SafeString:
    """Draw the rows of a plain table, in a fraction of the time that a template's two loops take."""
    cells = (format_html_join("", "<td>{}</td>", ((cell,) for cell in row)) for row in rows)
    return format_html_join("", "<tr>{}</tr>", ((row,) for row in cells))


@register.inclusion_tag("admin/change_list_results.html", takes_context=True)
def result_rows(context: template.Context, cl: Any) -> dict[str, Any]:
    """Draw the table of a list, none of whose cells is edited in place."""
    heads = list(theme.result_headers(cl))
    return {
        "cl": cl,
        "result_headers": heads,
        "num_sorted_fields": sum(1 for head in heads if head["sortable"] and head["sorted"]),
        "results": list(rows(cl, heads)),
        "actions_row": context.get("actions_row"),
    }


def rows(cl: Any, heads: list[dict[str, Any]]) -> Iterator[theme.UnfoldResultList]:
    """Yield the cells of each row: those of the theme's `items_for_result`."""
    columns, kept = _columns(cl, heads), ""
    if cl.result_list:
        address = cl.url_for_result(cl.result_list[0])
        # The filters to come back to, the same behind every row's address.
        about = {"preserved_filters": cl.preserved_filters, "opts": cl.opts}
        kept = str(add_preserved_filters(about, address)).removeprefix(address)
    for row in cl.result_list:
        yield theme.UnfoldResultList(row, None, _cells(cl, row, columns, cl.url_for_result(row) + kept))


def _columns(cl: Any, heads: list[dict[str, Any]]) -> list[Column]:
    links = cl.list_display_links or ()
    first = next((name for name in cl.list_display if name in links), None)
    return [
        Column(
            name,
            "th" if name == first else "td",
            " ".join(
                theme.CHECKBOX_CLASSES
                if name == _BOX
                else (f"field-{theme._coerce_field_name(name, at)}", *theme.ROW_CLASSES)
            ),
            heads[at]["text"] if at or name in links else checkbox.attrs["aria-label"],
            name in links,
        )
        for at, name in enumerate(cl.list_display)
    ]


def _cells(cl: Any, row: models.Model, columns: list[Column], address: str) -> Iterator[SafeString]:
    for column in columns:
        shown, in_one_line = _shown(cl, row, column.name)
        if column.linked:
            shown = format_html('<a href="{}" class="{}" >{}</a>', address, _LINK, shown)
        classes = f"{column.classes} nowrap" if in_one_line else column.classes
        yield format_html('<{0} class="{1}" data-label="{2}">{3}</{0}>', column.tag, classes, column.head, shown)


def _shown(cl: Any, row: models.Model, name: str) -> tuple[Any, bool]:
    """Return what a cell holds, and whether that stays in one line."""
    empty = cl.model_admin.get_empty_value_display()
    try:
        field, attr, value = lookup_field(name, row, cl.model_admin)
    except ObjectDoesNotExist:
        return empty, False
    empty = getattr(attr, "empty_value_display", empty)
    if field is None or field.auto_created:
        label = getattr(attr, "label", False)
        boolean = getattr(attr, "boolean", False)
        shown = display_for_label(value, empty, label) if label else display_for_value(value, empty, boolean)
        return shown, isinstance(value, date | time)
    if isinstance(field.remote_field, models.ManyToOneRel):
        related = getattr(row, field.name)
        shown = empty if related is None else related
    else:
        shown = display_for_field(value, field, empty)
    return shown, isinstance(field, models.DateField | models.TimeField | models.ForeignKey)
