"""A fitted model as plain files, with made-up people to try it by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.scorer import Blend, Floats, Scorer
from training.payload import Payload, json_bytes, npz_bytes

THREADS = re.compile(r"\[num_threads: \d+\]")  # of the fit, noted in its text: no part of the model
MOST_ROWS_LOOKED_AT = 200_000


def as_payload(dataset: Dataset, scorer: Scorer) -> Payload:
    """Return the model as plain files."""
    arrays: dict[str, Any] = {
        f"basis_{name}": getattr(scorer.basis, name)
        for name in ("feature", "kind", "knot", "centre", "scale", "low", "high")
    }
    files: dict[str, bytes] = {}
    entries = {}
    for kind, blends in (("blends", scorer.blends), ("bags", scorer.bags)):
        entries[kind] = [
            entry_of(f"{kind[:-1]}_{number}", blend, files, arrays) for number, blend in enumerate(blends)
        ]
    model = {**scorer.model, **entries}
    files |= {"model.json": json_bytes(model), "arrays.npz": npz_bytes(arrays)}
    example = synthetic_people(dataset)
    return Payload(
        question="attrition",
        files=files,
        golden_inputs={"features": example},
        feature_schema=dataset.schema,
        input_example={name: example[:5, index] for index, name in enumerate(dataset.schema)},
    )


def entry_of(name: str, blend: Blend, files: dict[str, bytes], arrays: dict[str, Any]) -> Mapping[str, Any]:
    """Put a blend into files and arrays, and return how the scorer finds it."""
    arrays[name] = blend.coefficients
    if blend.trees is not None:
        files[f"{name}.txt"] = THREADS.sub("[num_threads: 0]", blend.trees.model_to_string()).encode()
    return {
        "trees": f"{name}.txt" if blend.trees is not None else "",
        "weight": blend.weight,
        "coefficients": name,
    }


def synthetic_people(dataset: Dataset, count: int = 16) -> Floats:
    """Return made-up rows: each column drawn by itself between its deciles, so that no row is anybody's."""
    rng = np.random.default_rng(20)
    every = dataset.panel.features
    rows = every[:: len(every) // MOST_ROWS_LOOKED_AT + 1]
    found = np.full((count, rows.shape[1]), np.nan)
    for index in range(rows.shape[1]):
        column = rows[~np.isnan(rows[:, index]), index]
        if not column.size:
            continue
        if index in dataset.categorical:
            codes, counts = np.unique(column, return_counts=True)
            found[:, index] = rng.choice(codes[np.argsort(-counts)[:3]], count)
        else:
            low, high = (float(np.quantile(column, share)) for share in (0.1, 0.9))
            found[:, index] = np.round(rng.uniform(low, high, count), 2)
    return found
