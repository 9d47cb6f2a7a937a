"""The key columns of every fact table, as `features.history` needs them."""

from __future__ import annotations

from features.records.columns import Nature
from features.records.tables import IMPORTABLE

FACT_KEYS: dict[str, list[str]] = {
    name: list(table.key) for name, table in IMPORTABLE.items() if table.nature is Nature.FACT
}
