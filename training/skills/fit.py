"""Fitting the skills model: the vectors of a taxonomy, and knobs chosen on validation texts or as shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.limits import within
from training.payload import Payload, json_bytes, npz_bytes
from training.skills.adapter import Adapted, adapted
from training.skills.calibration import calibrated
from training.skills.dataset import PROBE, Dataset
from training.skills.knobs import SHIPPED, TITLE_KNOBS, Knobs, choose_windows, mixed, parts_of
from training.skills.metrics import text_scores
from training.skills.taxonomy import Concepts, Floats
from training.skills.titles import chosen_for_titles, name_arrays

GOLDEN_TEXTS = 4
FEATURES = {
    "vectors": "sentence vectors of length one, float32",
    "windows": "vectors of word windows, of length one, float32",
    "window_offsets": "where each sentence's windows begin, int",
}


@dataclass(frozen=True)
class Parameters:
    """What can be set.

    Parameters
    ----------
    choose : bool
        True: windows, threshold and confidence are chosen on the validation texts, where there are enough.
    least_validation : int
        Fewer validation texts than that choose nothing: the shipped knobs serve.
    window_lengths : tuple of int
        Words per window, where nothing is chosen; 0 means as shipped.
    window_share : float
        Share of the best window, where nothing is chosen; negative means as shipped.
    threshold : float
        Score below which a concept is not said to be there; negative means chosen, or as shipped.
    fine_tune : bool
        True: the concepts' vectors are moved as tagged texts say, where that surely ranks other tagged texts better.
    """

    choose: bool = True
    least_validation: int = field(default=30, metadata=within(0))
    window_lengths: tuple[int, ...] = field(default=(0,), metadata=within(0))
    window_share: float = field(default=-1.0, metadata=within(-1, 1))
    threshold: float = field(default=-1.0, metadata=within(-1, 1))
    fine_tune: bool = False


def fit(dataset: Dataset, parameters: Parameters, rng: np.random.Generator) -> Payload:
    """Return the model: concept vectors, and how they are read.

    Parameters
    ----------
    dataset : Dataset
        Its validation texts choose; its test texts are not looked at.
    parameters : Parameters
        What can be set.
    rng : numpy.random.Generator
        Unused: nothing here is random.
    """
    tuned = fine_tuned(dataset) if parameters.fine_tune else Adapted(dataset.concepts)
    dataset = replace(dataset, concepts=tuned.concepts)
    files = files_of(dataset.concepts, *chosen(dataset, parameters), dataset.probe, tuned.facts())
    if dataset.occupations is not None:
        names = name_arrays(dataset.occupations, TITLE_KNOBS)
        occupations = files_of(dataset.occupations, TITLE_KNOBS, names, dataset.probe, {})
        files |= {f"occupations/{name}": content for name, content in occupations.items()}
    golden = golden_vectors(dataset.concepts.aliases.shape[1])
    return Payload("skills", files, {"vectors": golden}, FEATURES, {"vectors": golden})


def fine_tuned(dataset: Dataset) -> Adapted:
    """Return what comes of fine-tuning on the tagged texts: those kept apart for it, else those of validation."""
    examples = dataset.validation if dataset.examples is None else dataset.examples()
    return adapted(dataset.concepts, examples)


def files_of(
    concepts: Concepts,
    knobs: Knobs,
    more: Mapping[str, NDArray[Any]],
    probe: Floats,
    facts: Mapping[str, float],
) -> dict[str, bytes]:
    """Return concepts, how they are read, and facts about them as the files of a payload."""
    taxonomy = concepts.taxonomy
    model = {
        **asdict(knobs),
        "concept_ids": taxonomy.concept_ids,
        "names": taxonomy.names,
        "sources": taxonomy.sources,
        "probe_text": PROBE,
        "words": concepts.words,
        **facts,
    }
    arrays: dict[str, NDArray[Any]] = {
        "aliases": concepts.aliases.astype(np.float16),
        "offsets": taxonomy.offsets,
        "centroids": concepts.centroids.astype(np.float16),
        "probe": probe.astype(np.float32),
    }
    if concepts.word_vectors is not None:
        arrays["word_vectors"] = concepts.word_vectors.astype(np.float16)
    return {"concepts.npz": npz_bytes({**arrays, **more}), "model.json": json_bytes(model)}


def golden_vectors(dimension: int) -> NDArray[np.float32]:
    """Return vectors whose dot products are exact in any order of summation: one coordinate each."""
    vectors = np.zeros((GOLDEN_TEXTS, dimension), dtype=np.float32)
    vectors[np.arange(GOLDEN_TEXTS), np.arange(GOLDEN_TEXTS) % dimension] = 1
    return vectors


def chosen(dataset: Dataset, parameters: Parameters) -> tuple[Knobs, dict[str, NDArray[Any]]]:
    """Return the knobs and the further arrays they need.

    They are chosen on validation where there is enough of it, as shipped otherwise, as set in any case.
    """
    is_enough = parameters.choose and len(dataset.validation) >= parameters.least_validation
    if dataset.are_titles:
        knobs, more = chosen_for_titles(dataset, TITLE_KNOBS, is_enough)
    else:
        knobs, more = chosen_windows(dataset) if is_enough else SHIPPED, {}
    if parameters.window_lengths != (0,):
        knobs = replace(knobs, window_lengths=parameters.window_lengths)
    if parameters.window_share >= 0:
        knobs = replace(knobs, window_share=parameters.window_share)
    if parameters.threshold >= 0:
        knobs = replace(knobs, threshold=parameters.threshold)
    return knobs, more


def chosen_windows(dataset: Dataset) -> Knobs:
    """Return the windows that rank the validation texts best, with threshold and confidence."""
    data, shipped = dataset.validation, SHIPPED
    parts = parts_of(dataset.concepts, data)
    lengths, share = choose_windows(parts, data, (shipped.window_lengths, shipped.window_share))
    scores = text_scores(mixed(parts, lengths, share), data.sentence_offsets)
    return calibrated(scores, data, replace(shipped, window_lengths=lengths, window_share=share))
