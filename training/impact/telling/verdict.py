"""The verdict ladder: randomised evidence / credible / suggestive / cannot tell, with its reasons in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.impact.doubts.overlap import BALANCED
from training.impact.doubts.sensitivity import Sensitivity
from training.impact.telling.evidence import Evidence
from training.impact.telling.words import CANNOT_TELL, CREDIBLE, RANDOMISED, SUGGESTIVE, figure

LEAST_EFFECTIVE = 50.0
MOST_MISSING = 0.20
MOST_IMBALANCE = 0.5
STRONGEST_WEIGHT = 0.10
LEAST_FIRST_STAGE = 10.0
FEWEST_CLUSTERS = 10
SIDES_ALIKE = (
    "The groups overlap, they did not differ before, and only a hidden cause stronger than every recorded one could explain "
    "the difference."
)
TRENDS_ALIKE = (
    "Those trained later did not move differently before their training, and only a break in trend larger than any seen "
    "before it could explain the difference."
)
NOTICED = (
    1.959964 + 0.841621
) / 1.959964  # half-widths of a 95 % interval that are noticed four times in five


@dataclass(frozen=True)
class Verdict:
    """A rung of the ladder, and why it is not a higher one.

    Parameters
    ----------
    code : str
        One of `LADDER`.
    reasons : tuple of str
        Whole sentences, for a manager.
    """

    code: str
    reasons: tuple[str, ...]


def verdict(evidence: Evidence) -> Verdict:
    """Return the highest rung that the evidence carries.

    Examples
    --------
    >>> verdict(Evidence("randomised", "full", (1.0, 2.0))).code
    'randomised evidence'
    >>> verdict(Evidence("observational", "full", (1.0, 2.0), effective_sample=30)).code
    'cannot tell'
    """
    if evidence.design in ("randomised", "offer") or evidence.is_random_timing:
        return randomised_verdict(evidence)
    against = failed(REFUSALS, evidence)
    if against:
        return Verdict(CANNOT_TELL, against)
    doubts = failed(DOUBTS, evidence)
    if doubts:
        return Verdict(SUGGESTIVE, doubts)
    if evidence.design == "staggered":
        return Verdict(CREDIBLE, (TRENDS_ALIKE,))
    return Verdict(CREDIBLE, (f"{SIDES_ALIKE} {noticed_words(evidence)}".strip(),))


def randomised_verdict(evidence: Evidence) -> Verdict:
    """Return the verdict where chance decided who was trained or offered the training."""
    if evidence.first_stage is not None and evidence.first_stage < LEAST_FIRST_STAGE:
        reason = f"The offer hardly moved who took part (F {evidence.first_stage:.1f}, needed 10)."
        return Verdict(CANNOT_TELL, (reason,))
    if negative_control_fails(evidence):
        return Verdict(CANNOT_TELL, (negative_control_words(evidence),))
    doubts = failed(LOT_DOUBTS, evidence)
    if doubts:
        return Verdict(SUGGESTIVE, doubts)
    drawn = {"offer": "offered the training", "staggered": "trained first"}.get(evidence.design, "trained")
    return Verdict(RANDOMISED, (f"Chance decided who was {drawn}, so nothing else explains the difference.",))


Rule = tuple[Callable[[Evidence], bool], Callable[[Evidence], str]]


def failed(rules: tuple[Rule, ...], evidence: Evidence) -> tuple[str, ...]:
    """Return what the rules that are broken say."""
    return tuple(words(evidence) for is_broken, words in rules if is_broken(evidence))


def placebo_fails(evidence: Evidence) -> bool:
    """Say whether the training seems to have changed the past."""
    return evidence.placebo is not None and (evidence.placebo[0] > 0 or evidence.placebo[1] < 0)


def placebo_words(evidence: Evidence) -> str:
    """Say what a failed placebo means."""
    low, high = evidence.placebo or (0.0, 0.0)
    return (
        "The groups differed already before the training, although they are alike in everything recorded "
        f"(placebo {figure(low)} to {figure(high)}, which should include 0).{hidden_words(evidence)}"
    )


def noticed_words(evidence: Evidence) -> str:
    """Say how large a difference from before the placebo would have shown; nothing without a placebo."""
    if evidence.placebo is None:
        return ""
    low, high = evidence.placebo
    return f"A lasting hidden difference of {figure((high - low) / 2 * NOTICED)} would have shown in the placebo four times in five."


def placebo_alone_fails(evidence: Evidence) -> bool:
    """Say whether one of several placebos fails by itself, though their mean passes."""
    span = evidence.placebo_alone
    return span is not None and not placebo_fails(evidence) and (span[0] > 0 or span[1] < 0)


def placebo_alone_words(evidence: Evidence) -> str:
    """Say what one failed placebo among several means."""
    low, high = evidence.placebo_alone or (0.0, 0.0)
    return (
        "The groups differed already before the training in one of the earlier outcomes, too far for chance "
        f"({figure(low)} to {figure(high)}, which should include 0)."
    )


def hidden_words(evidence: Evidence) -> str:
    """Say how strong a hidden cause the placebo shows, and what it would leave of the effect."""
    found = evidence.sensitivity
    if found is None or found.hidden is None or found.hidden.strength == 0:
        return ""
    hidden = found.hidden
    return (
        f" Something unrecorded made that difference: its strength is at least {hidden.strength:.3f} (robustness value "
        f"{found.robustness_value:.3f}, strongest recorded {found.strongest_value:.3f}), and it would leave "
        f"{figure(hidden.left)} ({figure(hidden.low)} to {figure(hidden.high)}) of the effect."
    )


def negative_control_fails(evidence: Evidence) -> bool:
    """Say whether the training seems to have moved what it cannot move."""
    span = evidence.negative_control
    return span is not None and (span[0] > 0 or span[1] < 0)


def negative_control_words(evidence: Evidence) -> str:
    """Say what a failed negative control means."""
    low, high = evidence.negative_control or (0.0, 0.0)
    return (
        "The groups differ in an outcome that the training cannot have moved "
        f"(negative control {figure(low)} to {figure(high)}, which should include 0)."
    )


def is_fragile(evidence: Evidence) -> bool:
    """Say whether a hidden cause as strong as the strongest recorded one would explain the effect."""
    found = evidence.sensitivity
    return found is not None and found.robustness_value < found.strongest_value


def fragile_words(evidence: Evidence) -> str:
    """Say how little would explain the effect."""
    found = evidence.sensitivity or Sensitivity(0.0, 0.0)
    return (
        f"Something unrecorded that matters as much as “{found.strongest_covariate}” would explain all of the "
        f"difference (robustness value {found.robustness_value:.3f}, needed {found.strongest_value:.3f})."
    )


def is_moved_by_products(evidence: Evidence) -> bool:
    """Say whether what pairs of columns do together alone would put the effect outside its interval."""
    found, (low, high) = evidence.by_products, evidence.interval
    return found is not None and not low <= found <= high


def products_words(evidence: Evidence) -> str:
    """Say where it would put the effect."""
    return (
        "Some pairs of columns matter only together, which trees of so small a table do not see: with them the effect would "
        f"be {figure(evidence.by_products or 0.0)}."
    )


def missing_words(evidence: Evidence) -> str:
    """Say how many outcomes are missing."""
    return f"For {evidence.missing_share:.0%} of the people the outcome is missing (leavers); see the bounds."


def is_left_nothing(evidence: Evidence) -> bool:
    """Say whether what the placebo shows, though chance may have made it, would leave nothing of the effect."""
    found = evidence.sensitivity
    return found is not None and found.hidden is not None and found.hidden.low <= 0 <= found.hidden.high


def left_nothing_words(evidence: Evidence) -> str:
    """Say what would be left."""
    hidden = evidence.sensitivity.hidden if evidence.sensitivity else None
    assert hidden is not None
    return (
        "The groups did not differ clearly before, but as far as they did, it would leave "
        f"{figure(hidden.left)} ({figure(hidden.low)} to {figure(hidden.high)}) of the effect."
    )


REFUSALS: tuple[Rule, ...] = (
    (
        lambda e: e.is_unadjusted,
        lambda _: (
            "Nothing from before the training is known of anybody, so the two sides are compared as they are."
        ),
    ),
    (
        lambda e: e.effective_sample < LEAST_EFFECTIVE,
        lambda e: f"Too few comparable people: they count for {e.effective_sample:.0f}, needed 50.",
    ),
    (
        lambda e: e.largest_imbalance > MOST_IMBALANCE,
        lambda e: f"The groups could not be made alike (largest difference {e.largest_imbalance:.1f} SD).",
    ),
    (placebo_fails, placebo_words),
    (placebo_alone_fails, placebo_alone_words),
    (negative_control_fails, negative_control_words),
    (
        lambda e: e.pretrend_p_value is not None and e.pretrend_p_value < 0.05,
        lambda e: (
            f"Those trained later moved differently already before their training (p {e.pretrend_p_value:.3f})."
        ),
    ),
    (is_fragile, fragile_words),
    (
        lambda e: e.interval[0] <= 0 <= e.interval[1],
        lambda _: "The interval includes no effect at all.",
    ),
    (
        lambda e: e.q_value is not None and e.q_value > 0.05,
        lambda e: f"Among so many courses, chance alone could have made this one (q {e.q_value:.2f}).",
    ),
)

LOT_DOUBTS: tuple[Rule, ...] = (
    (lambda e: e.missing_share > MOST_MISSING, missing_words),
    (
        lambda e: e.missing_gap > 0,
        lambda e: (
            f"Outcomes are missing more often on one side (by {e.missing_gap:.0%}), so that chance no longer decides "
            "who is counted; see the bounds."
        ),
    ),
    (
        lambda e: e.clusters < FEWEST_CLUSTERS,
        lambda e: (
            f"Only {e.clusters:.0f} independent groups stand behind the interval, needed {FEWEST_CLUSTERS}."
        ),
    ),
)

DOUBTS: tuple[Rule, ...] = (
    (lambda e: e.pipeline != "full", lambda _: "Screened quickly, not examined in full."),
    (
        lambda e: e.placebo is None,
        lambda _: "No outcome from before the training was given to test the comparison with.",
    ),
    (is_left_nothing, left_nothing_words),
    (is_moved_by_products, products_words),
    (
        lambda e: e.breakdown is not None and e.breakdown < 1,
        lambda e: (
            "A break in trend as large as the largest seen before the training would explain the effect "
            f"(it withstands {e.breakdown:.1f} of it)."
        ),
    ),
    (
        lambda e: e.sensitivity is None and e.breakdown is None,
        lambda _: "How much an unrecorded cause could explain was not computed for this design.",
    ),
    (
        lambda e: e.largest_imbalance > BALANCED,
        lambda e: (
            f"The groups still differ after weighting (largest difference {e.largest_imbalance:.2f} SD)."
        ),
    ),
    (
        lambda e: e.largest_weight_share > STRONGEST_WEIGHT,
        lambda e: f"One person carries {e.largest_weight_share:.0%} of the comparison.",
    ),
    *LOT_DOUBTS,
    (
        lambda e: e.is_completers_only,
        lambda _: "Only completions are recorded: who enrolled and gave up is not counted.",
    ),
)
