"""Fixtures of the serving tests: a house without models, a client with every scope."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from features.errors import UnavailableError
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.models import verification
from serving.models.aliases import signed_name
from serving.models.bundles import RefusedBundleError
from serving.models.registry import Standing
from serving.opening import build_house
from serving.settings import ServingSettings

MakeHouse = Callable[[Store], House]


@pytest.fixture
def serving_settings(tmp_path: Path) -> ServingSettings:
    """Return settings that write below this test's own folder."""
    return ServingSettings(var=tmp_path / "var", progress=False)


@pytest.fixture
def make_house(serving_settings: ServingSettings) -> MakeHouse:
    """Return a function that builds a house over a store; hold models in it by `house.models.hold(…)`."""
    return lambda store: build_house(serving_settings, store)


@pytest.fixture
def sqlite_house(make_house: MakeHouse, sqlite_store: Store) -> House:
    """Return a house over an empty SQLite store, without models."""
    return make_house(sqlite_store)


@pytest.fixture
def full_key(sqlite_house: House) -> str:
    """Return a key of the SQLite house with every scope."""
    return create_key(sqlite_house.store, "tests", ALL_SCOPES, datetime.now(UTC))


@pytest.fixture
def acting(sqlite_house: House) -> Callable[[str], TestClient]:
    """Return a function that makes a client which acts for a person and may write evaluations."""

    def made(person: str) -> TestClient:
        key = create_key(
            sqlite_house.store, "person", ["evaluations:write"], datetime.now(UTC), employee_id=person
        )
        return TestClient(create_app(house=sqlite_house), headers={"Authorization": f"Bearer {key}"})

    return made


@pytest.fixture
def client(sqlite_house: House, full_key: str) -> Iterator[TestClient]:
    """Return a client of the SQLite house, its background work running, with every scope."""
    app = create_app(house=sqlite_house)
    with TestClient(app, headers={"Authorization": f"Bearer {full_key}"}) as opened:
        yield opened


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


class Bundler:
    """Writes and signs bundles as docs/bundle.md says, sharing no code with the product."""

    def __init__(self, settings: ServingSettings) -> None:
        self.settings = settings
        self.key = Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]
        settings.trusted_folder.mkdir(parents=True, exist_ok=True)
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (settings.trusted_folder / f"{self.key_id}.pem").write_bytes(pem)

    def write(
        self, folder: Path, weight: float, scorer: str = SCORER, schema: str = '{"rows":"number"}'
    ) -> Path:
        """Write a payload that multiplies by a weight."""
        folder.mkdir(parents=True)
        (folder / "scorer.py").write_text(scorer)
        (folder / "feature_schema.json").write_text(schema)
        rows = np.arange(3.0)
        np.savez(folder / "weight.npz", weight=np.float64(weight))
        np.savez(folder / "golden.npz", input_rows=rows, output=rows * weight)
        return folder

    def statement(self, folder: Path, name: str, version: str) -> dict[str, object]:
        """Return the statement about a payload."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
        }
        lines = "".join(f"{path}\0{files[path]}\n" for path in sorted(files))
        return {
            "format": 1,
            "name": name,
            "version": version,
            "payload_digest": hashlib.sha256(lines.encode()).hexdigest(),
            "feature_schema_digest": files["feature_schema.json"],
            "data_digest": "0" * 64,
            "files": files,
        }

    def sign(self, statement: dict[str, object]) -> bytes:
        """Return the signature file of a statement."""
        text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signature = base64.b64encode(self.key.sign(text)).decode()
        return json.dumps({"statement": statement, "signature": signature, "key_id": self.key_id}).encode()


class FolderRegistry:
    """A registry in memory: whom each question's aliases point to, payload folders and signatures for each place."""

    def __init__(self) -> None:
        self.folders: dict[tuple[str, str], Path] = {}
        self.signatures: dict[tuple[str, str], bytes | None] = {}
        self.aliases: dict[tuple[str, str], str] = {}
        self.canary_share = "0.5"
        self.is_away = False

    def promote(
        self, name: str, version: str, folder: Path, signature: bytes | None, alias: str = "champion"
    ) -> None:
        """Add a version, signed for a place, and point the alias to it."""
        self.folders[name, version] = folder
        self.signatures[signed_name(name, alias), version] = signature
        self.aliases[name, alias] = version

    def standing(self, question: str) -> list[Standing]:
        if self.is_away:
            raise UnavailableError("The registry does not answer.")
        return [
            Standing(question, version, "run", "", alias, self.canary_share if alias == "canary" else "")
            for (name, alias), version in self.aliases.items()
            if name == question
        ]

    def signature(self, standing: Standing) -> bytes:
        signature = self.signatures.get((standing.signed_name, standing.version))
        if signature is None:
            raise RefusedBundleError("It is not signed.")
        return signature

    def payload(self, standing: Standing, folder: Path, limit_bytes: int) -> Path:
        source = self.folders[standing.name, standing.version]
        subprocess.run(["cp", "-a", str(source), str(folder / "payload")], check=True)  # links and pipes too
        return folder / "payload"

    def metrics(self, standing: Standing) -> dict[str, float]:
        return {"auc": 0.5}


@pytest.fixture
def bundler(serving_settings: ServingSettings, monkeypatch: pytest.MonkeyPatch) -> Bundler:
    """Return a signer whose key the service trusts; its toy models expect features of their own."""
    monkeypatch.setattr(verification, "expected_schema_digest", lambda _question: None)
    return Bundler(serving_settings)


@pytest.fixture
def registry() -> FolderRegistry:
    """Return an empty registry."""
    return FolderRegistry()
