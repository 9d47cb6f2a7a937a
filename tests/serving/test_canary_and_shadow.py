"""Canary and shadow: each with a signature of its own purpose, a stable share, its own hold; the champion never suffers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.errors import BadInputError, UnavailableError
from serving.house import House
from serving.models import puller as pulling
from serving.models.answering import Canary, LoadedModel, Models
from serving.models.puller import Puller
from serving.models.routes import answering
from serving.operation.rollback import release, take_away
from serving.scores import recompute
from serving.scores.batch import score_shadow
from serving.settings import ServingSettings

QUESTION = "recommendation"


class Desk:
    """A puller, the models of a worker, and a way to promote toy models of a weight."""

    def __init__(self, settings: ServingSettings, bundler: Any, registry: Any, folder: Path) -> None:
        self.bundler, self.registry, self.folder = bundler, registry, folder
        self.puller, self.models = Puller(settings, registry), Models(settings)

    def promote(
        self,
        version: str,
        weight: float,
        alias: str = "champion",
        question: str = QUESTION,
        signed_as: str = "",
    ) -> None:
        """Write, sign for a place, and point an alias; as `signed_as` where that is given."""
        folder = self.folder / version
        if not folder.exists():
            self.bundler.write(folder, weight)
        purpose = "@shadow" if (signed_as or alias) == "shadow" else ""
        said = self.bundler.statement(folder, f"{question}{purpose}", version)
        self.registry.promote(question, version, folder, self.bundler.sign(said), alias)

    def turn(self) -> list[str]:
        """Let puller and worker look once."""
        self.puller.turn()
        return self.models.refresh()

    def answer(self, model: LoadedModel) -> float:
        """Return what a model makes of 1."""
        return float(model.scorer.scores(rows=np.ones(1))[0])

    def refused(self, question: str = QUESTION) -> list[tuple[str, str]]:
        """Return alias and version of what was refused."""
        return [(each["alias"], each["version"]) for each in self.puller.shelf.refused(question)]


@pytest.fixture(autouse=True)
def no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare a process per bundle: trials are what test_bundles is about."""
    monkeypatch.setattr(pulling, "try_bundle", lambda *_, **__: "")


@pytest.fixture
def desk(serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path) -> Desk:
    """Return a desk on which version 1, weight 2, is the champion."""
    made = Desk(serving_settings, bundler, registry, tmp_path)
    made.promote("1", 2.0)
    assert made.turn() == [QUESTION]
    return made


class TestRefusals:
    @pytest.mark.parametrize(
        ("alias", "signed_as"), [("shadow", "champion"), ("champion", "shadow"), ("canary", "shadow")]
    )
    def test_what_is_signed_for_another_place_is_refused_and_the_champion_answers(
        self, desk: Desk, alias: str, signed_as: str
    ) -> None:
        desk.promote("2", 5.0, alias, signed_as=signed_as)
        desk.turn()
        assert desk.answer(desk.models.current(QUESTION)) == 2.0
        assert not desk.models.canaries
        assert not desk.models.shadows
        assert desk.refused() == [(alias, "2")]
        assert [each["version"] for each in desk.puller.shelf.standing_refused(QUESTION)] == ["2"]

    def test_an_alias_moved_by_hand_to_what_nobody_signed_is_refused_in_every_place(self, desk: Desk) -> None:
        for alias in ("champion", "canary", "shadow"):
            desk.registry.promote(QUESTION, "9", desk.bundler.write(desk.folder / alias, 7.0), None, alias)
        desk.turn()
        assert sorted(desk.refused()) == [("canary", "9"), ("champion", "9"), ("shadow", "9")]
        assert desk.answer(desk.models.of(QUESTION, "anybody")) == 2.0

    @pytest.mark.parametrize("share", ["", "all", "0", "1", "-0.1", "nan", "7"])
    def test_a_canary_without_a_share_is_refused(self, desk: Desk, share: str) -> None:
        desk.registry.canary_share = share
        desk.promote("2", 5.0, "canary")
        desk.turn()
        assert desk.models.canaries == {}
        assert "no share" in desk.puller.shelf.refused(QUESTION)[0]["reason"]

    @pytest.mark.parametrize(
        ("question", "alias"),
        [("attrition", "canary"), ("skills", "canary"), ("impact", "canary"), ("skills", "shadow"), ("impact", "shadow")],
    )  # fmt: skip
    def test_a_question_that_has_no_such_place_says_so(self, desk: Desk, question: str, alias: str) -> None:
        desk.promote("2", 5.0, alias, question)
        desk.turn()
        assert f"no {alias}" in desk.puller.shelf.refused(question)[0]["reason"]

    def test_a_canary_alone_answers_nobody(
        self, serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path
    ) -> None:
        desk = Desk(serving_settings, bundler, registry, tmp_path)
        desk.promote("1", 2.0, "canary")
        desk.turn()
        assert desk.models.canaries
        with pytest.raises(UnavailableError, match="No verified model"):
            desk.models.of(QUESTION, "anybody")

    def test_a_shadow_harmed_on_the_shelf_is_not_loaded_and_then_fetched_anew(
        self, desk: Desk, serving_settings: ServingSettings
    ) -> None:
        desk.promote("2", 5.0, "shadow")
        desk.puller.turn()
        pointer = desk.puller.shelf.pointer(QUESTION, "shadow")
        assert pointer is not None
        np.savez(desk.puller.shelf.payload(QUESTION, pointer.current) / "weight.npz", weight=np.float64(9))
        desk.models.refresh()
        assert desk.models.shadows == {}
        assert "not what was signed" in desk.models.reasons[QUESTION, "shadow"][1]
        desk.promote("2", 5.0, "champion")  # the same payload, for another place
        desk.turn()
        assert desk.answer(desk.models.current(QUESTION)) == 5.0


