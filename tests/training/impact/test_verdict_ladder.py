"""The verdict ladder: each rung, and each reason not to climb it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.impact.doubts.sensitivity import Hidden, Sensitivity
from training.impact.telling.evidence import Evidence
from training.impact.telling.verdict import verdict
from training.impact.telling.words import Subject, in_words

SOLID = Sensitivity(0.2, 0.1, "last outcome", 0.1)
GOOD = Evidence("observational", "full", (1.0, 3.0), 400.0, (-0.5, 0.5), SOLID, 0.05, 0.01)

REFUSED = {
    "a small effective sample": {"effective_sample": 49.9},
    "groups that cannot be made alike": {"largest_imbalance": 1.5},
    "a placebo above 0": {"placebo": (0.1, 0.5)},
    "a placebo below 0": {"placebo": (-0.5, -0.1)},
    "one of several placebos": {"placebo_alone": (0.1, 0.9)},
    "an interval that includes 0": {"interval": (-0.1, 3.0)},
    "nothing known from before": {"is_unadjusted": True},
    "many courses": {"q_value": 0.2},
    "fragility": {"sensitivity": Sensitivity(0.09, 0.0, "last outcome", 0.1)},
}
DOUBTED = {
    "screening": {"pipeline": "screening"},
    "a placebo that, if not chance, explains it": {
        "sensitivity": replace(SOLID, hidden=Hidden(0.0, 0.8, -0.2, 1.8))
    },
    "what two columns do together": {"by_products": 0.4},
    "no placebo": {"placebo": None},
    "no sensitivity": {"sensitivity": None},
    "imbalance": {"largest_imbalance": 0.3},
    "one heavy person": {"largest_weight_share": 0.3},
    "missing outcomes": {"missing_share": 0.3},
    "completers only": {"is_completers_only": True},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_nobody_can_tell_with(change: dict[str, object]) -> None:
    found = verdict(replace(GOOD, **change))  # type: ignore[arg-type]
    assert found.code == "cannot tell"
    assert len(found.reasons) == 1


@pytest.mark.parametrize("change", DOUBTED.values(), ids=DOUBTED)
def test_no_more_than_suggestive_with(change: dict[str, object]) -> None:
    found = verdict(replace(GOOD, **change))  # type: ignore[arg-type]
    assert found.code == "suggestive"
    assert len(found.reasons) == 1


def test_a_full_estimate_that_passes_everything_is_credible() -> None:
    assert verdict(GOOD).code == "credible"


def test_what_a_credible_roll_out_could_be_wrong_by_is_its_trend() -> None:
    found = verdict(Evidence("staggered", "full", (1.0, 3.0), placebo=(-0.5, 0.5), breakdown=2.0))
    assert found.code == "credible"
    assert "break in trend" in found.reasons[0]
    assert "recorded one" in verdict(GOOD).reasons[0]


def test_a_credible_verdict_says_what_its_placebo_could_not_have_shown() -> None:
    # ± 0.5 is 0.2551 standard errors wide; 2.8016 of them are noticed four times in five
    assert (
        "A lasting hidden difference of 0.715 would have shown in the placebo four times in five"
        in verdict(GOOD).reasons[0]
    )


def test_a_lot_gives_randomised_evidence_even_where_nothing_is_found() -> None:
    assert verdict(Evidence("randomised", "full", (-1.0, 1.0))).code == "randomised evidence"


def test_an_offer_that_moved_nobody_tells_nothing() -> None:
    assert verdict(Evidence("offer", "full", (1.0, 2.0), first_stage=3.0)).code == "cannot tell"
    assert verdict(Evidence("offer", "full", (1.0, 2.0), first_stage=80.0)).code == "randomised evidence"


def test_a_lot_with_many_missing_outcomes_is_only_suggestive() -> None:
    assert verdict(Evidence("randomised", "full", (1.0, 2.0), missing_share=0.3)).code == "suggestive"


def test_words_do_not_claim_what_the_code_does_not() -> None:
    about = Subject("productivity", "points", 180)
    refused = in_words("cannot tell", (2.0, 1.0, 3.0), about, ("Because.",))
    unclear = in_words("suggestive", (0.2, -1.0, 1.4), about, ())
    assert refused.startswith("Cannot tell whether the training did anything.")
    assert "no clear effect" in unclear
    assert "1,794 dollars higher" in in_words(
        "randomised evidence", (1794.3, 479.2, 3109.5), Subject("pay", "dollars"), ()
    )
    assert "2 points higher 180 days later (95 % interval 1 to 3)" in refused
