"""What this SCIM service offers: users with the enterprise extension, groups; bulk, filters, sorting, versions."""

from __future__ import annotations

import functools
import os
import secrets
from pathlib import Path

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
    Pagination,
    Patch,
    Reference,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.service import ScimService
from scim2_server.utils import load_default_resource_types, load_default_schemas

MOST_OPERATIONS = 1_000
MOST_RESULTS = 1_000
LARGEST_BULK = 1024 * 1024
CURSOR_SECONDS = 3_600
SEALING_FILE = "scim.secret"


def configuration() -> ServiceProviderConfig:
    """Return what the service announces; passwords are the identity provider's, never kept here."""
    key = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken,
        name="API key",
        description="Authorization: Bearer sk_… with the scope records:write",
        spec_uri=Reference[External]("https://datatracker.ietf.org/doc/html/rfc6750"),
    )
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=LARGEST_BULK),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        pagination=Pagination(
            index=True,
            cursor=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            max_page_size=MOST_RESULTS,
            cursor_timeout=CURSOR_SECONDS,
        ),
        etag=ETag(supported=True),
        authentication_schemes=[key],
    )


@functools.cache
def provider() -> ScimProvider:
    """Return the description of the service, built once."""
    return ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=configuration()
    )


@functools.cache
def service(var: Path) -> ScimService:
    """Return the protocol, built once; its cursors are sealed with a secret of the var folder."""
    return ScimService(provider(), secret=sealing_key(var / SEALING_FILE))


def sealing_key(path: Path) -> bytes:
    """Return the secret of a file, which whoever comes first makes: all processes seal cursors with one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.is_file():
        own.touch(mode=0o600)
        own.write_bytes(secrets.token_bytes(32))
        try:
            os.link(own, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            own.unlink()
    return path.read_bytes()
