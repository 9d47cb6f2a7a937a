"""Kirkpatrick's four levels side by side on a page, and what people wrote."""

from __future__ import annotations

from serving.impact.level_answers import AtWork, Figure, Levels, Topic, Voices
from serving.impact.page_parts import number, section, span, text

TITLE = "Reaction, learning, behaviour, results"


def levels_part(levels: Levels | None) -> str:
    """Return the four levels as columns, and the topics of what people wrote; nothing where none are known."""
    if levels is None:
        return ""
    columns = {
        "1 Reaction": [voices(levels.reaction, rating(levels.reaction.mean_rating))],
        "2 Learning": [
            voices(levels.learning, share("did not fail", levels.learning.passed_share)),
            "Tests: " + voices(levels.learning.test, share("mean result", levels.learning.test.mean_share)),
        ],
        "3 Behaviour": [
            f"{side}: {voices(given, *at_work(given))}"
            for side, given in (("Themselves", levels.behaviour.employee), ("Managers", levels.behaviour.manager))
        ],
        "4 Results": [results(levels)],
    }  # fmt: skip
    head = "".join(f"<td><strong>{text(name)}</strong></td>" for name in columns)
    body = "".join(f"<td>{'<br>'.join(text(line) for line in lines)}</td>" for lines in columns.values())
    table = f"<h2>{TITLE}</h2><table class='levels'><tr>{head}</tr><tr>{body}</tr></table>"
    return table + topics_part(levels.topics, levels.topics_withheld)


def voices(given: Voices, *figures: str) -> str:
    """Return figures with how many people stand behind them, or why they are withheld."""
    if given.withheld:
        return f"withheld: {given.withheld}"
    return ", ".join([*(figure for figure in figures if figure), f"{given.people} people"])


def rating(figure: Figure | None) -> str:
    """Return a mean rating with its interval."""
    return f"{span(figure.value, figure.low, figure.high)} of 5" if figure else ""


def share(what: str, figure: Figure | None) -> str:
    """Return a share with its interval, in percent."""
    return f"{figure.value:.0%} {what} ({figure.low:.0%} to {figure.high:.0%})" if figure else ""


def at_work(given: AtWork) -> tuple[str, str]:
    """Return what one side says of the skill at work."""
    return share("see it at work", given.shown_share), rating(given.mean_rating)


def results(levels: Levels) -> str:
    """Return the effect with its verdict."""
    code, effect = levels.results.verdict.replace("_", " "), levels.results.effect
    return f"{span(effect.value, effect.low, effect.high)}: {code}" if effect else code


def topics_part(topics: list[Topic], withheld: str | None) -> str:
    """Return what people wrote, a line a topic; or why it is withheld."""
    if withheld:
        return section("What people wrote", {"withheld": withheld})
    return section("What people wrote", {", ".join(one.words): told(one) for one in topics})


def told(topic: Topic) -> str:
    """Return one topic in a line."""
    mean = f", rated {number(topic.mean_rating)} of 5" if topic.mean_rating is not None else ""
    said = " ".join(f"“{quote}”" for quote in topic.quotes)
    return f"{topic.people} people ({topic.share:.0%} of those who wrote){mean}. {said}".strip()
