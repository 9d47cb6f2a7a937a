"""What this SCIM service offers: users with the enterprise extension, groups; bulk, filters, sorting, versions."""

from __future__ import annotations

import functools

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
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
def service() -> ScimService:
    """Return the protocol, built once."""
    return ScimService(provider())
