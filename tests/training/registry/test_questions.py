"""Questions are named, their parameters typed."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from features.errors import BadInputError
from training.limits import KEY, Limits
from training.questions import QUESTIONS, asked, moment, parameters_of, question


class TestRefusals:
    def test_an_unknown_question_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(BadInputError, match="skills, recommendation, attrition, impact"):
            question("salary")

    @pytest.mark.parametrize("assignment", ["depth=3", "shrinkage", "=1"])
    def test_a_parameter_that_does_not_exist_is_refused(self, toy, assignment: str) -> None:
        with pytest.raises(BadInputError, match="shrinkage, names, is_sparse"):
            parameters_of(toy.fit, [assignment])

    @pytest.mark.parametrize("assignment", ["shrinkage=much", "is_sparse=perhaps"])
    def test_a_value_of_another_type_is_refused(self, toy, assignment: str) -> None:
        with pytest.raises(BadInputError, match="cannot be set"):
            parameters_of(toy.fit, [assignment])

    @pytest.mark.parametrize(
        ("name", "assignment", "allowed"),
        [
            ("attrition", "shapes=stumps,nonsense", "few stumps, stumps"),
            ("attrition", "bags=-1", "from 0"),
            ("attrition", "weights=0.5,1.5", "from 0 to 1"),
            ("attrition", "penalties=nan", "numbers"),
            ("recommendation", "ridge=-5", "from 0"),
            ("recommendation", "content_strength=inf", "from 0"),
            ("impact", "pipeline=thorough", "screening, full"),
            ("skills", "threshold=2", "from -1 to 1"),
        ],
    )
    def test_a_value_beyond_its_limits_is_refused_with_what_is_allowed(
        self, name: str, assignment: str, allowed: str
    ) -> None:
        with pytest.raises(BadInputError, match="cannot be that") as raised:
            parameters_of(question(name).fit, [assignment])
        assert allowed in raised.value.allowed

    def test_a_moment_that_cannot_be_read_is_refused(self) -> None:
        with pytest.raises(BadInputError, match="ISO 8601"):
            moment("next Tuesday")


def test_all_means_the_four_questions_in_their_order() -> None:
    assert [each.name for each in asked("all")] == list(QUESTIONS)


def test_parameters_take_the_type_of_their_defaults(toy) -> None:
    found = parameters_of(toy.fit, ["shrinkage=0.5", "names=x,y,z", "is_sparse=true"])
    assert (found.shrinkage, found.names, found.is_sparse) == (0.5, ("x", "y", "z"), True)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_defaults_are_within_their_own_limits(name: str) -> None:
    fit = question(name).fit
    for field in fields(fit.Parameters()):
        assert field.metadata.get(KEY, Limits()).hold(getattr(fit.Parameters(), field.name)), field.name


def test_a_date_without_an_hour_means_midnight_utc() -> None:
    assert moment("2025-03-01") == datetime(2025, 3, 1, tzinfo=UTC)
    assert moment("2025-03-01T01:00:00+01:00") == datetime(2025, 3, 1, tzinfo=UTC)
