"""Who signs in, and what store they hold."""

from accounts.models.audit import AppendOnly, AuditEntry
from accounts.models.buckets import Bucket
from accounts.models.invitations import INVITATION_LIFE, PROOF_LIFE, Invitation, Proof
from accounts.models.leases import Leased, LeasedQuerySet
from accounts.models.letters import Letter
from accounts.models.operators import Authenticator, OperatorSignIn, RecoveryCode
from accounts.models.passkeys import Passkey
from accounts.models.people import Membership, User
from accounts.models.sessions import Session
from accounts.models.settings import StoreSettings
from accounts.models.sign_ins import SignInRequest
from accounts.models.stores import Store

__all__ = [
    "INVITATION_LIFE",
    "PROOF_LIFE",
    "AppendOnly",
    "AuditEntry",
    "Authenticator",
    "Bucket",
    "Invitation",
    "Leased",
    "LeasedQuerySet",
    "Letter",
    "Membership",
    "OperatorSignIn",
    "Passkey",
    "Proof",
    "RecoveryCode",
    "Session",
    "SignInRequest",
    "Store",
    "StoreSettings",
    "User",
]
