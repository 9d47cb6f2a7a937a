"""The door to the model registry: the only file of serving that speaks MLflow, used by the puller's process alone."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from features.errors import UnavailableError
from serving.models.aliases import ALIASES, CANARY, CHAMPION, signed_name
from serving.models.bundles import MOST_FILES, RefusedBundleError, require

CANARY_SHARE = "canary_share"
PAYLOAD_PATH = "artifacts/payload"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Standing:
    """The version an alias points to.

    Parameters
    ----------
    name, version, run_id, model_uri : str
        Which model it is, and where its files lie.
    alias : str
        Which place it has.
    share : str
        Of a canary: which share of the people it answers, as the registry says it.
    """

    name: str
    version: str
    run_id: str
    model_uri: str
    alias: str = CHAMPION
    share: str = ""

    @property
    def signed_name(self) -> str:
        """The name that its statement must carry."""
        return signed_name(self.name, self.alias)


class Registry(Protocol):
    """What the puller asks of a registry; every call may raise UnavailableError."""

    def standing(self, question: str) -> list[Standing]:
        """Return the versions that a question's aliases point to."""
        ...

    def signature(self, standing: Standing) -> bytes:
        """Return the signature that lies beside it; raise RefusedBundleError where there is none."""
        ...

    def payload(self, standing: Standing, folder: Path, limit_bytes: int) -> Path:
        """Copy its payload below a folder and return where it lies; raise RefusedBundleError if too large."""
        ...

    def metrics(self, standing: Standing) -> Mapping[str, float]:
        """Return what was found of it when it was evaluated."""
        ...


class MlflowRegistry:
    """An MLflow registry, remote or embedded.

    Parameters
    ----------
    uri : str
        Its tracking URI.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._mlflow: Any = None

    @property
    def is_there(self) -> bool:
        """Whether an embedded registry has been made yet: looking must not make one."""
        path = self.uri.removeprefix("sqlite:///")
        return path == self.uri or Path(path).is_file()

    @property
    def mlflow(self) -> Any:
        """MLflow, imported and connected when it is first asked."""
        if self._mlflow is None:
            for name, value in QUIET.items():
                os.environ.setdefault(name, value)
            import mlflow
            import mlflow.artifacts

            for name in ("mlflow", "alembic"):
                logging.getLogger(name).setLevel(logging.ERROR)
            mlflow.set_tracking_uri(self.uri)
            self._mlflow = mlflow
        return self._mlflow

    def standing(self, question: str) -> list[Standing]:
        """Return the versions that a question's aliases point to."""
        if not self.is_there:
            return []
        with answering():
            client = self.mlflow.MlflowClient()
            found = client.search_registered_models(f"name = '{question}'")
            aliases = (found[0].aliases or {}) if found else {}
            share = str(found[0].tags.get(CANARY_SHARE, "")) if found else ""
            return [
                self.version_of(client.get_model_version(question, str(aliases[alias])), alias, share)
                for alias in ALIASES
                if alias in aliases
            ]

    @staticmethod
    def version_of(said: Any, alias: str, share: str) -> Standing:
        """Return a version as the registry tells it."""
        name, version = str(said.name), str(said.version)
        model_id = getattr(said, "model_id", None)
        uri = f"models:/{model_id}" if model_id else f"models:/{name}/{version}"
        return Standing(name, version, str(said.run_id), uri, alias, share if alias == CANARY else "")

    def signature(self, standing: Standing) -> bytes:
        """Return the signature file, one artefact of the run."""
        path = f"signatures/{standing.signed_name}-{standing.version}.json"
        with answering():
            listed = self.mlflow.MlflowClient().list_artifacts(standing.run_id, "signatures")
            if path not in {each.path for each in listed}:
                raise RefusedBundleError("It is not signed.", found=f"no {path}")
            text: str = self.mlflow.artifacts.load_text(f"runs:/{standing.run_id}/{path}")
        return text.encode()

    def payload(self, standing: Standing, folder: Path, limit_bytes: int) -> Path:
        """Copy the payload, after looking at its size."""
        uri = f"{standing.model_uri}/{PAYLOAD_PATH}"
        with answering():
            sizes = list(self.sizes(uri))
            require(len(sizes) <= MOST_FILES, "The payload holds too many files.", str(len(sizes)))
            require(sum(sizes) <= limit_bytes, "The payload is too large.", str(sum(sizes)))
            there = self.mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder))
        return Path(there)

    def sizes(self, uri: str) -> Iterator[int]:
        """Yield the size of every file below an artefact folder, at most one more than may be there."""
        waiting, seen = [uri], 0
        while waiting and seen <= MOST_FILES:
            here = waiting.pop()
            for entry in self.mlflow.artifacts.list_artifacts(artifact_uri=here):
                seen += 1
                if entry.is_dir:
                    waiting.append(f"{here}/{Path(entry.path).name}")
                else:
                    yield int(entry.file_size or 0)

    def metrics(self, standing: Standing) -> Mapping[str, float]:
        """Return the metrics of the run."""
        with answering():
            found: Mapping[str, float] = self.mlflow.MlflowClient().get_run(standing.run_id).data.metrics
        return found


@contextmanager
def answering() -> Iterator[None]:
    """Turn whatever the registry raises into UnavailableError; keep its advice and byte code away."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnavailableError:
        raise
    except Exception as error:  # MLflow raises whatever its transport or its database raised
        found = str(error).strip().split("\n", 1)[0][:300]
        raise UnavailableError("The registry does not answer.", found=found) from error
    finally:
        sys.dont_write_bytecode = before
