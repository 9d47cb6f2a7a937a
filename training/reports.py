"""Evaluations, comparisons and promotions as tables for a person to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from training.comparison import Comparison
from training.evaluation import Evaluation, Interval
from training.promotion import Promotion


def evaluation_report(evaluation: Evaluation) -> RenderableType:
    """Return the metrics of a model beside its peers', with intervals, and what else a reader should know."""
    counts = ", ".join(f"{name} {value:,}" for name, value in evaluation.n.items())
    title = f"{evaluation.question}: {evaluation.protocol}"
    parts: list[RenderableType] = [Text(title, style="bold"), Text(counts, style="dim")]
    if evaluation.status == "refused":
        parts.append(Text(f"refused: {evaluation.reason}", style="red"))
    if evaluation.metrics:
        parts.append(metrics_table({"model": evaluation.metrics, **evaluation.peers}))
    parts += [Text(f"{name}: {short(value)}") for name, value in evaluation.diagnostics.items()]
    if evaluation.verdict:
        parts.append(Text(f"verdict: {evaluation.verdict}", style="bold"))
    return Group(*parts)


def metrics_table(columns: Mapping[str, Mapping[str, Interval]]) -> Table:
    """Return one row per metric and one column per model or peer."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for name in columns:
        table.add_column(name, justify="right")
    metrics = dict.fromkeys(metric for found in columns.values() for metric in found)
    for metric in metrics:
        table.add_row(metric, *(words(found.get(metric)) for found in columns.values()))
    return table


def comparison_report(comparison: Comparison) -> RenderableType:
    """Return challengers beside what they were compared with: values, costs, differences, slices, verdict."""
    title = f"{comparison.question}: against {comparison.against}, on the same {comparison.n_units:,} units"
    parts: list[RenderableType] = [Text(title, style="bold"), sides_table(comparison)]
    for each in comparison.challenges:
        rows = [(comparison.primary, comparison.n_units, each.difference)]
        rows += [(name, comparison.n_units, found) for name, found in each.further.items()]
        rows += [(part.name, part.n_units, part.difference) for part in each.slices]
        table = Table(box=None, pad_edge=False)
        for name in (f"version {each.model.version}", "units", "difference (95 %)"):
            table.add_column(name, justify="left" if name.startswith("version") else "right")
        for name, units, found in rows:
            table.add_row(name, f"{units:,}", signed(found))
        verdict = (
            f"version {each.model.version}: {comparison.primary} {signed(each.difference)}: {each.verdict}"
        )
        parts += [table, Text(verdict, style="bold")]
    return Group(*parts)


def sides_table(comparison: Comparison) -> Table:
    """Return metrics and costs, one column per side; metrics are shown so that higher is better."""
    sides = [comparison.reference, *(each.contestant for each in comparison.challenges)]
    table = Table(box=None, pad_edge=False)
    table.add_column("metric or cost")
    for side in sides:
        table.add_column(side.name, justify="right")
    for kind in ("values", "costs"):
        for name in dict.fromkeys(name for side in sides for name in getattr(side, kind)):
            found = [getattr(side, kind).get(name) for side in sides]
            table.add_row(name, *("–" if value is None else f"{value:,.4g}" for value in found))
    return table


def promotion_report(promotion: Promotion) -> RenderableType:
    """Return every gate with its reason, and what became of the model."""
    table = Table(box=None, pad_edge=False)
    for name in ("gate", "", "why"):
        table.add_column(name)
    for gate in promotion.gates:
        table.add_row(
            gate.name, Text("passed", "green") if gate.passed else Text("failed", "red"), gate.explanation
        )
    model = promotion.model
    end = (
        "refused; whoever stood there stays"
        if promotion.failed
        else f"{promotion.role}, signed with key {promotion.key_id}"
    )
    return Group(table, Text(f"{model.name} version {model.version}: {end}", style="bold"))


def words(found: Interval | None) -> str:
    """Return a number with its interval."""
    if found is None or not isfinite(found.value):
        return "–"
    bounds = f" ({found.low:.4g} to {found.high:.4g})" if isfinite(found.low) and isfinite(found.high) else ""
    return f"{found.value:.4g}{bounds}"


def signed(difference: Interval) -> str:
    """Return a difference with its sign and interval."""
    return f"{difference.value:+.4g} ({difference.low:+.4g} to {difference.high:+.4g})"


def short(value: Any, limit: int = 300) -> str:
    """Return a diagnostic in one line."""
    if isinstance(value, Interval):
        return words(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {short(item)}" for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(short(item) for item in value)
    else:
        text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
