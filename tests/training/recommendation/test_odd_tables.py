"""Tables as strangers have them: identifiers that look like numbers, dates of every writing, no header."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.errors import BadInputError
from training.recommendation.table import Columns, item_content, read_pairs, user_cohorts
from training.recommendation.times import in_seconds, seconds

NEW_YEAR = pd.Timestamp("2026-01-13", tz="UTC").timestamp()


def written(folder: Path, content: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(content, encoding="utf-8")
    return path


class TestRefusals:
    @pytest.mark.parametrize(
        ("cells", "message"),
        [
            (["2026-01-13", "soon"], "'soon' in row 2"),
            (["1768262400", "soon"], "'soon' in row 2"),
            (["2026-01-13", None], "row 2"),
            (["03/04/2026", "05/06/2026"], "nothing tells day from month"),
            (["13/04/2026", "05/26/2026"], "nothing tells day from month"),
        ],
    )
    def test_a_time_that_cannot_be_told_names_itself(self, cells: list[str | None], message: str) -> None:
        with pytest.raises(BadInputError, match=message):
            seconds(pd.Series(cells), "pairs.csv")

    def test_a_rating_that_is_no_number_names_its_row(self, tmp_path: Path) -> None:
        path = written(tmp_path, "user,item,rating\na,x,5\na,y,good\n")
        with pytest.raises(BadInputError, match="'good' in row 2"):
            read_pairs(path, Columns())

    def test_an_identifier_that_stands_for_nothing_names_its_row(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="row 2"):
            read_pairs(written(tmp_path, "user,item\na,x\nNA,y\n"), Columns())


class TestIdentifiers:
    def test_leading_zeros_tell_two_courses_apart(self, tmp_path: Path) -> None:
        found = read_pairs(written(tmp_path, "user,item\n007,1\n007,01\n7,1\n"), Columns())
        assert found["user"].tolist() == ["007", "007", "7"]
        assert found["item"].tolist() == ["1", "01", "1"]

    def test_numbers_longer_than_any_machine_word_stay_apart(self, tmp_path: Path) -> None:
        ids = ["123456789012345678901234567890", "123456789012345678901234567891"]
        found = read_pairs(written(tmp_path, "user,item\n" + "".join(f"{one},x\n" for one in ids)), Columns())
        assert found["user"].tolist() == ids

    def test_whole_numbers_that_a_library_wrote_with_a_point_lose_it(self, tmp_path: Path) -> None:
        found = read_pairs(written(tmp_path, "user,item\n1.0,x\n2.0,y\n"), Columns())
        assert found["user"].tolist() == ["1", "2"]

    def test_a_catalogues_numbers_are_no_words_and_its_identifiers_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "items.csv"
        path.write_text("item,hours,title\n01,8,SQL basics\n1,4,Baking\n", encoding="utf-8")
        items, words = item_content(path, "")
        assert items == ["01", "1"]
        assert words.shape == (2, 3)

    def test_a_person_without_a_department_is_in_none(self, tmp_path: Path) -> None:
        path = tmp_path / "users.csv"
        path.write_text("user,department\n01,sales\n02,\n", encoding="utf-8")
        assert user_cohorts(path, "") == {"01": "sales"}


class TestTimes:
    @pytest.mark.parametrize(
        "cells",
        [
            ["2026-01-13", "2026-01-14T02:00:00+02:00"],
            ["13/01/2026", "14/01/2026 00:00"],
            ["01/13/2026", "01/14/2026"],
            ["13.01.2026", "14.1.2026"],
            ["20260113", "20260114"],
            ["2026-01-13", "14.01.2026"],
            [str(NEW_YEAR), str(NEW_YEAR + 86_400)],
            [NEW_YEAR * 1e6, (NEW_YEAR + 86_400) * 1e6],
        ],
    )
    def test_a_day_is_a_day_however_it_is_written(self, cells: list[str]) -> None:
        found = seconds(pd.Series(cells), "pairs.csv")
        assert found.tolist() == pytest.approx([NEW_YEAR, NEW_YEAR + 86_400])

    @pytest.mark.parametrize("scale", [1, 1e3, 1e6, 1e9])
    def test_fractions_of_a_second_are_seen_from_their_size(self, scale: float) -> None:
        assert in_seconds(pd.Series([NEW_YEAR * scale])).iloc[0] == pytest.approx(NEW_YEAR)


class TestWithoutHeader:
    def test_a_first_row_that_comes_again_below_is_data(self, tmp_path: Path) -> None:
        found = read_pairs(written(tmp_path, "ann,sql\nbob,sql\nann,baking\n"), Columns())
        assert sorted(zip(found["user"], found["item"], strict=True)) == [
            ("ann", "baking"),
            ("ann", "sql"),
            ("bob", "sql"),
        ]

    def test_a_third_column_of_moments_is_the_time_and_of_small_numbers_the_rating(
        self, tmp_path: Path
    ) -> None:
        timed = read_pairs(written(tmp_path, "1,1,1768262400\n2,1,1768348800\n1,2,1768348800\n"), Columns())
        rated = read_pairs(written(tmp_path, "1,1,4\n2,1,5\n1,2,3\n"), Columns())
        assert timed["time"].tolist() == [NEW_YEAR, NEW_YEAR + 86_400, NEW_YEAR + 86_400]
        assert rated["rating"].tolist() == [4, 5, 3]

    def test_decimal_commas_are_ratings(self, tmp_path: Path) -> None:
        found = read_pairs(written(tmp_path, "user;item;rating\na;x;3,5\nb;x;4\n"), Columns())
        assert found["rating"].tolist() == [3.5, 4.0]


def test_text_of_two_bytes_a_letter_is_seen_from_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\nZoë,課程\n", encoding="utf-16")
    assert read_pairs(path, Columns())["item"].tolist() == ["課程"]
