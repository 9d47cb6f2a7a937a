"""The family of errors that a caller can act upon: what was found, what is allowed, what to do."""

from __future__ import annotations


class SkillpathError(Exception):
    """An error whose message teaches.

    Parameters
    ----------
    what : str
        One sentence: what went wrong, and where.
    found : str, optional
        What stood there.
    allowed : str, optional
        What may stand there.
    hint : str, optional
        What the caller can do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, found: str = "", allowed: str = "", hint: str = "") -> None:
        self.what, self.found, self.allowed, self.hint = what, found, allowed, hint
        parts = [what]
        parts += [f"Found: {found.removesuffix('.')}."] if found else []
        parts += [f"Allowed: {allowed.removesuffix('.')}."] if allowed else []
        parts += [hint] if hint else []
        super().__init__(" ".join(parts))


class BadInputError(SkillpathError):
    """Input from outside cannot be used as it is; nothing of it was kept."""

    exit_code = 2


class UnknownRecordError(SkillpathError):
    """An employee, course, job, skill or model was named that does not exist."""

    exit_code = 3


class RefusedError(SkillpathError):
    """The data cannot answer the question honestly; the reason is the answer."""

    exit_code = 4


class UnavailableError(SkillpathError):
    """A part the answer needs (store, model, registry) is missing or damaged."""

    exit_code = 5
