"""The list as CSV, Excel or Parquet: nothing in it becomes a formula, in a file that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

from serving.attrition.answers import AttritionRisks, AttritionRow, Horizon
from serving.http.cells import CSV, harmless

HEADER = (
    "employee_id", "department", "location", "manager_id", "band",
    *(f"{name}_{int(horizon)}_days" for horizon in Horizon for name in ("probability", "low", "high")),
    "basis", "driver_1", "driver_2", "driver_3", "review_status", "as_of", "computed_at", "expires_at", "model_version",
)  # fmt: skip
MOMENTS = ("as_of", "computed_at", "expires_at")
NUMBERS = frozenset(name for name in HEADER if name.startswith(("probability_", "low_", "high_")))


def as_excel(risks: AttritionRisks) -> bytes:
    """Return a page of the list as an Excel workbook; every cell is text or a number, and none a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("attrition")
    sheet.append(HEADER)
    for row in risks.items:
        sheet.append(
            [plain(name, cell) for name, cell in zip(HEADER, cells(row, risks.model_version), strict=True)]
        )
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def as_parquet(risks: AttritionRisks) -> bytes:
    """Return a page of the list as Parquet: numbers are numbers, moments are moments, texts as they are."""
    import polars as pl

    columns = {name: pl.Float64 if name in NUMBERS else pl.String for name in HEADER}
    rows = [[plain(name, cell, is_spreadsheet=False) for name, cell in zip(HEADER, cells(row, risks.model_version), strict=True)]
            for row in risks.items]  # fmt: skip
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    written = io.BytesIO()
    frame.with_columns(pl.col(MOMENTS).str.to_datetime(time_zone="UTC")).write_parquet(written)
    return written.getvalue()


def plain(name: str, cell: str, *, is_spreadsheet: bool = True) -> str | float | None:
    """Return a cell as a number where its column holds numbers; nothing where it is empty."""
    if not cell:
        return None
    if name in NUMBERS:
        return float(cell)
    return cell if is_spreadsheet else cell.removeprefix("'")


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


FORMATS: Mapping[str, Callable[[AttritionRisks], str | bytes]] = {
    CSV: as_csv,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": as_excel,
    "application/vnd.apache.parquet": as_parquet,
}
