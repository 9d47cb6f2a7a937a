"""From a fetched or kept bundle to a verified one: signature, files, feature schema, in this order."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from serving.models.aliases import question_of
from serving.models.bundles import Statement, canonical, read_signed, require, trusted_keys, verify_payload


def expected_schema_digest(question: str) -> str | None:
    """Return the digest of the features that this code makes for a question; None where it makes none."""
    name = f"features.{question}"
    if importlib.util.find_spec(name) is None:
        return None
    schema = getattr(importlib.import_module(name), "FEATURE_SCHEMA", None)
    return hashlib.sha256(canonical(dict(schema))).hexdigest() if schema is not None else None


def verify_statement(signature: bytes, trusted: Path, name: str, version: str) -> Statement:
    """Return a verified statement about the version that was asked for, for the place that its name says.

    Raises
    ------
    RefusedBundleError
        If it is unsigned, not trusted, about something else, or expects other features than this code makes.
    """
    signed = read_signed(signature, trusted_keys(trusted))
    about = f"{signed.name} {signed.version}"
    require(signed.name == name and signed.version == version, "The signature is of another model.", about)
    expected = expected_schema_digest(question_of(name))
    require(
        expected in (None, signed.feature_schema_digest),
        "The model expects other features than this code makes; train it again.",
        signed.feature_schema_digest,
    )
    return signed


def verify_bundle(
    payload: Path, signature: bytes, trusted: Path, asked: tuple[str, str], limit_bytes: int
) -> Statement:
    """Return the verified statement of a whole bundle, `asked` as (signed name, version); parse nothing of it."""
    signed = verify_statement(signature, trusted, *asked)
    verify_payload(payload, signed, limit_bytes)
    return signed
