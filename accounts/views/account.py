"""A person's own account: name, contact e-mail, where they are signed in, and joining another account to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, browsers, joining, languages, links, moving, proofs, sign_in
from accounts.forms import EmailForm, LanguageForm, NameForm
from accounts.models import Bucket, Proof, Session, Store, User
from accounts.sessions import SessionStore
from accounts.views import answers

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_DONE: dict[str, "StrOrPromise"] = {
    "name": _("Your name is saved."),
    "language": _("Your language is saved."),
    "email": _("Look at your mail: a link to confirm the new address is on its way. It works once, within an hour."),
    "join": _(
        "Look at the other account’s mail: if the address belongs to one, a link is on its way. "
        "Open it in this browser within an hour."
    ),
    "out": _("You are signed out everywhere else."),
    "moved": _("Your new contact e-mail is confirmed."),
    "joined": _("The two accounts are one now. Both addresses have been told."),
    "passkey": _("Your passkey is saved. Use it next time you sign in."),
    "no-passkey": _("That passkey could not be saved. Try again, or go on signing in by e-mail."),
    "passkey-name": _("The passkey has its new name."),
    "passkey-gone": _("The passkey is removed: it no longer signs in here. You can delete it on your device, too."),
}
_ENOUGH = _("You have asked for several links already. Please wait an hour, then try again.")


@require_GET
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show a person's account, as far as this session is about it."""
    return _page(request)


def _page(request: HttpRequest, status: int = 200, **forms: NameForm | LanguageForm | EmailForm) -> HttpResponse:
    person = access.person_of(request)
    shown = {
        "name_form": NameForm(initial={"name": person.name}),
        "language_form": LanguageForm(initial={"language": person.language}),
        "email_form": EmailForm(prefix="new"),
        "join_form": EmailForm(prefix="other"),
    }
    context = {
        "person": person,
        "whole": access.is_whole(person),
        "alone": access.is_alone(person),
        "may_move": access.may_move(person),
        "stores": list(Store.objects.of(person).by_name()[:1]),
        "sessions": _sessions(request, person),
        "passkeys": list(person.passkeys.order_by("created_at")),
        "done": answers.done(request, _DONE),
    }
    return render(request, "accounts/account.html", context | shown | forms, status=status)


def _sessions(request: HttpRequest, person: User) -> list[dict[str, object]]:
    engine = SessionStore()
    rows = Session.objects.filter(user=person, expire_date__gt=Now()).select_related("store__settings")
    return [
        {
            "name": browsers.name(engine.decode(row.session_data).get(sign_in.AGENT, "")),
            "since": row.created_at,
            "store": row.store,
            "here": row.pk == _key(request),
        }
        for row in rows.order_by("-created_at")
    ]


@require_POST
@login_required
def rename(request: HttpRequest) -> HttpResponse:
    """Save what others call this person."""
    person = _require(request, access.is_alone)
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, name_form=form)
    User.objects.filter(pk=person.pk).update(name=form.cleaned_data["name"])
    return _done("name")


@require_POST
@login_required
def choose_language(request: HttpRequest) -> HttpResponse:
    """Save which language this person reads, or that they leave it to store and browser."""
    person = _require(request, access.is_alone)
    form = LanguageForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, language_form=form)
    User.objects.filter(pk=person.pk).update(language=form.cleaned_data["language"])
    return _done("language")


@require_POST
@login_required
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of this person but the one asking."""
    person = _require(request, access.is_alone)
    Session.objects.filter(user=person).exclude(pk=_key(request)).delete()
    return _done("out")


@require_POST
@login_required
def change_email(request: HttpRequest) -> HttpResponse:
    """Mail a link to a new contact address; nothing changes until it is opened."""
    person = _require(request, access.may_move)
    form = EmailForm(request.POST, prefix="new")
    if not form.is_valid():
        return _page(request, 422, email_form=form)
    return _ask(request, person, Proof.Purpose.ADDRESS, form.cleaned_data["email"])


@require_POST
@login_required
def ask_to_join(request: HttpRequest) -> HttpResponse:
    """Mail a link to the other account's address; the answer is the same whether anybody has it or not."""
    person = _require(request, access.is_whole)
    form = EmailForm(request.POST, prefix="other")
    if not form.is_valid():
        return _page(request, 422, join_form=form)
    return _ask(request, person, Proof.Purpose.JOIN, form.cleaned_data["email"])


def _ask(request: HttpRequest, person: User, purpose: Proof.Purpose, email: str) -> HttpResponse:
    mine = Bucket.take("proof person", str(person.pk), size=5, refill=_HOUR)
    if not (mine and Bucket.take("mail address", email, size=5, refill=_DAY)):
        return answers.too_many(request, _ENOUGH)
    answers.ring([proofs.ask(person=person, purpose=purpose, email=email, language=languages.spoken())])
    return _done("join" if purpose == Proof.Purpose.JOIN else "email")


@require_http_methods(["GET", "POST"])
def confirm_email(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Open the link mailed to a new address, in the account that asked for it, and take it over by a click."""
    token, person = request.GET.get("token", ""), _asker(request)
    if person is None or not access.may_move(person):
        return answers.dead_link(request, "proof_dead")
    if request.method == "GET":
        proof = moving.find(person, uid, token)
        if proof is None:
            return answers.dead_link(request, "proof_dead")
        return answers.without_referrer(render(request, "accounts/confirm_email.html", {"proof": proof}))
    letters = moving.move(person=person, uid=uid, token=token, session_key=_key(request))
    if letters is None:
        return answers.dead_link(request, "proof_dead")
    answers.ring(letters)
    return _done("moved")


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, uid: UUID, other_id: int) -> HttpResponse:
    """Open the link mailed to the other account, in the account that asked, and join them by a click."""
    token, person = request.GET.get("token", ""), _asker(request)
    if person is None or not access.is_whole(person):
        return answers.dead_link(request, "proof_dead")
    if request.method == "GET":
        other = joining.find(person, uid, other_id, token)
        if other is None:
            return answers.dead_link(request, "proof_dead")
        context = {"person": person, "kept": links.stores_of(person), "added": links.stores_of(other)}
        return answers.without_referrer(render(request, "accounts/join.html", context))
    letters = joining.join(keeper=person, uid=uid, other_id=other_id, token=token)
    if letters is None:
        return answers.dead_link(request, "proof_dead")
    answers.ring(letters)
    return _done("joined")


def _asker(request: HttpRequest) -> User | None:
    # Not `login_required`: it would carry the link's token into the address of the sign-in page, and into a row.
    return request.user if isinstance(request.user, User) else None


def _require(request: HttpRequest, allowed: Callable[[User], bool]) -> User:
    person = access.person_of(request)
    if not allowed(person):
        raise PermissionDenied(
            gettext("This session is about one store only. To change your account, sign in with your e-mail address.")
        )
    return person


def _done(what: str) -> HttpResponse:
    return answers.see_other(f"{reverse('account')}?done={what}")


def _key(request: HttpRequest) -> str:
    return request.session.session_key or ""
