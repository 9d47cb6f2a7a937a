"""Signed bundles (docs/bundle.md): verified before anything in them is parsed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from features.errors import UnavailableError

SIGNATURE_LIMIT_BYTES = 1024 * 1024
MOST_FILES = 1_000
SUFFIXES = frozenset({".txt", ".npz", ".json"})
NEEDED = frozenset({"scorer.py", "golden.npz", "feature_schema.json"})
SIGNED_KEYS = {"statement", "signature", "key_id"}
STATEMENT_KEYS = {
    "format",
    "name",
    "version",
    "payload_digest",
    "feature_schema_digest",
    "data_digest",
    "files",
}


class RefusedBundleError(UnavailableError):
    """A bundle is not what was signed, or not signed by anybody trusted; the model before it goes on."""


@dataclass(frozen=True)
class Statement:
    """What was signed about one version of one model."""

    name: str
    version: str
    payload_digest: str
    feature_schema_digest: str
    data_digest: str
    files: Mapping[str, str]
    key_id: str


def canonical(value: object) -> bytes:
    """Return canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def require(holds: bool, why: str, found: str = "") -> None:
    """Raise RefusedBundleError where something does not hold."""
    if not holds:
        raise RefusedBundleError(why, found=found[:200])


def trusted_keys(folder: Path) -> dict[str, Ed25519PublicKey]:
    """Return the trusted public keys by their id; a file that is none is an error of the operator."""
    keys: dict[str, Ed25519PublicKey] = {}
    for path in sorted(folder.glob("*.pem")) if folder.is_dir() else []:
        try:
            key = load_pem_public_key(path.read_bytes())
        except ValueError as error:
            raise RefusedBundleError("A trusted key cannot be read.", found=path.name) from error
        require(isinstance(key, Ed25519PublicKey), "A trusted key is no Ed25519 key.", path.name)
        assert isinstance(key, Ed25519PublicKey)
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        keys[hashlib.sha256(raw).hexdigest()[:16]] = key
    return keys


def read_signed(content: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Statement:
    """Return the statement of a signature file, verified.

    Raises
    ------
    RefusedBundleError
        If the file is not as documented, its key is not trusted, or the signature does not hold.
    """
    require(len(content) <= SIGNATURE_LIMIT_BYTES, "The signature file is too large.", str(len(content)))
    try:
        signed = json.loads(content)
        text = canonical(signed["statement"])
        signature = base64.b64decode(signed["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedBundleError("The signature file cannot be read.", found=type(error).__name__) from error
    require(set(signed) == SIGNED_KEYS, "The signature file has other members than it may.")
    key_id = str(signed["key_id"])
    key = keys.get(key_id)
    if key is None:
        raise RefusedBundleError("The signature's key is not trusted.", found=key_id[:64])
    try:
        key.verify(signature, text)
    except InvalidSignature as error:
        raise RefusedBundleError("The signature does not hold.") from error
    return statement(signed["statement"], key_id)


def statement(said: Any, key_id: str) -> Statement:
    """Return a signed statement as it is used; raise RefusedBundleError where it is not as documented."""
    require(isinstance(said, dict) and set(said) == STATEMENT_KEYS, "The statement has other members.")
    require(said["format"] == 1, "The statement has another format.", str(said["format"]))
    files = said["files"]
    texts = [said[name] for name in STATEMENT_KEYS - {"format", "files"}]
    require(all(isinstance(text, str) for text in texts), "A member of the statement is not text.")
    require(
        isinstance(files, dict) and 0 < len(files) <= MOST_FILES, "The statement names no files, or too many."
    )
    for path, digest in files.items():
        require(is_plain_path(path), "A file has an impossible name.", path)
        require(isinstance(digest, str) and len(digest) == 64, "A file has no digest.", path)
    require(set(files) >= NEEDED, "A needed file is missing.", " ".join(sorted(NEEDED - set(files))))
    require(digest_of(files) == said["payload_digest"], "The payload digest does not follow from the files.")
    schema = files["feature_schema.json"]
    require(schema == said["feature_schema_digest"], "The feature schema is another one than signed.")
    rest = {name: said[name] for name in STATEMENT_KEYS - {"format"}}
    return Statement(**rest, key_id=key_id)


def is_plain_path(name: object) -> bool:
    """Say whether a name stays inside its folder and has a suffix that may occur."""
    if not isinstance(name, str) or "\\" in name or "\x00" in name or len(name) > 500:
        return False
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and str(path) == name
    return inside and (name == "scorer.py" or path.suffix in SUFFIXES)


def digest_of(files: Mapping[str, str]) -> str:
    """Return the payload digest that follows from the files' digests."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{files[path]}\n".encode())
    return total.hexdigest()


def verify_payload(folder: Path, signed: Statement, limit_bytes: int) -> None:
    """Check that a folder holds exactly the signed files; nothing in it is parsed.

    Raises
    ------
    RefusedBundleError
        If a file is missing, more, a link, too large or not what was signed.
    """
    found = plain_files(folder)
    require(
        set(found) == set(signed.files),
        "The payload holds other files than signed.",
        " ".join(sorted(set(found) ^ set(signed.files))),
    )
    require(sum(found.values()) <= limit_bytes, "The payload is too large.", str(sum(found.values())))
    for path, digest in signed.files.items():
        require(file_digest(folder / path) == digest, "A file is not what was signed.", path)


def plain_files(folder: Path) -> dict[str, int]:
    """Return the size of every file below a folder; raise RefusedBundleError for links and the like."""
    sizes: dict[str, int] = {}
    for root, folders, names in os.walk(folder, followlinks=False):
        for name in (*folders, *names):
            path = Path(root) / name
            status = path.lstat()
            is_folder, is_file = stat.S_ISDIR(status.st_mode), stat.S_ISREG(status.st_mode)
            require(is_folder or is_file, "The payload holds what is neither file nor folder.", name)
            require(is_folder or status.st_nlink == 1, "A file of the payload has two names.", name)
            if is_file:
                sizes[path.relative_to(folder).as_posix()] = status.st_size
        require(len(sizes) <= MOST_FILES, "The payload holds too many files.")
    return sizes


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
