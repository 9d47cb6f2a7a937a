"""Evaluate the skills question on any table of labelled texts: the same fit, the same scorer, the same metrics."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from features.errors import BadInputError
from training.evaluation import Evaluation
from training.options import Options
from training.payload import write_payload
from training.questions import parameters_of
from training.skills import fit as fitting
from training.skills.dataset import Dataset, dataset_of
from training.skills.documents import evaluate_documents, melo_taxonomy, relevant_rows
from training.skills.evaluate import evaluate
from training.skills.labelled import label
from training.skills.table import (
    Melo,
    Pairs,
    cells_of,
    matched,
    read_decorte,
    read_jobbert,
    read_melo,
    read_pairs,
    rows_matched,
    taxonomy_of_labels,
)
from training.skills.taxonomy import Encode, Taxonomy, concepts_of, pairs_of, read_taxonomy
from training.skills.titles import label_titles

FORMATS = ("decorte", "jobbert", "melo", "pairs")
DESCRIPTION = """Rank every concept of a taxonomy for each text and compare with what people said.

decorte: sentence, label (ESCO skill names) · jobbert: vacancyTitle, conceptUri (ESCO occupations) · melo: --queries --corpus
--qrels (--concepts), tab- or comma-separated, with or without header rows · pairs: any table of texts and labels."""
EXAMPLE = "skillpath evaluate skills --format decorte --queries tech_validation_annotations.csv --taxonomy esco_v1.1.1_en"
LENGTHS = (1, 2, 3, 4, 5, 6)
NO_VALIDATION: list[tuple[str, frozenset[int]]] = []


def parser() -> Options:
    """Return the parser of the command's options."""
    made = Options("skills", DESCRIPTION, EXAMPLE)
    made.add_argument(
        "--format", choices=FORMATS, help="how the tables are written; seen from them by default"
    )
    made.add_argument("--queries", type=Path, required=True, help="texts, with their labels but for melo")
    made.add_argument("--corpus", type=Path, help="melo: document TAB surface form")
    made.add_argument("--qrels", type=Path, help="melo: query 0 document relevance")
    made.add_argument("--concepts", type=Path, help="melo: document TAB concept")
    made.add_argument(
        "--taxonomy", type=Path, help="folder of ESCO as published, or of skills.csv / jobs.csv"
    )
    made.add_argument("--kind", choices=("skill", "occupation"), help="what pairs are labelled with")
    made.add_argument("--validation", type=Path, help="texts of the same format, to choose the knobs on")
    made.add_argument("--text-column", default="", help="pairs: name of the text column")
    made.add_argument("--label-column", default="", help="pairs: name of the label column")
    made.add_argument("--encoding", help="of text files")
    made.add_argument("--seed", type=int, default=7, help="of the bootstrap")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the fit"
    )
    return made


def run(arguments: list[str], encode: Encode | None = None) -> Evaluation:
    """Write the model of a taxonomy, load it back, and evaluate it on labelled texts.

    Parameters
    ----------
    arguments : list of str
        Options as on the command line (`parser`).
    encode : callable, optional
        Texts to vectors; by default the encoder of the settings, through the store's cache.
    """
    options = parser().parse_args(arguments)
    options.format = options.format or format_of(options)
    parameters = parameters_of(fitting, options.set)
    if options.format == "melo":
        return run_melo(options, parameters, encode)
    pairs = read(options, options.queries)
    kind = options.kind or ("occupation" if options.format == "jobbert" else "skill")
    taxonomy = taxonomy_for(options, pairs, kind)
    encode = encode or settings_encoder()
    chosen_on = read(options, options.validation) if options.validation else None
    dataset, unknown = labelled_dataset(options, taxonomy, pairs, chosen_on, encode)
    found = fitted(dataset, parameters, options.seed)
    notes = {"unknown_labels": len(unknown), "unknown_examples": sorted(set(unknown))[:5]}
    return replace(found, diagnostics={**found.diagnostics, **notes}, seeds=(options.seed,))


def format_of(options: argparse.Namespace) -> str:
    """Return the format of the tables: by the files that are given, else by the columns of the first."""
    if options.corpus is not None or options.qrels is not None:
        return "melo"
    header = {name.strip().lower() for name in cells_of(options.queries, options.encoding)[0]}
    if {"sentence", "label"} <= header:
        return "decorte"
    return "jobbert" if {"vacancytitle", "concepturi"} <= header else "pairs"


