"""The four ``evaluate`` commands tell an option that is not there in one way, and say where to look."""

from __future__ import annotations

import pytest

from features.errors import BadInputError
from training.questions import question

NEEDED = {
    "skills": ["--queries", "none.csv"],
    "recommendation": ["--interactions", "none.csv"],
    "attrition": ["--table", "none.csv"],
    "impact": ["--table", "none.csv", "--outcome", "rating"],
}


@pytest.mark.parametrize("name", sorted(NEEDED))
class TestOptions:
    """Options of one question's command."""

    def test_an_unknown_one_is_named_with_a_command_that_works(self, name: str) -> None:
        with pytest.raises(BadInputError) as caught:
            question(name).evaluate_table.run([*NEEDED[name], "--nonsense"])
        told = str(caught.value)
        assert "--nonsense" in told
        assert f"Example: skillpath evaluate {name} --" in told

    def test_help_ends_well_and_names_the_command(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            question(name).evaluate_table.run(["--help"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: skillpath evaluate {name}")
