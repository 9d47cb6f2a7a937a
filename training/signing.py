"""Sign what a promoted model is made of: Ed25519 over canonical JSON (docs/bundle.md)."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from features.errors import BadInputError, UnavailableError
from training.payload import SCHEMA, digest_of, file_digests, json_bytes
from training.settings import TrainingSettings

FORMAT = 1
PRIVATE_NAME = "promotion.pem"
OTHERS = 0o077  # permission bits of group and others


def statement_of(folder: Path, name: str, version: str, data_digest: str) -> dict[str, Any]:
    """Return what is signed about a payload.

    Parameters
    ----------
    folder : Path
        The payload.
    name, version : str
        Of the registered model.
    data_digest : str
        Of the data it was trained on.
    """
    files = file_digests(folder)
    return {
        "format": FORMAT,
        "name": name,
        "version": version,
        "payload_digest": digest_of(files),
        "feature_schema_digest": files[SCHEMA],
        "data_digest": data_digest,
        "files": files,
    }


def signed(statement: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the signature file of a statement."""
    signature = base64.b64encode(key.sign(json_bytes(statement))).decode("ascii")
    return json_bytes({"statement": statement, "signature": signature, "key_id": key_id(key.public_key())})


def key_id(public: Ed25519PublicKey) -> str:
    """Return the name of a public key: 16 hexadecimal digits of its SHA-256."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def promotion_key(settings: TrainingSettings) -> Ed25519PrivateKey:
    """Return the private key that signs promotions; the embedded default is made at the first call.

    Raises
    ------
    UnavailableError
        If the key that a setting names is not there.
    BadInputError
        If it is no Ed25519 key, or others can read the embedded one.
    """
    if settings.promotion_key is not None:
        return read_key(settings.promotion_key)
    path = settings.key_folder / PRIVATE_NAME
    if not path.exists():
        make_key(path)
    if path.stat().st_mode & OTHERS:
        raise BadInputError(
            "Others can read the private key.",
            found=f"{path} {path.stat().st_mode & 0o777:o}",
            allowed="mode 600",
        )
    key = read_key(path)
    trust(key.public_key(), settings.key_folder / "trusted")
    return key


def make_key(path: Path) -> None:
    """Make a private key that only its owner can read; a key that stands there is kept."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(pem)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnavailableError("The key that signs promotions cannot be read.", found=str(path)) from error
    except (ValueError, TypeError) as error:
        raise BadInputError("The key that signs promotions is damaged.", found=str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInputError(
            "The key that signs promotions is of another kind.", allowed="Ed25519, PEM, no password"
        )
    return key


def trust(public: Ed25519PublicKey, folder: Path) -> None:
    """Put a public key among the trusted ones."""
    folder.mkdir(parents=True, exist_ok=True)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = folder / f"{key_id(public)}.pem"
    if not path.is_file() or path.read_bytes() != pem:
        partial = path.with_suffix(".partial")
        partial.write_bytes(pem)
        partial.replace(path)
