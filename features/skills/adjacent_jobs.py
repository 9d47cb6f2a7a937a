"""Jobs that lie near a person: by what they would have to learn, by where others went, by what resembles their job."""

from __future__ import annotations

import polars as pl

from features.history import History
from features.skills.levels import linked_jobs, rows

MOVED_WEIGHT, RELATED_WEIGHT = 0.5, 0.25  # by how much a worn path, a public relation, raises a job


def moves_from(history: History, job_id: str) -> pl.DataFrame:
    """Return ``target, n_moved, move_share``: where people who held a job went next, within the organisation.

    `move_share` is of everybody who moved on from it. A row of the job history that leaves the job as it is is no move.
    """
    career = rows(history, "job_history").drop_nulls("job_id").sort("employee_id", "spell", "happened_at")
    after = pl.col("job_id").shift(-1).over("employee_id", "spell")
    steps = career.with_columns(target=after).filter(
        (pl.col("job_id") == job_id) & pl.col("target").is_not_null() & (pl.col("target") != job_id)
    )
    counted = steps.group_by("target").agg(n_moved=pl.len()).sort("target")
    return counted.with_columns(move_share=pl.col("n_moved") / max(1, steps.height))


def related_to(history: History, job_id: str) -> dict[str, int]:
    """Return job → rank (1 closest) of the jobs that a public taxonomy relates to a job, over the occupations of their titles."""
    relations = history.tables.get("job_relations", pl.DataFrame())
    if relations.is_empty():
        return {}
    links = pl.concat([linked_jobs(history), identity(history)])
    mine = links.filter(pl.col("job_id") == job_id)["occupation_id"].to_list()
    ranked = relations.filter(pl.col("job_id").is_in(mine)).select(
        occupation_id="related_id", rank=pl.col("rank").fill_null(99)
    )
    near = links.join(ranked, "occupation_id").filter(pl.col("job_id") != job_id)
    return dict(near.group_by("job_id").agg(pl.min("rank")).iter_rows())


def identity(history: History) -> pl.DataFrame:
    """Return every job as its own occupation: relations may name the organisation's jobs themselves."""
    return rows(history, "jobs").select("job_id", occupation_id="job_id")


def next_jobs(distances: pl.DataFrame, moves: pl.DataFrame, related: dict[str, int]) -> pl.DataFrame:
    """Return jobs with a score, the best first.

    Parameters
    ----------
    distances : polars.DataFrame
        As `features.skills.reskilling.reskilling` returns it, for one person.
    moves : polars.DataFrame
        As `moves_from` returns it.
    related : dict of str to int
        As `related_to` returns it.

    Returns
    -------
    polars.DataFrame
        The columns of `distances` with ``n_moved, move_share, related_rank, score``; score = (1 − distance) ×
        (1 + ½ × share of movers who went there + ¼ where a taxonomy relates the two).
    """
    ranks = pl.DataFrame(
        {"target": list(related), "related_rank": list(related.values())},
        schema={"target": pl.String, "related_rank": pl.Int64},
    )
    found = (
        distances.join(moves, "target", "left")
        .join(ranks, "target", "left")
        .with_columns(pl.col("n_moved").fill_null(0), pl.col("move_share").fill_null(0.0))
    )
    lift = 1 + MOVED_WEIGHT * pl.col("move_share") + RELATED_WEIGHT * pl.col("related_rank").is_not_null()
    return found.with_columns(score=(1 - pl.col("distance")) * lift).sort(
        "score", "target", descending=[True, False]
    )
