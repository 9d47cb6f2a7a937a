"""How an identifier with a slash travels inside a path."""

from __future__ import annotations

# A slash inside an identifier travels as NUL, which no identifier may hold, until its parameter is read.
KEPT_SLASH = "\x00"


def plain(identifier: str) -> str:
    """Return the identifier as the caller knows it."""
    return identifier.replace(KEPT_SLASH, "/")
