"""The story: ids that every log line carries, from the door or the task where it begins until it is over.

Keys: request, task, app, store, attempt, event_id, person. Ids only, never what a merchant or Ecwid said.
"""

import structlog

# A context that ends with a `with`: what is bound in it holds for its lines only.
chapter = structlog.contextvars.bound_contextvars


def begin(**ids: object) -> None:
    """Forget the story before, which this thread may still know, and begin a new one."""
    structlog.contextvars.clear_contextvars()
    about(**ids)


def about(**ids: object) -> None:
    """Say what the story is about from here on; what is not known yet is left out."""
    structlog.contextvars.bind_contextvars(**{name: value for name, value in ids.items() if value not in (None, "")})


def ids() -> dict[str, object]:
    """Return what the story is about."""
    return structlog.contextvars.get_contextvars()
