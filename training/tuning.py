"""Search a fit's parameters with Optuna, judged on a block before the last one; a killed search goes on where it stopped."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import BadInputError, RefusedError
from training.earlier import dataset_before
from training.evaluation import Interval, bootstrap_mean
from training.logged import Part, code_digest
from training.payload import write_payload
from training.questions import Question
from training.rescoring.rescoring import RESCORE

if TYPE_CHECKING:
    from training.runs import Workbench

FIXED: Mapping[str, str] = {
    "impact": "its pipeline is fixed in advance: an estimator chosen by what it estimates tells what one wants to hear",
}


@dataclass(frozen=True)
class Search:
    """What a search found.

    Parameters
    ----------
    parameters : Parameters
        The best ones.
    trials : sequence of Part
        Every finished trial, those of an earlier process too.
    """

    parameters: Any
    trials: list[Part]


def attrition_space(trial: Any) -> dict[str, Any]:
    """Return one candidate: the shape of the trees, their weight, and the logistic part's penalty."""
    return {
        "shapes": (trial.suggest_categorical("shape", ["few stumps", "stumps", "medium", "wide"]),),
        "weights": (trial.suggest_float("weight", 0.1, 0.95),),
        "penalties": (trial.suggest_float("penalty", 1.0, 10_000.0, log=True),),
    }


def recommendation_space(trial: Any) -> dict[str, Any]:
    """Return one candidate: the ridge of the item–item weights, the power of long histories, the weight of content."""
    return {
        "ridge": trial.suggest_float("ridge", 5.0, 5_000.0, log=True),
        "person_power": trial.suggest_float("person_power", 0.0, 1.0),
        "content_strength": trial.suggest_float("content_strength", 0.5, 50.0, log=True),
    }


def skills_space(trial: Any) -> dict[str, Any]:
    """Return one candidate: the words per window and the share of the best window."""
    lengths = trial.suggest_categorical("window_lengths", ["1,2,3,4", "1,2,3", "2,3,4", "1,2"])
    return {
        "choose": False,
        "window_lengths": tuple(int(length) for length in lengths.split(",")),
        "window_share": trial.suggest_float("window_share", 0.0, 1.0),
    }


SPACES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "attrition": attrition_space,
    "recommendation": recommendation_space,
    "skills": skills_space,
}


def search(bench: Workbench, question: Question, parameters: Any, wanted: int) -> Search:
    """Search until so many trials are finished, and return the best parameters.

    Parameters
    ----------
    bench : Workbench
        Records, registry, seed.
    question : Question
        Which one.
    parameters : Parameters
        Where the search starts; what it does not vary stays.
    wanted : int
        Finished trials in all. Those that an earlier, killed search finished on the same data, code and settings count.

    Raises
    ------
    RefusedError
        Where the question has nothing that may be chosen by its result.
    BadInputError
        If fewer than one trial is asked for.

    Notes
    -----
    Candidates are judged by the primary metric on the block before the last one, which the winner meets for the
    first time in its evaluation.
    """
    if question.name not in SPACES:
        raise RefusedError("There is nothing to tune.", found=FIXED.get(question.name, question.name))
    if wanted < 1:
        raise BadInputError("A search needs trials.", found=str(wanted), allowed="1 or more")
    dataset = dataset_before(bench, question, 1)
    study = opened_study(bench, question, parameters, dataset)
    import optuna

    def objective(trial: Any) -> float:
        candidate = replace(parameters, **SPACES[question.name](trial))
        bench.say(f"{question.name}: trial {trial.number + 1} of {wanted}")
        units = units_of(bench, question, candidate, dataset)
        found = bootstrap_mean(units, bench.rng(question.name, "tune"))
        trial.set_user_attr("interval", [found.value, found.low, found.high])
        return found.value

    finished = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    study.optimize(objective, n_trials=max(0, wanted - len(finished)), n_jobs=1)
    best = SPACES[question.name](optuna.trial.FixedTrial(study.best_params))
    return Search(replace(parameters, **best), parts_of(study))


def opened_study(bench: Workbench, question: Question, parameters: Any, dataset: Any) -> Any:
    """Return the study of these data, code and settings, as an earlier search left it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bench.settings.var.mkdir(parents=True, exist_ok=True)
    kept = {each.name: getattr(parameters, each.name) for each in fields(parameters)}
    made_by = f"code {code_digest(question.name)[:12]} seed {bench.settings.seed}"
    name = f"{question.name} {dataset.digest[:16]} {made_by} {bench.context.as_of:%Y-%m-%d} {kept}"
    seed = int(bench.rng(question.name, "tune").integers(2**31 - 1))
    study = optuna.create_study(
        study_name=name,
        storage=f"sqlite:///{bench.settings.var.resolve() / 'optuna.db'}",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed + count_of(name, bench)),
    )
    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # the process that ran it is gone
    return study


def count_of(name: str, bench: Workbench) -> int:
    """Return how many trials a study holds: a resumed sampler must not draw its first candidates again."""
    import optuna

    storage = f"sqlite:///{bench.settings.var.resolve() / 'optuna.db'}"
    known = {each.study_name: each.n_trials for each in optuna.get_all_study_summaries(storage)}
    return int(known.get(name, 0))


def units_of(bench: Workbench, question: Question, parameters: Any, dataset: Any) -> np.ndarray[Any, Any]:
    """Return the primary metric's units of a candidate on the dataset's own last block."""
    payload = question.fit.fit(dataset, parameters, bench.rng(question.name, "fit"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payload"
        write_payload(payload, folder, scorer=question.folder / "scorer.py")
        if question.name in RESCORE:
            return RESCORE[question.name](folder, dataset).units
        judged = question.evaluate.evaluate(folder, dataset, bench.rng(question.name, "evaluate"))
        return np.asarray(judged.per_unit, dtype=np.float64)


def parts_of(study: Any) -> list[Part]:
    """Return every finished trial, to be logged beneath the training's run."""
    found = []
    for trial in study.trials:
        said = trial.user_attrs.get("interval")
        if said is not None:
            metrics = {"primary": Interval(*(float(value) for value in said))}
            found.append(Part("trial", f"trial {trial.number}", dict(trial.params), metrics, {}))
    return found


def assignments_of(parameters: Mapping[str, str], defaults: Any) -> list[str]:
    """Return a run's logged parameters as ``key=value``, those that the fit still knows."""
    known = {each.name: getattr(defaults, each.name) for each in fields(defaults)}
    return [f"{name}={spelled(text, known[name])}" for name, text in parameters.items() if name in known]


def spelled(text: str, default: Any) -> str:
    """Return a logged value as the command line spells it."""
    if isinstance(default, tuple) and text.startswith(("[", "(")):
        return ",".join(str(part) for part in ast.literal_eval(text))
    return text
