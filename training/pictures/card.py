"""A model's card, with its instructions for use, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training import pages
from training.cards import interval, number


def card_page(card: Mapping[str, Any]) -> str:
    """Return a card as one self-contained HTML page."""
    rows = [[name, number(found["value"]), interval(found)] for name, found in card["metrics"].items()]
    peers = [
        [peer, name, number(found["value"]), interval(found)]
        for peer, metrics in card["peers"].items()
        for name, found in metrics.items()
        if name == card["primary"]
    ]
    made = [[name, str(card[name])] for name in ("window", "n", "seeds", "data_digest", "payload_digest")]
    return pages.page(
        f"{card['name']}, version {card['version']}",
        pages.paragraph(card["intended_use"]),
        pages.heading("Instructions for use"),
        pages.bullets(card["instructions"]),
        pages.heading("Not for"),
        pages.bullets(card["not_for"]),
        pages.heading("Limits"),
        pages.bullets(card["limits"]),
        pages.heading("What it is worth"),
        pages.paragraph(card["protocol"], "dim"),
        pages.table(["metric", "value", "95 %"], rows),
        pages.table(["baseline", "metric", "value", "95 %"], peers),
        pages.paragraph(f"Verdict: {card['verdict']}"),
        pages.heading("How groups fare"),
        pages.paragraph(card["groups"]),
        pages.heading("Made of"),
        pages.table(["", ""], made),
        pages.heading("What it cost"),
        pages.table(["", ""], [[name, number(value)] for name, value in card["cost"].items()]),
    )
