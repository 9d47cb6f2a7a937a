"""What is promoted is signed by a key that only its owner can read."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from features.errors import BadInputError, UnavailableError
from training.payload import Payload, json_bytes, payload_digest, write_payload
from training.settings import TrainingSettings
from training.signing import key_id, promotion_key, signed, statement_of

SCORER = Path(__file__).parent / "toy" / "scorer.py"


class TestRefusals:
    def test_a_key_that_others_can_read_is_refused(self, settings: TrainingSettings) -> None:
        promotion_key(settings)
        (settings.key_folder / "promotion.pem").chmod(0o644)
        with pytest.raises(BadInputError, match="644"):
            promotion_key(settings)

    def test_a_named_key_that_is_not_there_is_not_made(
        self, settings: TrainingSettings, tmp_path: Path
    ) -> None:
        elsewhere = settings.model_copy(update={"promotion_key": tmp_path / "none.pem"})
        with pytest.raises(UnavailableError, match="cannot be read"):
            promotion_key(elsewhere)

    def test_a_damaged_key_is_refused(self, settings: TrainingSettings, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("no key")
        with pytest.raises(BadInputError, match="damaged"):
            promotion_key(settings.model_copy(update={"promotion_key": tmp_path / "key.pem"}))

    def test_a_key_of_another_kind_is_refused(self, settings: TrainingSettings, tmp_path: Path) -> None:
        pem = generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        (tmp_path / "key.pem").write_bytes(pem)
        with pytest.raises(BadInputError, match="Ed25519"):
            promotion_key(settings.model_copy(update={"promotion_key": tmp_path / "key.pem"}))


class TestKeys:
    def test_the_first_call_makes_a_private_key_and_trusts_its_public_half(
        self, settings: TrainingSettings
    ) -> None:
        key = promotion_key(settings)
        private = settings.key_folder / "promotion.pem"
        (trusted,) = (settings.key_folder / "trusted").iterdir()
        assert private.stat().st_mode & 0o777 == 0o600
        assert trusted.name == f"{key_id(key.public_key())}.pem"
        assert b"PRIVATE" not in trusted.read_bytes()

    def test_the_second_call_finds_the_same_key(self, settings: TrainingSettings) -> None:
        assert key_id(promotion_key(settings).public_key()) == key_id(promotion_key(settings).public_key())

    def test_a_key_named_by_a_setting_is_used_and_nothing_is_written(
        self, settings: TrainingSettings, tmp_path: Path
    ) -> None:
        own = Ed25519PrivateKey.generate()
        path = tmp_path / "own.pem"
        path.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        found = promotion_key(settings.model_copy(update={"promotion_key": path}))
        assert key_id(found.public_key()) == key_id(own.public_key())
        assert not settings.key_folder.exists()


class TestSignatures:
    def test_the_signature_verifies_over_the_canonical_statement(
        self, payload: Payload, settings: TrainingSettings, tmp_path: Path
    ) -> None:
        digest = write_payload(payload, tmp_path / "p", scorer=SCORER)
        document = json.loads(
            signed(statement_of(tmp_path / "p", "toy", "1", "data"), promotion_key(settings))
        )
        public = load_pem_public_key(
            (settings.key_folder / "trusted" / f"{document['key_id']}.pem").read_bytes()
        )
        public.verify(base64.b64decode(document["signature"]), json_bytes(document["statement"]))
        assert document["statement"]["payload_digest"] == digest == payload_digest(tmp_path / "p")

    def test_the_statement_names_every_file_and_nothing_else(self, payload: Payload, tmp_path: Path) -> None:
        write_payload(payload, tmp_path / "p", scorer=SCORER)
        statement = statement_of(tmp_path / "p", "toy", "1", "data")
        assert set(statement["files"]) == {"scorer.py", "weights.npz", "golden.npz", "feature_schema.json"}
        assert statement["feature_schema_digest"] == statement["files"]["feature_schema.json"]
