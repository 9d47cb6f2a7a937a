"""Titles beyond English: Spanish, French and Dutch job titles ranked among ESCO's occupations, with an encoder by name.

Run: ``python -m benchmarks.skills_languages --model paraphrase-multilingual-MiniLM-L12-v2`` (a name or a folder). A model that is
not on this machine is fetched where there is a network; where there is none, that is what is printed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.processes import machine
from features.errors import UnavailableError
from features.records.encoder_export import open_encoder
from features.records.settings import RecordsSettings
from features.text import Encoder
from training.evaluation import Evaluation
from training.skills.evaluate_table import run

DATA = Path(os.environ.get("SKILLPATH_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SETS = {
    "Spanish titles, Spanish names": "esp_q_es_c_es",
    "Spanish titles, English names": "esp_q_es_c_en",
    "French titles, English names": "fra_q_fr_c_en",
    "Dutch titles, English names": "nld_q_nl_c_en",
}
METRICS = ("mrr", "hit@1", "hit@10")


def evaluated(prefix: str, encoder: Encoder) -> Evaluation:
    """Return how one set of MELO is ranked."""
    stem = str(DATA / "skills" / "melo_benchmark" / prefix)
    files = ("--queries", f"{stem}__queries.tsv", "--corpus", f"{stem}__corpus_elements.tsv.gz",
             "--qrels", f"{stem}__annotations.tsv.gz", "--concepts", f"{stem}__concept_mapping.tsv.gz")  # fmt: skip
    return run([*files], encoder.encode)


def report(model: str) -> None:
    """Print the figures of each language beside its peers; raise UnavailableError where the model is absent."""
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        encoder = open_encoder(RecordsSettings(embedding_model=model, var=Path(folder)))
        print(f"{model}: {encoder.dimension} numbers a text")
        for name, prefix in SETS.items():
            found = evaluated(prefix, encoder)
            print(f"{name}: {found.n['texts']} titles, {found.n['concepts']} occupations")
            for who, metrics in {"model": found.metrics, **found.peers}.items():
                cells = [f"{metric} {metrics[metric].value:.3f} ({metrics[metric].low:.3f}–{metrics[metric].high:.3f})"
                         for metric in METRICS if metric in metrics]  # fmt: skip
                print(f"  {who:8} {'  '.join(cells)}", flush=True)


def main() -> None:
    """Print every figure, or that the model is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", required=True, help="a sentence-transformers model of these languages, by name or folder"
    )
    options = parser.parse_args()
    print(machine("numpy"))
    try:
        report(options.model)
    except UnavailableError as error:
        print(f"absent: {error}")


if __name__ == "__main__":
    main()
