"""Tables as strangers have them: words for who left, dates for how long, numbers as texts, groups that nobody noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError
from training.amounts import as_numbers
from training.attrition.plain.leaving import said_to_leave
from training.attrition.plain.reading import Encoded, read_encoded, read_request


def read(tmp_path: Path, frame: pd.DataFrame, *arguments: str, name: str = "table.csv") -> Encoded:
    path = tmp_path / name
    frame.to_excel(path, index=False) if name.endswith("xlsx") else frame.to_csv(path, index=False)
    return read_encoded(read_request(["--table", str(path), *arguments]))


@pytest.mark.parametrize(
    ("values", "positive", "left"),
    [
        (["Yes", "No", " yes "], None, [True, False, True]),
        (["Left", "Active", "Active"], None, [True, False, False]),
        (["Terminated", "Active", "active"], None, [True, False, False]),
        (["No", "Gone", "No"], None, [False, True, False]),
        ([1, 0, 1], None, [True, False, True]),
        ([1.0, 0.0, 0.0], 1, [True, False, False]),
        ([True, False, False], None, [True, False, False]),
        ([2, 1, 1], "2", [True, False, False]),
        (["exit", None, " "], "exit", [True, False, False]),
    ],
)
def test_who_left_is_said_in_many_words(values: list[object], positive: object, left: list[bool]) -> None:
    assert said_to_leave(pd.Series(values, name="status"), positive).tolist() == left


@pytest.mark.parametrize(
    ("values", "positive", "words"),
    [
        ([1, 2, 1], None, "does not say which"),  # 1 and 2 are codes: neither means left by itself
        (["ausgeschieden", "aktiv"], None, "does not say which"),
        (["a", "b", "c"], None, "more than two values"),
        (["Yes", "No", None], None, "empty in some rows"),
        (["Yes", "No", None], "Yes", "empty in some rows"),
        ([1, 0], "Yes", "No row of status says Yes"),
    ],
)
def test_a_column_that_does_not_say_who_left_is_told_with_its_values(
    values: list[object], positive: object, words: str
) -> None:
    with pytest.raises(BadInputError, match=words):
        said_to_leave(pd.Series(values, name="status"), positive)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.234,50", "950,5", None], [1234.5, 950.5, np.nan]),
        (["$1,234.50", "$12"], [1234.5, 12.0]),
        (["1 234,5 €", "7 €"], [1234.5, 7.0]),
        (["12 %", "7.5 %"], [12.0, 7.5]),
        (["-3,5", "+4"], [-3.5, 4.0]),
        (["12,345", "950"], [12345.0, 950.0]),
    ],
)
def test_numbers_written_as_texts_are_numbers(texts: list[str | None], numbers: list[float]) -> None:
    found = as_numbers(pd.Series(texts))
    assert found is not None
    np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize(
    "texts", [["$5", "4 €"], ["grade 3", "grade 4"], ["1,5", "1.5"], ["2025-03-01"], ["A1", "7"]]
)
def test_what_is_no_number_of_one_unit_stays_a_text(texts: list[str]) -> None:
    assert as_numbers(pd.Series(texts)) is None


def test_excel_amounts_with_decimal_commas_are_features_and_not_names(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"pay": [f"{1000 + each},{each % 10}" for each in range(300)], "gone": ["Yes", "No"] * 150}
    )
    found = read(tmp_path, frame, "--label", "gone", name="table.xlsx")
    assert found.names == ["pay"]
    assert not found.categorical
    assert found.features[11, 0] == pytest.approx(1011.1)
    assert found.notes["texts_read_as_numbers"] == ["pay"]


def test_two_dates_say_how_long_somebody_stayed_and_who_is_still_here(tmp_path: Path) -> None:
    frame = pd.DataFrame({"hired": ["01.02.2020", "15.03.2021", "31.12.2019"], "left_on": ["11.02.2020", None, "30.01.2020"],
                          "x": [1, 2, 3]})  # fmt: skip
    found = read(tmp_path, frame, "--since", "hired", "--duration", "left_on", "--as-of", "2021-03-25")
    assert found.left.tolist() == [True, False, True]
    assert found.duration.tolist() == [10.0, 10.0, 30.0]
    assert found.names == ["x"]
    without = read(tmp_path, frame, "--since", "hired", "--duration", "left_on")
    assert without.duration[1] == 0  # the latest date in the table is the day on which that one came


@pytest.mark.parametrize(
    ("hired", "left", "words"),
    [
        (["2020-02-01", "2020-02-01"], ["2020-01-01", "2021-01-01"], "impossible time"),
        (["01/02/2020", "03/04/2020"], ["2020-05-01", "2021-01-01"], "nothing tells day from month"),
        (["2020-02-01", None], ["2020-05-01", "2021-01-01"], "hired is empty"),
        (["soon", "later"], ["2020-05-01", "2021-01-01"], "no dates that can be read"),
    ],
)
def test_dates_that_cannot_be_are_told(tmp_path: Path, hired: list[str], left: list[str], words: str) -> None:
    frame = pd.DataFrame({"hired": hired, "left_on": left, "x": [1, 2]})
    with pytest.raises(BadInputError, match=words):
        read(tmp_path, frame, "--since", "hired", "--duration", "left_on")


def test_dates_instead_of_durations_are_told_what_to_do(tmp_path: Path) -> None:
    frame = pd.DataFrame({"left_on": ["2020-05-01", "2021-01-01"], "gone": [1, 0], "x": [1, 2]})
    with pytest.raises(BadInputError, match="--since COL"):
        read(tmp_path, frame, "--duration", "left_on", "--event", "gone")


def test_people_of_no_known_group_are_one_of_their_own(tmp_path: Path) -> None:
    frame = pd.DataFrame({"site": ["north", None, "south", None], "x": [1, 2, 3, 4], "gone": [1, 0, 1, 0]})
    found = read(tmp_path, frame, "--label", "gone", "--group", "site")
    assert found.group[1] == found.group[3]
    assert len(set(found.group.tolist())) == 3


def test_a_file_of_columns_may_say_numbers_lists_and_flags_and_yields_to_the_command(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'label = "Hat gekündigt?"\ndrop = ["id", "pay, EUR"]\nfolds = "3"\ndrop-duplicates = true\n', "utf-8"
    )
    request = read_request(["--table", "x.csv", "--columns", str(mapping), "--folds", "4"])
    assert (request["label"], request["drop"]) == ("Hat gekündigt?", ["id", "pay, EUR"])
    assert (request["folds"], request["drop_duplicates"]) == (4, True)
    mapping.write_text('[columns]\nlabel = "gone"\n')
    with pytest.raises(BadInputError, match="without a table"):
        read_request(["--table", "x.csv", "--columns", str(mapping)])
