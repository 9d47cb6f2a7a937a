"""Write the README's table of settings from the settings themselves. Run: python docs/settings_table.py."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
HEAD = ["| setting | default | meaning |", "|---|---|---|"]


def environment_name(field: str) -> str:
    """Return the environment variable of a setting."""
    return "MLFLOW_TRACKING_URI" if field == "mlflow_tracking_uri" else f"SKILLPATH_{field.upper()}"


def table() -> list[str]:
    """Return the lines of the table: one a setting, those of the service first."""
    from serving.settings import ServingSettings
    from training.settings import TrainingSettings

    fields = {**ServingSettings.model_fields, **TrainingSettings.model_fields}
    rows = []
    for name, field in fields.items():
        default = "" if field.default in ("", None) else f"`{field.default}`"
        rows.append(f"| `{environment_name(name)}` | {default} | {field.description} |")
    return HEAD + rows


def main() -> None:
    """Replace the table in the README."""
    path = ROOT / "README.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEAD[0])
    end = next(
        place
        for place in range(start, len(lines) + 1)
        if place == len(lines) or not lines[place].startswith("|")
    )
    path.write_text("\n".join(lines[:start] + table() + lines[end:]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
