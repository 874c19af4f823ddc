"""Every page a merchant can meet, as the service answers it: made once, in one language, to be looked at elsewhere."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import Template
from django.test import Client, RequestFactory, override_settings
from django.test.signals import template_rendered
from django.utils import translation

from accounts import invitations, joining, links, moving, proofs
from accounts.models import Bucket, Invitation, Membership, Passkey, Proof, Store, StoreSettings, User
from ecwidhub import views as house
from installs.models import Installation, InstallAttempt, Prefill
from installs.views import answers, frames
from tests.cast import work
from tests.framing import Frame
from tests.people import Merchant

# One of each picture and button that an install can end with.
_KINDS = InstallAttempt.Outcome
ENDINGS = (
    *(answers.ANSWERS[kind] for kind in (_KINDS.UNKNOWN_APP, _KINDS.REFUSED, _KINDS.UNREACHABLE, _KINDS.SECRET_WRONG)),
    answers.USED_ELSEWHERE,
    answers.IN_PROGRESS,
)


class Book:
    """The pages by name. `language` is what their readers' browsers ask for."""

    def __init__(self, merchant: Merchant, stranger: Merchant, language: str) -> None:
        self.pages: dict[str, str] = {}
        self.templates: set[str] = set()
        self._merchant = merchant
        self._stranger = stranger
        self._language = language
        self._nobody = self._browser()

    def write(self) -> None:
        """Make every page, and note which templates that took."""
        template_rendered.connect(self._note)
        self._merchant.browser = self._browser()
        self._stranger.browser = self._browser()
        for chapter in (self._signed_out, self._first_run, self._store, self._account, self._people, self._mailed):
            chapter()
        for chapter in (self._framed, self._endings, self._disconnected):
            chapter()
        template_rendered.disconnect(self._note)

    def _note(self, template: Template, **_: object) -> None:
        self.templates.add(template.name or "")

    def _keep(self, name: str, answer: Any) -> None:
        assert answer.headers.get("Content-Type", "").startswith("text/html"), (name, answer.status_code)
        self.pages[name] = answer.content.decode()

    def _render(self, name: str, view: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep a page that cannot be asked for at will."""
        with translation.override(self._language):
            self._keep(name, view(RequestFactory().get("/")))

    def _browser(self, *, strict: bool = False) -> Client:
        return Client(enforce_csrf_checks=strict, HTTP_ACCEPT_LANGUAGE=self._language)

    def _whole(self, person: User) -> Client:
        """Return a browser in which a mailed link has opened all of an account."""
        browser = self._browser()
        browser.post(_path(links.address(User.objects.get(pk=person.pk))))
        return browser

    def _signed_out(self) -> None:
        nobody = self._nobody
        self._keep("sign in", nobody.get("/sign-in/?next=/account/"))
        self._keep("sign in, refused", nobody.post("/sign-in/", {"email": "somebody"}))
        self._keep("sign in, passkey refused", nobody.post("/sign-in/passkey/", {"answer": "{}"}))
        self._keep("link sent", nobody.post("/sign-in/", {"email": "somebody@people.example"}))
        self._keep("link dead", nobody.get("/sign-in/link/?sesame=x"))
        self._keep("invitation dead", nobody.get("/invitations/00000000-0000-4000-8000-000000000000/?token=x"))
        self._keep("not found", nobody.get("/nothing/"))
        self._keep("too old a form", self._browser(strict=True).post("/sign-in/", {"email": "x"}))
        with override_settings(DEBUG=True):
            self._keep("styleguide", nobody.get("/styleguide/"))

    def _first_run(self) -> None:
        merchant = self._merchant
        merchant.install()
        door = f"{merchant.page}onboarding/"
        self._keep("first run, filling", merchant.get(door))
        work()
        User.objects.update(language=self._language)
        self._keep("first run, filled", merchant.get(door))
        Prefill.objects.update(state="failed", error="refused")
        self._keep("first run, failed", merchant.get(door))
        Prefill.objects.update(state="done", error="")
        merchant.post(f"{door}finish/")

    def _store(self) -> None:
        merchant = self._merchant
        merchant.post(f"{merchant.page}settings/phone/", {"phone": "+31 20 555 0123"})
        Prefill.objects.update(changed_since=["city", "phone"])
        self._keep("store", merchant.get(merchant.page))
        for name in ("country_code", "timezone", "street", "phone"):
            self._keep(f"setting, {name}", merchant.get(f"{merchant.page}settings/{name}/"))
        wrong = merchant.post(f"{merchant.page}settings/contact_email/", {"contact_email": "nobody"})
        self._keep("setting, refused", wrong)
        Installation.objects.update(scopes=["read_store_profile"])
        self._keep("store, permissions missing", merchant.get(merchant.page))
        self._keep("connection", merchant.get(f"{merchant.page}connection/"))
        self._keep("disconnect", merchant.get(f"{merchant.page}connection/demo-app/disconnect/"))

    def _account(self) -> None:
        owner = self._merchant.store.owner
        self._keep("account, through the admin", self._merchant.get("/account/"))
        for at in range(9):
            store = Store.objects.create(store_id=5000 + at)
            StoreSettings.objects.create(store=store, store_name=f"Shop {at:02}")
            Membership.objects.create(user=owner, store=store)
        Passkey.objects.create(person=owner, credential_id="x", public_key=b"x", name="Safari on a Mac")
        whole = self._whole(owner)
        self._keep("account", whole.get("/account/?done=name"))
        self._keep("home", whole.get("/"))
        self._keep("home, nothing found", whole.get("/?q=none"))
        for _ in range(6):
            answer = whole.post("/account/email/", {"new-email": "new@people.example"})
        self._keep("too many", answer)
        Bucket.objects.all().delete()

    def _people(self) -> None:
        merchant, owner = self._merchant, self._merchant.store.owner
        member = User.objects.create_merchant(name="Ann", email="a.very.long.address.of.a.member@people.example")
        User.objects.filter(pk=member.pk).update(language=self._language)
        Membership.objects.create(user=member, store=merchant.store)
        invitations.invite(store=merchant.store, email="eve@people.example", by=owner)
        self._keep("people", merchant.get(f"{merchant.page}people/"))
        hers, whole = self._whole(member), self._whole(owner)
        self._keep("refused to a member", hers.post(f"{merchant.page}people/invite/", {"email": "x"}))
        invitation = _path(invitations.address(Invitation.objects.get()))
        self._keep("invitation, signed in", whole.get(invitation))
        self._keep("invitation, through an admin", merchant.get(invitation))
        self._keep("invitation", self._nobody.get(invitation))
        self._keep("people, the last owner leaves", whole.post(f"{merchant.page}people/leave/"))
        self._keep("left", hers.post(f"{merchant.page}people/leave/"))

    def _mailed(self) -> None:
        owner, other = self._merchant.store.owner, self._stranger
        other.install()
        work()
        User.objects.update(language=self._language)
        whole = self._whole(owner)
        proofs.ask(person=owner, purpose=Proof.Purpose.ADDRESS, email="new@people.example")
        move = _path(moving.address(Proof.objects.get(purpose=Proof.Purpose.ADDRESS)))
        self._keep("confirm a new address", whole.get(move))
        self._keep("proof dead", whole.get(f"{move}x"))
        proofs.ask(person=owner, purpose=Proof.Purpose.JOIN, email=other.store.owner.email)
        join = joining.address(Proof.objects.get(purpose=Proof.Purpose.JOIN), other.store.owner)
        self._keep("join", whole.get(_path(join)))
        link = _path(links.address(User.objects.get(pk=owner.pk)))
        self._keep("link", self._nobody.get(link))
        self._keep("link, somebody signed in", other.get(link))
        self._keep("confirm", other.get(other.follow(self._merchant.address())["Location"]))
        self._keep("signed out", whole.post("/sign-out/"))

    def _framed(self) -> None:
        frame = Frame(self._merchant)
        self._keep("native, refused", self._nobody.get(f"{frame.page}?payload=x"))
        about = {"client_id": frame.client_id}
        self._render("native, paused", lambda request: frames.page(request, "paused", about, status=403))
        self._keep("native, opening", self._nobody.get(frame.page))
        Store.objects.update(onboarded_at=None)
        self._keep("native, first run", frame.open(lang=self._language))
        door = f"{frame.page}settings/country_code/"
        self._keep("native, setting", self._nobody.get(door, headers={"X-Hub-Context": frame.context}))
        frame.post("onboarding/finish/")
        self._keep("native, store", frame.open(lang=self._language))

    def _endings(self) -> None:
        attempt = InstallAttempt.objects.order_by("pk").last()
        for one in ENDINGS:
            self._render(f"ending, {one.status}", partial(answers.page, answer=one, attempt=attempt))
        self._render("down", house.unavailable)
        self._render("failed", house.server_error)
        self._render("damaged", lambda request: house.bad_request(request, ValueError()))

    def _disconnected(self) -> None:
        merchant = self._merchant
        merchant.install()
        whole = self._whole(merchant.store.owner)
        self._keep("disconnected", whole.post(f"{merchant.page}connection/demo-app/disconnect/"))
        self._keep("store, removed", whole.get(merchant.page))


def _path(address: str) -> str:
    return address.removeprefix("http://testserver")
