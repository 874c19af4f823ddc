"""Addresses of apps: what may be redirected to, and how answers are hung on it."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_PORTS = {"http": 80, "https": 443}


def with_query(url: str, **params: object) -> str:
    """Add parameters to whatever query the address already has; None is left out."""
    parts = urlsplit(url)
    added = [(name, str(value)) for name, value in params.items() if value is not None]
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def origin(url: str) -> tuple[str, str, int] | None:
    """Give scheme, host and port; None for what no redirect may go to (no host, user names, odd ports)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    return parts.scheme, parts.hostname.lower(), port


def is_allowed(redirect_uri: str, registered: str) -> bool:
    """Tell whether it is the registered address, or one on the same scheme, host and port.

    Source: contract §2.3.
    """
    place = origin(redirect_uri)
    return place is not None and place == origin(registered) and "#" not in redirect_uri
