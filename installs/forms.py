"""Forms: one setting at a time, with the widget its kind asks for."""

from html import escape
from typing import Any

from django import forms
from django.db.models import Field
from django.forms.renderers import BaseRenderer
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop

from accounts import formats
from accounts.models import StoreSettings

# What the first-run page shows and lets the merchant correct, in reading order.
ESSENTIALS = ("store_name", "contact_email", "company_name", "phone", "country_code", "currency", "timezone")

# What each is called is translated where it is shown.
GROUPS: dict[str, tuple[str, ...]] = {
    gettext_noop("Store"): (
        "store_name", "owner_name", "contact_email",
        "storefront_url", "website_platform", "closed", "logo_url",
    ),
    gettext_noop("Company"): (
        "company_name", "company_email", "phone",
        "street", "postal_code", "city", "state_code", "country_code",
    ),
    gettext_noop("Money"): ("currency", "prices_include_tax"),
    gettext_noop("Formats"): (
        "default_language", "languages", "timezone", "date_format", "time_format",
        "weight_unit", "dimensions_unit", "volume_unit",
    ),
}  # fmt: skip
EDITABLE = tuple(
    name
    for group in GROUPS.values()
    for name in group
    if name not in ("storefront_url", "website_platform", "closed", "logo_url", "languages")
)

# What a browser may offer to fill in: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill
_AUTOFILL = {
    "owner_name": "name", "contact_email": "email",
    "company_name": "organization", "company_email": "email", "phone": "tel",
    "street": "street-address", "postal_code": "postal-code", "city": "address-level2",
    "state_code": "address-level1", "country_code": "country",
}  # fmt: skip
_SEARCHED = ("country_code", "currency", "default_language", "timezone")  # choices by the hundred
_WIDGETS = {"street": forms.Textarea(attrs={"rows": 2}), "phone": forms.TextInput(attrs={"type": "tel"})}


class LongSelect(forms.Select):
    """A select that is written in one go: a template for each of its hundreds of choices takes longer than the page."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        chosen = {str(one) for one in self.format_value(value)}
        options = "".join(
            f'<option value="{escape(str(key))}"{" selected" * (str(key) in chosen)}>{escape(str(words))}</option>'
            for key, words in self.choices
        )
        # Each part of the options is escaped here, so that they are safe as a whole.
        attributes = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})}))
        escaped = SafeString(options)  # nosec B703
        return format_html("<select{}>{}</select>", attributes, escaped)


def _column(name: str) -> "Field[Any, Any]":
    column = StoreSettings._meta.get_field(name)
    assert isinstance(column, Field)  # noqa: S101  the table has no reverse relations; for the type checker
    return column


def label(name: str) -> str:
    """Return the setting's name in a merchant's words."""
    return capfirst(str(_column(name).verbose_name))


def setting_form(settings: StoreSettings, name: str, data: QueryDict | None = None) -> "forms.ModelForm[StoreSettings]":
    """Return the form that edits the setting `name` of `settings` and nothing else."""
    meta = type("Meta", (), {"model": StoreSettings, "fields": [name]})
    members: dict[str, Any] = {name: _field(name, getattr(settings, name)), "Meta": meta}
    kind: type[forms.ModelForm[StoreSettings]] = type("SettingForm", (forms.ModelForm,), members)
    return kind(data, instance=settings)


def _field(name: str, value: Any) -> forms.Field:
    field = _kind(name, value)
    # The form remembers what it showed, so that saving it untouched is not taken for the merchant's own edit.
    field.show_hidden_initial = True
    field.widget.attrs |= {"autofocus": True, "autocomplete": _AUTOFILL.get(name, "off"), "dir": "auto"}
    if name in _SEARCHED:
        field.widget.attrs["data-search"] = gettext("Nothing goes with that.")  # combobox.js
    return field


def _kind(name: str, value: Any) -> forms.Field:
    if choices := formats.choices(name):
        # A value we have no words for stays on offer: saving must not lose it.
        unknown = [(value, formats.words(name, value))] if value and value not in dict(choices) else []
        offered = [("", gettext("Not set")), *unknown, *choices]
        kind = LongSelect if name in _SEARCHED else forms.Select
        # Behind a function: a form copies its fields, and a list of hundreds of pairs deeply.
        return forms.ChoiceField(choices=lambda: offered, required=False, widget=kind)
    if name in ("contact_email", "company_email"):
        return forms.EmailField(max_length=254, required=False)
    field = _column(name).formfield()
    assert isinstance(field, forms.Field)  # noqa: S101  every editable column has one; for the type checker
    if name in _WIDGETS:
        field.widget = _WIDGETS[name]
    return field
