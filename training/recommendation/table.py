"""Interactions from a plain table: pairs with a header, RecBole's atomic files, or one person a line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from features.errors import BadInputError
from features.text import plain_text
from training.amounts import as_numbers
from training.recommendation.content import Content, Matrix, unit_rows
from training.recommendation.times import seconds
from training.tables import decoded, first_line, read_table, read_text, unpacked

NAMES: dict[str, tuple[str, ...]] = {
    "user": ("user_id", "user", "userid", "employee_id", "employee", "learner_id", "learner", "person_id", "person",
             "student_id", "student", "id_student", "username", "user_name", "uid", "customer_id"),
    "item": ("item_id", "item", "itemid", "course_id", "course", "courseid", "content_id", "movie_id", "movieid",
             "product_id", "iid"),
    "time": ("timestamp", "time", "datetime", "date", "happened_at", "enrolled_at", "enroll_time", "taken_at",
             "created_at", "started_at", "completed_at"),
    "rating": ("rating", "stars", "score"),
}  # fmt: skip
COHORTS = ("job_id", "job", "role", "occupation", "department", "cohort")
RECBOLE = (".inter", ".item", ".user")
TYPED = re.compile(r":(token|token_seq|float|float_seq)$")
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # Chinese and Japanese letters
HEADERLESS = ("user", "item", "rating", "time")
LEAST_MOMENT = 1e8  # a larger number in a third column without a name is a time, not a rating


@dataclass(frozen=True)
class Columns:
    """Names of columns as the caller gave them; empty means: found by their usual names."""

    user: str = ""
    item: str = ""
    time: str = ""
    rating: str = ""

    def given(self) -> Mapping[str, str]:
        """Return role → name."""
        return {"user": self.user, "item": self.item, "time": self.time, "rating": self.rating}


def read_pairs(path: Path, columns: Columns, encoding: str | None = None) -> pd.DataFrame:
    """Return interactions as ``user, item`` (text) and, where there are, ``rating`` and ``time`` (seconds, float).

    Parameters
    ----------
    path : Path
        A table with a header, four columns without one (user, item, rating, time), a RecBole ``.inter`` file, or a
        list file: one person a line, ``person course course …``.
    columns : Columns
        Names of columns where they are unusual.
    encoding : str, optional
        Of a text file.

    Raises
    ------
    BadInputError
        If a column is missing, an identifier is empty, or a time cannot be read; the message names the row.
    """
    frame = list_file(path, encoding)
    if frame is None:
        frame = named(read_atomic(path, encoding), columns, path.name)
    for role in ("user", "item"):
        empty = frame[role].isna() | (frame[role].astype(str).str.strip() == "")
        if empty.any():
            raise BadInputError(
                f"{path.name} has a row without {role}.",
                found=f"row {int(np.flatnonzero(empty)[0]) + 1}",
                allowed="an identifier; empty cells, NA and null are none",
            )
    frame["user"], frame["item"] = texts(frame["user"]), texts(frame["item"])
    if "rating" in frame:
        frame["rating"] = numbers(frame["rating"], path.name)
    if "time" in frame:
        frame["time"] = seconds(frame["time"], path.name)
        frame = frame.sort_values("time", kind="stable")
    return frame.drop_duplicates(["user", "item"], ignore_index=True)


def list_file(path: Path, encoding: str | None) -> pd.DataFrame | None:
    """Return the pairs of a list file, or None where the file is none."""
    if ".txt" not in [suffix.lower() for suffix in path.suffixes]:
        return None
    lines = [line.split() for line in decoded(unpacked(path), encoding).split("\n")]
    lines = [line for line in lines if line]
    head = lines[:50]
    is_list = len({len(line) for line in head}) > 1 or (len(head) == 1 and len(head[0]) > 4)
    if not is_list or any("," in token or ";" in token for line in head for token in line):
        return None
    people = np.repeat([line[0] for line in lines], [len(line) - 1 for line in lines])
    return pd.DataFrame({"user": people, "item": [course for line in lines for course in line[1:]]})


def read_atomic(path: Path, encoding: str | None) -> pd.DataFrame:
    """Return a table, text as it is written; RecBole's suffixes are tab-separated, and its column types are taken off."""
    if any(suffix.lower() in RECBOLE for suffix in path.suffixes):
        try:
            frame = read_text(unpacked(path), ".tsv", encoding, True, as_text=True)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise BadInputError(f"{path.name} cannot be read.", found=first_line(str(error))) from error
    else:
        frame = read_table(path, encoding, as_text=True)
        if begins_with_data(frame):
            frame = read_table(path, encoding, header=False, as_text=True)
            frame.columns = pd.Index(unnamed_columns(frame))
    frame.columns = pd.Index([TYPED.sub("", str(name).strip()) for name in frame.columns])
    return frame


