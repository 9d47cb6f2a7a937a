"""Course → skill on a real catalogue: what the model says against what the providers listed, and how noisy that list is."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

from features.text import course_text
from training.evaluation import bootstrap_mean, paired_difference
from training.skills.adapter import adapted
from training.skills.calibration import calibrated
from training.skills.knobs import SHIPPED, mixed, parts_of
from training.skills.labelled import Labelled, fold_of, label
from training.skills.metrics import measure, text_scores
from training.skills.peers import WordsThatAgree
from training.skills.table import Pairs, labels_in, matched, taxonomy_of_labels
from training.skills.taxonomy import Concepts, Encode, Floats, concepts_of

FOLDER = Path("learning") / "coursera_catalogue_2021"
DESCRIBED, LISTED = "coursera_2021_descriptions_skills.csv.gz", "coursera_2021_all_courses_skills.csv.gz"
MOST_VALIDATION, MOST_TEST, MOST_WORDS = 150, 400, 80
LENGTHS = SHIPPED.window_lengths
LEAST_COURSES = 2  # a label of one course alone is a name, not a skill that can be recognised elsewhere


def report(data: Path, encode: Encode, rng: np.random.Generator) -> None:
    """Print precision and recall at the threshold chosen on other courses, and the noise of the labels."""
    courses = described(data / FOLDER / DESCRIBED)
    pairs = Pairs({course_text(title, text): labels for title, text, _, labels in courses})
    taxonomy = taxonomy_of_labels(pairs)
    concepts = concepts_of(taxonomy, encode)
    found = matched(pairs, taxonomy)[0]
    chosen = [pair for pair in found if fold_of(pair[0], 5) < 2][:MOST_VALIDATION]
    judged = [pair for pair in found if fold_of(pair[0], 5) >= 2][:MOST_TEST]
    validation, test = (label(part, encode, LENGTHS, most_words=MOST_WORDS) for part in (chosen, judged))
    known = [text_scores(mixed(parts_of(concepts, part), LENGTHS, SHIPPED.window_share), part.sentence_offsets)
             for part in (validation, test)]  # fmt: skip
    knobs = calibrated(known[0], validation, SHIPPED)
    words = WordsThatAgree(taxonomy)
    print(f"\ncourses: {len(test)} judged, threshold from {len(validation)} others, {taxonomy.size} labels")
    tell("model", known[1], knobs.threshold, test, rng)
    fine_tuned(concepts, validation, test, known[1], rng)
    peer = calibrated(words.scores(validation.texts), validation, SHIPPED)
    tell("tfidf", words.scores(test.texts), peer.threshold, test, rng)
    noise(courses, listed(data / FOLDER / LISTED))


def fine_tuned(
    concepts: Concepts, learnt: Labelled, test: Labelled, before: Floats, rng: np.random.Generator
) -> None:
    """Print what a map learnt from the validation courses gains on the others, and whether validation would keep it."""
    found = adapted(concepts, learnt)
    after = text_scores(
        mixed(parts_of(found.concepts, test), LENGTHS, SHIPPED.window_share), test.sentence_offsets
    )
    units = [measure(scores, test.relevant) for scores in (after, before)]
    kept = f"kept at ridge {found.ridge:g}" if found.ridge else "not kept"
    print(
        f"  fine-tuned on {len(learnt)}: {kept}, cross-validated gain {found.gain:+.4f} (standard error {found.error:.4f})"
    )
    for metric in ("rp@5", "rp@10", "mrr"):
        gap = paired_difference(units[0][metric], units[1][metric], rng)
        print(
            f"    {metric} of {len(test)} others {units[0][metric].mean():.3f}, {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
        )


def tell(name: str, scores: Floats, threshold: float, data: Labelled, rng: np.random.Generator) -> None:
    """Print precision and recall over courses, and the ranking without a threshold."""
    said = scores >= threshold
    right = np.array([said[row, list(own)].sum() for row, own in enumerate(data.relevant)])
    total = np.array([len(own) for own in data.relevant])
    precision = right.sum() / max(1, said.sum())
    recall = bootstrap_mean(right / total, rng)
    ranked = bootstrap_mean(measure(scores, data.relevant)["rp@5"], rng)
    print(f"  {name:6} precision {precision:.3f}  recall {right.sum() / total.sum():.3f} (per course {recall.value:.3f}, "
          f"{recall.low:.3f}–{recall.high:.3f})  rp@5 {ranked.value:.3f} ({ranked.low:.3f}–{ranked.high:.3f})", flush=True)  # fmt: skip


def noise(courses: list[tuple[str, str, str, list[str]]], again: dict[str, list[str]]) -> None:
    """Print how far the labels can be trusted: said in the text, the same in another crawl, used more than once."""
    labels = [(one, f"{title} {text}".lower()) for title, text, _, own in courses for one in own]
    mentioned = np.mean([one.lower() in text for one, text in labels])
    both = [({*own}, {*again[link]}) for _, _, link, own in courses if again.get(link)]
    agreement = (
        np.mean([len(one & other) / len(one | other) for one, other in both]) if both else float("nan")
    )
    counts: dict[str, int] = {}
    for one, _ in labels:
        counts[one] = counts.get(one, 0) + 1
    rare = np.mean([counts[one] < LEAST_COURSES for one, _ in labels])
    print(f"  labels: {mentioned:.3f} stand in the course's own text; {rare:.3f} belong to one course alone; two crawls of "
          f"{len(both)} courses agree on {agreement:.3f} (Jaccard)", flush=True)  # fmt: skip


def described(path: Path) -> list[tuple[str, str, str, list[str]]]:
    """Return title, description, link and labels of the courses that have them."""
    rows = [
        (row["title"].strip(), row["description"].strip(), row["link"], labels_in(row["skill"]))
        for row in table(path)
        if len(row["skill"]) > len("[]") and row["description"].strip()
    ]
    return [row for row in rows if any(row[3])]


def listed(path: Path) -> dict[str, list[str]]:
    """Return the labels of each course of the other crawl, by link."""
    return {
        row["link"]: labels_in(row["course_skills"])
        for row in table(path)
        if len(row["course_skills"]) > len("[]")
    }


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with gzip.open(path, "rt", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
