"""Fitted scikit-learn pipelines as ONNX graphs: converted by skl2onnx, and compared with what they were made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError
from training.attrition import scorer as trees
from training.checking import onnx_scorer
from training.payload import Payload, json_bytes, npz_bytes
from training.rescoring.rescored import Floats

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
MOST_APART = 1e-4  # of a chance: single precision, and no other arithmetic
LARGEST_BYTES = 64 << 20
OURS = (
    "from training.attrition.scorer import Blend, Floats\n"
    "from training.attrition.scorer import Scorer as TreeScorer\n"
)


@dataclass(frozen=True)
class Graph:
    """The chance of leaving voluntarily within the next month, as an ONNX graph.

    Parameters
    ----------
    features : sequence of str
        Of the question's feature schema, in the order of the graph's columns.
    content : bytes
        Of the graph.
    output : str
        Its output of two columns, chances of staying and of leaving.
    """

    features: Sequence[str]
    content: bytes
    output: str


def graph_of(pipeline: Any, features: Sequence[str], rows: Floats) -> Graph:
    """Return a fitted classifier of two classes as an ONNX graph that answers as it does.

    Parameters
    ----------
    pipeline : sklearn estimator
        With ``predict_proba``, fitted to whether a person left voluntarily within the next month.
    features : sequence of str
        Names of its columns.
    rows : (n, n_features) float
        On which both must agree; they are kept nowhere.

    Raises
    ------
    BadInputError
        If skl2onnx knows no graph for a step, or its graph says something else than the pipeline.
    """
    from skl2onnx import to_onnx

    sample = np.asarray(rows[:2_000], dtype=np.float32)
    try:
        content = to_onnx(pipeline, sample[:1], options={"zipmap": False}).SerializeToString()
        found = Graph(features, content, "probabilities")
        said = chances(found, sample)
    except BadInputError:
        raise
    except Exception as error:  # skl2onnx and ONNX Runtime raise whatever their parts raise
        raise BadInputError(
            "The pipeline has no ONNX graph.", found=f"{type(error).__name__}: {str(error)[:200]}",
            allowed="what skl2onnx converts and ONNX Runtime runs",
            hint="Write its payload by the template in docs/bring-your-own.md.",
        ) from error  # fmt: skip
    apart = float(np.abs(said - pipeline.predict_proba(sample)[:, 1]).max(initial=0.0))
    if not apart <= MOST_APART:
        raise BadInputError("The ONNX graph says something else than the pipeline it was made from.",
                            found=f"chances differ by up to {apart:.2g}", allowed=f"at most {MOST_APART:g}")  # fmt: skip
    return found


def read_graph(path: Path, features: Sequence[str]) -> Graph:
    """Return the graph of a file.

    Parameters
    ----------
    path : Path
        ``model.onnx``, as MLflow saves it.
    features : sequence of str
        Names of its columns: the signature's.

    Raises
    ------
    BadInputError
        If it is too large, reads other files, uses operators of others, or does not answer two chances a row.
    """
    import onnx
    from onnx.external_data_helper import uses_external_data

    if path.stat().st_size > LARGEST_BYTES:
        raise BadInputError("The ONNX graph is too large.", found=f"{path.stat().st_size:,} bytes",
                            allowed=f"{LARGEST_BYTES:,}")  # fmt: skip
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own errors
        raise BadInputError("The file is no ONNX graph.", found=path.name) from error
    strange = sorted({each.domain for each in model.opset_import} - set(DOMAINS))
    outside = [each.name for each in model.graph.initializer if uses_external_data(each)]
    if strange or outside:
        raise BadInputError("The ONNX graph needs more than itself.", found=", ".join((strange or outside)[:3]),
                            allowed="the operators of ONNX and ONNX-ML, all weights inside")  # fmt: skip
    outputs = [each.name for each in model.graph.output]
    found = Graph(features, path.read_bytes(), "probabilities" if "probabilities" in outputs else outputs[-1])
    chances(found, np.zeros((2, len(features)), dtype=np.float32))
    return found


def chances(graph: Graph, rows: NDArray[np.floating]) -> Floats:
    """Return the graph's chance of the second class, (n,)."""
    typical = np.zeros(len(graph.features))
    try:
        asked = onnx_scorer.Graph(graph.content, graph.output, typical)
        (found,) = asked.session.run([graph.output], {asked.input: np.asarray(rows, dtype=np.float32)})
    except Exception as error:  # ONNX Runtime's own errors
        raise BadInputError("The ONNX graph does not answer.", found=str(error)[:200],
                            allowed=f"one input of {len(graph.features)} float columns") from error  # fmt: skip
    said = np.asarray(found)
    if said.shape != (len(rows), 2) or said.dtype.kind != "f":
        raise BadInputError("The ONNX graph does not answer the chances of two classes.",
                            found=f"{graph.output} of shape {said.shape}", allowed=f"({len(rows)}, 2), numbers",
                            hint="With skl2onnx: options={'zipmap': False}.")  # fmt: skip
    return said[:, 1].astype(np.float64)


def with_graph(payload: Payload, graph: Graph, typical: Floats) -> Payload:
    """Return a payload whose first hazard is a graph: its bytes are an array, as all of a payload's data are.

    Parameters
    ----------
    payload : Payload
        Of attrition, without trees.
    graph : Graph
        Takes the trees' place.
    typical : (n_columns,) float
        What contributions are measured from.
    """
    model = json.loads(payload.files["model.json"])
    content = np.frombuffer(graph.content, dtype=np.uint8)
    arrays = {"content": content, "output": np.array(graph.output), "typical": typical}
    files = {**payload.files, "model.json": json_bytes(model), onnx_scorer.GRAPH: npz_bytes(arrays)}
    return replace(payload, files=files)


def scorer_source() -> str:
    """Return the one file that scores a graph: attrition's own scorer, and what asks ONNX Runtime in its trees' place."""
    own, further = (Path(str(module.__file__)).read_text(encoding="utf-8") for module in (trees, onnx_scorer))
    body = further.split('"""', 2)[2].replace("from __future__ import annotations\n", "").lstrip()
    assert OURS in body
    return f"{own}\n\n{body.replace(OURS, 'TreeScorer = Scorer')}"
