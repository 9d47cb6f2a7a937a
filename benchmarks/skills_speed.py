"""What reading one text costs through the saved model, uncached, on one core: real job postings, a sentence, a title."""

from __future__ import annotations

import csv
import gzip
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from features.skills.extraction import extract_skills
from features.skills.titles import OccupationScorer, link_titles
from training.payload import write_payload
from training.skills.dataset import PROBE, Dataset
from training.skills.fit import Parameters, fit
from training.skills.labelled import label
from training.skills.taxonomy import Concepts, Encode

SENTENCE = "You write SQL queries every day and explain what they say to managers."
TITLES = {
    "a name": "Senior data analyst (m/f)",
    "like a name": "Senior data analysts",
    "of four words": "Regional logistics planning officer",
    "with a tail": "Sales representative - Berlin, hybrid",
    "with a long tail": "IT support engineer (2nd level), Munich office",
}
PARTS = ("Responsibilities", "Minimum Qualifications", "Preferred Qualifications")
WORDS = (200, 232)  # the description whose reading was promised in 600 ms has 216
POSTINGS = 5
REPEATS = 5


def report(data: Path, concepts: Concepts, encode: Encode) -> None:
    """Print wall-clock and processor time of each kind of text beside its limit."""
    from threadpoolctl import threadpool_limits

    from features.records.encoder import encoder_folder, open_exported
    from features.records.settings import RecordsSettings
    from training.loading import load_scorer

    nothing = label([], encode, ())
    dataset = Dataset(concepts, nothing, nothing, np.asarray(encode([PROBE]))[0], "", False, "")
    with tempfile.TemporaryDirectory() as folder:
        write_payload(fit(dataset, Parameters(), np.random.default_rng(7)), Path(folder) / "payload")
        scorer = load_scorer(Path(folder) / "payload")
    encoder = open_exported(encoder_folder(RecordsSettings()), threads=1)
    print(f"\nspeed, one core, {len(concepts.aliases):,} names", flush=True)
    with threadpool_limits(limits=1):
        tell("sentence of 13 words", 40, lambda: extract_skills(SENTENCE, scorer, encoder.encode))
        for text in postings(data):
            words = len(text.split())
            tell(f"posting of {words} words", 600, partial(extract_skills, text, scorer, encoder.encode))


def report_title(scorer: OccupationScorer) -> None:
    """Print what linking one title to an occupation costs: as it stands, and where its tail has to be cut off."""
    from threadpoolctl import threadpool_limits

    from features.records.encoder import encoder_folder, open_exported
    from features.records.settings import RecordsSettings

    encoder = open_exported(encoder_folder(RecordsSettings()), threads=1)
    with threadpool_limits(limits=1):
        for kind, title in TITLES.items():
            tell(f"title {kind}", 10, partial(linked_anew, title, scorer, encoder.encode))


def linked_anew(title: str, scorer: Any, encode: Encode) -> None:
    """Link a title as if it had not been asked for before."""
    scorer.kept = {}
    link_titles([title], scorer, encode)


def postings(data: Path) -> list[str]:
    """Return real postings of about the promised length."""
    path = data / "workforce" / "google_job_postings"
    with gzip.open(next(path.glob("*.csv.gz")), "rt", encoding="utf-8") as file:
        texts = ["\n".join(row[part] or "" for part in PARTS) for row in csv.DictReader(file)]
    return [text for text in texts if WORDS[0] <= len(text.split()) <= WORDS[1]][:POSTINGS]


def tell(name: str, limit: int, run: Callable[[], object]) -> None:
    """Print the best of several runs in milliseconds."""
    walls, processors = [], []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    print(
        f"  {name}: {min(walls) * 1000:.1f} ms, of the processor {min(processors) * 1000:.1f} ms (limit {limit} ms)",
        flush=True,
    )
