"""Pieces of a printable page: escaped texts, numbers, titled tables."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def text(value: object) -> str:
    """Return anything as escaped text; an empty value as a dash."""
    return "–" if value in (None, "") else escape(str(value))


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def span(value: float, low: float, high: float) -> str:
    """Return a number with its interval."""
    return f"{number(value)} ({number(low)} to {number(high)})"


def section(title: str, rows: Mapping[str, object]) -> str:
    """Return a titled table; nothing where there is nothing to say."""
    if not rows:
        return ""
    lines = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows.items())
    return f"<h2>{text(title)}</h2><table>{lines}</table>"
