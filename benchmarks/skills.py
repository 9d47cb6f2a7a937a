"""Skills from texts on real sets: nested cross-validation, so that no sentence is judged with knobs it chose.

Run: python -m benchmarks.skills [--data ../shared/data/skills] [--titles 4000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from features.skills.extraction import extract_skills
from training.evaluation import Interval, bootstrap_mean, versions
from training.payload import write_payload
from training.skills.dataset import PROBE, Dataset
from training.skills.evaluate_table import settings_encoder
from training.skills.fit import Parameters, fit
from training.skills.knobs import SHIPPED, TITLE_KNOBS, Choice, Parts, choose_windows, mixed, parts_of
from training.skills.labelled import Labelled, fold_of, label
from training.skills.metrics import measure, text_scores
from training.skills.peers import WordsThatAgree
from training.skills.table import matched, read_decorte, read_jobbert, rows_matched
from training.skills.taxonomy import Concepts, Encode, Floats, concepts_of, read_taxonomy

FOLDS = 5
TARGETS = {"tech": {"rp@5": 0.72, "rp@10": 0.85}, "house": {"rp@10": 0.74}, "titles": {"mrr": 0.40}}
TEXT = (
    "You will design and run training for new colleagues. You write SQL queries every day and explain what they say to "
    "managers. Good knowledge of statistics is needed; experience with customer service is welcome. "
) * 6


def main() -> None:
    """Print each figure with its interval beside its target and its peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/skills"))
    parser.add_argument("--titles", type=int, default=4000, help="vacancies, drawn at random; 0 means all")
    options = parser.parse_args()
    encode, rng = settings_encoder(), np.random.default_rng(7)
    print("versions", dict(versions()))
    concepts = concepts_of(read_taxonomy(options.data / "esco_v1.1.1_en"), encode)
    for name in ("tech", "house"):
        path = options.data / "decorte_skill_extraction" / f"{name}_validation_annotations.csv"
        data = label(matched(read_decorte(path), concepts.taxonomy)[0], encode, is_sentence=True)
        report(name, concepts, data, (SHIPPED.window_lengths, SHIPPED.window_share), rng)
    speed(concepts, encode)
    occupations = concepts_of(read_taxonomy(options.data / "esco_v1.1.1_en", "occupation"), encode)
    pairs = rows_matched(
        read_jobbert(options.data / "jobbert_title_normalisation" / "titles_validation.csv.gz"),
        occupations.taxonomy,
    )[0]
    drawn = rng.choice(len(pairs), options.titles, replace=False) if options.titles else np.arange(len(pairs))
    titles = label([pairs[place] for place in drawn], encode, (1, 2, 3), is_sentence=True)
    report("titles", occupations, titles, (TITLE_KNOBS.window_lengths, TITLE_KNOBS.window_share), rng)


def report(name: str, concepts: Concepts, data: Labelled, shipped: Choice, rng: np.random.Generator) -> None:
    """Print the metrics of one set: shipped knobs, nested cross-validation, and words that agree."""
    parts = parts_of(concepts, data)
    methods = {
        "shipped": text_scores(mixed(parts, *shipped), data.sentence_offsets),
        "nested": nested_scores(parts, data, shipped),
        "whole": text_scores(parts.whole, data.sentence_offsets),
        "tfidf": WordsThatAgree(concepts.taxonomy).scores(data.texts),
    }
    print(f"\n{name}: {len(data)} texts, {concepts.taxonomy.size} concepts")
    for method, scores in methods.items():
        found = measure(scores, data.relevant)
        cells = [
            f"{metric} {shown(bootstrap_mean(found[metric], rng))}" for metric in ("rp@5", "rp@10", "mrr")
        ]
        print(f"  {method:8} {'  '.join(cells)}")
    goals = ", ".join(f"{metric} ≥ {goal}" for metric, goal in TARGETS[name].items())
    print(f"  target   {goals} (nested)")


def nested_scores(parts: Parts, data: Labelled, shipped: Choice) -> Floats:
    """Return the scores of each fold's texts under the windows chosen on the other folds."""
    folds = np.array([fold_of(text, FOLDS) for text in data.texts])
    scores = text_scores(mixed(parts, *shipped), data.sentence_offsets)
    for fold in range(FOLDS):
        chosen = choose_windows(parts, data, shipped, np.flatnonzero(folds != fold))
        scores[folds == fold] = text_scores(mixed(parts, *chosen), data.sentence_offsets)[folds == fold]
    return scores


def shown(interval: Interval) -> str:
    """Return a number with its interval."""
    return f"{interval.value:.3f} ({interval.low:.3f}–{interval.high:.3f})"


def speed(concepts: Concepts, encode: Encode) -> None:
    """Print what one text costs through the saved model, uncached."""
    import tempfile

    from features.records.encoder import encoder_folder, open_exported
    from features.records.settings import RecordsSettings
    from training.loading import load_scorer

    nothing = label([], encode, ())
    probe = np.asarray(encode([PROBE]))[0]
    dataset = Dataset(concepts, nothing, nothing, probe, "", False, "")
    with tempfile.TemporaryDirectory() as folder:
        write_payload(fit(dataset, Parameters(), np.random.default_rng(7)), Path(folder) / "payload")
        scorer = load_scorer(Path(folder) / "payload")
    encoder = open_exported(encoder_folder(RecordsSettings()), threads=1)
    sentence = "You write SQL queries every day and explain what they say to managers."
    print(f"\nspeed, one inference thread, {len(concepts.aliases):,} aliases")
    for name, text, limit in (("sentence", sentence, 40), ("description", TEXT, 600)):
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            extract_skills(text, scorer, encoder.encode)
            seconds.append(time.perf_counter() - started)
        print(f"  {name} of {len(text.split())} words: {min(seconds) * 1000:.1f} ms (limit {limit} ms)")


if __name__ == "__main__":
    main()
