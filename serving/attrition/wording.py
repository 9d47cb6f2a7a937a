"""What a feature's value is called in plain words: by its unit, as a person would say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

DAYS_IN_MONTH, DAYS_IN_YEAR = 365.25 / 12, 365.25
SHORT, LONG = 90, 730  # days: below the first in days, from the second on in years
MOST_DIGITS = 4


def number(value: float, digits: int) -> str:
    """Return a number without exponents and without zeros that say nothing."""
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(value: float, digits: int, one: str) -> str:
    """Return so many of something, in the singular where it is one."""
    text = number(value, digits)
    return f"{text} {one}" if text == "1" else f"{text} {one}s"


def elapsed(days: float, digits: int) -> str:
    """Return a time in days, months or years, as its length asks for."""
    if digits > 1 or days < SHORT:
        return counted(days, max(digits - 1, 0), "day")
    if days < LONG:
        return counted(days / DAYS_IN_MONTH, digits, "month")
    return counted(days / DAYS_IN_YEAR, max(digits, 1), "year")


def signed(text: str) -> str:
    """Return a difference with its sign."""
    return text if text.startswith("-") or not text.strip("0.,% ") else f"+{text}"


def percent(value: float, digits: int) -> str:
    """Return a share in percent."""
    return f"{number(100 * value, digits)}%"


FORMS: Mapping[str, Callable[[float, int], str]] = {
    "days": elapsed,
    "count": number,
    "share, 1 is the median": percent,
    "share": lambda value, digits: signed(percent(value, digits + 1)),
    "1-5": lambda value, digits: f"{number(value, digits + 1)} of 5",
    "points": lambda value, digits: f"{signed(number(value, digits + 1))} points",
    "share 0-1": percent,
    "grade": number,
    "minutes": lambda value, digits: counted(value, digits, "minute"),
    "hours per week": lambda value, digits: f"{counted(value, digits + 1, 'hour')} per week",
    "0 or 1": lambda value, _: "yes" if value >= 0.5 else "no",
    "share 0-1 of the scale": lambda value, digits: f"{percent(value, digits)} of the scale",
    "share of the scale": lambda value, digits: f"{signed(percent(value, digits))} of the scale",
    "levels 0-5": lambda value, digits: counted(value, digits + 1, "level"),
    "hours": lambda value, digits: counted(value, digits, "hour"),
    "-1 to 1": lambda value, digits: number(value, digits + 2),
}


def in_words(value: float, unit: str) -> str:
    """Return a value as a person would say it, by its unit in `features.attrition.meanings`."""
    return FORMS[unit](value, 0)


def instead_of(after: float, before: float, unit: str) -> str:
    """Return one value instead of another, in as many digits as tell the two apart."""
    form = FORMS[unit]
    for digits in range(MOST_DIGITS):
        if form(after, digits) != form(before, digits):
            break
    return f"{form(after, digits)} instead of {form(before, digits)}"
