"""The options of the four ``evaluate`` commands: one parser, whose errors are the house's own."""

from __future__ import annotations

import argparse
from typing import NoReturn

from features.errors import BadInputError


class Options(argparse.ArgumentParser):
    """A parser that names what it found and what to do, instead of leaving the process.

    Parameters
    ----------
    question : str
        skills, recommendation, attrition or impact.
    description : str
        What the command does; line breaks are kept.
    example : str
        A command that works.
    """

    def __init__(self, question: str, description: str, example: str) -> None:
        super().__init__(
            prog=f"skillpath evaluate {question}",
            description=description,
            epilog=f"Example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.question, self.example = question, example

    def error(self, message: str) -> NoReturn:
        """Raise BadInputError with what argparse found."""
        raise BadInputError(
            f"The options of evaluate {self.question} cannot be understood.",
            found=message,
            hint=f"All options: {self.prog} --help. Example: {self.example}",
        )
