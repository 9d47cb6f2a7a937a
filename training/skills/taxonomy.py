"""A taxonomy as the model needs it: concepts, each with its names, and the vectors of those."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import BadInputError
from features.text import windows

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
Encode = Callable[[Sequence[str]], Floats]

GROUP = "skill group"  # a chapter of the taxonomy, not something a person can do
SHORTEST_ALIAS = 2
KINDS = {
    "skill": ("skills", "skill_id", "name", "skill_aliases"),
    "occupation": ("jobs", "job_id", "title", "job_aliases"),
}


@dataclass(frozen=True)
class Taxonomy:
    """Concepts and their names.

    Parameters
    ----------
    concept_ids, names : sequence of str
        One each per concept; the name is also its first alias.
    sources : sequence of str
        The taxonomy each concept comes from: organisation, esco, onet.
    aliases : sequence of str
        All names, those of a concept together, its preferred one first.
    offsets : (n_concepts + 1,) int
        Where each concept's names begin.
    """

    concept_ids: tuple[str, ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]
    aliases: tuple[str, ...]
    offsets: Integers

    @property
    def size(self) -> int:
        """Number of concepts."""
        return len(self.concept_ids)

    @property
    def digest(self) -> str:
        """SHA-256 of concepts and names."""
        total = hashlib.sha256("\n".join(self.concept_ids).encode())
        total.update("\n".join(self.aliases).encode())
        total.update(self.offsets.tobytes())
        return total.hexdigest()

    def places(self) -> dict[str, int]:
        """Return the number of each concept, by identifier."""
        return {concept: place for place, concept in enumerate(self.concept_ids)}

    def named(self) -> dict[str, int]:
        """Return the number of each concept, by lower-case preferred name."""
        return {name.lower(): place for place, name in reversed(list(enumerate(self.names)))}


@dataclass(frozen=True)
class Concepts:
    """The vectors of a taxonomy.

    Parameters
    ----------
    taxonomy : Taxonomy
        Whose concepts these are.
    aliases : (n_aliases, d) float32
        Of length one.
    centroids : (n_concepts, d) float32
        Mean of a concept's aliases, of length one.
    words : sequence of str
        Windows whose vectors are kept, in lower case (`words_of`, `pairs_of`): of a text or title the others are encoded.
    word_vectors : (n_words, d) float32
        Of length one.
    """

    taxonomy: Taxonomy
    aliases: Floats
    centroids: Floats
    words: tuple[str, ...] = ()
    word_vectors: Floats | None = None


def taxonomy_of(concepts: Iterable[tuple[str, str, str]], aliases: Mapping[str, Sequence[str]]) -> Taxonomy:
    """Return the taxonomy of ``(id, name, source)`` triples and the further names of each id."""
    ids, names, sources, flat, offsets = [], [], [], list[str](), [0]
    for concept, name, source in concepts:
        own = dict.fromkeys(
            [name, *(alias for alias in aliases.get(concept, ()) if len(alias) >= SHORTEST_ALIAS)]
        )
        ids.append(concept)
        names.append(name)
        sources.append(source)
        flat.extend(own)
        offsets.append(len(flat))
    return Taxonomy(tuple(ids), tuple(names), tuple(sources), tuple(flat), np.array(offsets, dtype=np.int64))


def concepts_of(
    taxonomy: Taxonomy, encode: Encode, windows_kept: Callable[[Taxonomy], tuple[str, ...]] | None = None
) -> Concepts:
    """Return the vectors of a taxonomy; a centroid is the mean of a concept's aliases, made unit length.

    Parameters
    ----------
    taxonomy : Taxonomy
        Concepts and their names.
    encode : callable
        Texts to vectors.
    windows_kept : callable, optional
        What else gets vectors: `words_of` for a model that will read long texts, `pairs_of` for one that will link titles.
    """
    aliases = np.asarray(encode(taxonomy.aliases), dtype=np.float32)
    sums = np.add.reduceat(aliases.astype(np.float64), taxonomy.offsets[:-1], axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centroids = (sums / np.maximum(lengths, 1e-12)).astype(np.float32)
    words = windows_kept(taxonomy) if windows_kept else ()
    vectors = np.asarray(encode(words), dtype=np.float32) if words else None
    return Concepts(taxonomy, aliases, centroids, words, vectors)


def words_of(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Return the distinct single words of all names, in lower case, sorted."""
    return tuple(sorted({word.lower() for alias in taxonomy.aliases for word in windows(alias, [1])}))


