"""Log lines: one JSON object each (readable text in DEBUG), every one redacted before it is written."""

import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

# Ecwid's tokens by their prefixes (contract §2.4; one scope's name begins the same), anything behind a credential's
# name, and bearer headers.
_SECRETS = re.compile(
    r"(?i)\b(?!public_storefront(?![a-z0-9_-]))(?:secret|public)_[a-z0-9_-]{6,}"
    r"|(?<=bearer )[^\s\"',]+"
    r"|(?<![a-z_])(?:code|state|payload|client_secret|access_token|public_token|token|sesame|sessionid)=[^\s&\"']+"
)
_SECRET_NAMES = re.compile(r"(?i)^(code|state|payload|cookie|.*secret|.*token|.*password|authorization|set-cookie)$")
_GONE = "[redacted]"


def redact(value: Any, depth: int = 0) -> Any:
    """Return `value` with everything that looks like a credential replaced, however deep it lies."""
    if isinstance(value, str):
        return _SECRETS.sub(_GONE, value)
    if isinstance(value, Mapping):
        return {
            key: _GONE if isinstance(key, str) and _SECRET_NAMES.match(key) else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, depth + 1) for item in value]
    if isinstance(value, int | float | bool | None):
        return value
    return redact(str(value))


def _redaction(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact one structlog event; structlog's own bookkeeping keys stay as they are."""
    return {key: item if key.startswith("_") else redact({key: item})[key] for key, item in event.items()}


def configure(config: Mapping[str, Any]) -> None:
    """Set up logging: `config` is {"level": "INFO", "json": True}."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": _formatter(as_json=config["json"])},
            "handlers": {"stdout": handler},
            "root": {"handlers": ["stdout"], "level": config["level"]},
            "loggers": {
                "django.server": {"handlers": [], "propagate": False},
                "urllib3": {"level": "WARNING"},
                "django.db.backends": {"level": "WARNING"},
            },
        }
    )


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _formatter(*, as_json: bool) -> dict[str, Any]:
    """Return the one formatter, through which every line goes: ours, Django's, Celery's and gunicorn's."""
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder()],
        "processors": [
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _redaction,
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False),
        ],
    }
