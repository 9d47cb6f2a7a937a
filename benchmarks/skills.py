"""Skills from texts on real sets: nested cross-validation, so that no text is judged with knobs it chose.

Run: python -m benchmarks.skills [--data ../shared/data] [--only extraction,speed,titles,courses]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks import skills_courses, skills_speed
from training.evaluation import Interval, bootstrap_mean, versions
from training.skills.evaluate import model_scores
from training.skills.evaluate_table import settings_encoder
from training.skills.knobs import SHIPPED, TITLE_KNOBS, Choice, Parts, choose_windows, mixed, parts_of
from training.skills.labelled import Labelled, fold_of, label
from training.skills.metrics import measure, text_scores
from training.skills.peers import WordsThatAgree
from training.skills.scorer import found_with
from training.skills.table import matched, read_decorte, read_jobbert, rows_matched
from training.skills.taxonomy import Concepts, Encode, Floats, concepts_of, pairs_of, read_taxonomy, words_of
from training.skills.titles import choose_examples, examples_for, label_titles, name_arrays, scorer_of

FOLDS = 5
TARGETS = {"tech": {"rp@5": 0.72, "rp@10": 0.85}, "house": {"rp@10": 0.74}, "titles": {"mrr": 0.40}}
PARTS = ("extraction", "speed", "titles", "courses")
ESCO = Path("skills") / "esco_v1.1.1_en"


def main() -> None:
    """Print each figure with its interval beside its target and its peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, comma-separated")
    options = parser.parse_args()
    asked = options.only.split(",")
    encode, rng = settings_encoder(), np.random.default_rng(7)
    print("versions", dict(versions()), flush=True)
    if {"extraction", "speed"} & {*asked}:
        concepts = concepts_of(read_taxonomy(options.data / ESCO), encode, words_of)
        if "extraction" in asked:
            extraction(options.data, concepts, encode, rng)
        if "speed" in asked:
            skills_speed.report(options.data, concepts, encode)
    if "titles" in asked:
        titles(options.data, encode, rng)
    if "courses" in asked:
        skills_courses.report(options.data, encode, rng)


def extraction(data: Path, concepts: Concepts, encode: Encode, rng: np.random.Generator) -> None:
    """Print how well ESCO's skills are ranked for the sentences of two published sets."""
    for name in ("tech", "house"):
        path = data / "skills" / "decorte_skill_extraction" / f"{name}_validation_annotations.csv"
        texts = label(matched(read_decorte(path), concepts.taxonomy)[0], encode, is_sentence=True)
        parts, shipped = parts_of(concepts, texts), (SHIPPED.window_lengths, SHIPPED.window_share)
        methods = {
            "shipped": text_scores(mixed(parts, *shipped), texts.sentence_offsets),
            "nested": nested_scores(parts, texts, shipped),
            "whole": text_scores(parts.whole, texts.sentence_offsets),
            "tfidf": WordsThatAgree(concepts.taxonomy).scores(texts.texts),
        }
        tell(name, methods, texts, rng)


def nested_scores(parts: Parts, data: Labelled, shipped: Choice) -> Floats:
    """Return the scores of each fold's texts under the windows chosen on the other folds."""
    folds = folds_of(data)
    scores = text_scores(mixed(parts, *shipped), data.sentence_offsets)
    for fold in range(FOLDS):
        chosen = choose_windows(parts, data, shipped, np.flatnonzero(folds != fold))
        scores[folds == fold] = text_scores(mixed(parts, *chosen), data.sentence_offsets)[folds == fold]
    return scores


def titles(data: Path, encode: Encode, rng: np.random.Generator) -> None:
    """Print how well ESCO's occupations are ranked for all published vacancy titles."""
    concepts = concepts_of(read_taxonomy(data / ESCO, "occupation"), encode, pairs_of)
    path = data / "skills" / "jobbert_title_normalisation" / "titles_validation.csv.gz"
    pairs = rows_matched(read_jobbert(path), concepts.taxonomy)[0]
    texts = label_titles(pairs, concepts, encode)
    scorer = scorer_of(concepts, TITLE_KNOBS, name_arrays(concepts, TITLE_KNOBS))
    shipped = model_scores(scorer, texts, are_titles=True)
    methods = {
        "shipped": shipped,
        "nested": nested_titles(shipped, texts),
        "words": scorer.lexical_scores(texts.texts),
        "vectors": scorer.scores(texts.sentence_vectors),
    }
    tell("titles", methods, texts, rng)
    skills_speed.report_title(scorer)
    is_linked, best = shipped.max(axis=1) >= TITLE_KNOBS.threshold, shipped.argmax(axis=1)
    is_right = np.array([place in own for place, own in zip(best, texts.relevant, strict=True)])
    right = bootstrap_mean(is_right[is_linked].astype(float), rng)
    print(
        f"  linked   {is_linked.mean():.3f} of the titles at {TITLE_KNOBS.threshold}, {shown(right)} of them as the board did"
    )


def nested_titles(base: Floats, data: Labelled) -> Floats:
    """Return the scores of each fold's titles with the titles of the other folds as examples, shares chosen there."""
    folds, found = folds_of(data), base.copy()
    for fold in range(FOLDS):
        others, rows = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        shares, _, _ = choose_examples(base[others], data.subset(others))
        print(f"  fold {fold}: example share {shares[0]}, prior share {shares[1]}", flush=True)
        found[rows] = found_with(base[rows], examples_for(data, rows, others), shares)
    return found


def folds_of(data: Labelled) -> np.ndarray:
    """Return the fold of each text; texts alike share one."""
    return np.array([fold_of(text, FOLDS) for text in data.texts])


def tell(name: str, methods: Mapping[str, Floats], data: Labelled, rng: np.random.Generator) -> None:
    """Print the metrics of one set, method by method, and what was to be reached."""
    print(f"\n{name}: {len(data)} texts, {next(iter(methods.values())).shape[1]} concepts")
    for method, scores in methods.items():
        found = measure(scores, data.relevant)
        cells = [
            f"{metric} {shown(bootstrap_mean(found[metric], rng))}" for metric in ("rp@5", "rp@10", "mrr")
        ]
        print(f"  {method:8} {'  '.join(cells)}", flush=True)
    goals = ", ".join(f"{metric} ≥ {goal}" for metric, goal in TARGETS[name].items())
    print(f"  target   {goals} (nested)", flush=True)


def shown(interval: Interval) -> str:
    """Return a number with its interval."""
    return f"{interval.value:.3f} ({interval.low:.3f}–{interval.high:.3f})"


if __name__ == "__main__":
    main()
