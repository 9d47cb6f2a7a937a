"""Training again: only where something changed, one at a time, by the newest model's parameters; searches go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from features.errors import BadInputError, RefusedError, SkillpathError, UnavailableError
from features.records.store import Store
from training import tuning
from training.context import TrainingContext
from training.earlier import step_back
from training.questions import QUESTIONS, Question
from training.runs import Workbench, end_of
from training.settings import TrainingSettings
from training.stored import StoredTables
from training.tuning import SPACES, assignments_of, search
from training.upkeep.commands import app, raise_failed
from training.upkeep.lock import BusyError, alone
from training.upkeep.retraining import Wish, retrain, what_changed
from training.usage import Meter

ROOT = Path(__file__).resolve().parents[3]


def searching(folder: Path) -> tuple[SimpleNamespace, SimpleNamespace, Shrunk, int]:
    """Return what a search of five trials is asked with, the same in every process."""
    bench = SimpleNamespace(
        settings=SimpleNamespace(var=folder, seed=1),
        context=SimpleNamespace(as_of=datetime(2025, 1, 1, tzinfo=UTC)),
        rng=lambda _, stage: np.random.default_rng(zlib.crc32(stage.encode())),
        say=lambda _: None,
    )
    return bench, SimpleNamespace(name="toy"), Shrunk(), 5


@dataclass(frozen=True)
class Shrunk:
    shrinkage: float = 0.0


def patch_tuning(patch: Callable[[object, str, object], None], tried: list[float], last: int) -> None:
    """Let a search try numbers; its process is killed in one of its trials."""

    def units(_bench: object, _question: object, parameters: Shrunk, _dataset: object) -> np.ndarray:
        tried.append(parameters.shrinkage)
        print(parameters.shrinkage, flush=True)  # noqa: T201 - read by the test
        if len(tried) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return -((parameters.shrinkage - 0.3) ** 2) * np.ones(5)

    patch(tuning, "SPACES", {"toy": lambda trial: {"shrinkage": trial.suggest_float("shrinkage", 0.0, 1.0)}})
    patch(tuning, "units_of", units)
    patch(tuning, "dataset_before", lambda *_: SimpleNamespace(digest="toy"))


if __name__ == "__main__":
    patch_tuning(setattr, [], int(sys.argv[2]))
    search(*searching(Path(sys.argv[1])))


class TestRefusals:
    def test_a_second_training_at_the_same_time_is_refused(self, tmp_path: Path) -> None:
        with (
            alone(tmp_path / "lock"),
            pytest.raises(BusyError, match="Another training runs") as raised,
            alone(tmp_path / "lock"),
        ):
            pass
        assert raised.value.exit_code == 75
        with alone(tmp_path / "lock"):
            pass  # whoever ended has let go of it

    def test_an_estimator_is_never_chosen_by_what_it_estimates(self, bench: Workbench) -> None:
        with pytest.raises(RefusedError, match="fixed in advance"):
            search(bench, Question("impact"), object(), 3)

    def test_a_search_without_trials_is_bad_input(self, bench: Workbench, toy, monkeypatch) -> None:
        monkeypatch.setattr(tuning, "SPACES", {"toy": lambda trial: {}})
        with pytest.raises(BadInputError, match="needs trials"):
            search(bench, toy, toy.fit.Parameters(), 0)

    def test_a_question_whose_data_cannot_answer_is_told_and_the_rest_goes_on(
        self, bench: Workbench, toy
    ) -> None:
        def refuse(_: object) -> None:
            raise RefusedError("stayers only")

        toy.dataset = SimpleNamespace(build=refuse)
        found = retrain(bench, toy, Wish())
        assert (found["action"], found["why"]) == ("refused", "stayers only")

    def test_a_question_that_breaks_is_told_with_its_exit_code_and_the_rest_goes_on(
        self, bench: Workbench, toy
    ) -> None:
        def gone(_: object) -> None:
            raise UnavailableError("no registry")

        toy.dataset = SimpleNamespace(build=gone)
        found = retrain(bench, toy, Wish())
        assert (found["action"], found["exit_code"]) == ("failed", 5)
        toy.dataset = SimpleNamespace(build=lambda _: 1 / 0)
        found = retrain(bench, toy, Wish())
        assert (found["action"], found["exit_code"]) == ("failed", 1)
        with pytest.raises(SkillpathError, match="ZeroDivisionError") as raised:
            raise_failed([{"question": "toy", "action": "unchanged"}, found])
        assert raised.value.exit_code == 1
        json.dumps(found, allow_nan=False)

    def test_the_lock_of_a_killed_training_is_free_at_once(self, tmp_path: Path) -> None:
        holding = (
            "import sys, time\nfrom pathlib import Path\nfrom training.upkeep.lock import alone\n"
            "with alone(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
        )
        command = [sys.executable, "-c", holding, str(tmp_path / "lock")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(BusyError, match=f"process {other.pid}"), alone(tmp_path / "lock"):
                pass
            other.kill()
        with alone(tmp_path / "lock"):
            pass


class TestTrainingAgain:
    def test_what_a_killed_run_was_about_to_promote_is_promoted_by_the_next(
        self, bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: object) -> None:
            raise KeyboardInterrupt  # whatever ends the process: nothing after it runs

        wish = Wish(and_promote=True)
        with monkeypatch.context() as patched:
            patched.setattr("training.upkeep.retraining.promote", killed)
            with pytest.raises(KeyboardInterrupt):
                retrain(bench, toy, wish)
        assert bench.tracking.champion("toy") is None
        assert retrain(bench, toy, Wish())["action"] == "unchanged"  # nobody asked for a promotion
        found = retrain(bench, toy, wish)
        assert (found["action"], found["version"], found["promotion"]["status"]) == (
            "resumed",
            "1",
            "promoted",
        )
        assert retrain(bench, toy, wish)["action"] == "unchanged"

    def test_what_did_not_change_is_not_trained_again(self, bench: Workbench, toy) -> None:
        first, second = retrain(bench, toy, Wish()), retrain(bench, toy, Wish())
        assert (first["action"], first["why"], first["version"]) == ("trained", "never trained", "1")
        assert (second["action"], second["why"]) == ("unchanged", "")
        assert len(bench.tracking.models("toy")) == 1

    def test_new_data_are_a_reason_and_the_parameters_stay(self, bench: Workbench, toy) -> None:
        bench.train(toy, ["shrinkage=0.25", "names=x,y"])
        data = bench.datasets["toy"]
        bench.datasets["toy"] = type(data)(data.features, data.outcome, "other data")
        found = retrain(bench, toy, Wish())
        assert (found["why"], found["parameters_from"]) == ("data", "version 1")
        newest = bench.tracking.model("toy")
        assert bench.tracking.parameters(newest)["shrinkage"] == "0.25"
        assert bench.tracking.parameters(newest)["names"] == "['x', 'y']"
        assert newest.data_digest == "other data"

    def test_other_code_is_a_reason(self, bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch) -> None:
        logged = bench.train(toy).logged
        assert what_changed(bench, toy, logged) == ""
        monkeypatch.setattr("training.upkeep.retraining.code_digest", lambda _: "other")
        assert what_changed(bench, toy, logged) == "code"

    def test_force_and_promote_do_what_they_say(self, bench: Workbench, toy) -> None:
        retrain(bench, toy, Wish())
        found = retrain(bench, toy, Wish(and_promote=True, is_forced=True, with_defaults=True))
        assert (found["why"], found["parameters_from"]) == ("forced", "defaults")
        assert found["promotion"]["status"] == "promoted"
        json.dumps(found, allow_nan=False)

    def test_the_command_names_example_and_exit_codes(self) -> None:
        told = CliRunner().invoke(app, ["retrain", "--help"])
        assert "Example: skillpath retrain" in told.output
        assert "75" in told.output


class TestSearching:
    @pytest.fixture
    def searched(self, bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch):
        """Return a search of the toy's shrinkage, and the candidates it fitted."""
        tried: list[float] = []

        def space(trial):
            return {"shrinkage": trial.suggest_float("shrinkage", 0.0, 1.0)}

        def units(bench, question, parameters, dataset):
            tried.append(parameters.shrinkage)
            return -((parameters.shrinkage - 0.3) ** 2) * np.ones(5)

        monkeypatch.setattr(tuning, "SPACES", {"toy": space})
        monkeypatch.setattr(tuning, "units_of", units)
        return lambda n: (search(bench, toy, toy.fit.Parameters(), n), tried)

    def test_the_best_of_all_trials_is_returned(self, searched) -> None:
        found, tried = searched(8)
        assert found.parameters.shrinkage == min(tried, key=lambda each: abs(each - 0.3))
        assert [part.kind for part in found.trials] == ["trial"] * 8

    def test_a_killed_search_goes_on_where_it_stopped(self, searched, bench: Workbench) -> None:
        searched(3)
        found, tried = searched(5)
        assert len(tried) == 5  # not eight
        assert len(set(tried)) == 5  # nothing is drawn twice
        assert len(found.trials) == 5
        assert (bench.settings.var / "optuna.db").is_file()

    def test_what_other_code_found_does_not_count(self, searched, monkeypatch: pytest.MonkeyPatch) -> None:
        searched(2)
        monkeypatch.setattr(tuning, "code_digest", lambda _: "f" * 64)
        found, tried = searched(2)
        assert len(tried) == 4
        assert len(found.trials) == 2

    def test_a_search_whose_process_is_killed_in_a_trial_goes_on_with_what_was_finished(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        command = [sys.executable, __file__, str(tmp_path), "3"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        killed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        finished = [float(line) for line in killed.stdout.splitlines()][:2]  # the third was under way
        tried: list[float] = []
        patch_tuning(monkeypatch.setattr, tried, 0)
        assert len(search(*searching(tmp_path)).trials) == 5
        assert len(tried) == 3
        assert not set(tried) & set(finished)  # nothing that was finished is drawn again

    @pytest.mark.parametrize("name", sorted(SPACES))
    def test_every_space_speaks_of_parameters_that_its_fit_has(self, name: str) -> None:
        import optuna

        parameters = Question(name).fit.Parameters()
        trial = optuna.create_study().ask()
        assert set(SPACES[name](trial)) <= {*vars(parameters)}

    def test_choosing_looks_at_nothing_of_the_last_block(self, bench: Workbench, toy) -> None:
        # 2024-01-01 to 2025-01-01: a quarter of a year is less than the longest block of a short record
        assert step_back(bench, toy).days == 184

    @pytest.mark.parametrize("name", ["attrition", "recommendation", "impact"])
    def test_careers_that_go_back_for_decades_do_not_move_the_moment_to_choose_by(
        self, name: str, small_store: Store, tmp_path: Path
    ) -> None:
        records = StoredTables(small_store)
        assert (end_of(records) - records["job_history"]["happened_at"].min()).days > 10 * 365
        bench = Workbench(TrainingSettings(var=tmp_path), TrainingContext(records, end_of(records)), None)  # type: ignore[arg-type]
        assert 184 <= step_back(bench, Question(name)).days < 380


def test_logged_parameters_read_back_as_they_were_set() -> None:
    defaults = Question("attrition").fit.Parameters()
    found = assignments_of({"shapes": "['few stumps', 'wide']", "bags": "3", "gone": "1"}, defaults)
    assert found == ["shapes=few stumps,wide", "bags=3"]


def test_a_meter_counts_time_processor_memory_and_energy() -> None:
    meter = Meter()
    sum(range(2_000_000))
    found = meter.read()
    assert found["system/cpu_seconds"] > 0
    assert found["system/energy_watt_hours_estimated"] == pytest.approx(found["system/cpu_seconds"] / 360)
    assert found["system/peak_memory_megabytes"] > 10


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_has_a_digest_of_its_own_code(name: str) -> None:
    from training.logged import code_digest

    assert code_digest(name) == code_digest(name)
    assert len({code_digest(each) for each in QUESTIONS}) == 4


def test_settings_keep_everything_below_the_var_folder(settings: TrainingSettings) -> None:
    assert settings.artifact_folder is not None
    assert settings.artifact_folder.is_relative_to(settings.var.resolve())


@pytest.mark.parametrize("name", ["attrition", "recommendation"])
def test_features_that_a_question_borrows_are_part_of_its_code(name: str) -> None:
    from training.logged import code_of

    found = {path.relative_to(ROOT).as_posix() for path in code_of(name)}
    assert {"features/history.py", "features/skills/levels.py", f"training/{name}/fit.py"} <= found
    assert not [path for path in found if path.startswith(("serving/", "features/records/"))]
    assert "training/skills/fit.py" not in found
