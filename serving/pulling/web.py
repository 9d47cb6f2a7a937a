"""Read an address that the settings name: encrypted or on this host, bounded in size and time, never led elsewhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from features.errors import BadInputError, RefusedError, UnavailableError
from serving.outward import is_safe, opener

LARGEST_BYTES = 64 * 1024 * 1024
SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What an address answered."""

    body: bytes
    headers: Mapping[str, str]


def check_address(url: str, setting: str) -> str:
    """Return an address that may be read; raise BadInputError for one that is neither encrypted nor on this host."""
    parts = urlsplit(url)
    if not is_safe(url) or parts.username is not None:
        raise BadInputError(
            f"The setting {setting} names an address that is not read.",
            found=f"{parts.scheme}://{parts.hostname or ''}",
            allowed="https://…, or http:// on this host; without a user name in it",
        )
    return url


def beside(url: str, link: str) -> str:
    """Return the address of a link; raise RefusedError where it leads to another host: keys are sent there, too."""
    target = urljoin(url, link)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise RefusedError(
            "A page leads to another host.",
            found=urlsplit(target).netloc[:200],
            allowed=urlsplit(url).netloc,
            hint="Nothing was read there, for it would get this host's credentials.",
        )
    return target


def read(url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Return what an address answers.

    Raises
    ------
    UnavailableError
        If it does not answer, answers an error (its status is ``found``), leads elsewhere, or too much.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - checked by `check_address`
    host = urlsplit(url).hostname
    try:
        with opener().open(request, timeout=SECONDS) as answer:
            read_bytes = answer.read(LARGEST_BYTES + 1)
            found = {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        error.close()
        raise UnavailableError(f"{host} refuses to be read.", found=str(error.code)) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{host} does not answer.", found=type(error).__name__) from error
    if len(read_bytes) > LARGEST_BYTES:
        raise UnavailableError(f"{host} answers too much.", allowed=f"{LARGEST_BYTES} bytes")
    return Answer(read_bytes, found)
