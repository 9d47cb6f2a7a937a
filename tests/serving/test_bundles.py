"""Bundles: every damaged, unsigned or foreign one is refused while the champion answers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import UnavailableError
from serving.models import verification
from serving.models.answering import Models
from serving.models.puller import Puller, clean_incoming
from serving.models.shelf import Shelf
from serving.settings import ServingSettings

CRASHING = """
import os, signal
class Scorer:
    @classmethod
    def load(cls, folder):
        os.kill(os.getpid(), signal.SIGSEGV)
"""
HANGING = "import time\nclass Scorer:\n    @classmethod\n    def load(cls, folder):\n        time.sleep(60)\n"
GREEDY = "class Scorer:\n    @classmethod\n    def load(cls, folder):\n        cls.held = bytearray(10**10)\n"
WRONG = "class Scorer:\n    load = classmethod(lambda cls, folder: cls())\n    scores = lambda self, rows: rows * 3\n"


@pytest.fixture
def standing(
    serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path
) -> tuple[Puller, Models]:
    """Return a puller and models with version 1, weight 2, answering attrition."""
    folder = bundler.write(tmp_path / "one", 2.0)
    registry.promote("attrition", "1", folder, bundler.sign(bundler.statement(folder, "attrition", "1")))
    puller, models = Puller(serving_settings, registry), Models(serving_settings)
    assert puller.turn() == ["attrition"]
    assert models.refresh() == ["attrition"]
    return puller, models


def answer(models: Models) -> float:
    """Return what the current model makes of 1."""
    return float(models.current("attrition").scorer.scores(rows=np.ones(1))[0])


def swap_file(folder: Path) -> None:
    np.savez(folder / "weight.npz", weight=np.float64(9))


def add_file(folder: Path) -> None:
    (folder / "more.txt").write_text("more")


def take_file(folder: Path) -> None:
    (folder / "weight.npz").unlink()


def link_file(folder: Path) -> None:
    (folder / "weight.npz").unlink()
    (folder / "weight.npz").symlink_to("/etc/passwd")


def link_folder(folder: Path) -> None:
    (folder / "more").symlink_to("/etc")


def hide_byte_code(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "scorer.cpython-311.pyc").write_bytes(b"x")


def pipe_file(folder: Path) -> None:
    (folder / "weight.npz").unlink()
    os.mkfifo(folder / "weight.npz")


@pytest.mark.parametrize(
    "damage", [swap_file, add_file, take_file, link_file, link_folder, hide_byte_code, pipe_file]
)
def test_a_payload_that_is_not_what_was_signed_is_refused_and_the_champion_answers(
    standing: tuple[Puller, Models],
    bundler: Any,
    registry: Any,
    tmp_path: Path,
    damage: Callable[[Path], None],
) -> None:
    puller, models = standing
    folder = bundler.write(tmp_path / "two", 5.0)
    signature = bundler.sign(bundler.statement(folder, "attrition", "2"))
    damage(folder)
    registry.promote("attrition", "2", folder, signature)
    assert puller.turn() == []
    assert models.refresh() == []
    assert answer(models) == 2.0
    assert [entry["version"] for entry in puller.shelf.refused("attrition")] == ["2"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", 2),
        ("name", "impact"),
        ("version", "7"),
        ("payload_digest", "0" * 64),
        ("feature_schema_digest", "0" * 64),
        ("files", {}),
        ("files", {"../outside.txt": "0" * 64}),
        ("files", {"/etc/passwd": "0" * 64}),
        ("files", {"model.pkl": "0" * 64}),
        ("more", 1),
    ],
)
def test_a_well_signed_statement_about_something_else_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path, member: str, value: object
) -> None:
    puller, models = standing
    folder = bundler.write(tmp_path / "two", 5.0)
    said = {**bundler.statement(folder, "attrition", "2"), member: value}
    registry.promote("attrition", "2", folder, bundler.sign(said))
    assert puller.turn() == []
    assert answer(models) == 2.0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"statement":1}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_signature_file_that_cannot_be_read_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path, content: bytes
) -> None:
    puller, models = standing
    registry.promote("attrition", "2", bundler.write(tmp_path / "two", 5.0), content)
    assert puller.turn() == []
    assert answer(models) == 2.0


def test_an_unsigned_bundle_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    registry.promote("attrition", "2", bundler.write(tmp_path / "two", 5.0), None)
    assert puller.turn() == []
    assert answer(models) == 2.0
    assert "not signed" in puller.shelf.refused("attrition")[0]["reason"]


def test_a_bundle_signed_by_somebody_else_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    stranger = type(bundler)(ServingSettings(var=tmp_path / "elsewhere"))
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, stranger.sign(stranger.statement(folder, "attrition", "2")))
    assert puller.turn() == []
    forged = json.loads(stranger.sign(stranger.statement(folder, "attrition", "2"))) | {
        "key_id": bundler.key_id
    }
    registry.promote("attrition", "3", folder, json.dumps(forged).encode())
    assert puller.turn() == []
    assert answer(models) == 2.0


def test_a_model_that_expects_other_features_is_refused(
    standing: tuple[Puller, Models],
    bundler: Any,
    registry: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    puller, models = standing
    monkeypatch.setattr(verification, "expected_schema_digest", lambda _question: "1" * 64)
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == []
    assert answer(models) == 2.0
    assert "other features" in puller.shelf.refused("attrition")[0]["reason"]


@pytest.mark.parametrize(("scorer", "why"), [(CRASHING, "signal 11"), (WRONG, "golden"), (GREEDY, "exit 1")])
def test_a_signed_model_that_kills_or_cheats_its_trial_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path, scorer: str, why: str
) -> None:
    puller, models = standing
    folder = bundler.write(tmp_path / "two", 5.0, scorer)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == []
    assert why in puller.shelf.refused("attrition")[0]["reason"]
    assert answer(models) == 2.0


def test_a_signed_model_that_hangs_is_refused_in_time(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    puller.settings = puller.settings.model_copy(update={"trial_seconds": 1.0})
    folder = bundler.write(tmp_path / "two", 5.0, HANGING)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == []
    assert "within 1 s" in puller.shelf.refused("attrition")[0]["reason"]
    assert answer(models) == 2.0


def test_a_bundle_larger_than_allowed_is_refused(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    puller.settings = puller.settings.model_copy(update={"bundle_limit_bytes": 100})
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == []
    assert answer(models) == 2.0


def test_a_bundle_tampered_with_on_disk_is_not_loaded_and_the_one_before_answers(
    standing: tuple[Puller, Models],
    bundler: Any,
    registry: Any,
    tmp_path: Path,
    serving_settings: ServingSettings,
) -> None:
    puller, _ = standing
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == ["attrition"]
    pointer = puller.shelf.pointer("attrition")
    assert pointer is not None
    swap_file(puller.shelf.payload("attrition", pointer.current))
    fresh = Models(serving_settings)
    fresh.refresh()
    assert fresh.current("attrition").version == "1"
    assert "not what was signed" in fresh.reasons["attrition", "champion"][1]


def test_the_last_good_model_answers_while_the_registry_is_away(
    standing: tuple[Puller, Models], registry: Any
) -> None:
    puller, models = standing
    registry.is_away = True
    assert puller.turn() == []
    assert models.refresh() == []
    assert answer(models) == 2.0


def test_a_moved_alias_swaps_the_model_without_a_restart_and_back(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    assert puller.turn() == ["attrition"]
    assert models.refresh() == ["attrition"]
    assert answer(models) == 5.0
    registry.aliases["attrition", "champion"] = "1"
    assert puller.turn() == ["attrition"]
    assert models.refresh() == ["attrition"]
    assert (answer(models), models.current("attrition").version) == (2.0, "1")
    assert puller.turn() == []


def test_a_refused_version_answers_once_its_signature_is_there(
    standing: tuple[Puller, Models], bundler: Any, registry: Any, tmp_path: Path
) -> None:
    puller, models = standing
    folder = bundler.write(tmp_path / "two", 5.0)
    registry.promote("attrition", "2", folder, None)
    assert puller.turn() == []
    registry.promote("attrition", "2", folder, bundler.sign(bundler.statement(folder, "attrition", "2")))
    puller.refused_at.clear()  # half a minute later
    assert puller.turn() == ["attrition"]
    assert models.refresh() == ["attrition"]
    assert puller.shelf.refused("attrition") == []


def test_without_any_bundle_an_answer_says_what_to_do(serving_settings: ServingSettings) -> None:
    models = Models(serving_settings)
    models.refresh()
    with pytest.raises(UnavailableError, match="skillpath promote attrition"):
        models.current("attrition")
    assert models.missing() == ["of any question"]


def test_only_what_was_left_long_ago_is_removed_from_the_shelf(serving_settings: ServingSettings) -> None:
    shelf = Shelf(serving_settings.var / "bundles")
    shelf.folder.mkdir(parents=True, exist_ok=True)
    young, old = shelf.folder / ".incoming-young", shelf.folder / ".incoming-old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    clean_incoming(shelf)
    assert young.is_dir()
    assert not old.exists()
