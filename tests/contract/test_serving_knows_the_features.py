"""Serving compares the features that a model was trained on with those that this code makes, where they lie now."""

from __future__ import annotations

import pytest

from serving.models.verification import expected_schema_digest


@pytest.mark.parametrize("question", ["recommendation", "attrition", "impact"])
def test_a_question_with_features_of_its_own_has_a_digest_to_compare_with(question: str) -> None:
    assert expected_schema_digest(question) is not None
