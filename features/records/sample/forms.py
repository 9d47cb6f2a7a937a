"""The functional forms of the planted truth, in words and coefficients, as `truth.json` repeats them."""

from __future__ import annotations

from typing import Any

# Coefficients on the log-hazard scale; hazard.py computes with these, truth.json repeats them.
SIZES: dict[str, dict[str, float]] = {
    "voluntary": {
        "below": 1.1, "above": -0.35, "promotion_wait": 0.9, "manager_change": 0.85, "team_exits": 0.7,
        "engagement": 1.4, "overtime": 0.7, "commute": 0.6, "overtime_times_commute": 1.0, "tanh": 0.6,
        "count": -0.30, "early": 0.8, "late": 0.12, "on_leave": -1.2, "contract": -0.7,
    },
    "involuntary": {
        "low_rating": 1.3, "low_productivity": 1.1, "probation": 0.9, "restructuring": 1.5, "on_leave": -2.0,
        "contract": -1.0,
    },
    "retirement": {"years_of_service": 3.6},
    "other": {"temporary": 0.035, "contractor": 0.04, "intern": 0.11, "permanent": 0.00012},
}  # fmt: skip
SEASON = (0.22, 0.08, 0.05, 0.0, 0.02, 0.10, 0.05, 0.10, 0.28, 0.05, -0.15, -0.45)  # January first
FRAILTY_SHAPE = 7.0  # of the gamma multiplier with mean 1

# driver: (form, names of its coefficients); sat(x, s) = 1 - exp(-max(x, 0) / s)
TEXTS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "voluntary": {
        "pay_against_median": ("below * sat(-g - 0.02, 0.09) + above * sat(g - 0.02, 0.12); "
                               "g = log(pay / median of job and place)", ("below", "above")),
        "promotion_wait": ("promotion_wait * w^4 / (w^4 + 32^4) * (1.4 if rating >= 4); "
                           "w = months since promotion or hire", ("promotion_wait",)),
        "manager_change": ("manager_change * exp(-months since the change / 3.5); 0 if there was none",
                           ("manager_change",)),
        "team_exits": ("team_exits * sat(share of the team that left within three months, 0.22)", ("team_exits",)),
        "engagement": ("engagement / (1 + exp((e - 53) / 3)); e = true engagement, recorded with noise in "
                       "surveys and as KPI", ("engagement",)),
        "overtime": ("overtime * v; v = min(sqrt(max(hours a week - 6, 0) / 6), 1.4)", ("overtime",)),
        "commute": ("commute * c; c = sat(minutes - 40, 22)", ("commute",)),
        "overtime_times_commute": ("overtime_times_commute * v * c", ("overtime_times_commute",)),
        "learning": ("tanh * tanh(sum of exit effects of completions within 12 months / tanh) "
                     "+ count * sat(number of completions, 2)", ("tanh", "count")),
        "tenure": ("early * exp(-m / 16) * sat(m, 2.5) + late * sat(m - 96, 48); m = months of service",
                   ("early", "late")),
        "season": ("one value per calendar month: high in January and September, low in December", ()),
        "on_leave": ("on_leave while on leave", ("on_leave",)),
        "contract": ("contract unless permanent", ("contract",)),
        "frailty": ("log of a gamma multiplier with mean 1, fixed per person; in no record", ()),
    },
    "involuntary": {
        "low_rating": ("low_rating if the last rating is 2 or less", ("low_rating",)),
        "low_productivity": ("low_productivity / (1 + exp((last known productivity - 88) / 2.5))",
                             ("low_productivity",)),
        "probation": ("probation * exp(-months of service / 5)", ("probation",)),
        "restructuring": ("restructuring in a month in which the department is restructured; in no record",
                          ("restructuring",)),
        "on_leave": ("on_leave while on leave", ("on_leave",)),
        "contract": ("contract unless permanent", ("contract",)),
    },
    "retirement": {
        "years_of_service": ("years_of_service * y^10 / (y^10 + 29^10); y = years of service, never before 15",
                             ("years_of_service",)),
    },
    "other": {
        "contract_ends": ("monthly rate by kind of contract", ("temporary", "contractor", "intern", "permanent")),
    },
}  # fmt: skip
UNRECORDED = ("frailty", "restructuring")


def form_of(cause: str, driver: str) -> dict[str, Any]:
    """Return the form of one driver, with its coefficients and whether the records show it."""
    text, names = TEXTS[cause][driver]
    coefficients = {name: SIZES[cause][name] for name in names}
    return {"form": text, "is_recorded": driver not in UNRECORDED, "coefficients": coefficients}


OUTCOMES: dict[str, str] = {
    "productivity": "100 + season + 5 ability + 4 motivation + 1.5 team climate - 9 exp(-years of service / 0.6) "
    "+ sum of effects of completed courses + N(0, 3.5)",
    "quality": "78 + 2 ability + 1.2 motivation - 4 exp(-years of service / 0.5) - 0.2 max(overtime - 8, 0) "
    "+ sum of effects + N(0, 4), cut to 0-100",
    "engagement_score": "64 + 4.5 motivation + 5 mood + 3 team climate - 18 max(-log pay ratio, 0) "
    "- 4 exp(-months since manager change / 3) + 3 exp(-months since promotion / 6) "
    "- 0.35 max(overtime - 6, 0) + sum of effects + N(0, 3), cut to 0-100",
    "when": "the full effect is in every measurement dated on or after the day of completion, and stays",
    "ignorability": "enrolling and completing depend on motivation only through the last recorded survey answer, "
    "and on performance only through the last known productivity and nominations; so adjusting "
    "for these (and job, place, department, hours, tenure, overtime) suffices",
}
