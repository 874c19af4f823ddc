"""The session engine: Django's in the database, with person and store on the row and one write for a sign-in."""

import secrets
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from accounts.models import Session

STORE = "store"  # the key of what `Session.store` says


class SessionStore(db.SessionStore):
    """Django's own, less two queries at every sign-in: see `cycle_key` and `_get_new_session_key`."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = data.get(SESSION_KEY)
        row.store_id = data.get(STORE)
        return row

    def cycle_key(self) -> None:
        """Take a fresh key, against session fixation. Django writes the row now and again at the end; once will do."""
        old = self.session_key
        self.keys()  # loads the data before the key that finds it goes
        self._session_key = None
        self.modified = True
        if old:
            self.delete(old)

    def _validate_session_key(self, key: str | None) -> bool:
        # A cookie may spell a NUL, as \000, and PostgreSQL takes none in a text. Ours are letters and digits.
        return key is not None and len(key) >= 8 and key.isalnum()

    def _get_new_session_key(self) -> str:
        # 128 random bits: asking the database first finds nothing, and the INSERT would refuse a duplicate anyway.
        return secrets.token_hex(16)
