"""The list as CSV that a spreadsheet may open: nothing in it becomes a formula."""

from __future__ import annotations

import csv
import io

from serving.attrition.answers import AttritionRisks, AttritionRow, Horizon

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
HEADER = (
    "employee_id", "department", "location", "manager_id", "band",
    *(f"{name}_{int(horizon)}_days" for horizon in Horizon for name in ("probability", "low", "high")),
    "basis", "driver_1", "driver_2", "driver_3", "review_status", "as_of", "computed_at", "expires_at", "model_version",
)  # fmt: skip


def as_csv(risks: AttritionRisks) -> str:
    """Return a page of the list as CSV with a header."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADER)
    for row in risks.items:
        writer.writerow(cells(row, risks.model_version))
    return written.getvalue()


def cells(row: AttritionRow, model_version: str) -> list[str]:
    """Return one person's cells."""
    numbers = [f"{value:.6f}" if value is not None else "" for said in row.probabilities
               for value in (said.value, said.low, said.high)]  # fmt: skip
    words = [driver.words for driver in row.drivers[:3]]
    words += [""] * (3 - len(words))
    times = [moment.isoformat() for moment in (row.as_of, row.computed_at, row.expires_at)]
    texts = [row.employee_id, row.department or "", row.location or "", row.manager_id or "", row.band.value]
    return [*map(harmless, texts), *numbers, row.basis, *map(harmless, words), row.review_status, *times,
            harmless(model_version)]  # fmt: skip


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: a quote before what could begin one."""
    return f"'{text}" if text.startswith(FORMULA) else text
