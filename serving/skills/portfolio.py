"""Search of the portfolio: courses whose content is close to a question, by vectors, or by words where there are none."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from features.errors import BadInputError, UnavailableError
from features.text import SAYS_NOTHING, Floats, course_text, plain_text
from serving.house import House, HouseDependency, in_thread
from serving.skills.group_answers import FoundCourse, FoundCourses
from serving.skills.requirements import encoder_of

router = APIRouter(tags=["LMS", "L&D"])

KEY = "portfolio"
KEPT_SECONDS = 300.0
SAME_COSINE, NEAR_COSINE = 0.6, 0.4  # about the same content; close enough to be adapted
WORDS_ONLY = "words_only"
WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True)
class Portfolio:
    """The courses and their vectors.

    Parameters
    ----------
    course_ids, titles, texts : list of str
        One each per course.
    vectors : (n_courses, d) float32, optional
        Of length one; None where there is no encoder.
    """

    course_ids: list[str]
    titles: list[str]
    texts: list[str]
    vectors: Floats | None


@router.get("/v1/courses:search")
async def search_courses(
    house: HouseDependency,
    q: Annotated[str, Query(min_length=1, max_length=2_000, description="What is looked for, in words.")],
    n: Annotated[int, Query(ge=1, le=100)] = 10,
) -> FoundCourses:
    """Return the courses whose content is nearest to a question; near matches could be adapted."""
    return await in_thread(searched, house, q, n)


def searched(house: House, question: str, n: int) -> FoundCourses:
    """Return the nearest courses.

    Raises
    ------
    BadInputError
        If there are no words in the question.
    """
    words = words_of(plain_text(question))
    if not words:
        raise BadInputError(
            "There are no words to search for.", found=question[:80], allowed="at least one word"
        )
    portfolio = portfolio_of(house)
    if portfolio.vectors is None:
        scores = np.array([len(words & words_of(text)) / len(words) for text in portfolio.texts])
    else:
        scores = (
            portfolio.vectors @ np.asarray(encoder_of(house)([plain_text(question)]), dtype=np.float32)[0]
        )
    order = np.argsort(-scores, kind="stable")[:n]
    return FoundCourses(
        as_of=house.clock(),
        model_version=None if portfolio.vectors is None else "encoder",
        fallback=WORDS_ONLY if portfolio.vectors is None else None,
        courses=[
            found_course(portfolio, place, float(scores[place]), words)
            for place in order
            if scores[place] > 0
        ],
    )


def found_course(portfolio: Portfolio, place: int, score: float, words: set[str]) -> FoundCourse:
    """Return a course as it is answered."""
    return FoundCourse(
        course_id=portfolio.course_ids[place],
        title=portfolio.titles[place],
        similarity=round(score, 4),
        is_near=score < SAME_COSINE,
        matched_words=sorted(words & words_of(portfolio.texts[place])),
    )


def words_of(text: str) -> set[str]:
    """Return the words of a text that say something, in lower case."""
    return {word for word in WORD.findall(text.lower()) if word not in SAYS_NOTHING}


def portfolio_of(house: House) -> Portfolio:
    """Return the courses with their vectors, read again after five minutes or when there are more or fewer."""
    kept: tuple[float, int, Portfolio] | None = house.cache.get(KEY)
    count = house.store.count("courses")
    if kept and kept[1] == count and time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[2]
    rows = house.store.frame("courses", ("course_id", "title", "description"))
    texts = [course_text(title or "", words) for _, title, words in rows.iter_rows()]
    titles = [plain_text(title or "") for title in rows["title"]]
    read = Portfolio(rows["course_id"].to_list(), titles, texts, vectors_of(house, texts))
    house.cache[KEY] = (time.monotonic(), count, read)
    return read


def vectors_of(house: House, texts: list[str]) -> Floats | None:
    """Return the vectors of texts, each computed once per process; None where there is no encoder."""
    try:
        encode = encoder_of(house)
    except UnavailableError:
        return None
    known: dict[str, Any] = house.cache.setdefault("portfolio vectors", {})
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if missing:
        known.update(zip(missing, encode([plain_text(text) for text in missing]), strict=True))
    return np.array([known[text] for text in texts], dtype=np.float32) if texts else None


def close_courses(house: House, names: Mapping[str, str]) -> tuple[dict[str, tuple[str, ...]], str | None]:
    """Return, by skill, the courses whose content is close to its name, nearest first; and why there are none."""
    portfolio = portfolio_of(house)
    if portfolio.vectors is None:
        return {}, "content_not_compared: no encoder" if portfolio.course_ids else None
    asked = np.asarray(encoder_of(house)(list(names.values())), dtype=np.float32)
    found = {}
    for skill, row in zip(names, asked @ portfolio.vectors.T, strict=True):
        order = np.argsort(-row, kind="stable")
        found[skill] = tuple(portfolio.course_ids[place] for place in order[:5] if row[place] >= NEAR_COSINE)
    return found, None
