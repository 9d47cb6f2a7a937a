"""What was shown to whom: one row an answer as it is kept, one row a course as it is analysed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

ITEM = pl.Struct({"course_id": pl.String, "score": pl.Float64, "propensity": pl.Float64})
ITEMS = msgspec.json.Decoder(list[tuple[str, float | None, float | None]])


def packed(items: Sequence[tuple[str, float | None, float | None]]) -> str:
    """Return the courses of an answer, each with its score and its propensity, as the records keep them."""
    return msgspec.json.encode(items).decode()


def shadow_key(model_digest: str) -> str:
    """Return the name of a model's list among the shadows of an answer; no ranking policy's name has a colon."""
    return f"model:{model_digest}"


def shown_courses(answers: pl.DataFrame) -> pl.DataFrame:
    """Return one row for every course shown.

    Parameters
    ----------
    answers : DataFrame
        Rows of ``recommendations_shown``.

    Returns
    -------
    DataFrame
        The answers' columns but ``first_rank`` and ``items``, and ``course_id, score, propensity, rank`` (1 is first).
    """
    listed = [
        [
            {"course_id": name, "score": score, "propensity": chance}
            for name, score, chance in ITEMS.decode(text)
        ]
        for text in answers["items"]
    ]
    apart = answers.drop("items").with_columns(item=pl.Series(listed, dtype=pl.List(ITEM)))
    place = pl.int_range(pl.len()).over("recommendation_id")
    return (
        apart.explode("item")
        .drop_nulls("item")
        .with_columns(rank=pl.col("first_rank") + place)
        .unnest("item")
        .drop("first_rank")
    )
