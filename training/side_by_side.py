"""Several questions trained side by side: a process each, so many at once as there are threads to share out."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from features.errors import RefusedError

if TYPE_CHECKING:
    from training.questions import Question
    from training.runs import Workbench

Told = tuple[dict[str, Any], list[Any]]  # what a program is told, and what a person is

LONGEST_FIRST = ("impact", "attrition", "recommendation", "skills")
THREADS = ("SKILLPATH_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def train_side_by_side(chosen: Sequence[Question], and_promote: bool, as_of: str | None = None) -> list[Told]:
    """Train questions in processes of their own, and promote them where asked.

    Parameters
    ----------
    chosen : sequence of Question
        Which ones; what is told comes in this order.
    and_promote : bool
        Whether each goes through the gates at once.
    as_of : str, optional
        End of the data; by default right after the last known fact.

    Returns
    -------
    list of (dict, list)
        What to tell of each: as JSON, and as what rich prints.

    Notes
    -----
    The threads of the settings are shared out among the processes, which import what they need while this one opens
    records and registry: a registry's first schema is made once, before anybody trains. A fit does not depend on how many
    threads it has, so that a question trained alone has the same payload.
    """
    from training.session import workbench
    from training.settings import TrainingSettings

    settings = TrainingSettings()
    names = sorted((each.name for each in chosen), key=LONGEST_FIRST.index)
    at_once = min(settings.threads, len(names))
    share = max(1, settings.threads // at_once)
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, spawning, initializer=share_out, initargs=(share,)) as pool:
        for _ in range(at_once):
            pool.submit(get_ready)
        with workbench(as_of) as bench:
            waiting = trained_beside(bench, pool, names, and_promote, settings.mlflow_tracking_uri)
            return [waiting[each.name].result() for each in chosen]


def trained_beside(
    bench: Workbench, pool: ProcessPoolExecutor, names: Sequence[str], and_promote: bool, tracking_uri: str
) -> dict[str, Future[Told]]:
    """Begin to train questions, the first ones first, and return what each will tell."""
    from training.signing import promotion_key

    if and_promote:
        promotion_key(bench.settings)  # made once, before several processes would
    as_of = bench.context.as_of.isoformat()
    bench.say(f"training {', '.join(names)}")
    return {name: pool.submit(train_alone, name, as_of, and_promote, tracking_uri) for name in names}


def get_ready() -> None:
    """Import what every training needs: seconds that are best spent while somebody else opens records and registry."""
    import training.comparison
    import training.runs  # noqa: F401
    from training.tracking import import_mlflow

    import_mlflow()


def share_out(threads: int) -> None:
    """Give this process its threads, before numpy is imported, and no progress to draw."""
    os.environ |= dict.fromkeys(THREADS, str(threads))
    os.environ["SKILLPATH_PROGRESS"] = "false"


def keep_to(tracking_uri: str) -> None:
    """Let the environment name the settings' tracker again, before each question that a process trains.

    MLflow writes the tracker in use there, where it would pass for a setting: artefacts of the next question would lie
    where MLflow puts them by default, and not in the var folder.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if tracking_uri:
        os.environ["MLFLOW_TRACKING_URI"] = tracking_uri


def train_alone(name: str, as_of: str, and_promote: bool, tracking_uri: str) -> Told:
    """Open records and registry in this process, and train one question."""
    from training.questions import question
    from training.session import workbench

    keep_to(tracking_uri)
    with workbench(as_of) as bench:
        return train_one(bench, question(name), [], and_promote)


def train_one(
    bench: Workbench,
    question: Question,
    assignments: list[str],
    and_promote: bool,
    tune_and_folds: tuple[int, int] = (0, 0),
) -> Told:
    """Train one question, promote it where asked, and return what to tell a program and a person."""
    from training.promotion import promote, promotion_json
    from training.reports import evaluation_report, promotion_report
    from training.told import evaluation_json, logged_json, rounded

    bench.tracking.close_abandoned(question.name)
    try:
        trained = bench.train(question, assignments, *tune_and_folds)
    except RefusedError as error:  # the others are trained all the same
        refused = {"name": question.name, "status": "refused", "reason": str(error)}
        return refused, [f"{question.name}: refused: {error}\n"]
    logged, evaluation = trained.logged, trained.evaluation
    body: dict[str, Any] = {
        **logged_json(logged),
        "seconds": rounded(trained.seconds),
        **evaluation_json(evaluation),
    }
    reports = [
        evaluation_report(evaluation),
        f"{logged.name} version {logged.version}, payload {logged.payload_digest[:12]}\n",
    ]
    if and_promote:
        promotion = promote(bench, question, logged)
        body["promotion"] = promotion_json(promotion)
        reports.append(promotion_report(promotion))
    return body, reports