def begins_with_data(frame: pd.DataFrame) -> bool:
    """Say whether the first row of a table names nothing: numbers, or a person and a course that come again below."""
    heads = [str(name) for name in frame.columns]
    if not 2 <= len(heads) <= len(HEADERLESS):
        return False
    if all(head.replace(".", "").isdigit() for head in heads):
        return True
    is_known = any(head.lower() in usual for head in heads for usual in ((*NAMES, *COHORTS), *NAMES.values()))
    return not is_known and all((frame.iloc[:, place].astype(str) == heads[place]).any() for place in (0, 1))


def unnamed_columns(frame: pd.DataFrame) -> list[str]:
    """Return the roles of columns without names: person, course, rating, time; a third one of moments is the time."""
    if frame.shape[1] == 3:
        third = pd.to_numeric(frame.iloc[:, 2], errors="coerce")
        if third.isna().all() or third.median() > LEAST_MOMENT:
            return ["user", "item", "time"]
    return list(HEADERLESS[: frame.shape[1]])


def named(frame: pd.DataFrame, columns: Columns, file: str) -> pd.DataFrame:
    """Return the columns by their roles."""
    lower = {str(name).lower(): str(name) for name in frame.columns}
    found: dict[str, str] = {}
    for role, typed in columns.given().items():
        given = TYPED.sub("", typed)
        if given and given not in frame.columns:
            raise BadInputError(
                f"{file} has no column {given!r}.", found=", ".join(map(str, frame.columns)),
                allowed="a column of the table", hint=f"Give --{role}-column.",
            )  # fmt: skip
        known = next((lower[name] for name in (role, *NAMES[role]) if name in lower), "")
        if given or known:
            found[role] = given or known
    for place, role in enumerate(("user", "item")):
        if role not in found and frame.shape[1] == 2:
            found[role] = str(frame.columns[place])
        if role not in found:
            raise BadInputError(
                f"{file} names no {role}.", found=", ".join(map(str, frame.columns)),
                allowed=", ".join(NAMES[role]), hint=f"Give --{role}-column.",
            )  # fmt: skip
    return pd.DataFrame({role: frame[name] for role, name in found.items()})


def texts(values: pd.Series) -> pd.Series:
    """Return identifiers as text; where all of them end in ``.0``, as whole numbers beside missing ones do, they lose it."""
    if pd.api.types.is_float_dtype(values) and (values % 1 == 0).all():
        values = values.astype("int64")
    found: pd.Series = values.astype(str).str.strip()
    return found.str.removesuffix(".0") if found.str.fullmatch(r"-?\d+\.0").all() else found


def numbers(values: pd.Series, file: str) -> pd.Series:
    """Return ratings as numbers, with decimal points or commas; raise BadInputError for any that is none."""
    found: pd.Series = pd.to_numeric(values, errors="coerce")
    if found.isna().any() and (read := as_numbers(values)) is not None:
        found = read
    if found.isna().any():
        bad = int(np.flatnonzero(found.isna())[0])
        raise BadInputError(
            f"{file} has a rating that is no number.", found=f"{values.iloc[bad]!r} in row {bad + 1}", allowed="numbers"
        )  # fmt: skip
    return found


