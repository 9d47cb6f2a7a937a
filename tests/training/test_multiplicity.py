"""Adjusted p-values are as worked out by hand, and as statsmodels works them out."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from training.multiplicity import holm


def test_p_values_are_adjusted_by_holm_as_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_holm_is_as_in_statsmodels() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 7, 40):
        values = rng.random(size) ** 3
        assert holm(values.tolist()) == pytest.approx(multipletests(values, method="holm")[1].tolist())
