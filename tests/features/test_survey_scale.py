"""Survey answers as shares of their scale."""

from __future__ import annotations

import polars as pl
import pytest

from features.survey_scale import share_of_scale


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1.0, 5.0, 0.75), (0.0, 10.0, 0.4), (None, None, 0.75), (None, 7.0, 0.5), (4.0, 4.0, None)],
)
def test_an_answer_is_a_share_of_its_scale_and_of_one_to_five_where_none_is_recorded(
    low: float | None, high: float | None, expected: float | None
) -> None:
    schema = dict.fromkeys(("value", "scale_low", "scale_high"), pl.Float64)
    answer = pl.DataFrame({"value": [4.0], "scale_low": [low], "scale_high": [high]}, schema=schema)
    assert answer.select(share=share_of_scale())["share"].to_list() == [expected]