def read(options: argparse.Namespace, path: Path) -> Pairs:
    """Return the labelled texts of a file."""
    if options.format == "decorte":
        return read_decorte(path, options.encoding)
    if options.format == "jobbert":
        return read_jobbert(path, options.encoding)
    return read_pairs(path, options.encoding, options.text_column, options.label_column)


def taxonomy_for(options: argparse.Namespace, pairs: Pairs, kind: str) -> Taxonomy:
    """Return the taxonomy to rank; pairs without one are ranked among their own labels."""
    if options.taxonomy is not None:
        return read_taxonomy(options.taxonomy, kind)
    if options.format == "pairs":
        return taxonomy_of_labels(pairs)
    raise BadInputError("A taxonomy is needed.", found="no --taxonomy", hint=f"Example: {EXAMPLE}")


def labelled_dataset(
    options: argparse.Namespace, taxonomy: Taxonomy, pairs: Pairs, chosen_on: Pairs | None, encode: Encode
) -> tuple[Dataset, list[str]]:
    """Return the dataset, and the labels that the taxonomy does not know.

    Raises
    ------
    BadInputError
        If it knows none of them.
    """
    are_titles = options.format == "jobbert" or options.kind == "occupation"
    match = rows_matched if are_titles else matched
    test, unknown = match(pairs, taxonomy)
    if not test:
        raise BadInputError(
            "The taxonomy knows none of the labels.",
            found=f"{unknown[0]!r} …",
            allowed=f"such as {taxonomy.names[0]!r}",
            hint="Several labels in one cell are written a | b, or ['a', 'b'].",
        )
    validation = match(chosen_on, taxonomy)[0] if chosen_on else NO_VALIDATION
    concepts = concepts_of(taxonomy, encode, pairs_of if are_titles else None)
    chosen, judged = (
        label_titles(part, concepts, encode)
        if are_titles
        else label(part, encode, LENGTHS, is_sentence=options.format != "pairs")
        for part in (validation, test)
    )
    protocol = f"every concept ranked for each text ({options.format}); knobs {'from --validation' if validation else 'as shipped'}"
    return dataset_of(concepts, chosen, judged, encode, protocol, are_titles), unknown


def run_melo(
    options: argparse.Namespace, parameters: fitting.Parameters, encode: Encode | None
) -> Evaluation:
    """Evaluate on MELO's four files."""
    if options.corpus is None or options.qrels is None:
        raise BadInputError(
            "MELO needs its files.", found="no --corpus or no --qrels", hint=f"Example: {EXAMPLE}"
        )
    melo: Melo = read_melo(options.queries, options.corpus, options.qrels, options.concepts, options.encoding)
    if not melo.relevant:
        raise BadInputError("No judgement names a document of the corpus.", found=str(options.qrels))
    encode = encode or settings_encoder()
    taxonomy = melo_taxonomy(melo)
    test = label(relevant_rows(melo), encode, (), is_sentence=True)
    nothing = label(NO_VALIDATION, encode, ())
    dataset = dataset_of(concepts_of(taxonomy, encode), nothing, test, encode, "", are_titles=True)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        write_payload(fitting.fit(dataset, parameters, rng), Path(folder) / "payload")
        found = evaluate_documents(Path(folder) / "payload", dataset, melo, rng)
    return replace(found, seeds=(options.seed,))


def fitted(dataset: Dataset, parameters: fitting.Parameters, seed: int) -> Evaluation:
    """Fit, write, load back and evaluate."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        write_payload(fitting.fit(dataset, parameters, rng), Path(folder) / "payload")
        return evaluate(Path(folder) / "payload", dataset, rng)


def settings_encoder() -> Encode:
    """Return the encoder of the settings, through the store's cache: a taxonomy is embedded once."""
    from features.records.embedding import bars_of
    from features.records.encoder import store_cache
    from features.records.encoder_export import open_encoder
    from features.records.settings import RecordsSettings
    from features.records.store import open_store
    from features.text import Floats, embed

    settings = RecordsSettings()
    encoder, cache, bars = open_encoder(settings), store_cache(open_store(settings.url)), bars_of(settings)

    def encode(texts: object) -> Floats:
        with bars("embedding") as told:
            return embed(texts, encoder, cache, told)  # type: ignore[arg-type]

    return encode
