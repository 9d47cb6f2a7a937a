"""What was signed for the shadow is no champion's signature: moving an alias by hand gets nobody around the gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.models.bundles import RefusedBundleError
from serving.models.verification import verify_statement
from training.payload import json_bytes
from training.settings import TrainingSettings
from training.signing import promotion_key, signed, statement_of


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    folder = tmp_path / "payload"
    folder.mkdir()
    for name in ("golden.npz", "scorer.py"):
        (folder / name).write_bytes(b"")
    (folder / "feature_schema.json").write_bytes(json_bytes({"x": "number"}))
    return folder


def test_a_shadows_signature_copied_to_the_champions_place_is_refused(payload: Path, tmp_path: Path) -> None:
    settings = TrainingSettings(var=tmp_path / "var")
    key = promotion_key(settings)
    trusted = settings.key_folder / "trusted"
    shadow = signed(statement_of(payload, "skills@shadow", "3", "data"), key)
    with pytest.raises(RefusedBundleError, match="another model"):
        verify_statement(shadow, trusted, "skills", "3")
    champion = signed(statement_of(payload, "skills", "3", "data"), key)
    with pytest.raises(RefusedBundleError, match="another model"):
        verify_statement(champion, trusted, "skills", "4")  # the alias was moved to another version
