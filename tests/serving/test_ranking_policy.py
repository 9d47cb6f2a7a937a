"""The ranking policy: files that cannot work are refused, arms are stable, lots are fair and their odds are logged."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from features.errors import BadInputError
from serving.commands import serve
from serving.recommendation.exploration import explored
from serving.recommendation.person_rows import Assignment
from serving.recommendation.policy import Policies, RankingPolicy, read_policies
from serving.recommendation.ranking import Ranked
from serving.settings import read_settings

EXPERIMENT = """
experiment = "spring"
priority_weight = 0.5
[[arms]]
name = "control"
share = 0.5
[[arms]]
name = "bold"
share = 0.25
priority_weight = 2.0
[[shadows]]
name = "no-level"
share = 0.5
level_weight = 0.0
"""


def written(folder: Path, text: str) -> Path:
    """Return a policy file."""
    path = folder / "ranking.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("priority_weight = ", "Invalid value"),
        ("colour = 1", "colour"),
        ("exploration_share = 2", "exploration_share"),
        ('[[arms]]\nname = "a"\nshare = 0.7\n[[arms]]\nname = "b"\nshare = 0.7', "1.4"),
        ('[[arms]]\nname = "a"\nshare = 0.5\n[[shadows]]\nname = "a"', "a, a"),
        ('[[arms]]\nname = "a"', "share"),
        ('[[arms]]\nname = "a b"\nshare = 0.5', "a b"),
    ],
)
def test_a_file_that_cannot_work_is_refused_and_says_where(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_policies(written(tmp_path, text))
    assert found in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nothing\.toml"):
        read_policies(tmp_path / "nothing.toml")


def test_without_a_file_the_defaults_hold_and_nothing_is_explored() -> None:
    policies = read_policies(None)
    assert policies.of("ann") == (None, RankingPolicy())
    assert policies.default.exploration_share == 0


def test_people_stay_in_their_arm_and_shares_are_kept(tmp_path: Path) -> None:
    policies = read_policies(written(tmp_path, EXPERIMENT))
    people = [f"E{one}" for one in range(8_000)]
    arms = [policies.of(one)[0] for one in people]
    assert arms == [policies.of(one)[0] for one in people]
    counts = Counter(arms)
    assert counts["control"] / 8_000 == pytest.approx(0.5, abs=0.02)
    assert counts["bold"] / 8_000 == pytest.approx(0.25, abs=0.02)
    policy = {name: policies.of(one)[1].priority_weight for one, name in zip(people, arms, strict=True)}
    assert policy == {"control": 0.5, "bold": 2.0, None: 0.5}


def test_another_experiment_deals_people_out_anew(tmp_path: Path) -> None:
    spring = read_policies(written(tmp_path, EXPERIMENT))
    autumn = Policies(spring.default, "autumn", spring.arms)
    people = [f"E{one}" for one in range(4_000)]
    both = Counter((spring.of(one)[0], autumn.of(one)[0]) for one in people)
    assert both["control", "control"] / 4_000 == pytest.approx(0.25, abs=0.03)


def test_a_shadow_is_computed_for_its_share_of_answers(tmp_path: Path) -> None:
    policies = read_policies(written(tmp_path, EXPERIMENT))
    found = [len(policies.shadows_of(f"answer {one}")) for one in range(4_000)]
    assert sum(found) / 4_000 == pytest.approx(0.5, abs=0.03)


def ranking(n: int) -> list[Ranked]:
    """Return courses that stand for themselves."""
    return [Ranked(course, 0.5, None, ()) for course in range(n)]


def test_without_exploration_every_place_is_certain() -> None:
    page, chances = explored(ranking(10), 3, RankingPolicy(), "answer")
    assert [one.course for one in page] == [0, 1, 2]
    assert chances == [1.0, 1.0, 1.0]


def test_how_often_the_lot_falls_is_what_is_logged() -> None:
    policy = RankingPolicy(exploration_share=0.4, exploration_pool=4)
    logged: dict[int, float] = {}
    shown: Counter[int] = Counter()
    for number in range(20_000):
        page, chances = explored(ranking(12), 3, policy, f"answer {number}")
        assert [one.course for one in page[:2]] == [0, 1]
        assert chances[:2] == [1.0, 1.0]
        shown[page[-1].course] += 1
        assert logged.setdefault(page[-1].course, chances[-1]) == chances[-1]
        assert page[-1].is_explored == (page[-1].course != 2)
    assert logged == pytest.approx({2: 0.7, 3: 0.1, 4: 0.1, 5: 0.1})
    for course, chance in logged.items():
        assert shown[course] / 20_000 == pytest.approx(chance, abs=0.012)


def test_the_same_answer_draws_the_same_lot() -> None:
    policy = RankingPolicy(exploration_share=1.0)
    assert explored(ranking(30), 5, policy, "one") == explored(ranking(30), 5, policy, "one")


def test_what_must_be_done_or_stands_behind_a_prerequisite_never_moves() -> None:
    policy = RankingPolicy(exploration_share=1.0)
    fixed = ranking(3)
    fixed[-1] = structs.replace(fixed[-1], assignment=Assignment(2, True, None))
    behind = [structs.replace(one, unmet=(0,)) for one in ranking(9)[3:]]
    assert explored([*fixed, *ranking(9)[3:]], 3, policy, "x") == (fixed, [1.0] * 3)
    assert explored([*ranking(3), *behind], 3, policy, "x") == (ranking(3), [1.0] * 3)


def test_the_file_is_one_of_the_settings(tmp_path: Path) -> None:
    path = written(tmp_path, EXPERIMENT)
    assert read_settings(ranking_file=path).ranking_file == path
    assert json.loads(read_policies(path).arms[1].model_dump_json())["share"] == 0.25


def test_a_policy_that_cannot_work_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLPATH_VAR", str(tmp_path))
    monkeypatch.setenv("SKILLPATH_RANKING_FILE", str(written(tmp_path, "colour = 1")))
    with pytest.raises(BadInputError, match="colour"):
        serve()