def pairs_of(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Return the pairs of words that several names have, in lower case, sorted: titles are made of them too."""
    found = Counter(
        pair for alias in taxonomy.aliases for pair in {one.lower() for one in windows(alias, [2])}
    )
    return tuple(sorted(pair for pair, names in found.items() if names > 1))


def from_records(records: Mapping[str, pl.DataFrame], kind: str = "skill") -> Taxonomy:
    """Return the taxonomy of the records' skills (or occupations); chapters of a taxonomy are left out."""
    table, key, name, alias_table = KINDS[kind]
    frame = records[table]
    if "skill_type" in frame.columns:
        frame = frame.filter(pl.col("skill_type").fill_null("") != GROUP)
    frame = frame.with_columns(pl.col("taxonomy").fill_null("organisation")).sort(key)
    grouped = records[alias_table].group_by(key, maintain_order=True).agg("alias")
    return taxonomy_of(frame.select(key, name, "taxonomy").iter_rows(), dict(grouped.iter_rows()))


def read_taxonomy(folder: Path, kind: str = "skill") -> Taxonomy:
    """Read a taxonomy: ESCO as published (zips or CSV files), or a folder of the records' own tables.

    Parameters
    ----------
    folder : Path
        Holds ESCO's files, or ``skills.csv`` (and ``skill_aliases.csv``), ``jobs.csv`` (and ``job_aliases.csv``).
    kind : str
        ``skill`` or ``occupation``.

    Raises
    ------
    BadInputError
        If neither is there.
    """
    table, _key, _name, alias_table = KINDS[kind]
    if (folder / f"{table}.csv").is_file():
        return from_records(
            {table: read_rows(folder, table), alias_table: read_rows(folder, alias_table)}, kind
        )
    return from_records(esco_tables(folder, table, alias_table), kind)


def read_rows(folder: Path, table: str) -> pl.DataFrame:
    """Return one of the records' tables from a CSV of its name, every column as text; none where it is missing."""
    from features.records.tables import IMPORTABLE

    path = folder / f"{table}.csv"
    shape = dict.fromkeys(IMPORTABLE[table].names, pl.String)
    if not path.is_file():
        return pl.DataFrame(schema=shape)
    found = pl.read_csv(path, infer_schema=False)
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in shape if name not in found.columns]
    return found.with_columns(missing).select(list(shape))


def esco_tables(folder: Path, table: str, alias_table: str) -> dict[str, pl.DataFrame]:
    """Return the skills or occupations of ESCO as published, with their aliases."""
    from features.records.reading import esco
    from features.records.reading.csv_members import find_members

    if not folder.is_dir():
        raise BadInputError("The taxonomy is not there.", found=str(folder), allowed="a folder")
    file = "skills_en.csv" if table == "skills" else "occupations_en.csv"
    members = find_members([folder], [file])
    if file not in members:
        allowed = "ESCO's zips or CSV files, or skills.csv and jobs.csv"
        raise BadInputError("The folder holds no taxonomy.", found=str(folder), allowed=allowed)
    one, key = (esco.skills, "skill_id") if table == "skills" else (esco.occupations, "job_id")
    batches = list(members[file].rows(("conceptUri", "preferredLabel", "altLabels")))
    return {
        table: pl.concat([one(batch).frame for batch in batches]),
        alias_table: pl.concat([esco.aliases(batch, alias_table, key).frame for batch in batches]),
    }
