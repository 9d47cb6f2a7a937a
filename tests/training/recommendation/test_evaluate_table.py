"""Any table of who took what: refused with reasons, read in each of its forms, evaluated by the same fit."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError, RefusedError, SkillpathError
from training.evaluation import as_json
from training.recommendation.evaluate_table import run
from training.recommendation.splits import alike_split, held_out, weights_of
from training.recommendation.table import Columns, read_pairs

FAST = ["--set", "ridge=1", "--seed", "7"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("user,item\n", "no rows"),
        ("user,colour,size\na,b,c\n", "names no item"),
        ("user,item\na,\n", "row 1"),
        ("user,item,time\na,b,soon\n", "time that cannot be read"),
        ("user,item,rating\na,b,good\n", "rating that is no number"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(content)
    with pytest.raises(BadInputError, match=message):
        read_pairs(path, Columns())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "sideways"], "invalid choice"),
        (["--peers", "oracle"], "no such peer"),
        (["--user-column", "nobody"], "no column 'nobody'"),
        (["--set", "magic=1"], "key=value"),
        (["--colour", "red"], "unrecognized"),
    ],
)
def test_an_option_that_cannot_be_used_says_why(board: Path, options: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        run(["--interactions", str(board), *options])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not there"):
        run(["--interactions", str(tmp_path / "nothing.csv")])


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(gzip.compress(b"user,item\na,b\n" * 99)[:-20])
    with pytest.raises(BadInputError, match="damaged"):
        run(["--interactions", str(path)])


def test_a_single_person_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\na,b\na,c\na,d\n")
    with pytest.raises(RefusedError, match="too little"):
        run(["--interactions", str(path), "--split", "leave-one"])


def test_a_temporal_split_without_a_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\na,b\na,c\nb,c\nb,d\n")
    with pytest.raises(BadInputError, match="needs a time"):
        run(["--interactions", str(path), "--split", "temporal"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.csv", "employee_id,course_id\na,x\na,y\nb,x\n"),
        ("pairs.tsv", "uid\tcourse\na\tx\na\ty\nb\tx\n"),
        ("pairs.inter", "user_id:token\titem_id:token\na\tx\na\ty\nb\tx\n"),
        ("pairs.txt", "a x y\nb x\n"),
        ("two.csv", "who;what\na;x\na;y\nb;x\nb;x\n"),
    ],
)
def test_each_form_of_a_table_holds_the_same_pairs(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    pairs = read_pairs(path, Columns())
    assert set(zip(pairs["user"], pairs["item"], strict=True)) == {("a", "x"), ("a", "y"), ("b", "x")}
    assert len(pairs) == 3


def test_a_headerless_table_is_user_item_rating_time(tmp_path: Path) -> None:
    path = tmp_path / "u.tsv"
    path.write_text("1\t20\t3\t90\n2\t20\t4\t80\n")
    pairs = read_pairs(path, Columns())
    assert pairs.to_dict("list") == {
        "user": ["2", "1"], "item": ["20", "20"], "time": [80.0, 90.0], "rating": [4, 3],
    }  # fmt: skip


def test_parquet_and_times_in_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    frame = pd.DataFrame({"user": [1.0, 2.0], "item": [3, 4], "date": ["2026-01-02", "2026-01-01T12:00:00Z"]})
    frame.to_parquet(path)
    pairs = read_pairs(path, Columns())
    assert pairs["user"].tolist() == ["2", "1"]
    assert pairs["time"].diff().iloc[1] == 43_200


def test_one_of_each_person_is_held_out_and_a_single_pair_stays() -> None:
    pairs = pd.DataFrame({"user": list("aaabbc"), "item": list("123124")})
    out = held_out(pairs, "leave-one", np.random.default_rng(7))
    assert pairs["user"][out].tolist() == ["a", "b"]


def test_a_quarter_of_each_person_is_held_out() -> None:
    pairs = pd.DataFrame({"user": ["a"] * 8 + ["b"] * 4 + ["c"], "item": [str(one) for one in range(13)]})
    out = held_out(pairs, "per-user", np.random.default_rng(7))
    assert pairs["user"][out].tolist() == ["a", "a", "b"]


def test_the_last_fifth_is_held_out_by_time() -> None:
    pairs = pd.DataFrame({"user": list("abcde"), "item": list("vwxyz"), "time": [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert held_out(pairs, "temporal", np.random.default_rng(7)).tolist() == [False] * 4 + [True]


@pytest.mark.parametrize("split", ["temporal", "per-user", "leave-one"])
def test_the_checkerboard_is_found_under_every_split(board: Path, split: str) -> None:
    found = run(["--interactions", str(board), "--split", split, "--peers", "popularity", *FAST])
    assert found.metrics["hr@10"].value > 0.95
    assert found.metrics["ndcg@10"].low > found.peers["popularity"]["ndcg@10"].high
    said = as_json(found)
    assert said["question"] == "recommendation"
    assert said["status"] == "estimated"
    assert said["seeds"] == [7]
    assert split.split("-", maxsplit=1)[0] in said["protocol"].replace("random 75", "per").replace(
        "one random", "leave"
    )


def test_the_same_seed_gives_the_same_figures(board: Path) -> None:
    first, second = (
        as_json(run(["--interactions", str(board), "--split", "leave-one", "--peers", "ease", *FAST]))
        for _ in range(2)
    )
    assert first == second


def test_a_given_test_is_ranked_and_known_pairs_in_it_are_left_out(board: Path, tmp_path: Path) -> None:
    pairs = pd.read_csv(board)
    test = pairs.groupby("user").tail(1)
    pairs.drop(test.index).to_csv(tmp_path / "train.csv", index=False)
    pd.concat([test, pairs.drop(test.index).head(5)]).to_csv(tmp_path / "test.csv", index=False)
    found = run(
        [
            "--interactions",
            str(tmp_path / "train.csv"),
            "--test",
            str(tmp_path / "test.csv"),
            "--peers",
            "ease",
            *FAST,
        ]
    )
    assert found.n["targets"] == len(test)
    assert found.metrics["hr@10"].value > 0.95


def test_a_catalogue_with_words_reaches_a_course_that_nobody_took(board: Path, tmp_path: Path) -> None:
    pairs = pd.read_csv(board)
    items = sorted(pairs["item"].unique())
    words = ["even" if place % 2 == 0 else "odd" for place in range(len(items))]
    pd.DataFrame({"item_id": [*items, "new"], "about": [*words, "even"]}).to_csv(
        tmp_path / "items.csv", index=False
    )
    people = [f"p{place}" for place in range(60)]
    pd.DataFrame({"user_id": people, "job_id": ["even", "odd"] * 30}).to_csv(
        tmp_path / "users.csv", index=False
    )
    test = pd.DataFrame({"user": people[0::2], "item": ["new"] * 30})
    test.to_csv(tmp_path / "test.csv", index=False)
    found = run(
        [
            "--interactions", str(board), "--test", str(tmp_path / "test.csv"), "--items", str(tmp_path / "items.csv"),
            "--users", str(tmp_path / "users.csv"), "--peers", "ease", "--set", "ridge=1", "--set", "content_strength=5",
        ]
    )  # fmt: skip
    # Nobody took "new": EASE cannot tell it from nothing; by its words it belongs to even people.
    apart = found.diagnostics["apart"]["new_course"]
    assert found.metrics["mrr"].value > found.peers["ease"]["mrr"].value
    assert apart["people"] == 30


@pytest.mark.real_data
def test_movielens_is_ranked_ahead_of_its_popularity(real_data: Path) -> None:
    path = real_data / "learning" / "movielens_100k" / "ml-100k.inter.gz"
    found = run(
        ["--interactions", str(path), "--split", "per-user", "--peers", "popularity", "--set", "ridge=30",
         "--set", "person_power=0.5"]
    )  # fmt: skip
    assert found.n["people_asked"] == 943
    assert found.metrics["ndcg@10"].low > found.peers["popularity"]["ndcg@10"].high
    assert not isinstance(found, SkillpathError)


def test_the_implicit_librarys_models_stand_beside_ours(board: Path) -> None:
    asked = ["--peers", "implicit-als,implicit-bpr"]
    found = run(["--interactions", str(board), "--split", "leave-one", *asked, *FAST])
    assert set(found.peers) == {"implicit-als", "implicit-bpr"}
    assert found.peers["implicit-als"]["hr@10"].value > 0.9  # the checkerboard is easy
    assert found.peers["implicit-bpr"]["hr@10"].value > 0.9
    assert set(found.diagnostics["difference_to"]) == set(found.diagnostics["hr@10_difference_to"])


def test_coverage_and_novelty_have_intervals_for_the_model_and_its_peers(board: Path) -> None:
    found = run(["--interactions", str(board), "--split", "leave-one", "--peers", "popularity", *FAST])
    for lists in (found.diagnostics["lists"], *found.diagnostics["lists_of_peers"].values()):
        for name in ("coverage@10", "novelty@10", "gini@10"):
            assert lists[name].low <= lists[name].value <= lists[name].high


def test_a_given_test_tells_by_its_times_how_it_was_split() -> None:
    known = pd.DataFrame({"user": list("aabb"), "item": list("1212"), "time": [1.0, 2.0, 3.0, 4.0]})
    later = pd.DataFrame({"user": list("aab"), "item": list("345"), "time": [4.0, 5.0, 6.0]})
    assert alike_split(known, later) == "temporal"
    assert alike_split(known, later.assign(time=[1.0, 2.0, 6.0])) == "per-user"
    assert alike_split(known, later.iloc[1:]) == "leave-one"


def test_a_better_rating_says_more_and_without_ratings_all_say_the_same() -> None:
    pairs = pd.DataFrame({"user": list("aabb"), "item": list("1212"), "rating": [5.0, 1.0, 3.0, 3.0]})
    weights = weights_of(pairs)
    assert weights[0] > weights[2] > weights[1]
    assert weights[2] == weights[3]
    assert weights.max() <= 1.0
    assert weights_of(pairs.drop(columns="rating")).tolist() == [1.0] * 4
