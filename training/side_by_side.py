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


def train_side_by_side(bench: Workbench, chosen: Sequence[Question], and_promote: bool) -> list[Told]:
    """Train questions in processes of their own, and promote them where asked.

    Parameters
    ----------
    bench : Workbench
        Records and registry, which each process opens for itself.
    chosen : sequence of Question
        Which ones; what is told comes in this order.
    and_promote : bool
        Whether each goes through the gates at once.

    Returns
    -------
    list of (dict, list)
        What to tell of each: as JSON, and as what rich prints.

    Notes
    -----
    The threads of the settings are shared out among the processes. A fit does not depend on how many it has, so that
    a question trained alone has the same payload.
    """
    from training.signing import promotion_key

    if and_promote:
        promotion_key(bench.settings)  # made once, before several processes would
    names = sorted((each.name for each in chosen), key=LONGEST_FIRST.index)
    at_once = min(bench.settings.threads, len(names))
    share = max(1, bench.settings.threads // at_once)
    as_of = bench.context.as_of.isoformat()
    bench.say(f"{at_once} questions at a time: {', '.join(names)}")
    pool = ProcessPoolExecutor(
        at_once, multiprocessing.get_context("spawn"), initializer=share_out, initargs=(share,)
    )
    tracking_uri = bench.settings.mlflow_tracking_uri
    with pool:
        waiting: dict[str, Future[Told]] = {
            name: pool.submit(train_alone, name, as_of, and_promote, tracking_uri) for name in names
        }
        return [waiting[each.name].result() for each in chosen]


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
