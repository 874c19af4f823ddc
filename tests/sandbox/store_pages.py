"""The stores as a merchant would set them up: the common fields of the profile, all of it as JSON, and the flags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.sandbox import messages, pages
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.records import Store
from tests.sandbox.world import World

HERE = "/stores"
FLAGS = (
    ("plan_has_api", "The plan has API access"),
    ("suspended", "The store is suspended"),
    ("exists", "The store exists"),
)


@dataclass(frozen=True)
class Field:
    """One value of the profile, by section and name; `kind` is text, area, box or list (its first entry)."""

    section: str
    name: str
    label: str
    kind: str = "text"

    @property
    def key(self) -> str:
        """Name it in the form."""
        return f"{self.section}.{self.name}"


FIELDS = (
    Field("settings", "storeName", "Store name"),
    Field("account", "accountName", "Owner"),
    Field("account", "accountEmail", "Owner's e-mail"),
    Field("mailNotifications", "adminNotificationEmails", "E-mail for notifications", "list"),
    Field("company", "companyName", "Company"),
    Field("company", "email", "Company's e-mail"),
    Field("company", "phone", "Phone"),
    Field("company", "street", "Street", "area"),
    Field("company", "city", "City"),
    Field("company", "postalCode", "Postal code"),
    Field("company", "stateOrProvinceCode", "State or province"),
    Field("company", "countryCode", "Country"),
    Field("formatsAndUnits", "currency", "Currency"),
    Field("formatsAndUnits", "timezone", "Time zone"),
    Field("languages", "defaultLanguage", "Language"),
    Field("generalInfo", "storeUrl", "Store's address"),
    Field("settings", "closed", "Closed to shoppers", "box"),
)


def stores(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """List the stores."""
    cards = "".join(
        f'<li><a href="{HERE}/{one.store_id}"><b>{one.store_id}</b></a><p>{pages.e(one.label)}</p></li>'
        for one in world.stores.values()
    )
    return pages.page("Stores", f'<ul class="cards">{cards}</ul>', here=HERE)


def store(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Show one store with everything that can be changed."""
    return _page(_store(world, found))


def set_fields(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Take over the fields whose text was changed; what stays as shown keeps even a wrong type."""
    one, form = _store(world, found), request.form
    changed = [field for field in FIELDS if _given(form, field) != _shown(one, field)]
    for field in changed:
        section = one.profile.get(field.section)
        if not isinstance(section, dict):
            section = one.profile[field.section] = {}
        section[field.name] = _typed(field, _given(form, field), section.get(field.name))
    if changed:
        world.profile_changed(one)
    return messages.see_other(f"{HERE}/{one.store_id}")


def set_profile(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Take over a whole profile from its JSON, whatever is in it."""
    one, text = _store(world, found), request.form.get("profile", "")
    try:
        profile = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        return _page(one, text, f"This is not JSON: {wrong}")
    if not isinstance(profile, dict):
        return _page(one, text, "A profile is an object: it begins with { and ends with }.")
    if profile != one.profile:
        one.profile.clear()
        one.profile.update(profile)
        world.profile_changed(one)
    return messages.see_other(f"{HERE}/{one.store_id}")


def set_flags(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Set the plan, and whether the store is suspended or gone."""
    one, form = _store(world, found), request.form
    put_flags(world, one, {name: name in form for name, _ in FLAGS})
    return messages.see_other(f"{HERE}/{one.store_id}")


def put_flags(world: World, one: Store, flags: Mapping[str, bool]) -> None:
    """Set every flag of a store; a change of the plan is told to its apps."""
    one.suspended, one.exists = flags["suspended"], flags["exists"]
    world.set_plan(one, has_api=flags["plan_has_api"])


def _store(world: World, found: Mapping[str, str]) -> Store:
    number = found["store_id"]
    one = world.stores.get(int(number)) if len(number) < 19 else None
    if one is None:
        raise RefusedError(pages.problem(404, "No such store", "There is no store with this number."))
    return one


def _page(one: Store, text: str | None = None, problem: str = "") -> Answer:
    path = f"{HERE}/{one.store_id}"
    controls = "".join(_control(one, field) for field in FIELDS)
    boxes = "".join(_box(name, label, checked=getattr(one, name)) for name, label in FLAGS)
    fields = pages.form(f"{path}/fields", f'<div class="fields pairs">{controls}</div>', "Save", "main")
    flags = pages.form(f"{path}/flags", f'<div class="boxes">{boxes}</div>', "Save state", "main")
    shown = json.dumps(one.profile, ensure_ascii=False, indent=2) if text is None else text
    wrong = f'<p class="problem" role="alert">{pages.e(problem)}</p>' if problem else ""
    area = f'<textarea name="profile" rows="24" spellcheck="false" aria-label="Profile">{pages.e(shown)}</textarea>'
    body = f"""<p class="quiet">{pages.e(one.label)}</p>
        <p>Saving a change sends <code>profile.updated</code> to the apps in this store while the
        <a href="/switches">switch</a> for events is on.</p>
        <h2>Common fields</h2>{fields}
        <h2>Plan and state</h2>{flags}
        <h2 id="json">The whole profile</h2>{wrong}
        {pages.form(f"{path}/profile#json", area, "Save JSON", "main")}"""
    return pages.page(f"Store {one.store_id}", body, here=HERE, status=400 if problem else 200)


def _control(one: Store, field: Field) -> str:
    shown = _shown(one, field)
    if field.kind == "box":
        return _box(field.key, field.label, checked=shown == "on")
    if field.kind == "area":
        control = f'<textarea name="{field.key}" rows="2">{pages.e(shown)}</textarea>'
    else:
        control = f'<input type="text" name="{field.key}" value="{pages.e(shown)}">'
    return f"<label>{pages.e(field.label)}{control}</label>"


def _box(name: str, label: str, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    return f'<label class="box"><input type="checkbox" name="{name}"{mark}>{pages.e(label)}</label>'


def _given(form: Mapping[str, str], field: Field) -> str:
    return form.get(field.key, "").replace("\r\n", "\n")


def _shown(one: Store, field: Field) -> str:
    section = one.profile.get(field.section)
    value = section.get(field.name) if isinstance(section, dict) else None
    if field.kind == "box":
        return "on" if value is True else ""
    if field.kind == "list" and isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None else str(value).replace("\r\n", "\n")


def _typed(field: Field, text: str, old: Any) -> Any:
    if field.kind == "box":
        return text == "on"
    if field.kind == "list":
        rest = old[1:] if isinstance(old, list) else []
        return [text, *rest] if text else rest
    return text
