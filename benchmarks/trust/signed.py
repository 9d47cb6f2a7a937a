"""Bundles written and signed as docs/bundle.md says, and a registry in memory that hands them out."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from features.attrition import population
from features.errors import UnavailableError
from serving.models.bundles import RefusedBundleError, canonical, digest_of
from serving.models.registry import Standing
from serving.settings import ServingSettings

QUESTION = "attrition"
SCORER = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np

@dataclass
class Scorer:
    weight: float

    @classmethod
    def load(cls, folder: Path) -> "Scorer":
        with np.load(folder / "weight.npz", allow_pickle=False) as arrays:
            return cls(float(arrays["weight"]))

    def scores(self, rows):
        return rows * self.weight
"""


class Signer:
    """Writes and signs bundles that a service trusts.

    Parameters
    ----------
    settings : ServingSettings
        Whose folder of trusted keys gets the key.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self.key = Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]
        settings.trusted_folder.mkdir(parents=True, exist_ok=True)
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (settings.trusted_folder / f"{self.key_id}.pem").write_bytes(pem)

    def write(self, folder: Path, weight: float) -> Path:
        """Write a payload that multiplies by a weight."""
        folder.mkdir(parents=True)
        (folder / "scorer.py").write_text(SCORER)
        schema = getattr(population, "FEATURE_SCHEMA", {"rows": "number"})
        (folder / "feature_schema.json").write_bytes(canonical(dict(schema)))
        rows = np.arange(3.0)
        np.savez(folder / "weight.npz", weight=np.float64(weight))
        np.savez(folder / "golden.npz", input_rows=rows, output=rows * weight)
        return folder

    def signature(self, folder: Path, version: str) -> bytes:
        """Return the signature file of a payload."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
        }
        statement = {
            "format": 1, "name": QUESTION, "version": version, "payload_digest": digest_of(files),
            "feature_schema_digest": files["feature_schema.json"], "data_digest": "0" * 64, "files": files,
        }  # fmt: skip
        mark = base64.b64encode(self.key.sign(canonical(statement))).decode()
        return json.dumps({"statement": statement, "signature": mark, "key_id": self.key_id}).encode()


@dataclass
class MemoryRegistry:
    """A registry whose champion of one question can be set, damaged and taken away."""

    folder: Path | None = None
    version: str = ""
    mark: bytes | None = None
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def promote(self, version: str, folder: Path, mark: bytes | None) -> None:
        """Set the champion."""
        self.version, self.folder, self.mark = version, folder, mark

    def standing(self, question: str) -> list[Standing]:
        """Return the champion of the one question."""
        if self.is_away:
            raise UnavailableError("The registry does not answer.")
        is_here = question == QUESTION and self.version
        return [Standing(question, self.version, f"run-{self.version}", "")] if is_here else []

    def signature(self, standing: Standing) -> bytes:
        """Return the signature file."""
        self.asked.append(standing.version)
        if self.mark is None:
            raise RefusedBundleError("It is not signed.")
        return self.mark

    def payload(self, _standing: Standing, folder: Path, limit_bytes: int) -> Path:
        """Copy the payload, links as links."""
        assert self.folder is not None
        assert limit_bytes > 0
        shutil.copytree(self.folder, folder / "payload", symlinks=True)
        return folder / "payload"

    def metrics(self, _standing: Standing) -> dict[str, float]:
        """Return nothing."""
        return {}
