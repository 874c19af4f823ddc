"""Addresses of the ground floor."""

from django.urls import path

from accounts import converters
from accounts.views import account, home, invitations, looks, passkeys, people, signing_in

PEOPLE = f"{converters.STORE}people/"

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", signing_in.ask_for_link, name="sign-in"),
    path("sign-in/link/", signing_in.sign_in_link, name="sign-in-link"),
    path("sign-in/passkey/", passkeys.sign_in_with, name="passkey-sign-in"),
    path("sign-in/passkey/options/", passkeys.sign_in_options, name="passkey-sign-in-options"),
    path("sign-out/", signing_in.sign_out, name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/link/", signing_in.ask_for_own_link, name="own-link"),
    path("account/name/", account.rename, name="rename"),
    path("account/language/", account.choose_language, name="choose-language"),
    path("account/email/", account.change_email, name="change-email"),
    path("account/email/<uuid:uid>/", account.confirm_email, name="confirm-email"),
    path("account/join/", account.ask_to_join, name="ask-to-join"),
    path("account/join/<uuid:uid>/<number:other_id>/", account.join, name="join"),
    path("account/sign-out-everywhere/", account.sign_out_everywhere, name="sign-out-everywhere"),
    path("account/passkeys/", passkeys.add, name="add-passkey"),
    path("account/passkeys/options/", passkeys.creation_options, name="passkey-options"),
    path("account/passkeys/<number:passkey_id>/name/", passkeys.rename, name="rename-passkey"),
    path("account/passkeys/<number:passkey_id>/remove/", passkeys.remove, name="remove-passkey"),
    path("support-view/end/", looks.end, name="end-support-view"),
    path("invitations/<uuid:uid>/", invitations.invitation, name="invitation"),
    path(PEOPLE, people.people, name="people"),
    path(f"{PEOPLE}invite/", people.invite, name="invite"),
    path(f"{PEOPLE}leave/", people.leave, name="leave"),
    path(f"{PEOPLE}<number:user_id>/remove/", people.remove, name="remove-member"),
    path(f"{PEOPLE}<number:user_id>/make-owner/", people.make_owner, name="make-owner"),
    path(f"{PEOPLE}<number:user_id>/hand-over/", people.hand_over, name="hand-over"),
    path(f"{PEOPLE}invitations/<number:invitation_id>/withdraw/", people.withdraw, name="withdraw"),
]
