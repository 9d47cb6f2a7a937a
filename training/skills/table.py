"""Tables of texts with known concepts, as people publish them."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import BadInputError
from training.skills.taxonomy import Taxonomy, taxonomy_of
from training.tables import decoded, read_table, unpacked

DROPPED_LABELS = ("UNDERSPECIFIED", "LABEL NOT PRESENT", "")
TEXT_COLUMNS = ("text", "sentence", "title", "vacancytitle", "query", "description", "course_name", "name")
LABEL_COLUMNS = ("label", "concepturi", "concept_id", "skill_id", "uri", "concept", "skill", "skills", "course_skills",
                 "job_id", "occupation", "labels")  # fmt: skip
LIST_MARKS = ("|", ";")
ID_NAMES = (
    "id",
    "_id",
    "query_id",
    "query-id",
    "qid",
    "q_id",
    "doc_id",
    "docid",
    "document_id",
    "corpus_id",
    "corpus-id",
    "c_id",
    "element_id",
    "concept_id",
)  # first cells of header rows

Cells = list[list[str]]


@dataclass(frozen=True)
class Pairs:
    """Texts and the labels that people gave them.

    Parameters
    ----------
    labels : mapping of str to list of str
        By text, in the order of the file: names or identifiers of concepts.
    weights : mapping of str to int
        How often each text stands in the file with each label, where rows are the unit.
    """

    labels: Mapping[str, list[str]]
    weights: Mapping[tuple[str, str], int] = field(default_factory=dict)


def cells_of(path: Path, encoding: str | None) -> Cells:
    """Return the cells of a table as text, nothing read as a number or as missing; the first row is the header."""
    if Path(path.name.removesuffix(".gz")).suffix in (".parquet", ".dta", ".xlsx"):
        frame = read_table(path, encoding).astype("string").fillna("")
        return [list(map(str, frame.columns)), *frame.to_numpy().tolist()]
    text = decoded(unpacked(path), encoding).removeprefix("\ufeff")
    is_tabbed = "\t" in text[:10_000].split("\n", 1)[0]
    delimiter = "\t" if is_tabbed else ";" if is_semicolon(text) else ","
    csv.field_size_limit(10_000_000)
    if is_tabbed:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = [row for row in reader if any(row)]
    if not rows:
        raise BadInputError(f"The table {path.name} has no rows.")
    return rows


def is_semicolon(text: str) -> bool:
    """Say whether the first line is cut at semicolons."""
    first = text.split("\n", 1)[0]
    return first.count(";") > first.count(",")


def column_of(header: Sequence[str], allowed: Iterable[str], asked: str, path: Path) -> int:
    """Return the place of a column: the one asked for, or the first that bears one of the names.

    Raises
    ------
    BadInputError
        If there is none.
    """
    plain = [name.strip().lower() for name in header]
    names = (asked.lower(),) if asked else tuple(allowed)
    for name in names:
        if name in plain:
            return plain.index(name)
    raise BadInputError(
        f"The table {path.name} lacks a column.",
        found=", ".join(header),
        allowed=f"one of {', '.join(names)}",
        hint="Name the columns: --format pairs --text-column … --label-column …",
    )


def read_decorte(path: Path, encoding: str | None = None) -> Pairs:
    """Read sentences with ESCO labels, one row per label; labels that name none are dropped."""
    header, *rows = cells_of(path, encoding)
    text, label = column_of(header, ("sentence",), "", path), column_of(header, ("label",), "", path)
    return grouped(rows, text, label, path)


def read_jobbert(path: Path, encoding: str | None = None) -> Pairs:
    """Read vacancy titles with the URI of their occupation, one row per vacancy."""
    header, *rows = cells_of(path, encoding)
    text = column_of(header, ("vacancytitle", "title"), "", path)
    label = column_of(header, ("concepturi", "uri", "escoid"), "", path)
    return grouped(rows, text, label, path)


def read_pairs(path: Path, encoding: str | None, text_column: str = "", label_column: str = "") -> Pairs:
    """Read any table of texts and labels: one label a row, or a list in a cell (``a | b``, or as Python writes it)."""
    header, *rows = cells_of(path, encoding)
    text = column_of(header, TEXT_COLUMNS, text_column, path)
    label = column_of(header, LABEL_COLUMNS, label_column, path)
    flat = [
        [*row[:label], one, *row[label + 1 :]]
        for row in rows
        if len(row) > label
        for one in labels_in(row[label])
    ]
    return grouped(flat, text, label, path)


def labels_in(cell: str) -> list[str]:
    """Return the labels of a cell.

    Examples
    --------
    >>> labels_in("['SQL', 'Python']"), labels_in("SQL | Python"), labels_in("SQL, advanced")
    (['SQL', 'Python'], ['SQL', 'Python'], ['SQL, advanced'])
    """
    plain = cell.strip()
    if plain.startswith("[") and plain.endswith("]"):
        try:
            return [str(one).strip() for one in ast.literal_eval(plain)]
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return [one.strip(" '\"") for one in plain[1:-1].split(",")]
    mark = next((mark for mark in LIST_MARKS if mark in plain), None)
    return [one.strip() for one in plain.split(mark)] if mark else [plain]


def grouped(rows: Cells, text: int, label: int, path: Path) -> Pairs:
    """Return the labels of each text.

    Raises
    ------
    BadInputError
        If no row has both.
    """
    labels: dict[str, list[str]] = {}
    weights: dict[tuple[str, str], int] = {}
    for row in rows:
        if len(row) <= max(text, label) or not row[text].strip() or row[label].strip() in DROPPED_LABELS:
            continue
        words, name = row[text].strip(), row[label].strip()
        own = labels.setdefault(words, [])
        if name not in own:
            own.append(name)
        weights[words, name] = weights.get((words, name), 0) + 1
    if not labels:
        raise BadInputError(f"The table {path.name} has no text with a label.")
    return Pairs(labels, weights)


@dataclass(frozen=True)
class Melo:
    """The four files of MELO, or the three of any ranking benchmark.

    Parameters
    ----------
    queries : mapping of str to str
        Query id to text.
    corpus : mapping of str to str
        Document id to surface form.
    relevant : mapping of str to set of str
        Query id to document ids.
    concepts : mapping of str to str
        Document id to concept; each its own where no map was given.
    """

    queries: Mapping[str, str]
    corpus: Mapping[str, str]
    relevant: Mapping[str, set[str]]
    concepts: Mapping[str, str]


def read_melo(
    queries: Path, corpus: Path, qrels: Path, concepts: Path | None, encoding: str | None = None
) -> Melo:
    """Read queries, corpus, relevance judgements and the document → concept map; header rows are told apart from data.

    Judgements are ``query 0 document relevance`` (as TREC writes them) or ``query document relevance`` (as BEIR does).
    """
    documents, relevant = two_columns(corpus, encoding), dict[str, set[str]]()
    for query, document, grade in judgements(qrels, encoding):
        if grade > 0 and document in documents:
            relevant.setdefault(query, set()).add(document)
    owners = two_columns(concepts, encoding) if concepts else {}
    return Melo(
        two_columns(queries, encoding), documents, relevant, {one: owners.get(one, one) for one in documents}
    )


def judgements(path: Path, encoding: str | None) -> Iterator[tuple[str, str, float]]:
    """Yield query, document and grade of each judgement; the first row may be a header.

    Raises
    ------
    BadInputError
        If a row has too few columns, or its grade is no number.
    """
    for line, row in enumerate(cells_of(path, encoding), start=1):
        cells = [cell.strip() for cell in (row if len(row) > 1 else row[0].split())]
        cells = [cells[0], *cells[2:4]] if len(cells) >= 4 else cells
        grade = number_in(cells[2]) if len(cells) >= 3 else None
        if grade is not None:
            yield cells[0], cells[1], grade
        elif line > 1:
            raise BadInputError(
                f"Line {line} of the judgements {path.name} cannot be read.",
                found=str(row)[:80],
                allowed="query 0 document 1, or query document 1",
            )


def number_in(cell: str) -> float | None:
    """Return a cell as a number, None where it is none."""
    try:
        return float(cell)
    except ValueError:
        return None


def two_columns(path: Path, encoding: str | None) -> dict[str, str]:
    """Return a table of two columns, with or without a header row."""
    rows = cells_of(path, encoding)
    narrow = next((row for row in rows if len(row) < 2), None)
    if narrow is not None:
        raise BadInputError(
            f"The table {path.name} needs two columns.", found=str(narrow)[:80], allowed="identifier TAB text"
        )
    if rows[0][0].strip().lower() in ID_NAMES and len(rows) > 1:
        rows = rows[1:]
    return {row[0].strip(): row[1].strip() for row in rows}


def matched(pairs: Pairs, taxonomy: Taxonomy) -> tuple[list[tuple[str, frozenset[int]]], list[str]]:
    """Return texts with concept numbers, and the labels that the taxonomy does not know.

    A label is an identifier, else a preferred name, else an alias; upper and lower case are the same.
    """
    place_of = finder(taxonomy)
    unknown: list[str] = []
    found: list[tuple[str, frozenset[int]]] = []
    for text, labels in pairs.labels.items():
        places = {name: place_of(name) for name in labels}
        unknown += [name for name, place in places.items() if place is None]
        known = frozenset(place for place in places.values() if place is not None)
        if known:
            found.append((text, known))
    return found, unknown


def rows_matched(pairs: Pairs, taxonomy: Taxonomy) -> tuple[list[tuple[str, frozenset[int]]], list[str]]:
    """Return one text with one concept per row of the file, where rows are the unit."""
    place_of = finder(taxonomy)
    unknown: list[str] = []
    found: list[tuple[str, frozenset[int]]] = []
    for (text, name), count in pairs.weights.items():
        place = place_of(name)
        if place is None:
            unknown += [name] * count
        else:
            found += [(text, frozenset([place]))] * count
    return found, unknown


def finder(taxonomy: Taxonomy) -> Callable[[str], int | None]:
    """Return what finds a concept's number by identifier, name or alias."""
    by_id, by_name = taxonomy.places(), taxonomy.named()
    by_alias: dict[str, int] = {}
    for place in range(taxonomy.size):
        for alias in taxonomy.aliases[taxonomy.offsets[place] : taxonomy.offsets[place + 1]]:
            by_alias.setdefault(alias.lower(), place)

    def place_of(name: str) -> int | None:
        plain = name.lower()
        return by_id.get(name, by_name.get(plain, by_alias.get(plain)))

    return place_of


def taxonomy_of_labels(pairs: Pairs) -> Taxonomy:
    """Return a taxonomy of the labels themselves, where none was given."""
    names = sorted({name for labels in pairs.labels.values() for name in labels})
    return taxonomy_of(((name, name, "labels") for name in names), {})
