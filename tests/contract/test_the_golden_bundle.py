"""The signed bundle of docs/bundle.md, checked by a verifier that shares no code with either side."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from training.loading import golden_difference
from training.payload import file_digests, payload_digest
from training.signing import statement_of

GOLDEN = Path(__file__).parent / "golden"
KEYS = {"format", "name", "version", "payload_digest", "feature_schema_digest", "data_digest", "files"}


class NotVerifiedError(Exception):
    """The bundle is not what was signed."""


def canonical(value: Any) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refuse(if_so: bool, why: str) -> None:
    if if_so:
        raise NotVerifiedError(why)


def verify(folder: Path) -> dict[str, Any]:
    """Verify a bundle by the seven steps of docs/bundle.md, up to the one that parses."""
    try:
        document = json.loads((folder / "signature.json").read_bytes())
        statement, signature = document["statement"], base64.b64decode(document["signature"], validate=True)
        key = load_pem_public_key((folder / "trusted" / f"{document['key_id']}.pem").read_bytes())
        key.verify(signature, canonical(statement))  # type: ignore[union-attr, call-arg]
    except (ValueError, KeyError, TypeError, OSError, InvalidSignature) as error:
        raise NotVerifiedError(str(error)) from error
    refuse(set(document) != {"statement", "signature", "key_id"}, "keys of the document")
    refuse(set(statement) != KEYS or statement["format"] != 1, "keys of the statement")
    payload = folder / "payload"
    paths = {path.relative_to(payload).as_posix(): path for path in payload.rglob("*") if not path.is_dir()}
    refuse(any(path.is_symlink() for path in payload.rglob("*")), "a link")
    refuse(set(paths) != set(statement["files"]), "another set of files")
    found = {name: sha256(path.read_bytes()) for name, path in paths.items()}
    refuse(found != statement["files"], "another file")
    lines = b"".join(f"{name}\0{found[name]}\n".encode() for name in sorted(found))
    refuse(sha256(lines) != statement["payload_digest"], "another payload digest")
    refuse(found["feature_schema.json"] != statement["feature_schema_digest"], "another feature schema")
    return dict(statement)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "bundle")
    return tmp_path / "bundle"


class TestRefusals:
    def test_flipping_any_byte_of_any_payload_file_breaks_verification(self, bundle: Path) -> None:
        for path in sorted((bundle / "payload").rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                for place in range(len(content)):
                    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
                    with pytest.raises(NotVerifiedError):
                        verify(bundle)
                path.write_bytes(content)
        assert verify(bundle)

    def test_flipping_any_byte_of_the_signed_statement_breaks_verification(self, bundle: Path) -> None:
        path = bundle / "signature.json"
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(NotVerifiedError):
                verify(bundle)

    def test_a_file_more_or_a_file_less_breaks_verification(self, bundle: Path) -> None:
        extra = bundle / "payload" / "__pycache__" / "scorer.pyc"
        extra.parent.mkdir()
        extra.write_bytes(b"code")
        with pytest.raises(NotVerifiedError, match="another set"):
            verify(bundle)
        shutil.rmtree(extra.parent)
        (bundle / "payload" / "golden.npz").unlink()
        with pytest.raises(NotVerifiedError, match="another set"):
            verify(bundle)

    def test_a_link_to_equal_bytes_breaks_verification(self, bundle: Path) -> None:
        path = bundle / "payload" / "weights.npz"
        path.rename(bundle / "weights.npz")
        path.symlink_to(bundle / "weights.npz")
        with pytest.raises(NotVerifiedError, match="a link"):
            verify(bundle)

    def test_a_signature_by_a_key_that_is_not_trusted_is_refused(self, bundle: Path) -> None:
        shutil.rmtree(bundle / "trusted")
        with pytest.raises(NotVerifiedError):
            verify(bundle)


class TestTheGoldenBundle:
    def test_the_bundle_of_long_ago_still_verifies(self) -> None:
        statement = verify(GOLDEN)
        assert (statement["name"], statement["version"], statement["format"]) == ("attrition", "3", 1)

    def test_training_says_the_same_about_the_same_files(self) -> None:
        payload = GOLDEN / "payload"
        assert statement_of(payload, "attrition", "3", "d" * 64) == verify(GOLDEN)
        assert payload_digest(payload) == verify(GOLDEN)["payload_digest"]
        assert file_digests(payload) == verify(GOLDEN)["files"]

    def test_a_key_is_named_by_the_hash_of_its_raw_bytes(self) -> None:
        (path,) = (GOLDEN / "trusted").glob("*.pem")
        raw = load_pem_public_key(path.read_bytes()).public_bytes(Encoding.Raw, PublicFormat.Raw)
        assert path.stem == sha256(raw)[:16]

    def test_the_golden_answer_is_the_one_by_hand(self) -> None:
        assert golden_difference(GOLDEN / "payload") == 0.0
        with np.load(GOLDEN / "payload" / "golden.npz", allow_pickle=False) as golden:
            # 0·1 − 1·2 + 2·0.5 = −1 and 3·1 − 4·2 + 5·0.5 = −2.5
            np.testing.assert_array_equal(golden["output"], [-1.0, -2.5])
