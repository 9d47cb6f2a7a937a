"""Answers about courses: how they were found at their end, and whether the skill showed at work three months later."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.records.sample.effects import KPIS
from features.records.sample.events import DAY, KIND, MINUTE, moments
from features.records.sample.frames_people import employee_ids, frame, labels
from features.records.sample.months import Array
from features.records.sample.world import World
from features.records.tables import EVALUATION_RATERS, EVALUATION_STAGES

ASKED_AFTER_DAYS = 90
ANSWERED = (0.45, 0.55)  # shares of employees and of managers who answer three months later
COMMENTED = 0.5  # share of those who rate that write something beside it
REACTION, BEHAVIOUR = range(2)
EMPLOYEE, MANAGER = range(2)

# What people speak of, as they speak of it where they are pleased and where they are not; {} is an aside.
TOPICS = (
    (("The examples were practical and close to our cases{}.", "Good exercises with real cases{}."),
     ("Too few practical examples{}.", "The exercises were far from our real cases{}.")),
    (("The trainer explained patiently and answered all questions{}.", "Excellent trainer{}."),
     ("The trainer read the slides aloud{}.", "Questions to the trainer stayed open{}.")),
    (("The pace was right{}.", "Well timed, short modules{}."),
     ("The pace was far too fast{}.", "Too long, the modules drag on{}.")),
    (("The platform worked smoothly, videos and quiz too{}.", "Videos on the platform load quickly{}."),
     ("The platform kept crashing during the quiz{}.", "Videos on the platform did not load{}.")),
)  # fmt: skip
AT_WORK = (
    (("My manager gives me time to practise on projects{}.", "I practise it on projects every week{}."),
     ("There is no time to practise it on projects{}.", "Daily business leaves no time to practise{}.")),
    (("Colleagues ask for help with it, the team works better{}.", "The team has taken up the new way{}."),
     ("The team still works the old way{}.", "Colleagues go on with the old way{}.")),
    (("The tools to apply it are there{}.", "We have the software and tools it needs{}."),
     ("The software and tools to apply it are missing{}.", "Without licences for the tools it is of no use{}.")),
)  # fmt: skip
ASIDES = ("", ", I find", " in my opinion", ", to be honest", " this time", " on the whole")


def evaluations(world: World, events: pl.DataFrame) -> pl.DataFrame:
    """Return the answers about courses, made of the learning events.

    Parameters
    ----------
    world : World
        At the end of the simulation.
    events : polars.DataFrame
        Codes and microseconds, as `learning_events` returns them.

    Notes
    -----
    How far a skill shows at work follows the course's true effect on productivity, so that the third level has a truth too.
    Everything is drawn from a stream of its own: the other tables stay as they are without it.
    """
    rng = world.rng.spawn(1)[0]
    rated = events.filter(
        (pl.col("kind") == KIND["rated"]) & pl.Series(rng.random(events.height) < COMMENTED)
    )
    done = events.filter(pl.col("kind") == KIND["completed"])
    bound = world.catalogue.course_flags("mandatory")
    done = done.filter(pl.Series(~bound[done["course"].to_numpy()]))
    blocks = [reactions(rated, rng), *(at_work(world, done, rater, rng) for rater in (EMPLOYEE, MANAGER))]
    rows = pl.concat(blocks).sort("happened", "who", "course", "rater")
    left, end = world.people.left.astype(np.int64)[rows["who"].to_numpy()], world.months.end_day
    kept = (rows["happened"] < pl.Series(left * DAY)) & (rows["happened"] < end * DAY)
    rows = rows.filter(kept & (rows["happened"] >= world.months.first_day * DAY))
    rows = rows.unique(["who", "course", "stage", "rater", "happened"], keep="first", maintain_order=True)
    who, code = rows["who"].to_numpy(), rows["course"].to_numpy()
    boss = np.where(rows["rater"].to_numpy() == MANAGER, world.people.manager[who], -1)
    time = pl.Datetime("us")
    return frame(
        employee_id=employee_ids(world, who), course_id=labels([one.id for one in world.catalogue.courses], code),
        happened_at=rows["happened"].cast(time), known_at=(rows["happened"] + MINUTE).cast(time),
        stage=labels(EVALUATION_STAGES, rows["stage"].to_numpy()),
        rater=labels(EVALUATION_RATERS, rows["rater"].to_numpy()), rated_by_id=employee_ids(world, boss),
        rating=rows["rating"], comment=rows["comment"],
    )  # fmt: skip


def reactions(rated: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return what people wrote beside their rating at the end of a course."""
    rating = rated["rating"].to_numpy().astype(np.float64)
    happened = rated["happened"].to_numpy() + 2 * MINUTE
    return block(rated, (REACTION, EMPLOYEE), happened, (rating, comments(TOPICS, rating, rng)))


def at_work(world: World, done: pl.DataFrame, rater: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return the answers of one side, three months after a completion; managers see a little less than the people themselves."""
    answers = rng.random(done.height) < ANSWERED[rater]
    if rater == MANAGER:
        answers &= world.people.manager[done["who"].to_numpy()] >= 0
    some = done.filter(pl.Series(answers))
    effect = world.effects.outcome[some["course"].to_numpy(), KPIS.index("productivity")]
    rating = 3.1 + 0.25 * effect - 0.2 * (rater == MANAGER) + rng.normal(0, 0.8, some.height)
    rating = np.clip(np.round(rating), 1, 5)
    text = comments(AT_WORK, rating, rng)
    text = np.where(rng.random(some.height) < COMMENTED, text, "")
    days = some["happened"].to_numpy() // DAY + ASKED_AFTER_DAYS + rng.integers(0, 21, some.height)
    return block(some, (BEHAVIOUR, rater), moments(days, rng), (rating, text))


def block(
    rows: pl.DataFrame, of: tuple[int, int], happened: Array, said: tuple[Array, Array]
) -> pl.DataFrame:
    """Return answers of one stage and rater as codes; an empty comment is none."""
    stage, rater = of
    rating, text = said
    return rows.select("who", "course").with_columns(
        happened=pl.Series(happened.astype(np.int64)), stage=pl.lit(stage), rater=pl.lit(rater),
        rating=pl.Series(rating), comment=pl.Series(text.tolist(), dtype=pl.String).replace("", None),
    )  # fmt: skip


def comments(
    topics: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...], rating: Array, rng: np.random.Generator
) -> Array:
    """Return a comment for each rating: on one of the topics, pleased from 4 on."""
    count = rating.size
    topic, phrase, aside = (rng.integers(0, n, count) for n in (len(topics), 2, len(ASIDES)))
    texts = np.array(
        [[[[text.format(aside) for aside in ASIDES] for text in side] for side in one] for one in topics], dtype=object
    )  # fmt: skip
    return np.asarray(texts[topic, (rating < 4).astype(int), phrase, aside])
