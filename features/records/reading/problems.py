"""What is wrong with a file: gathered, so that one run names up to twenty mistakes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features.errors import BadInputError

MAX_PROBLEMS = 20
MAX_FOUND_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Parameters
    ----------
    file : str
        Name of the file.
    what : str
        What is wrong, a short clause.
    line : int, optional
        Physical line, 1 is the first.
    column : str
        Column as the file names it.
    found, allowed, hint : str
        What stood there, what may stand there, what to do.
    """

    file: str
    what: str
    line: int | None = None
    column: str = ""
    found: str = ""
    allowed: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = [self.file]
        where += [f"line {self.line}"] if self.line is not None else []
        where += [f'column "{self.column}"'] if self.column else []
        parts = [f"{', '.join(where)}: {self.what}."]
        parts += [f"Found: {self.found}."] if self.found else []
        parts += [f"Allowed: {self.allowed}."] if self.allowed else []
        parts += [self.hint] if self.hint else []
        return " ".join(parts)


class RefusedFileError(BadInputError):
    """A file cannot be used as it is; nothing of it was kept.

    Parameters
    ----------
    problems : sequence of Problem
        At least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first, count = self.problems[0], len(self.problems)
        if count == 1:
            text = f"{first} Nothing was kept."
        else:
            more = "at least " if count >= MAX_PROBLEMS else ""
            lines = "\n".join(f"  {problem}" for problem in self.problems)
            text = f"{first.file}: {more}{count} problems; nothing was kept.\n{lines}"
        super().__init__(text)
        self.found, self.allowed, self.hint = first.found, first.allowed, first.hint

    @property
    def rejected(self) -> int:
        """Number of rows known to be wrong."""
        return len({(problem.file, problem.line) for problem in self.problems})


class Problems:
    """Gathers problems; full at twenty."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, *problems: Problem) -> None:
        """Keep as many as there is room for."""
        self.found += problems[: MAX_PROBLEMS - len(self.found)]

    @property
    def are_full(self) -> bool:
        """True when looking for more would help nobody."""
        return len(self.found) >= MAX_PROBLEMS

    def raise_if_any(self) -> None:
        """Raise RefusedFileError where something is wrong."""
        if self.found:
            raise RefusedFileError(self.found)


def refuse(file: str, what: str, line: int | None = None, **rest: str) -> RefusedFileError:
    """Return the error for a file with one problem; the caller raises it."""
    return RefusedFileError([Problem(file, what, line, **rest)])


def shown(value: object) -> str:
    """Return a found value as it may stand in a message: quoted, and not too long."""
    text = str(value)
    if len(text) > MAX_FOUND_CHARACTERS:
        text = f"{text[:MAX_FOUND_CHARACTERS]}… ({len(text):,} characters)"
    return repr(text)


def near_match(name: str, allowed: Iterable[str]) -> str:
    """Return a hint with the most similar allowed name, or an empty text."""
    spelled = {one.lower().replace(" ", "_"): one for one in allowed}
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), list(spelled), n=1, cutoff=0.6)
    return f'Did you mean "{spelled[close[0]]}"?' if close else ""
