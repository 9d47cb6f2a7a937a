"""What closing gaps costs in people's own choices: what they took next, ranked under each policy of the planted truth.

Run: ``make demo``, then ``python -m benchmarks.recommendation_choices``. The last block of the demo's organisation is
ranked by the model in force as requests are, but for prerequisites and assignments; levels are as they were known at the
block's start. Intervals are 95 %, paired by person. `benchmarks.recommendation_answers` prints what each policy closes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.recommendation_truth import POLICIES
from features.history import history
from features.recommendation.behaviour import interactions, target_jobs
from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.gap_value import needs_of
from features.recommendation.person_state import PersonState
from features.records.facts import FACT_KEYS
from features.skills.levels import held_levels
from serving.recommendation.boosts import NONE
from serving.recommendation.case import Candidates, Case
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Wishes, rank
from training.evaluation import paired_difference
from training.loading import load_scorer
from training.questions import question
from training.recommendation.dataset import READS, Block, Dataset, block_starts
from training.recommendation.ranking import per_person, target_ranks
from training.session import workbench

N = 20
METRICS = ("ndcg@10", "hr@10", "recall@20")


@dataclass(frozen=True)
class Asked:
    """The people of the last block: their cases, but for what they had taken, and what they took next."""

    cases: list[Case]
    block: Block


def asked_people(dataset: Dataset, records: Mapping[str, Any], scorer: Any, as_of: Any) -> Asked:
    """Return the people of the last block as they were known at its start, with the model's scores."""
    taken = interactions(history(records, as_of, FACT_KEYS)).drop_nulls("taken_at")
    moment = history(records, block_starts(taken["taken_at"])[1], FACT_KEYS)
    whole = build_catalogue(records, as_of)
    catalogue = replace(whole, prerequisites=((),) * whole.size)
    people, block = sorted(taken["employee_id"].unique()), dataset.test
    ids = [people[row] for row in cast(Any, block.people)]
    jobs, held = target_jobs(moment), levels_of(moment, catalogue, ids)
    past, weights = block.history, {is_new: scorer.gap_weight(is_new=is_new) for is_new in (True, False)}
    scores = scorer.scores(past.indptr, past.indices, past.data, block.jobs)
    cases = []
    for row, person in enumerate(ids):
        needs = needs_of(catalogue.jobs.get(jobs.get(person, "")), held.get(person, {}))
        candidates = whole_candidates(scores[row], weights[bool(block.is_new[row])])
        cases.append(Case(catalogue, needs, candidates, PersonState(held=held.get(person, {}))))
    return Asked(cases, block)


def levels_of(moment: Any, catalogue: Catalogue, ids: list[str]) -> dict[str, dict[int, float]]:
    """Return employee → skill → level held at a moment."""
    held: dict[str, dict[int, float]] = {}
    for employee, skill, level in (
        held_levels(moment, ids).select("employee_id", "skill_id", "level").iter_rows()
    ):
        if skill in catalogue.skill_index:
            held.setdefault(employee, {})[catalogue.skill_index[skill]] = level
    return held


def whole_candidates(scores: Floats, gap_weight: float) -> Candidates:
    """Return scores of every course, none of which rests on anything in particular."""
    return Candidates(scores, gap_weight, np.arange(scores.size))


def ranked_by(asked: Asked, policy: RankingPolicy) -> dict[str, Floats]:
    """Return each person's metrics where lists are made under a policy."""
    seen = asked.block.seen.toarray() > 0
    places = np.zeros(seen.shape)
    for row, case in enumerate(asked.cases):
        found = rank(case, Wishes(N, 0, ~seen[row]), policy, NONE)
        places[row, [one.course for one in found]] = np.arange(len(found), 0, -1)
    return per_person(target_ranks(places, asked.block.targets), asked.block.targets)


def bundle(var: Path) -> Path:
    """Return the folder of the model in force."""
    place = var / "bundles" / "recommendation"
    current = json.loads((place / "current.json").read_text(encoding="utf-8"))["current"]
    return place / str(current["digest"]) / "payload"


def main() -> None:
    """Print what people took next under each policy, and the differences to the policy that gives no turns."""
    with workbench(None) as bench:
        dataset = cast(Dataset, bench.dataset(question("recommendation")))
        records = {name: bench.context.records[name] for name in READS if name in bench.context.records}
        as_of, folder = bench.context.as_of, bundle(bench.settings.var)
    asked = asked_people(dataset, records, load_scorer(folder), as_of)
    found = {name: ranked_by(asked, policy) for name, policy in POLICIES.items()}
    plain = next(
        found[name] for name, policy in POLICIES.items() if policy.gap_turn == 0 and policy.gap_factor == 1
    )
    print(f"what {len(asked.cases):,} people took next, first {N} courses")
    for name, metrics in found.items():
        for metric in METRICS:
            gap = paired_difference(metrics[metric], plain[metric], np.random.default_rng(7))
            print(f"  {name}: {metric} {metrics[metric].mean():.4f}, "
                  f"{gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}) beside no turns")  # fmt: skip


if __name__ == "__main__":
    main()
