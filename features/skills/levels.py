"""What people can do, what jobs ask for, and the difference, on one proficiency scale from 0 to 5.

The scale: 0 none, 1 aware, 2 assisted, 3 independent, 4 advanced, 5 expert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from features.history import History, latest
from features.skills.sorting import by_texts

PRECEDENCE = ("assessed", "manager", "peer", "inferred", "self")  # the first that is fresh is believed
COMPLETED = "completed"  # the source of a level that a completed course raised
COMPLETION_KINDS = ("completed", "passed")
# How far evidence of a source is believed on its day, and after how many days half of that is left.
BELIEF = {"assessed": 0.95, "manager": 0.8, "peer": 0.65, "inferred": 0.5, "self": 0.4, COMPLETED: 0.7}
HALF_LIFE_DAYS = {"assessed": 1095, "manager": 730, "peer": 730, "inferred": 365, "self": 365, COMPLETED: 730}
TAUGHT_LEVEL = 2.0  # what a course reaches where neither its skill nor the course says
REQUIRED_LEVEL = 3.0  # what a job asks where its source names no level: to work independently
IMPORTANCE = 0.5  # the weight of a requirement whose source names none
STRONG_LEVEL = 4.0  # from here on a skill is a strength even where the job does not ask for it

RANKS = 8  # more than there are sources
MICROSECONDS = 2**55  # more than lie between any two dates: a thousand years
MOMENT = pl.Datetime("us", "UTC")
TEXT, NUMBER = pl.String, pl.Float64
SHAPES: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "held_skills": {"employee_id": TEXT, "skill_id": TEXT, "happened_at": MOMENT, "level": NUMBER, "source": TEXT,
                    "evidence": TEXT},
    "learning_events": {"employee_id": TEXT, "course_id": TEXT, "kind": TEXT, "happened_at": MOMENT,
                        "score_share": NUMBER},
    "course_skills": {"course_id": TEXT, "skill_id": TEXT, "level": NUMBER, "source": TEXT, "confidence": NUMBER},
    "courses": {"course_id": TEXT, "level": NUMBER},
    "jobs": {"job_id": TEXT, "title": TEXT, "taxonomy": TEXT},
    "job_aliases": {"job_id": TEXT, "alias": TEXT},
    "job_skills": {"job_id": TEXT, "skill_id": TEXT, "level": NUMBER, "importance": NUMBER, "source": TEXT,
                   "required_from": MOMENT},
    "skills": {"skill_id": TEXT, "name": TEXT},
    "job_history": {"employee_id": TEXT, "spell": pl.Int64, "happened_at": MOMENT, "job_id": TEXT},
    "exits": {"employee_id": TEXT, "spell": pl.Int64},
}  # fmt: skip


def held_levels(
    history: History, employee_ids: Sequence[str] | None = None, wanted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return what each person can do, with the evidence for it.

    Of several pieces of evidence for a skill the one of the highest precedence counts that is not older than
    its half-life; if all are older, the one of the highest precedence. A course completed after it raises the
    level to what the course teaches, and never lowers it; a self-rating does not overrule a completion.

    Parameters
    ----------
    history : History
        Records as of a moment; reads `held_skills`, `learning_events`, `course_skills`, `courses`.
    employee_ids : sequence of str, optional
        Whom to look at; everybody by default.
    wanted : polars.DataFrame, optional
        ``employee_id, skill_id``: whose levels of which skills are asked for; all by default.

    Returns
    -------
    polars.DataFrame
        ``employee_id, skill_id, level, source, evidenced_at, confidence, evidence``; one row per person and
        skill, sorted. `level` 0–5 is as evidenced; what fades with age is `confidence` (0–1). `source` is one
        of `PRECEDENCE` or ``completed``, and then `evidence` is the course.

    Notes
    -----
    Assumes that a skill once shown is not unlearnt, but that old evidence says less about today.
    """
    key = ["employee_id", "skill_id"]
    stated, taught = (stated_levels(history, employee_ids), completed_levels(history, employee_ids))
    if wanted is not None:
        stated, taught = (each.join(wanted, key, "semi", maintain_order="left") for each in (stated, taught))
    raised = taught.join(
        stated.select(*key, stated_level="level", stated_source="source", stated_at="evidenced_at"),
        key,
        "left",
    ).filter(
        pl.col("stated_level").is_null()
        | (pl.col("level") > pl.col("stated_level"))
        & ((pl.col("evidenced_at") >= pl.col("stated_at")) | (pl.col("stated_source") == "self"))
    )
    raised = raised.sort("level", "evidenced_at", "evidence", descending=True).unique(
        key, keep="first", maintain_order=True
    )
    raised = raised.select(stated.columns)
    return by_texts(pl.concat([raised, stated.join(raised, key, "anti")]), key)


