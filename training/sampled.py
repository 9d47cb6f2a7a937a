"""A small organisation to try things on: written, imported and opened by one call; what stands is used again."""

from __future__ import annotations

from pathlib import Path

from training.runs import Workbench, open_workbench
from training.settings import TrainingSettings

EMPLOYEES, YEARS, SEED = 800, 3, 7


def sample_workbench(
    employees: int = EMPLOYEES, years: int = YEARS, seed: int = SEED, var: Path | None = None
) -> Workbench:
    """Return a workbench on a sample organisation of its own, below the var folder.

    Parameters
    ----------
    employees, years, seed : int
        Of the organisation; each has a folder of its own.
    var : Path, optional
        Where everything is written; by default ``sample-<employees>`` below the setting ``SKILLPATH_VAR``.

    Notes
    -----
    The planted truth lies beside the files, in ``truth.json``. For notebooks and first steps: real records are opened
    by `training.runs.open_workbench`.
    """
    from features.records.reading import import_organisation
    from features.records.sample import write_sample
    from features.records.store import open_store

    base = TrainingSettings()
    place = var or base.var / f"sample-{employees}-{years}-{seed}"
    settings = base.model_copy(update={"var": place, "store_url": "", "mlflow_tracking_uri": ""})
    files, done = place / "files", place / "imported"
    store = open_store(settings.url)
    if not done.is_file():
        if not (files / "truth.json").is_file():
            write_sample(files, employees=employees, years=years, seed=seed)
        import_organisation(store, files)
        done.write_text("whole\n", encoding="utf-8")
    return open_workbench(settings, store)
