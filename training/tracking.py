"""The door to MLflow: runs with what was found, models from code, versions, aliases, signatures."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import UnavailableError, UnknownRecordError
from training.evaluation import Evaluation, as_json, plain
from training.logged import (
    LoggedModel,
    Record,
    Training,
    code_version,
    example_frame,
    flattened,
    legal,
    metric_rows,
    requirements,
)
from training.payload import payload_digest
from training.processes import has_ended, this_process
from training.quiet import QUIET, quietly, safe
from training.settings import TrainingSettings

CHAMPION, CHALLENGER = "champion", "challenger"
PROCESS = "process"  # the tag that names what a run belongs to
PAYLOAD_PATH = "artifacts/payload"


class Tracking:
    """A connection to one MLflow server, or to the embedded default under the var folder.

    Parameters
    ----------
    settings : TrainingSettings
        Where the server is.

    Raises
    ------
    UnavailableError
        If the server does not answer; nothing was logged.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        settings.var.mkdir(parents=True, exist_ok=True)
        self.mlflow = import_mlflow()
        with reachable(settings.tracking_uri):
            self.mlflow.set_tracking_uri(settings.tracking_uri)
            self.client = self.mlflow.MlflowClient()
            self.client.search_experiments(max_results=1)

    def log_training(self, training: Training) -> LoggedModel:
        """Log a run with everything that was found, and register its model.

        Returns
        -------
        LoggedModel
            The new version; it is nobody's champion yet.
        """
        name = training.evaluation.question
        with reachable(self.settings.tracking_uri):
            with self.run(name, run_name(training)) as run:
                self.log_dataset(name, training)
                model_id = self.log_model(name, training)
                self.log_numbers(model_id, training)
                self.log_papers(training.evaluation)
                self.log_parts(training)
            return self.register(name, run.info.run_id, model_id, training)

    def log_dataset(self, name: str, training: Training) -> None:
        """Log which data taught it: a name and a digest, never a row."""
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        source = CodeDatasetSource(tags={"records": training.window})
        data = MetaDataset(source, name=f"{name} records", digest=training.data_digest[:36])
        self.mlflow.log_input(data, context="training")

    def log_page(self, record: Record) -> str:
        """Log what was found about models as a run of their experiment; return its id. No rows about people."""
        with reachable(self.settings.tracking_uri):
            with self.run(record.question, record.name) as run:
                self.mlflow.log_metrics({legal(key): value for key, value in record.metrics.items()})
                self.mlflow.set_tags({**record.tags, "question": record.question})
                for name, paper in record.papers.items():
                    self.mlflow.log_dict(paper, f"{name}.json")
                for name, html in record.pages.items():
                    self.mlflow.log_text(html, f"{name}.html")
            return str(run.info.run_id)

    def log_parts(self, training: Training) -> None:
        """Log folds and trials as runs beneath the training's."""
        for part in training.parts:
            with self.run(training.evaluation.question, part.name, nested=True):
                numbers = flattened(part.metrics)
                self.mlflow.log_metrics({legal(key): value for key, value in numbers.items()})
                self.mlflow.log_params(
                    {legal(key): str(plain(each)) for key, each in part.parameters.items()}
                )
                self.mlflow.set_tags({**part.tags, "part": part.kind})

    def run(self, question: str, name: str, nested: bool = False) -> Any:
        """Begin a run of a question, with the process in its tags that it belongs to; a context manager."""
        tags = {PROCESS: this_process()}
        return self.mlflow.start_run(
            experiment_id=self.experiment(question), run_name=name, nested=nested, tags=tags
        )

    def close_abandoned(self, question: str) -> list[str]:
        """Mark as KILLED the question's runs whose process on this host is gone; return their ids."""
        with reachable(self.settings.tracking_uri):
            running = self.client.search_runs([self.experiment(question)], "attributes.status = 'RUNNING'")
            gone = [str(run.info.run_id) for run in running if has_ended(str(run.data.tags.get(PROCESS, "")))]
            for run_id in gone:
                self.client.set_terminated(run_id, "KILLED")
        return gone

    def experiment(self, name: str) -> str:
        """Return the id of a question's experiment, made where it is missing."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        folder = self.settings.artifact_folder
        return str(self.client.create_experiment(name, artifact_location=folder and (folder / name).as_uri()))

    def log_numbers(self, model_id: str, training: Training) -> None:
        """Log parameters, metrics with their intervals (on the run and on the model), costs, and digests as tags."""
        evaluation = training.evaluation
        numbers = flattened(evaluation.metrics)
        for peer, metrics in evaluation.peers.items():
            numbers |= flattened(metrics, prefix=f"{peer}/")
        numbers |= {f"n/{key}": float(value) for key, value in evaluation.n.items()}
        self.mlflow.log_metrics({legal(key): value for key, value in numbers.items()}, model_id=model_id)
        self.mlflow.log_metrics({legal(key): value for key, value in training.usage.items()})
        self.mlflow.log_params({legal(key): str(plain(value)) for key, value in training.parameters.items()})
        self.mlflow.set_tags(
            {
                "payload_digest": payload_digest(training.folder),
                "data_digest": training.data_digest,
                "window": training.window,
                "primary": evaluation.primary,
                "status": evaluation.status,
                "protocol": evaluation.protocol,
                "seeds": str(plain(evaluation.seeds)),
                "code_version": code_version(),
                "code_digest": training.code_digest,
                "question": evaluation.question,
                "as_of": training.as_of,
                "mlflow.note.content": evaluation.verdict or evaluation.protocol,
            }
        )

    def log_papers(self, evaluation: Evaluation) -> None:
        """Log the evaluation as JSON and its figures as PNG; no rows about people."""
        self.mlflow.log_dict(as_json(evaluation), "evaluation.json")
        self.mlflow.log_table(metric_rows(evaluation), "metrics.json")
        for name, figure in evaluation.figures.items():
            drawn = figure() if callable(figure) else figure
            self.mlflow.log_figure(drawn, f"figures/{legal(name).replace('/', '_').replace(':', '_')}.png")

    def log_model(self, name: str, training: Training) -> str:
        """Log the payload as a model from code; return its model id."""
        with tempfile.TemporaryDirectory() as staging:
            payload = Path(staging) / "payload"
            shutil.copytree(training.folder, payload)
            info = self.mlflow.pyfunc.log_model(
                name=name,
                python_model=str(training.code),
                artifacts={"payload": str(payload)},
                input_example=example_frame(training.input_example),
                pip_requirements=requirements(payload / "scorer.py"),
                metadata={"payload_digest": payload_digest(payload), "data_digest": training.data_digest},
            )
            if payload_digest(payload) != payload_digest(training.folder):
                raise RuntimeError(
                    f"{training.code.parent.name}/model.py wrote into its payload while loading"
                )
        if info.signature is None:
            raise RuntimeError(f"the {name} model does not answer its own input example")
        return str(info.model_id)

    def register(self, name: str, run_id: str, model_id: str, training: Training) -> LoggedModel:
        """Register a logged model as the next version of its question."""
        digest = payload_digest(training.folder)
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        tags = {"payload_digest": digest, "data_digest": training.data_digest, "window": training.window}
        created = self.client.create_model_version(
            name, f"models:/{model_id}", run_id=run_id, tags=tags, model_id=model_id
        )
        self.client.set_registered_model_alias(name, CHALLENGER, str(created.version))
        return as_logged(created)

    def model(self, name: str, which: str = "") -> LoggedModel:
        """Return a version by number, by run id, or the newest.

        Raises
        ------
        UnknownRecordError
            If there is none.
        """
        known = self.models(name)
        for model in known:
            if which in ("", model.version, model.run_id):
                return model
        allowed = ", ".join(model.version for model in known[:10]) or "none: train it first"
        raise UnknownRecordError(f"There is no such {name} model.", found=which or "nothing", allowed=allowed)

    def models(self, name: str) -> list[LoggedModel]:
        """Return a question's versions, the newest first."""
        with reachable(self.settings.tracking_uri):
            found = self.client.search_model_versions(f"name = '{name}'")
        return sorted(map(as_logged, found), key=lambda model: int(model.version), reverse=True)

    def champion(self, name: str) -> LoggedModel | None:
        """Return the version that serving answers from, or None where there is none yet."""
        return self.standing(name, CHAMPION)

    def standing(self, name: str, alias: str) -> LoggedModel | None:
        """Return the version that an alias points to, or None."""
        with reachable(self.settings.tracking_uri):
            registered = self.client.search_registered_models(f"name = '{name}'")
        aliases = registered[0].aliases if registered else {}
        return self.model(name, str(aliases[alias])) if alias in aliases else None

    def tags(self, model: LoggedModel) -> dict[str, str]:
        """Return the tags of the run that logged a version."""
        with reachable(self.settings.tracking_uri):
            return dict(self.client.get_run(model.run_id).data.tags)

    def parameters(self, model: LoggedModel) -> dict[str, str]:
        """Return the parameters with which a version was fitted, as they were logged."""
        with reachable(self.settings.tracking_uri):
            return dict(self.client.get_run(model.run_id).data.params)

    def numbers(self, model: LoggedModel) -> dict[str, float]:
        """Return the metrics of the run that logged a version, its costs among them."""
        with reachable(self.settings.tracking_uri):
            return dict(self.client.get_run(model.run_id).data.metrics)

    def fetch_payload(self, model: LoggedModel, folder: Path) -> Path:
        """Copy a version's payload below a folder and return where it lies."""
        folder.mkdir(parents=True, exist_ok=True)
        with reachable(self.settings.tracking_uri):
            uri = f"{model.uri}/{PAYLOAD_PATH}"
            return Path(self.mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))

    def attach(self, model: LoggedModel, path: str, text: str) -> None:
        """Lay a text beside a model, as an artefact of its run."""
        with reachable(self.settings.tracking_uri):
            self.client.log_text(model.run_id, text, path)

    def attached(self, model: LoggedModel, path: str) -> str | None:
        """Return a text that lies beside a model, or None."""
        with reachable(self.settings.tracking_uri):
            folder = str(Path(path).parent)
            if path not in {each.path for each in self.client.list_artifacts(model.run_id, folder)}:
                return None
            return str(self.mlflow.artifacts.load_text(f"runs:/{model.run_id}/{path}"))

    def point(self, model: LoggedModel, alias: str) -> None:
        """Point an alias to a version."""
        with reachable(self.settings.tracking_uri):
            self.client.set_registered_model_alias(model.name, alias, model.version)

    def step_down(self, model: LoggedModel, aliases: Iterable[str]) -> None:
        """Take those aliases away that point to a version."""
        with reachable(self.settings.tracking_uri):
            found = self.client.get_registered_model(model.name).aliases
            for alias in aliases:
                if str(found.get(alias)) == model.version:
                    self.client.delete_registered_model_alias(model.name, alias)

    def note(self, name: str, key: str, value: str) -> None:
        """Write a tag on a registered model."""
        with reachable(self.settings.tracking_uri):
            self.client.set_registered_model_tag(name, key, value)

    def noted(self, name: str, key: str) -> str:
        """Return a tag of a registered model; empty where there is none."""
        with reachable(self.settings.tracking_uri):
            found = self.client.search_registered_models(f"name = '{name}'")
            return str(found[0].tags.get(key, "")) if found else ""


def run_name(training: Training) -> str:
    """Return a run's name: its question and the day on which its data end."""
    return " ".join(filter(None, (training.evaluation.question, training.as_of[:10])))


def import_mlflow() -> Any:
    """Import MLflow, which takes a second, only when it is spoken to."""
    with quietly():
        import mlflow
        import mlflow.artifacts
        import mlflow.pyfunc

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return mlflow


@contextmanager
def reachable(uri: str) -> Iterator[None]:
    """Speak to MLflow quietly; turn whatever it raises into one error that says which server was asked."""
    from mlflow.exceptions import MlflowException

    try:
        with quietly():
            yield
    except (MlflowException, OSError) as error:
        found = str(error).strip().split("\n", 1)[0][:300]
        raise UnavailableError(
            "The tracking server cannot be used.", found=safe(f"{found} ({uri})")
        ) from error


def as_logged(found: Any) -> LoggedModel:
    """Return a version as the registry knows it."""
    digests = {key: found.tags.get(key, "") for key in ("payload_digest", "data_digest", "window")}
    return LoggedModel(found.name, str(found.version), str(found.run_id), **digests)