def stated_levels(history: History, employee_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the piece of evidence that is believed for each person and skill, completions left aside."""
    evidence = of_people(rows(history, "held_skills"), employee_ids)
    half_life = pl.col("source").replace_strict(HALF_LIFE_DAYS, default=365, return_dtype=NUMBER)
    rank = pl.col("source").replace_strict(
        {source: place for place, source in enumerate(PRECEDENCE)},
        default=len(PRECEDENCE),
        return_dtype=pl.Int64,
    )
    # One number says it all: what is fresh before what is stale, then precedence, then the latest.
    grade = ((age_days(history) > half_life).cast(pl.Int64) * RANKS + rank) * MICROSECONDS
    key = ["employee_id", "skill_id"]
    graded = evidence.with_columns(order=grade - pl.col("happened_at").cast(MOMENT).dt.epoch("us"))
    best = graded.filter(pl.col("order") == pl.col("order").min().over(key))
    believed = best.unique(key, keep="first", maintain_order=True)
    return with_confidence(believed, history)


def completed_levels(history: History, employee_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the level each completed course teaches, one row per person, course and skill."""
    events = of_people(rows(history, "learning_events"), employee_ids)
    done = events.filter(pl.col("kind").is_in(COMPLETION_KINDS))
    done = latest(done, ["employee_id", "course_id"])
    taught = done.join(taught_levels(history), "course_id")
    # A score of 1 is believed a fifth more than none at all, one of 0.5 as much, one of 0 a fifth less.
    sureness = 0.8 + 0.4 * pl.col("score_share").fill_null(0.5)
    return with_confidence(
        taught.with_columns(source=pl.lit(COMPLETED), evidence=pl.col("course_id")),
        history,
        pl.col("confidence") * sureness,
    )


def taught_levels(history: History) -> pl.DataFrame:
    """Return ``course_id, skill_id, level, confidence``: what each course teaches, rejected tags left out."""
    tags = rows(history, "course_skills").filter(pl.col("source").fill_null("given") != "rejected")
    courses = rows(history, "courses").select("course_id", course_level="level")
    level = pl.coalesce("level", "course_level", pl.lit(TAUGHT_LEVEL))
    return tags.join(courses, "course_id", "left").select(
        "course_id", "skill_id", level=level, confidence=pl.col("confidence").fill_null(1.0)
    )


def required_levels(history: History) -> pl.DataFrame:
    """Return what each job asks for.

    Given requirements come first; a job of the organisation without any takes those of the public occupation
    that bears its title (or has it as an alias). A job with neither has no rows: its text is to be read
    (`extracted`), by a model.

    Returns
    -------
    polars.DataFrame
        ``job_id, skill_id, level, importance, source``; `level` 0–5, `importance` 0–1; sorted.
    """
    asked = rows(history, "job_skills").filter(
        (pl.col("source").fill_null("given") != "rejected")
        & (pl.col("required_from").is_null() | (pl.col("required_from") <= history.as_of))
    )
    asked = asked.select(
        "job_id",
        "skill_id",
        level=pl.col("level").fill_null(REQUIRED_LEVEL),
        importance=pl.col("importance").fill_null(IMPORTANCE),
        source=pl.col("source").fill_null("given"),
    )
    links = linked_jobs(history).join(asked.select("job_id").unique(), "job_id", "anti")
    linked = links.join(asked.rename({"job_id": "occupation_id"}), "occupation_id").select(
        "job_id", "skill_id", "level", "importance", source=pl.lit("linked")
    )
    linked = linked.join(rejected_tags(history), ["job_id", "skill_id"], "anti")
    return pl.concat([asked, linked]).unique(["job_id", "skill_id"], keep="first").sort("job_id", "skill_id")


def rejected_tags(history: History) -> pl.DataFrame:
    """Return ``job_id, skill_id``: requirements that a person rejected; no link and no model brings them back."""
    return rows(history, "job_skills").filter(pl.col("source") == "rejected").select("job_id", "skill_id")


def linked_jobs(history: History) -> pl.DataFrame:
    """Return ``job_id, occupation_id``: jobs whose title is that of a public occupation, or its alias."""
    jobs = rows(history, "jobs").with_columns(pl.col("taxonomy").fill_null("organisation"))
    public = jobs.filter(pl.col("taxonomy") != "organisation")
    titles = pl.concat(
        [
            public.select(occupation_id="job_id", title=plain_title("title"), place=pl.lit(0)),
            rows(history, "job_aliases")
            .join(public.select("job_id"), "job_id", "semi")
            .select(occupation_id="job_id", title=plain_title("alias"), place=pl.lit(1)),
        ]
    )
    best = titles.sort("place", "occupation_id").unique("title", keep="first", maintain_order=True)
    ours = jobs.filter(pl.col("taxonomy") == "organisation").select("job_id", title=plain_title("title"))
    return ours.join(best, "title").select("job_id", "occupation_id")


def gaps(
    history: History,
    employee_ids: Sequence[str] | None = None,
    target_jobs: Mapping[str, str] | None = None,
    requirements: pl.DataFrame | None = None,
    held: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return what each person lacks for a job: gap = max(0, required level − held level).

    Parameters
    ----------
    history : History
        Records as of a moment.
    employee_ids : sequence of str, optional
        Whom to look at; everybody who is employed by default.
    target_jobs : mapping of str to str, optional
        The job to compare each person with; the current one where a person is not named.
    requirements : polars.DataFrame, optional
        As `required_levels` returns them, where they were read elsewhere (from a job's text).
    held : polars.DataFrame, optional
        As `held_levels` returns them for those people, where they are known already.

    Returns
    -------
    polars.DataFrame
        ``employee_id, job_id, skill_id, skill_name, required_level, held_level, gap, importance, source,
        evidenced_at, confidence, evidence, required_source``; one row per required skill, met ones with gap 0;
        sorted by person, then gap × importance, largest first. `source` and `evidenced_at` are of the held
        level, null where there is no evidence.
    """
    asked = required_levels(history) if requirements is None else requirements
    wanted = people_and_jobs(history, employee_ids, target_jobs).join(asked, "job_id")
    wanted = wanted.rename({"level": "required_level", "source": "required_source"})
    known = held_levels(history, employee_ids) if held is None else held
    compared = wanted.join(known, ["employee_id", "skill_id"], "left")
    compared = compared.with_columns(held_level=pl.col("level").fill_null(0.0))
    compared = compared.with_columns(
        gap=(pl.col("required_level") - pl.col("held_level")).clip(lower_bound=0.0)
    )
    return (
        with_names(compared, history)
        .sort(
            "employee_id",
            -pl.col("gap") * pl.col("importance"),
            -pl.col("importance"),
            "skill_id",
        )
        .select("employee_id", "job_id", "skill_id", "skill_name", "required_level", "held_level", "gap",
                "importance", "source", "evidenced_at", "confidence", "evidence", "required_source")
    )  # fmt: skip


def strengths(
    history: History,
    employee_ids: Sequence[str] | None = None,
    target_jobs: Mapping[str, str] | None = None,
    requirements: pl.DataFrame | None = None,
    held: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return where each person has more than a job asks for, or is advanced in what it does not ask for.

    Returns
    -------
    polars.DataFrame
        ``employee_id, job_id, skill_id, skill_name, held_level, required_level, surplus, source, evidenced_at,
        confidence, evidence``; `required_level` is null and `surplus` the whole level where the job does not
        ask for the skill; sorted by person, then surplus, largest first.
    """
    asked = required_levels(history) if requirements is None else requirements
    people = people_and_jobs(history, employee_ids, target_jobs)
    known = held_levels(history, employee_ids) if held is None else held
    compared = known.join(people, "employee_id").join(
        asked.select("job_id", "skill_id", required_level="level"), ["job_id", "skill_id"], "left"
    )
    surplus = pl.col("level") - pl.col("required_level").fill_null(0.0)
    strong = (
        pl.when(pl.col("required_level").is_null())
        .then(pl.col("level") >= STRONG_LEVEL)
        .otherwise(surplus > 0)
    )
    chosen = with_names(compared.filter(strong).with_columns(surplus=surplus), history)
    return (
        chosen.rename({"level": "held_level"})
        .sort("employee_id", -pl.col("surplus"), "skill_id")
        .select("employee_id", "job_id", "skill_id", "skill_name", "held_level", "required_level", "surplus",
                "source", "evidenced_at", "confidence", "evidence")
    )  # fmt: skip


def current_jobs(history: History, employee_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Return ``employee_id, job_id``: the job of everybody who is employed at the moment of the history."""
    career = of_people(rows(history, "job_history"), employee_ids)
    last = career.sort("spell", "happened_at", maintain_order=True).unique(
        "employee_id", keep="last", maintain_order=True
    )
    return last.join(rows(history, "exits"), ["employee_id", "spell"], "anti").select("employee_id", "job_id")


def people_and_jobs(
    history: History, employee_ids: Sequence[str] | None, target_jobs: Mapping[str, str] | None
) -> pl.DataFrame:
    """Return ``employee_id, job_id``: the target of each person, or else the current job."""
    targets = target_jobs or {}
    aimed = pl.DataFrame(
        {"employee_id": list(targets), "job_id": list(targets.values())},
        schema={"employee_id": TEXT, "job_id": TEXT},
    )
    current = current_jobs(history, employee_ids).join(aimed, "employee_id", "anti")
    return pl.concat([of_people(aimed, employee_ids), current])


def rows(history: History, name: str) -> pl.DataFrame:
    """Return the columns of a table that this module reads; none where the records have no such table."""
    shape = SHAPES[name]
    frame = history.tables.get(name, pl.DataFrame(schema=shape))
    missing = [pl.lit(None, dtype=kind).alias(column) for column, kind in shape.items()
               if column not in frame.columns]  # fmt: skip
    return frame.with_columns(missing).select(list(shape))


def of_people(frame: pl.DataFrame, employee_ids: Sequence[str] | None) -> pl.DataFrame:
    """Return the rows about those people; all where none are named."""
    return frame if employee_ids is None else frame.filter(pl.col("employee_id").is_in(list(employee_ids)))


def with_names(frame: pl.DataFrame, history: History) -> pl.DataFrame:
    """Return the frame with the name of each skill beside it, its identifier where it has none."""
    named = frame.join(rows(history, "skills").rename({"name": "skill_name"}), "skill_id", "left")
    return named.with_columns(pl.coalesce("skill_name", "skill_id").alias("skill_name"))


def with_confidence(frame: pl.DataFrame, history: History, share: pl.Expr | None = None) -> pl.DataFrame:
    """Return evidence with the confidence left at its age: belief × ½ per half-life of its source."""
    half_life = pl.col("source").replace_strict(HALF_LIFE_DAYS, default=365, return_dtype=NUMBER)
    belief = pl.col("source").replace_strict(BELIEF, default=0.4, return_dtype=NUMBER)
    fading = belief * 0.5 ** (age_days(history) / half_life)
    return frame.select(
        "employee_id",
        "skill_id",
        "level",
        "source",
        evidenced_at="happened_at",
        confidence=fading if share is None else fading * share,
        evidence="evidence",
    )


def age_days(history: History) -> pl.Expr:
    """Return the age of a fact in days at the moment of the history."""
    age = pl.lit(history.as_of, dtype=MOMENT) - pl.col("happened_at")
    return age.dt.total_seconds().cast(NUMBER) / 86_400


def plain_title(column: str) -> pl.Expr:
    """Return a title without case, punctuation and double blanks, for comparison."""
    return pl.col(column).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}+#]+", " ").str.strip_chars()
