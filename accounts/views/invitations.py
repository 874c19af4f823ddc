"""Opening an invitation: say who asks into which store, ask as whom, and let in by a click."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import access, invitations, languages, sign_in
from accounts.forms import NameForm
from accounts.models import Invitation, Store, User
from accounts.views import answers


@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show an invitation, or accept it as whom the button says: "mine", this account, or "new", somebody new."""
    token = request.GET.get("token", "")
    found = invitations.find(uid, token)
    if found is None:
        return answers.dead_link(request, "invitation_dead")
    form = NameForm(request.POST or None)
    choice = request.POST.get("as", "")
    mine = _account(request) if choice == "mine" else None
    if request.method == "GET" or (mine is None and (choice != "new" or not form.is_valid())):
        return _page(request, found, form)
    name = "" if mine else form.cleaned_data["name"]
    membership = invitations.accept(uid=uid, token=token, person=mine, name=name)
    if membership is None:
        return answers.dead_link(request, "invitation_dead")
    if mine is None:
        sign_in.sign_in(request, membership.user)
    return answers.see_other(reverse("store", args=[membership.store.store_id]))


def _account(request: HttpRequest) -> User | None:
    """Return the account of this browser, where the session is about all of it.

    A session that a store's admin opened is about that store: another one must not come under the same roof unseen.
    """
    user = request.user
    return user if isinstance(user, User) and access.is_whole(user) else None


def _page(request: HttpRequest, found: Invitation, form: NameForm) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    languages.speak_about(found.store, user)
    context = {
        "invitation": found,
        "form": form,
        "mine": _account(request),
        "here": list(Store.objects.of(user).by_name()[:5]) if user else [],
    }
    status = 422 if request.method == "POST" else 200
    return answers.without_referrer(render(request, "accounts/invitation.html", context, status=status))
