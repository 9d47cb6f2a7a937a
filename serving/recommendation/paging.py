"""From a person's case to the page that is shown: under their policy, with its lot, and with what shadows would show."""

from __future__ import annotations

from msgspec.structs import replace

from features.recommendation.catalogue import Bools
from serving.house import House
from serving.recommendation.boosts import boosts_of
from serving.recommendation.case import Case
from serving.recommendation.context import Context, Page
from serving.recommendation.exploration import explored
from serving.recommendation.filters import RecommendationQuery, wishes_of
from serving.recommendation.policy import Policies, RankingPolicy, read_policies
from serving.recommendation.ranking import Ranked, rank
from serving.recommendation.shortfall import shortfall

KEY = "ranking policies"
Bounded = tuple[Case, Bools, Bools]  # a case, what is open to the person, and what of it may be ranked


def policies_of(house: House) -> Policies:
    """Return the ranking policies of the settings, read once."""
    found: Policies | None = house.cache.get(KEY)
    if found is None:
        found = house.cache[KEY] = read_policies(house.settings.ranking_file)
    return found


def paged(
    policies: Policies, context: Context, bounded: Bounded, asked: RecommendationQuery
) -> tuple[Context, Page]:
    """Return the page that is shown, and the context with the arm, the boosts and the shadows that belong to it.

    Parameters
    ----------
    policies : Policies
        Those in force.
    context : Context
        What the ranking is made of.
    bounded : (Case, (n_courses,) bool, (n_courses,) bool)
        The person, what is open to them now, and what of it may be ranked.
    asked : RecommendationQuery
        How much is wanted.
    """
    case, is_open, allowed = bounded
    arm, policy = policies.of(context.employee_id or "")
    boosts = boosts_of(case, policy, context.impact, context.now)
    is_drawn = policy.exploration_share > 0 and asked.offset == 0
    wishes = wishes_of(asked, allowed, policy)
    ranking = rank(case, wishes, policy, boosts, policy.exploration_pool if is_drawn else 0)
    shown, chances = ranking[asked.offset : asked.offset + asked.n], None
    if is_drawn:
        shown, chances = explored(ranking, asked.n, policy, context.recommendation_id)
    missing = asked.n - len(shown)
    short = None
    if missing:
        is_capped = bool(wishes.max_per_provider or wishes.max_per_modality)
        bounds = (is_open, allowed)
        short = shortfall(missing, case, bounds, context.job_id, is_capped=is_capped)
    told = replace(context, arm=arm, boosts=boosts) if arm or boosts.courses.size else context
    if policies.shadows:
        told = replace(told, shadows=shadowed(policies, told, bounded, asked))
    return told, Page(shown, chances or [1.0] * len(shown), short)


def shadowed(
    policies: Policies, context: Context, bounded: Bounded, asked: RecommendationQuery
) -> dict[str, list[str]]:
    """Return what each shadow would have shown, by its name: course identifiers in their order."""
    case, _, allowed = bounded
    found = {}
    for shadow in policies.shadows_of(context.recommendation_id):
        policy: RankingPolicy = shadow
        boosts = boosts_of(case, policy, context.impact, context.now)
        ranking: list[Ranked] = rank(case, wishes_of(asked, allowed, policy), policy, boosts)
        page = ranking[asked.offset : asked.offset + asked.n]
        found[shadow.name] = [case.catalogue.course_ids[one.course] for one in page]
    return found
