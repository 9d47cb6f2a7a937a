"""What people write about courses, in a few topics: words that many use, never a comment itself.

The payload holds words and weights alone, each word used by ten people at least; comments stay in the records, where they can be
erased, and are sorted into topics when somebody asks.

References
----------
Lee, Seung, Nature 401 (1999) 788, doi:10.1038/44565 (non-negative matrix factorisation).
"""

from __future__ import annotations

from typing import Any

import polars as pl
from threadpoolctl import threadpool_limits

from features.history import History
from features.impact.comments import comments, words_of
from training.impact.telling.levels import LEAST_PEOPLE

MOST_WORDS, MOST_TOPICS = 400, 8
COMMENTS_PER_TOPIC = 25
MOST_COMMON = 0.6  # a word of more than so many comments tells no topic
DIGITS = 4
SEED = 0


def topics(now: History) -> dict[str, Any] | None:
    """Return the topics of all comments as plain data (`features.impact.comments.Topics`); None where too few comment."""
    said = comments(now)
    if said["employee_id"].n_unique() < 2 * LEAST_PEOPLE:
        return None
    words = vocabulary(said)
    count = min(MOST_TOPICS, said.height // COMMENTS_PER_TOPIC, len(words) // 2)
    if count < 2:
        return None
    return factorised(said["comment"].to_list(), words, count)


def vocabulary(said: pl.DataFrame) -> list[str]:
    """Return the words that at least ten people use, without those that say nothing, the most used first kept."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    one = pl.col("comment").map_elements(
        lambda text: sorted(set(words_of(text))), return_dtype=pl.List(pl.String)
    )
    used = said.select("employee_id", word=one).explode("word").drop_nulls("word")
    counted = used.group_by("word").agg(people=pl.col("employee_id").n_unique(), comments=pl.len())
    kept = counted.filter(
        (pl.col("people") >= LEAST_PEOPLE) & (pl.col("comments") <= MOST_COMMON * said.height)
        & ~pl.col("word").is_in(sorted(ENGLISH_STOP_WORDS))
    )  # fmt: skip
    return sorted(kept.sort("people", "word", descending=[True, False]).head(MOST_WORDS)["word"])


def factorised(texts: list[str], words: list[str], count: int) -> dict[str, Any]:
    """Return so many topics of texts, as words, their rarity and each topic's weights of length 1."""
    import numpy as np
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(tokenizer=words_of, token_pattern=None, lowercase=False, vocabulary=words)
    with threadpool_limits(1):  # one thread: the same digits whatever the machine
        matrix = counter.fit_transform(texts)
        model = NMF(count, init="nndsvda", random_state=SEED, max_iter=1_000, tol=1e-5).fit(matrix)
    length = np.linalg.norm(model.components_, axis=1, keepdims=True)
    weights = model.components_ / np.where(length > 0, length, 1.0)
    return {
        "words": words,
        "rarity": [round(float(one), DIGITS) for one in counter.idf_],
        "weights": [[round(float(one), DIGITS) for one in row] for row in weights],
    }
