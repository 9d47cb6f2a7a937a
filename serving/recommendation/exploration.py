"""A place of the ranking given away by lot, so that what is logged can answer what another ranking would have done."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import structs

from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Ranked


def explored(
    ranking: Sequence[Ranked], n: int, policy: RankingPolicy, answer: str
) -> tuple[list[Ranked], list[float]]:
    """Return the first page with its last place given away by lot, and the probability of each course in its place.

    With probability ``exploration_share`` the last place goes to one of the next best courses (the regular one among
    them), each as likely as the other; else to the regular one. Only a course that can be begun now, and that nobody
    asked for, gives its place away or takes it.

    Parameters
    ----------
    ranking : sequence of Ranked
        At least a page, and as many beyond it as the lot is drawn among.
    n : int
        Courses of a page.
    policy : RankingPolicy
        The share, and the size of the lot.
    answer : str
        Identifier of the answer: seeds the lot, so that it can be drawn again.

    Returns
    -------
    list of Ranked, list of float
        The page, and its propensities, 0–1.
    """
    page = list(ranking[:n])
    chances = [1.0] * len(page)
    if policy.exploration_share <= 0 or len(page) < n or not may_move(page[-1]):
        return page, chances
    lots = [page[-1], *(one for one in ranking[n:] if may_move(one))][: policy.exploration_pool]
    if len(lots) == 1:
        return page, chances
    draw = Random(answer)  # noqa: S311 - a lot, not a secret
    share = policy.exploration_share
    drawn = draw.randrange(len(lots)) if draw.random() < share else 0
    chances[-1] = share / len(lots) + (0.0 if drawn else 1.0 - share)
    if drawn:
        page[-1] = structs.replace(lots[drawn], is_explored=True)
    return page, chances


def may_move(one: Ranked) -> bool:
    """Return whether a course stands for itself: nobody asked for it, and nothing must be completed before it."""
    return one.assignment is None and not one.unmet and one.opens < 0
