"""Check somebody's model against a question's contract, and set it beside ours."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import UnknownRecordError
from training.checking.examination import examine
from training.checking.judging import contract_gates
from training.checking.pickles import pickles
from training.checking.questions import attrition, impact, recommendation, skills
from training.comparison import fetched
from training.evaluation import Evaluation, as_json, plain
from training.gates import Gate
from training.questions import Question
from training.rescoring.rescoring import judging_dataset
from training.tracking import PAYLOAD_PATH

if TYPE_CHECKING:
    from training.runs import Workbench

QUESTIONS: Mapping[str, Any] = {
    "skills": skills, "recommendation": recommendation, "attrition": attrition, "impact": impact,
}  # fmt: skip
LACKS = (
    "It enters serving only as a bundle like ours: a scorer.py of numpy and LightGBM with plain data files "
    "(docs/bring-your-own.md). "
)
IS_BUNDLE = "It is a bundle already: skillpath promote {question} --version N asks the gates."
WAY: Mapping[str, str] = {
    "attrition": "skillpath convert makes one of LightGBM boosters and ONNX graphs; training.checking of linear models and pipelines.",
    "recommendation": "skillpath convert makes one of weights between courses, logged beside the model as item_weights.npz.",
}
NO_WAY = "There is no converter for this question: write its payload by the template; skillpath compare then takes it."


@dataclass(frozen=True)
class Checked:
    """What was found of somebody's model.

    Parameters
    ----------
    uri, question : str
        Which model, for what.
    gates : sequence of Gate
        In the order in which they were tried.
    evaluation : Evaluation, optional
        Beside ours; None where it could not be asked.
    is_bundle : bool
        True where a scorer and plain data lie in it already.
    """

    uri: str
    question: str
    gates: Sequence[Gate]
    evaluation: Evaluation | None = None
    is_bundle: bool = False

    @property
    def lacks(self) -> str:
        """What it needs before it may answer anybody."""
        if self.is_bundle:
            return IS_BUNDLE.format(question=self.question)
        return LACKS + WAY.get(self.question, NO_WAY)

    @property
    def failed(self) -> list[Gate]:
        """The gates that were not passed."""
        return [gate for gate in self.gates if not gate.passed]


def check(bench: Workbench, question: Question, uri: str, allow_pickle: bool = False) -> Checked:
    """Try a model by every test of the contract, and evaluate it beside the champion.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    uri : str
        Of an MLflow model: ``models:/…``, ``runs:/…``, or a folder.
    allow_pickle : bool
        Execute pickles too, in the child process: for an offline comparison of a model whose maker one trusts. It
        can never be promoted.
    """
    dataset = judging_dataset(bench, question)
    asked = QUESTIONS[question.name]
    contract = asked.contract(bench, dataset)
    with tempfile.TemporaryDirectory() as scratch:
        bench.say(f"{question.name}: fetching {uri}")
        folder = downloaded(bench, uri, Path(scratch))
        is_bundle = (folder / PAYLOAD_PATH / "scorer.py").is_file()
        gates = [unpickled(folder, allow_pickle)]
        if not gates[0].passed:
            return Checked(uri, question.name, gates)
        bench.say(f"{question.name}: asking it alone")
        (found,) = examine([folder], contract)
    gates += contract_gates(found, contract)
    if not all(gate.passed for gate in gates):
        return Checked(uri, question.name, gates, is_bundle=is_bundle)
    bench.say(f"{question.name}: setting it beside ours")
    model = bench.tracking.champion(question.name) or bench.tracking.model(question.name)
    said = found.answers["asked"]
    with fetched(bench, model) as folder:
        ours = (f"ours, version {model.version}", folder)
        evaluation, further = asked.judge(
            dataset, said[:, 0] if contract.width == 1 else said, ours, bench.rng(question.name, "compare")
        )
    return Checked(uri, question.name, [*gates, *further], evaluation, is_bundle)


def downloaded(bench: Workbench, uri: str, scratch: Path) -> Path:
    """Copy a model here; raise UnknownRecordError where there is none."""
    if Path(uri).is_dir():
        return Path(uri)
    try:
        return Path(
            bench.tracking.mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch))
        )
    except Exception as error:  # MLflow raises whatever its stores raise
        raise UnknownRecordError(
            "There is no such model.", found=uri, allowed="models:/NAME/VERSION, runs:/ID/PATH, or a folder"
        ) from error


def unpickled(folder: Path, allow_pickle: bool) -> Gate:
    """Say whether opening the model executes nothing."""
    found = pickles(folder)
    if found and allow_pickle:
        return Gate("no pickle", True, f"allowed, for this comparison only: {', '.join(found[:3])}")
    return Gate("no pickle", not found, ", ".join(found[:3]) or "no file executes when it is opened")


def checked_json(found: Checked) -> dict[str, Any]:
    """Return what was found as plain values."""
    return {
        "model_uri": found.uri,
        "question": found.question,
        "status": "refused" if found.failed else "meets the contract",
        "failed": [gate.name for gate in found.failed],
        "gates": plain(
            {gate.name: {"passed": gate.passed, "explanation": gate.explanation} for gate in found.gates}
        ),
        "evaluation": as_json(found.evaluation) if found.evaluation else None,
        "lacks": found.lacks,
    }
