"""Survey answers as shares of the scale they were given on."""

from __future__ import annotations

import polars as pl

LOWEST, HIGHEST = 1.0, 5.0  # where a survey's scale was not recorded


def share_of_scale() -> pl.Expr:
    """Return an answer of ``surveys`` as a share, 0–1 from the lowest possible answer to the highest; null on a scale of one point.

    Examples
    --------
    >>> answers = pl.DataFrame({"value": [4.0, 4.0], "scale_low": [None, 0.0], "scale_high": [None, 10.0]})
    >>> answers.select(share=share_of_scale())["share"].to_list()
    [0.75, 0.4]
    """
    low, high = pl.col("scale_low").fill_null(LOWEST), pl.col("scale_high").fill_null(HIGHEST)
    return (pl.col("value") - low) / pl.when(high > low).then(high - low)