def item_content(path: Path, item_column: str, encoding: str | None = None) -> tuple[list[str], Matrix]:
    """Return the items of a catalogue file and their words, weighted by rarity, (n_items, n_words) sparse."""
    frame = read_atomic(path, encoding)
    key = key_column(frame, item_column, NAMES["item"], path.name)
    about = [name for name in frame.columns if name != key and not holds_numbers(frame[name])]
    words = [
        {f"{name}={word}" for name, text in zip(about, row, strict=True) for word in words_of(text)}
        for row in frame[about].itertuples(index=False)
    ]
    vocabulary = {word: place for place, word in enumerate(sorted(set().union(*words)))}
    rows = np.repeat(np.arange(len(words)), [len(found) for found in words])
    places = np.array([vocabulary[word] for found in words for word in sorted(found)], dtype=np.int64)
    shape = (len(words), max(len(vocabulary), 1))
    counts = sp.csr_matrix((np.ones(places.size), (rows, places)), shape=shape)
    rarity = np.log(1.0 + len(words) / np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1.0))
    return texts(frame[key]).tolist(), sp.csr_matrix(counts @ sp.diags(rarity))


def holds_numbers(values: pd.Series) -> bool:
    """Say whether a column says nothing in words."""
    return pd.api.types.is_numeric_dtype(values) or bool(pd.to_numeric(values, errors="coerce").notna().all())


def words_of(text: str | float | None) -> set[str]:
    """Return the lower-case words of a cell without its markup; none where it is empty.

    Of writing without blanks between words, pairs of characters stand for them.

    Examples
    --------
    >>> sorted(words_of("<b>SQL</b> basics")), sorted(words_of("数据分析"))
    (['basics', 'sql'], ['分析', '据分', '数据'])
    """
    if text is None or pd.isna(text):
        return set()
    words = re.findall(r"\w+", plain_text(str(text)).lower())
    return {
        part
        for word in words
        for part in (
            [word[at : at + 2] for at in range(max(len(word) - 1, 1))] if UNSPACED.search(word) else [word]
        )
    }


def key_column(frame: pd.DataFrame, given: str, usual: Sequence[str], file: str) -> str:
    """Return the column that names the rows."""
    if given and TYPED.sub("", given) in frame.columns:
        return TYPED.sub("", given)
    lower = {str(name).lower(): str(name) for name in frame.columns}
    found = next((lower[name] for name in usual if name in lower), None)
    if found is None:
        raise BadInputError(
            f"{file} has no column that names its rows.",
            found=", ".join(map(str, frame.columns)),
            allowed=", ".join(usual),
            hint=f"Give --{'item' if usual is NAMES['item'] else 'user'}-column.",
        )
    return found


def user_cohorts(path: Path, user_column: str, encoding: str | None = None) -> dict[str, str]:
    """Return user → cohort (job, occupation, department …), of those who have one; empty where the file names none."""
    frame = read_atomic(path, encoding)
    key = key_column(frame, user_column, NAMES["user"], path.name)
    cohort = next((name for name in frame.columns if str(name).lower() in COHORTS), None)
    if cohort is None:
        return {}
    frame = frame[frame[key].notna() & frame[cohort].notna()]
    return dict(zip(texts(frame[key]), texts(frame[cohort]), strict=True))


def aligned(course_ids: Sequence[str], listed: Sequence[str], words: Matrix) -> Content:
    """Return the content of courses in their own order; a course that the catalogue does not list has none."""
    place = {course: row for row, course in enumerate(listed)}
    known = [(row, place[course]) for row, course in enumerate(course_ids) if course in place]
    rows, columns = (
        (np.array(side, dtype=np.int64) for side in zip(*known, strict=True)) if known else ([], [])
    )
    select = sp.csr_matrix((np.ones(len(known)), (rows, columns)), shape=(len(course_ids), len(listed)))
    return Content(skills=unit_rows(select @ words))
