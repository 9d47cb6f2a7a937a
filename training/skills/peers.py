"""What the model has to beat: words that agree, and chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.skills.taxonomy import Floats, Taxonomy

PEERS = ("tfidf", "random")


class WordsThatAgree:
    """The cosine of a text with each concept's names, as weighted words and pairs of words.

    Parameters
    ----------
    taxonomy : Taxonomy
        Whose names are compared.
    """

    WORD = r"(?u)[^\s,;:()]+"

    def __init__(self, taxonomy: Taxonomy) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        offsets = taxonomy.offsets
        documents = [
            " ".join(taxonomy.aliases[offsets[place] : offsets[place + 1]]) for place in range(taxonomy.size)
        ]
        self.vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, **{"token_pattern": self.WORD}
        )
        self.concepts = self.vectorizer.fit_transform(documents).T.tocsr()

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return (n_texts, n_concepts) float32; 0 where no word agrees."""
        return np.asarray((self.vectorizer.transform(texts) @ self.concepts).toarray(), dtype=np.float32)


def random_scores(n_texts: int, n_concepts: int, rng: np.random.Generator) -> Floats:
    """Return scores that know nothing."""
    return rng.random((n_texts, n_concepts), dtype=np.float32)
