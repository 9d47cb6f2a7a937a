"""The same records give the same model, byte for byte, whichever database they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.records.protected import protected_attributes
from features.records.reading import import_organisation
from features.records.store import Store, open_store
from training.context import TrainingContext
from training.payload import write_payload
from training.questions import Question
from training.runs import end_of

QUICK: dict[str, dict[str, Any]] = {
    "recommendation": {},
    "attrition": {"shapes": ("stumps",), "weights": (0.5,), "penalties": (100.0,), "bags": 2},
}


def digest(store: Store, name: str, folder: Path, threads: int = 1) -> tuple[str, str]:
    """Return the data digest and the payload digest of a fit on so many threads."""
    question = Question(name)
    records = store.frames()
    context = TrainingContext(
        records,
        end_of(records),
        protected_attributes(store),
        made_up_vectors,
        rng=np.random.default_rng(7),
        threads=threads,
    )
    dataset = question.dataset.build(context)
    parameters = replace(question.fit.Parameters(), **QUICK[name])
    payload = question.fit.fit(dataset, parameters, np.random.default_rng(7))
    return dataset.digest, write_payload(payload, folder)


def made_up_vectors(texts: Sequence[str]) -> np.ndarray:
    """Return vectors that depend on the text alone."""
    found = np.array(
        [[len(text) % 7, len(text) % 11, *text.encode()[:6].ljust(6)] for text in texts], dtype=np.float32
    )
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.postgres
def test_training_twice_gives_identical_payloads_on_both_databases(
    small_store: Store, small_organisation: Path, postgres_url: str, tmp_path: Path
) -> None:
    postgres = open_store(postgres_url, upgrade=False)
    try:
        import_organisation(postgres, small_organisation)
        for name in QUICK:
            first = digest(small_store, name, tmp_path / f"{name}-first")
            assert digest(small_store, name, tmp_path / f"{name}-again", threads=2) == first
            assert digest(postgres, name, tmp_path / f"{name}-postgres") == first, name
    finally:
        postgres.close()
