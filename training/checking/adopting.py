"""From somebody's model to the next version of a question: converted, written, evaluated and logged like ours."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import BadInputError, RefusedError
from training.checking.check import downloaded
from training.checking.converting import bundle_of
from training.checking.graphs import Graph, read_graph, scorer_source
from training.checking.item_weights import FILE_NAME, read_item_weights, recommender_bundle
from training.checking.pickles import pickles
from training.payload import Payload, write_payload
from training.questions import Question
from training.runs import Made, Trained
from training.usage import Meter

if TYPE_CHECKING:
    from training.runs import Workbench

CONVERT: Mapping[str, Callable[[Any, Any], Payload]] = {
    "attrition": bundle_of,
    "recommendation": recommender_bundle,
}
BOOSTER_NAMES = ("model.lgb", "model.txt")
GRAPH_SUFFIX = ".onnx"


def adopt(bench: Workbench, question: Question, model: Any, made_by: str) -> Trained:
    """Convert a model and log it as the next version of its question; the gates of promotion lie still ahead.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        One of `CONVERT`.
    model : Linear, Graph or lightgbm.Booster; ItemWeights
        Of leaving voluntarily within the next month; of what to take after what was taken.
    made_by : str
        In words; logged as a parameter.
    """
    convert = converter_of(question)
    meter = Meter()
    dataset: Any = bench.dataset(question)
    payload = convert(dataset, model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payload"
        write_payload(payload, folder, scorer=source_of(question, model, Path(scratch)))
        evaluation = bench.evaluate(question, folder)
        usage = meter.read()
        usage["seconds/fit"] = usage["system/wall_seconds"]
        logged = bench.log(question, Made(folder, payload, {"brought": made_by}), evaluation, usage)
    return Trained(logged, evaluation, {"convert": usage["system/wall_seconds"]})


def converter_of(question: Question) -> Callable[[Any, Any], Payload]:
    """Return what makes a question's bundles of other people's models; raise RefusedError where there is none."""
    if question.name not in CONVERT:
        raise RefusedError(
            "There is no converter for this question.", found=question.name, allowed=", ".join(CONVERT),
            hint="Write its payload by the template in docs/bring-your-own.md.",
        )  # fmt: skip
    return CONVERT[question.name]


def source_of(question: Question, model: Any, scratch: Path) -> Path:
    """Return the file of the scorer that answers as a model does."""
    if not isinstance(model, Graph):
        return question.folder / "scorer.py"
    path = scratch / "scorer.py"
    path.write_text(scorer_source(), encoding="utf-8")
    return path


def model_of(bench: Workbench, question: Question, uri: str) -> Any:
    """Return what an MLflow model holds as plain files: a LightGBM booster or an ONNX graph; of a recommender its weights.

    Raises
    ------
    BadInputError
        If it holds none, or anything that executes when it is opened.
    RefusedError
        If there is no converter for the question.

    Notes
    -----
    A damaged text kills the process that parses it: the model is the caller's own, and its loss is this command.
    """
    converter_of(question)
    with tempfile.TemporaryDirectory() as scratch:
        folder = downloaded(bench, uri, Path(scratch))
        found = pickles(folder)
        if found:
            raise BadInputError(
                "The model holds a pickle, which nobody opens here.", found=found[0],
                hint="Of a scikit-learn pipeline, training.checking.graphs.graph_of makes an ONNX graph where it was fitted.",
            )  # fmt: skip
        return (
            recommender_in(folder, uri)
            if question.name == "recommendation"
            else hazard_in(bench, folder, uri)
        )


def recommender_in(folder: Path, uri: str) -> Any:
    """Return the weights between courses that a saved model holds."""
    files = sorted(folder.rglob(FILE_NAME))
    if not files:
        raise BadInputError(
            "The model holds no weights between courses.", found=uri, allowed=f"a file {FILE_NAME}",
            hint="Log it beside the model: artifacts={'weights': '…/item_weights.npz'} (docs/bring-your-own.md).",
        )  # fmt: skip
    return read_item_weights(files[0])


def hazard_in(bench: Workbench, folder: Path, uri: str) -> Any:
    """Return the ONNX graph or the LightGBM booster that a saved model holds."""
    import lightgbm as lgb

    graphs = sorted(folder.rglob(f"*{GRAPH_SUFFIX}"))
    if graphs:
        return read_graph(graphs[0], signed_inputs(bench, folder))
    texts = [path for name in BOOSTER_NAMES for path in sorted(folder.rglob(name))]
    if not texts:
        raise BadInputError(
            "The model holds no LightGBM text and no ONNX graph.", found=uri,
            allowed=f"{' or '.join(BOOSTER_NAMES)}, or a file that ends with {GRAPH_SUFFIX}",
            hint="Linear models are converted in Python: training.checking.converting.linear_of.",
        )  # fmt: skip
    return lgb.Booster(model_str=texts[0].read_text(encoding="utf-8"))


def signed_inputs(bench: Workbench, folder: Path) -> list[str]:
    """Return the columns that a saved model's signature names; raise BadInputError where it names none."""
    saved = bench.tracking.mlflow.models.Model
    signature = saved.load(str(folder)).signature if (folder / "MLmodel").is_file() else None
    inputs = signature.inputs if signature is not None else None
    names = inputs.input_names() if inputs is not None and inputs.has_input_names() else []
    if not names:
        raise BadInputError("The model's signature names no columns, so that nobody knows which feature is which.",
                            found=str(folder.name), hint="Save it with ColSpec inputs named as the features are.")  # fmt: skip
    return [str(name) for name in names]
