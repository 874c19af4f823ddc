"""Operators' view of people, stores and what operators did; and what every page of the admin is made from."""

from accounts.admin import audit, people, sign_ins, stores, support
from accounts.admin.rows import AuditedAdmin, ReadOnlyAdmin

__all__ = ["AuditedAdmin", "ReadOnlyAdmin", "audit", "people", "sign_ins", "stores", "support"]
