"""Serving's own verifier reads the golden bundle: the side that shares no code with training stays honest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from serving.models.bundles import RefusedBundleError, read_signed, trusted_keys, verify_payload
from serving.models.scorers import golden_holds, load_scorer
from serving.models.trial import try_bundle

GOLDEN = Path(__file__).parent / "golden"
LIMIT_BYTES = 1024 * 1024


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a copy of the golden bundle that a test may damage."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


def verify(bundle: Path) -> None:
    """Verify as the puller does, short of the question's own feature schema."""
    signed = read_signed((bundle / "signature.json").read_bytes(), trusted_keys(bundle / "trusted"))
    verify_payload(bundle / "payload", signed, LIMIT_BYTES)


def test_flipping_any_byte_of_any_payload_file_is_refused(bundle: Path) -> None:
    for path in sorted(path for path in (bundle / "payload").rglob("*") if path.is_file()):
        content = path.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 25)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(RefusedBundleError):
                verify(bundle)
        path.write_bytes(content)
    verify(bundle)


def test_changing_any_member_of_the_signed_statement_is_refused(bundle: Path) -> None:
    signed = json.loads((bundle / "signature.json").read_text())
    for member, value in signed["statement"].items():
        changed = {
            **signed["statement"],
            member: 2 if isinstance(value, int) else {} if isinstance(value, dict) else "x",
        }
        (bundle / "signature.json").write_text(json.dumps({**signed, "statement": changed}))
        with pytest.raises(RefusedBundleError):
            verify(bundle)


def test_a_bundle_whose_key_is_not_trusted_is_refused(bundle: Path) -> None:
    shutil.rmtree(bundle / "trusted")
    with pytest.raises(RefusedBundleError, match="not trusted"):
        verify(bundle)


def test_the_bundle_of_long_ago_verifies_and_gives_its_golden_prediction() -> None:
    verify(GOLDEN)
    assert golden_holds(GOLDEN / "payload", load_scorer(GOLDEN / "payload"))
    assert try_bundle(GOLDEN / "payload", seconds=60, memory_bytes=8 * 1024**3) == ""
    assert not list(GOLDEN.rglob("__pycache__"))
