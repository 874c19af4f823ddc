"""A store's people: who may come in, and what they may do. Owners decide; a stranger learns nothing."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts import access, invitations, languages, members, support
from accounts.forms import EmailForm
from accounts.models import Bucket, Membership, Store
from accounts.views import answers

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_DAY = timedelta(days=1)
_DONE = {
    "invited": _("The invitation is on its way."),
    "withdrawn": _("The invitation is withdrawn. Its link no longer works."),
    "removed": _("They no longer belong to this store."),
    "owner": _("They are an owner now, too."),
    "handed": _("The store is handed over. You are still a member."),
    "gone": _("They had left this store already."),
}
_ENOUGH = _("That is a lot of invitations for one day. Nothing was sent; please try again tomorrow.")
_LAST = _("A store needs an owner, and this is its last one. Make somebody else an owner first.")


@require_GET
@login_required
def people(request: HttpRequest, store_id: int) -> HttpResponse:
    """Show who belongs to a store, and who is asked."""
    return _page(request, access.store_of(request, store_id))


def _page(
    request: HttpRequest, store: Store, form: EmailForm | None = None, refusal: "StrOrPromise" = ""
) -> HttpResponse:
    person = access.person_of(request)
    owner = access.owns(person, store)
    memberships = list(store.memberships.select_related("user").order_by("role", "created_at", "pk"))
    memberships.sort(key=lambda membership: membership.role != members.OWNER)
    context = {
        "store": store,
        "person": person,
        "is_owner": owner,
        "memberships": memberships,
        "owners": sum(membership.role == members.OWNER for membership in memberships),
        "invitations": list(store.invitations.open().exclude(email="").order_by("email")) if owner else [],
        "form": form or EmailForm(),
        "refusal": refusal,
        "looks": support.looks_at(store),
        "done": answers.done(request, _DONE),
    }
    return render(request, "accounts/people.html", context, status=422 if form or refusal else 200)


@require_POST
@login_required
def invite(request: HttpRequest, store_id: int) -> HttpResponse:
    """Invite somebody by e-mail; asked again, the invitation begins anew."""
    store, person = access.owned_store(request, store_id), access.person_of(request)
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _page(request, store, form)
    email = form.cleaned_data["email"]
    limits = (("invite store", str(store.pk), 20), ("invite person", str(person.pk), 30), ("mail address", email, 5))
    if not all(Bucket.take(limit, subject, size=size, refill=_DAY) for limit, subject, size in limits):
        return answers.too_many(request, _ENOUGH)
    answers.ring(
        [
            invitations.invite(
                store=store, email=email, by=person, language=languages.of_store(store) or languages.spoken()
            )
        ]
    )
    return _done(store, "invited")


@require_POST
@login_required
def withdraw(request: HttpRequest, store_id: int, invitation_id: int) -> HttpResponse:
    """Take an invitation back; its link is dead at once."""
    store = access.owned_store(request, store_id)
    store.invitations.filter(pk=invitation_id).delete()
    return _done(store, "withdrawn")


@require_POST
@login_required
def remove(request: HttpRequest, store_id: int, user_id: int) -> HttpResponse:
    """Take somebody out of the store, never the last owner."""
    store, person = access.owned_store(request, store_id), access.person_of(request)
    if user_id == person.pk:
        return leave(request, store_id)
    try:
        members.remove(store=store, user_id=user_id, by=person)
    except members.LastOwner:
        return _page(request, store, refusal=_LAST)
    return _done(store, "removed")


@require_POST
@login_required
def make_owner(request: HttpRequest, store_id: int, user_id: int) -> HttpResponse:
    """Make a member an owner, beside the others."""
    store, person = access.owned_store(request, store_id), access.person_of(request)
    made = members.make_owner(store=store, user_id=user_id, by=person)
    return _done(store, "owner" if made else "gone")


@require_POST
@login_required
def hand_over(request: HttpRequest, store_id: int, user_id: int) -> HttpResponse:
    """Make a member the owner in the place of whoever asks."""
    store, person = access.owned_store(request, store_id), access.person_of(request)
    handed = members.hand_over(store=store, user_id=user_id, by=person)
    return _done(store, "handed" if handed else "gone")


@require_POST
@login_required
def leave(request: HttpRequest, store_id: int) -> HttpResponse:
    """Leave a store; who held no other has no account any more."""
    store, person = access.store_of(request, store_id), access.person_of(request)
    try:
        members.remove(store=store, user_id=person.pk, by=person)
    except members.LastOwner:
        return _page(request, store, refusal=_LAST)
    if Membership.objects.filter(user=person).exists():
        return answers.see_other(reverse("home"))
    return render(request, "accounts/left.html", {"left": store})


def _done(store: Store, what: str) -> HttpResponse:
    return answers.see_other(f"{reverse('people', args=[store.store_id])}?done={what}")
