"""What may be read over the network: addresses of the settings, encrypted or on this host, never led elsewhere."""

from __future__ import annotations

import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow nobody elsewhere: what is read is where the settings say."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Return None: there is no further request."""


def is_safe(url: str) -> bool:
    """Say whether an address is encrypted, or stays on this host."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )


def opener() -> urllib.request.OpenerDirector:
    """Return what opens an address and follows no redirect."""
    return urllib.request.build_opener(NoRedirect)