class TestShares:
    def test_a_share_of_the_people_is_the_same_people_and_only_grows(self, desk: Desk) -> None:
        desk.registry.canary_share = "0.1"
        desk.promote("2", 5.0, "canary")
        desk.turn()
        people = [f"E{number}" for number in range(5_000)]
        few = {person for person in people if desk.answer(desk.models.of(QUESTION, person)) == 5.0}
        assert 420 < len(few) < 580
        desk.registry.canary_share = "0.3"
        desk.turn()
        more = {person for person in people if desk.models.of(QUESTION, person).version == "2"}
        assert few < more
        assert 1_390 < len(more) < 1_610

    def test_another_canary_is_dealt_to_other_people(self, desk: Desk) -> None:
        model = desk.models.current(QUESTION)
        people = [f"E{number}" for number in range(2_000)]
        one, other = (
            {person for person in people if Canary(LoadedModel("x", "1", digest, None, model.folder, {}), 0.5).answers(person)}
            for digest in ("a" * 64, "b" * 64)
        )  # fmt: skip
        assert 400 < len(one & other) < 600

    def test_the_host_s_limit_holds_whatever_the_registry_says(
        self, serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path
    ) -> None:
        settings = serving_settings.model_copy(update={"canary_share_limit": 0.0})
        desk = Desk(settings, bundler, registry, tmp_path)
        registry.canary_share = "0.9"
        desk.promote("1", 2.0)
        desk.promote("2", 5.0, "canary")
        desk.turn()
        assert desk.models.canaries[QUESTION].share == 0.0
        assert {desk.models.of(QUESTION, f"E{number}").version for number in range(200)} == {"1"}


class TestLife:
    def test_a_canary_becomes_the_champion_without_being_fetched_again(self, desk: Desk) -> None:
        desk.promote("2", 5.0, "canary")
        desk.turn()
        desk.registry.folders.clear()  # nothing can be fetched any more
        desk.registry.aliases[QUESTION, "champion"] = "2"
        del desk.registry.aliases[QUESTION, "canary"]
        assert desk.turn() == [QUESTION]
        assert desk.models.canaries == {}
        assert desk.answer(desk.models.current(QUESTION)) == 5.0

    def test_an_alias_that_is_gone_takes_the_place_away_but_never_the_champion_s(self, desk: Desk) -> None:
        desk.promote("2", 5.0, "canary")
        desk.promote("3", 6.0, "shadow")
        desk.turn()
        assert (set(desk.models.canaries), set(desk.models.shadows)) == ({QUESTION}, {QUESTION})
        for alias in ("canary", "shadow"):
            del desk.registry.aliases[QUESTION, alias]
        desk.turn()
        assert (desk.models.canaries, desk.models.shadows) == ({}, {})
        assert desk.answer(desk.models.current(QUESTION)) == 2.0

    def test_a_registry_that_says_nothing_of_a_question_changes_nothing(self, desk: Desk) -> None:
        desk.promote("2", 5.0, "canary")
        desk.turn()
        desk.registry.aliases.clear()  # another registry, or none yet
        desk.turn()
        assert set(desk.models.canaries) == {QUESTION}
        assert desk.answer(desk.models.current(QUESTION)) == 2.0

    def test_with_the_registry_away_everybody_keeps_their_place(self, desk: Desk) -> None:
        desk.promote("2", 5.0, "canary")
        desk.promote("3", 6.0, "shadow")
        desk.turn()
        desk.registry.is_away = True
        desk.turn()
        assert (set(desk.models.canaries), set(desk.models.shadows)) == ({QUESTION}, {QUESTION})

    def test_going_back_waits_for_no_scores(self, desk: Desk) -> None:
        prepared: list[str] = []
        desk.puller.prepare = lambda _question, place: prepared.append(place.version)
        desk.promote("2", 5.0)
        desk.turn()
        desk.registry.aliases[QUESTION, "champion"] = "1"
        desk.turn()
        assert desk.answer(desk.models.current(QUESTION)) == 2.0
        assert prepared == ["2"]


