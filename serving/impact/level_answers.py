"""Kirkpatrick's four levels as they are answered: reaction, learning, behaviour, results; what few people said is withheld."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from serving.impact.answers import Code, EffectInterval


class Figure(BaseModel):
    """A mean or share with its 95 % interval."""

    value: float = Field(examples=[4.1])
    low: float = Field(examples=[3.9])
    high: float = Field(examples=[4.3])


class Voices(BaseModel):
    """How many people stand behind a figure."""

    people: int | None = Field(description="Null where there are too few to be told.", examples=[64])
    withheld: str | None = Field(None, description="Why nothing is told.")


class Reaction(Voices):
    """Level 1: how people found it."""

    mean_rating: Figure | None = Field(description="1-5.")


class Test(Voices):
    """What tests showed."""

    mean_share: Figure | None = Field(description="Mean result, share 0-1.")


class Learning(Voices):
    """Level 2: what was learnt."""

    passed_share: Figure | None = Field(description="Share 0-1 of those who ended it and did not fail.")
    test: Test


class AtWork(Voices):
    """What one side says of the skill at work."""

    mean_rating: Figure | None = Field(description="How far the skill shows at work, 1-5.")
    shown_share: Figure | None = Field(description="Share 0-1 who rate it 4 or 5.")


class Behaviour(BaseModel):
    """Level 3: whether the skill shows at work, asked some time after the end."""

    people_due: int | None = Field(description="Completed it so long ago that they were to be asked.")
    employee: AtWork
    manager: AtWork


class Results(BaseModel):
    """Level 4: what it did, and how far that can be believed."""

    effect: EffectInterval | None
    verdict: Code


class Topic(BaseModel):
    """What several people wrote about."""

    words: list[str] = Field(description="What it is known by.", examples=[["examples", "cases", "real"]])
    people: int = Field(description="Who wrote about it; topics of fewer than ten are not told.")
    share: float = Field(description="Share 0-1 of all who wrote.", examples=[0.3])
    mean_rating: float | None = Field(description="Mean of the ratings beside these comments, 1-5.")
    quotes: list[str] = Field(description="Comments of employees that name nobody; never those of managers.")


class Levels(BaseModel):
    """Kirkpatrick's four levels side by side."""

    reaction: Reaction
    learning: Learning
    behaviour: Behaviour
    results: Results
    topics: list[Topic] = Field(default_factory=list, description="What people wrote, the largest first.")
    topics_withheld: str | None = Field(None, description="Why there are no topics.")


def four_levels(
    told: dict[str, Any] | None, results: dict[str, Any], said: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the levels as they are answered; None where the model keeps none of this course."""
    return None if told is None else {**told, "results": results, **said}
