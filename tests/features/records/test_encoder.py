"""The exported encoder: what it refuses, how near it is to its original, and what the store remembers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from features.errors import BadInputError, UnavailableError
from features.records.embedding import embed_records
from features.records.encoder import DESCRIPTION, PARITY, open_exported, store_cache
from features.records.encoder_export import export_encoder, open_encoder
from features.records.settings import RecordsSettings
from features.records.store import Store
from features.text import embed


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> RecordsSettings:
    """Return settings whose folder holds an exported encoder, made once."""
    var = tmp_path_factory.mktemp("var")
    made = RecordsSettings(var=var, threads=1, progress=False, embedding_precision="f32")
    export_encoder(made, var / "encoder")
    return made


class TestRefusals:
    def test_a_missing_export_says_what_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match="skillpath embed"):
            open_exported(tmp_path / "nowhere")

    def test_a_damaged_export_is_refused_before_it_is_parsed(
        self, settings: RecordsSettings, tmp_path: Path
    ) -> None:
        folder = tmp_path / "encoder"
        shutil.copytree(settings.var / "encoder", folder)
        with (folder / "model.bin").open("r+b") as file:
            file.seek(1000)
            file.write(b"damage")
        with pytest.raises(UnavailableError, match=r"model\.bin"):
            open_exported(folder)

    def test_an_unreadable_description_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / DESCRIPTION).write_text("{")
        with pytest.raises(UnavailableError, match="cannot be read"):
            open_exported(tmp_path)

    def test_an_unknown_model_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        unknown = RecordsSettings(var=tmp_path, embedding_model="no-such-model-anywhere")
        with pytest.raises(UnavailableError, match="no-such-model-anywhere"):
            open_encoder(unknown)
        assert not (tmp_path / "encoder").exists()

    def test_an_export_never_overwrites_a_folder_of_something_else(
        self, settings: RecordsSettings, sqlite_store: Store, tmp_path: Path
    ) -> None:
        (tmp_path / "mine.txt").write_text("precious")
        with pytest.raises(BadInputError, match="empty folder"):
            embed_records(settings, sqlite_store, tmp_path)
        assert (tmp_path / "mine.txt").read_text() == "precious"


class TestEncoder:
    def test_the_export_agrees_with_its_original(self, settings: RecordsSettings) -> None:
        parity = json.loads((settings.var / "encoder" / PARITY).read_text())["precisions"]
        assert parity["f32"]["min_cosine"] > 0.99999
        assert all(figure["mean_cosine"] > 0.999 for figure in parity.values())

    def test_vectors_have_length_one_and_like_texts_are_near(self, settings: RecordsSettings) -> None:
        vectors = open_encoder(settings).encode(["sql database queries", "writing SQL", "nursing patients"])
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2

    def test_a_text_has_one_vector_whatever_stands_beside_it(self, settings: RecordsSettings) -> None:
        encoder = open_encoder(settings)
        alone = encoder.encode(["plan a budget"])[0]
        among = encoder.encode(["x", "plan a budget", "a much longer text " * 40])[1]
        assert np.allclose(alone, among, atol=1e-5)

    def test_serving_opens_it_without_torch(self, settings: RecordsSettings) -> None:
        program = (
            "import sys; from pathlib import Path; from features.records.encoder import open_exported; "
            f"open_exported(Path({str(settings.var / 'encoder')!r})).encode(['a']); "
            "print(sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
        )
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "[]"


class TestStore:
    def test_a_second_run_embeds_nothing_and_a_changed_course_embeds_one(
        self, settings: RecordsSettings, store: Store
    ) -> None:
        with store.transaction() as connection:
            store.upsert(connection, "courses", [{"course_id": "c", "title": "SQL", "description": "Queries"},
                                                 {"course_id": "d", "title": "Go", "description": "Programs"}])  # fmt: skip
            store.upsert(connection, "skills", [{"skill_id": "s", "name": "SQL"}])
        assert embed_records(settings, store)["embedded"] == 3
        assert embed_records(settings, store)["embedded"] == 0
        with store.transaction() as connection:
            store.upsert(connection, "courses", [{"course_id": "c", "title": "SQL", "description": "Joins"}])
        again = embed_records(settings, store)
        assert (again["embedded"], again["tables"]["courses"]["embedded"]) == (1, 1)

    def test_vectors_come_back_from_the_store_as_they_were(
        self, settings: RecordsSettings, store: Store
    ) -> None:
        encoder, cache = open_encoder(settings), store_cache(store)
        first = embed(["plan a budget"], encoder, cache)
        assert np.array_equal(first, embed(["plan a budget"], encoder, cache))
        assert cache.known("another model", []) == set()
