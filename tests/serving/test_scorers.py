"""A worker starts without the libraries that a scorer's own library takes only where it is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCORER = '''
import lightgbm


class Scorer:
    """A scorer that needs LightGBM."""

    @classmethod
    def load(cls, folder):
        """Return one."""
        return cls()
'''
LOADING = """
import sys
from pathlib import Path

from serving.models.scorers import SPARED, load_scorer

load_scorer(Path(sys.argv[1]))
assert "lightgbm" in sys.modules, "the scorer was not loaded"
found = [name for name in SPARED if name in sys.modules]
assert not found, f"imported beside it, or left to look absent: {found}"

import pandas
import sklearn

assert pandas.DataFrame({"a": [1]}).shape == (1, 1) and sklearn.__version__
"""


def test_a_scorer_s_library_brings_none_of_what_no_scorer_uses_and_hides_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "scorer.py").write_text(SCORER)
    found = subprocess.run(
        [sys.executable, "-c", LOADING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert found.returncode == 0, found.stderr
