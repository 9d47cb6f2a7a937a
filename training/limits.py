"""What the parameters of a fit may be: stated beside each default, and told to whoever sets another value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

KEY = "limits"


@dataclass(frozen=True)
class Limits:
    """What a value, or each value of several, may be.

    Parameters
    ----------
    low, high : float
        Of a number, both included; a number is finite in any case.
    names : collection of str
        Of a text, where not every text will do.
    """

    low: float = -inf
    high: float = inf
    names: Collection[str] = ()

    def hold(self, value: Any) -> bool:
        """Say whether a value, or each of a tuple's, is allowed."""
        return all(map(self.holds, value if isinstance(value, tuple) else (value,)))

    def holds(self, one: Any) -> bool:
        """Say whether one value is allowed."""
        if isinstance(one, str):
            return not self.names or one in self.names
        return not isinstance(one, int | float) or (isfinite(one) and self.low <= one <= self.high)

    @property
    def in_words(self) -> str:
        """What is allowed."""
        if self.names:
            return ", ".join(self.names)
        ends = [
            f"from {self.low:g}" if self.low > -inf else "",
            f"to {self.high:g}" if self.high < inf else "",
        ]
        return " ".join(["numbers", *filter(None, ends)])


def within(low: float = -inf, high: float = inf) -> dict[str, Limits]:
    """Return a field's metadata: the least and the largest value."""
    return {KEY: Limits(low, high)}


def among(names: Collection[str]) -> dict[str, Limits]:
    """Return a field's metadata: the names there are."""
    return {KEY: Limits(names=tuple(names))}