def test_the_list_of_models_tells_digest_place_and_share(desk: Desk, sqlite_house: House) -> None:
    desk.registry.canary_share = "0.2"
    desk.promote("2", 5.0, "canary")
    desk.promote("3", 6.0, "shadow")
    desk.promote("4", 7.0, "champion", signed_as="shadow")
    desk.turn()
    sqlite_house.models = desk.models
    said = answering(sqlite_house, QUESTION)
    assert said.canary is not None
    assert said.shadow is not None
    assert (said.version, said.canary.version, said.canary.share, said.shadow.version) == ("1", "2", 0.2, "3")
    assert said.canary.digest == desk.models.canaries[QUESTION].model.digest
    assert said.shadow.metrics == {"auc": 0.5}
    assert [(each.alias, each.version) for each in said.refused] == [("champion", "4")]


class TestByHand:
    def test_a_place_that_is_none_and_one_that_nobody_has_are_refused(self, desk: Desk) -> None:
        settings = desk.puller.settings
        with pytest.raises(BadInputError, match="no such place"):
            take_away(settings, QUESTION, "champion")
        with pytest.raises(UnavailableError, match="no canary"):
            take_away(settings, QUESTION, "canary")

    @pytest.mark.parametrize("alias", ["canary", "shadow"])
    def test_a_place_taken_away_by_hand_stays_empty_until_it_is_released_or_another_comes(
        self, desk: Desk, alias: str
    ) -> None:
        desk.promote("2", 5.0, alias)
        desk.turn()
        assert take_away(desk.puller.settings, QUESTION, alias) == "2"
        desk.turn()
        assert desk.models.standing(QUESTION, alias) is None
        release(desk.puller.settings, QUESTION)
        desk.turn()
        assert desk.models.standing(QUESTION, alias) is not None
        take_away(desk.puller.settings, QUESTION, alias)
        desk.promote("3", 6.0, alias)
        desk.turn()
        standing = desk.models.standing(QUESTION, alias)
        assert standing is not None
        assert standing.version == "3"


def test_a_registry_that_never_answered_has_no_age(sqlite_house: House) -> None:
    pytest.importorskip("prometheus_client", reason="metrics are an extra")
    from serving.metrics import Measures

    measures = Measures()
    measures.look(sqlite_house)
    assert measures.registry.get_sample_value("skillpath_registry_age_seconds") == -1


def test_gauges_tell_places_share_refusals_and_when_the_registry_last_answered(
    desk: Desk, sqlite_house: House
) -> None:
    pytest.importorskip("prometheus_client", reason="metrics are an extra")
    from serving.metrics import Measures

    desk.registry.canary_share = "0.2"
    desk.promote("2", 5.0, "canary")
    desk.promote("4", 7.0, "champion", signed_as="shadow")
    desk.turn()
    sqlite_house.models, measures = desk.models, Measures()
    measures.look(sqlite_house)

    def value(name: str, **labels: str) -> float | None:
        found: float | None = measures.registry.get_sample_value(name, labels)
        return found

    digest = desk.models.current(QUESTION).digest[:12]
    age = value(
        "skillpath_model_age_seconds", question=QUESTION, alias="champion", version="1", digest=digest
    )
    assert age is not None
    assert 0 <= age < 60
    assert value("skillpath_canary_share", question=QUESTION) == 0.2
    assert value("skillpath_refused_bundles", question=QUESTION) == 1
    assert value("skillpath_refused_bundles", question="attrition") == 0
    desk.registry.aliases[QUESTION, "champion"] = "1"  # moved back: nothing is refused any more
    del desk.registry.aliases[QUESTION, "canary"]
    desk.turn()
    measures.look(sqlite_house)
    assert value("skillpath_refused_bundles", question=QUESTION) == 0
    assert value("skillpath_canary_share", question=QUESTION) == 0
    seconds = value("skillpath_registry_age_seconds")
    assert seconds is not None
    assert seconds < 60


def test_an_attrition_shadow_s_scores_are_kept_under_its_own_digest_and_in_no_file(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everybody(house: House, people: list[str], _progress: object) -> Iterator[tuple[str, bytes]]:
        yield from ((person, house.models.current("attrition").version.encode()) for person in people)

    module = SimpleNamespace(score_everybody=everybody)
    monkeypatch.setattr(recompute, "scoring", lambda question: module if question == "attrition" else None)
    with sqlite_house.store.transaction() as connection:
        rows = [{"employee_id": name, "spell": 1, "hired_at": 0, "known_at": 0} for name in ("ann", "bob")]
        sqlite_house.store.upsert(connection, "employees", rows)
    assert score_shadow(sqlite_house, "attrition", ["ann", "bob"], lambda _: None) is None
    sqlite_house.models.shadows = {"attrition": LoadedModel("attrition", "2", "s" * 64, None, Path(), {})}
    done = score_shadow(sqlite_house, "attrition", ["ann", "bob"], lambda _: None)
    assert done is not None
    assert (done.alias, done.version, done.scored, done.file) == ("shadow", "2", 2, "")
    assert sqlite_house.kept.people("attrition", "s" * 64) == {"ann", "bob"}
    assert sqlite_house.kept.people("attrition", "c" * 64) == set()  # a champion's readers find nothing of it
    assert sqlite_house.models.held == {}
