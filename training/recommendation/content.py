"""What courses are about: their texts encoded, and the levels of the skills they teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from features.recommendation.catalogue import Catalogue
from features.recommendation.catalogue_building import course_rows
from training.context import Encode

Matrix = Any  # a scipy.sparse.csr_matrix of courses × skills or words

DESCRIPTION_LENGTH = 2_000


@dataclass(frozen=True)
class Content:
    """What courses are about: text vectors (n_courses, d) and skill levels (n_courses, n_skills), rows of length 1."""

    vectors: NDArray[np.floating] | None = None
    skills: Matrix | None = None


def content(records: Mapping[str, pl.DataFrame], catalogue: Catalogue, encode: Encode) -> Content:
    """Return what courses are about: their texts encoded, and the levels of the skills they teach."""
    courses = course_rows(records)
    about = pl.col("description").fill_null("").str.slice(0, DESCRIPTION_LENGTH)
    texts = courses.select((pl.col("title").fill_null("") + ". " + about).str.strip_chars()).to_series()
    vectors = np.asarray(encode(texts.to_list()), dtype=np.float32)
    taught = catalogue.teaches
    shape = (catalogue.size, len(catalogue.skill_ids))
    levels = sp.csr_matrix((taught.level * taught.coverage, taught.other, taught.start), shape=shape)
    return Content(vectors, unit_rows(levels))


def unit_rows(matrix: Matrix) -> Matrix:
    """Return the matrix with each row of length 1; an empty row stays empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1.0 / np.where(length > 0, length, 1.0)) @ matrix)
