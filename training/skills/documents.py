"""Entity linking judged by surface form, as MELO does: every name of every concept is ranked on its own.

Giving a name its concept's score would lift all names of a concept together and inflate the mean precision; so a name
keeps half its own cosine, and metrics over concepts are only diagnostics.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Evaluation
from training.loading import load_scorer
from training.skills.dataset import Dataset
from training.skills.evaluate import BLOCK_TEXTS, Units, intervals, verdict
from training.skills.metrics import TITLE_METRICS, measure
from training.skills.peers import WordsThatAgree, random_scores
from training.skills.table import Melo
from training.skills.taxonomy import Floats, Integers, Taxonomy, taxonomy_of

PROTOCOL = "every surface form of the corpus ranked for each query (MELO); concepts only in the diagnostics"


def melo_taxonomy(melo: Melo) -> Taxonomy:
    """Return the concepts of a corpus, each with its surface forms."""
    names: dict[str, list[str]] = {}
    for document, concept in melo.concepts.items():
        names.setdefault(concept, []).append(melo.corpus[document])
    return taxonomy_of(((concept, forms[0], "corpus") for concept, forms in names.items()), names)


def places_of(melo: Melo, taxonomy: Taxonomy) -> dict[str, int]:
    """Return the number of the name that each document is; documents alike within a concept share one."""
    concepts = taxonomy.places()
    numbered: dict[tuple[str, str], int] = {}
    for concept, place in concepts.items():
        for row in range(int(taxonomy.offsets[place]), int(taxonomy.offsets[place + 1])):
            numbered[concept, taxonomy.aliases[row]] = row
    return {
        document: numbered[concept, melo.corpus[document]]
        for document, concept in melo.concepts.items()
        if (concept, melo.corpus[document]) in numbered
    }


def relevant_rows(melo: Melo) -> list[tuple[str, frozenset[int]]]:
    """Return each query with the documents, as rows of the corpus, that are relevant to it."""
    numbered = {document: row for row, document in enumerate(melo.corpus)}
    return [
        (text, frozenset(numbered[document] for document in melo.relevant.get(query, ())))
        for query, text in melo.queries.items()
    ]


def evaluate_documents(folder: Path, dataset: Dataset, melo: Melo, rng: np.random.Generator) -> Evaluation:
    """Return how well a written payload ranks a corpus of surface forms."""
    scorer, test, taxonomy = load_scorer(folder), dataset.test, dataset.concepts.taxonomy
    numbered = places_of(melo, taxonomy)
    columns = np.array([numbered[document] for document in melo.corpus], dtype=np.int64)
    owners = np.repeat(np.arange(taxonomy.size), np.diff(taxonomy.offsets))[columns]
    corpus = taxonomy_of(((one, text, "corpus") for one, text in melo.corpus.items()), {})
    words = WordsThatAgree(corpus)
    parts: dict[str, list[Units]] = {"model": [], "concepts": [], "tfidf": [], "random": []}
    for start in range(0, len(test), BLOCK_TEXTS):
        rows = slice(start, start + BLOCK_TEXTS)
        relevant, vectors = test.relevant[rows], test.sentence_vectors[rows]
        parts["model"].append(measure(name_scores(scorer, vectors)[:, columns], relevant))
        parts["concepts"].append(measure(scorer.scores(vectors), owning(relevant, owners)))
        parts["tfidf"].append(measure(words.scores(test.texts[rows]), relevant))
        parts["random"].append(measure(random_scores(len(relevant), len(columns), rng), relevant))
    units: dict[str, Any] = {
        who: {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        for who, found in parts.items()
    }
    peers = {peer: units[peer] for peer in ("tfidf", "random")}
    over_concepts = intervals(units["concepts"], TITLE_METRICS, rng)
    return Evaluation(
        question="skills",
        protocol=PROTOCOL,
        metrics=intervals(units["model"], TITLE_METRICS, rng),
        peers={peer: intervals(found, TITLE_METRICS, rng) for peer, found in peers.items()},
        primary="mrr",
        per_unit=units["model"]["mrr"],
        peer_units={peer: found["mrr"] for peer, found in peers.items()},
        diagnostics={"over_concepts": over_concepts},
        n={"texts": len(test), "documents": len(columns), "concepts": taxonomy.size},
        verdict=verdict(units["model"]["mrr"], peers["tfidf"]["mrr"], "mrr", "tfidf"),
        data_digest=dataset.digest,
    )


def name_scores(scorer: Any, vectors: Floats) -> Floats:
    """Return the score of every single name, (n, n_names): mean of its own cosine and that of its concept's centroid."""
    owners = np.repeat(np.arange(len(scorer.centroids)), np.diff(scorer.offsets))
    return np.asarray((vectors @ scorer.aliases.T + (vectors @ scorer.centroids.T)[:, owners]) / 2)


def owning(relevant: tuple[frozenset[int], ...], owners: Integers) -> list[frozenset[int]]:
    """Return the concepts of documents."""
    return [frozenset(int(owners[row]) for row in rows) for rows in relevant]
