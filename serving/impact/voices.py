"""What people wrote about a course, by topic: sorted when asked for, so that an erased comment is gone at once.

A topic is told where at least ten people write about it; quotes are of employees alone (managers write about somebody) and name
nobody: no digit, no address, no name of anybody in the records.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.history import history
from features.impact.comments import Topics, comments
from features.records.facts import FACT_KEYS
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.house import House
from serving.models.answering import LoadedModel

LEAST_PEOPLE = 10
MOST_QUOTES = 3
LONGEST_QUOTE = 240
REVEALING = re.compile(r"[\d@]|https?:|www\.")
NAME = re.compile(r"[^\W\d_]{2,}")
NAMES_SECONDS = 600


def said_about(
    house: House, model: LoadedModel, course_id: str, since: datetime | None = None
) -> dict[str, Any]:
    """Return the topics of a course's comments, or why there are none: ``topics`` and ``topics_withheld``."""
    found = written(house, course_id, since)
    stored = model.scorer.body.get("topics")
    if found["employee_id"].n_unique() < LEAST_PEOPLE:
        return {"topics": [], "topics_withheld": f"fewer than {LEAST_PEOPLE} people wrote something"}
    if not stored:
        return {"topics": [], "topics_withheld": "the model knows no topics"}
    topics = topics_of(house, model)
    best, much = topics.assigned(found["comment"].to_list())
    found = found.with_columns(topic=pl.Series(best), much=pl.Series(much))
    writers = found["employee_id"].n_unique()
    told = []
    for topic in range(len(topics.weights)):
        rows = found.filter(pl.col("topic") == topic)
        people = rows["employee_id"].n_unique()
        if people >= LEAST_PEOPLE:
            told.append(
                {"words": topics.leading(topic), "people": people, "share": people / writers,
                 "mean_rating": rows["rating"].mean(), "quotes": quotes(house, rows)}
            )  # fmt: skip
    told.sort(key=lambda one: (-int(str(one["people"])), one["words"]))
    why = None if told else f"no topic has {LEAST_PEOPLE} people who write about it"
    return {"topics": told, "topics_withheld": why}


def written(house: House, course_id: str, since: datetime | None) -> pl.DataFrame:
    """Return what people last wrote about a course, as known now."""
    table = METADATA.tables["evaluations"].c
    where = (table.course_id == course_id) & table.comment.is_not(None)
    if since is not None:
        where &= table.happened_at >= to_micros(since)
    rows = {"evaluations": house.store.frame("evaluations", where=where)}
    return comments(history(rows, house.clock(), FACT_KEYS))


def topics_of(house: House, model: LoadedModel) -> Topics:
    """Return the model's topics, made once per model."""
    key = ("comment topics", model.digest)
    if key not in house.cache:
        house.cache[key] = Topics.of(model.scorer.body["topics"])
    found: Topics = house.cache[key]
    return found


def quotes(house: House, rows: pl.DataFrame) -> list[str]:
    """Return a few of a topic's comments that name nobody, the most typical first; no two alike."""
    own = rows.filter(pl.col("rater") == "employee").sort("much", "comment", descending=[True, False])
    names = known_names(house)
    found: list[str] = []
    for comment in own["comment"].unique(maintain_order=True):
        if len(comment) <= LONGEST_QUOTE and not reveals(comment, names):
            found.append(comment)
        if len(found) == MOST_QUOTES:
            break
    return found


def reveals(comment: str, names: frozenset[str]) -> bool:
    """Say whether a comment could name somebody."""
    if REVEALING.search(comment):
        return True
    return any(word[0].isupper() and word.lower() in names for word in NAME.findall(comment))


def known_names(house: House) -> frozenset[str]:
    """Return every part of a name in the records, in lower case; read again every ten minutes."""
    key = ("names of people",)
    now = house.clock().timestamp()
    read_at, found = house.cache.get(key, (float("-inf"), frozenset()))
    if not 0 <= now - read_at < NAMES_SECONDS:
        column = METADATA.tables["employees"].c.display_name
        with house.store.reading() as connection:
            shown = connection.scalars(sa.select(column).where(column.is_not(None)).distinct())
            found = frozenset(part.lower() for name in shown for part in NAME.findall(name))
        house.cache[key] = (now, found)
    names: frozenset[str] = found
    return names
