"""One self-contained page: text, tables and pictures, nothing fetched from elsewhere, every text escaped."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d2730}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}"
    "table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.25rem .8rem .25rem 0;text-align:left;"
    "border-bottom:1px solid #e2e7ea;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".good{color:#17703c}.bad{color:#a8261b}.dim{color:#66727b}svg{max-width:100%;height:auto}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
NUMBER = re.compile(r"^[+−-]?[\d.,]+( ?%)?( \(.*\))?$|^–$")


def page(title: str, *parts: str) -> str:
    """Return a whole HTML page; `parts` are already HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def heading(text: str) -> str:
    """Return a heading."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; `kind` is ``good``, ``bad`` or ``dim``."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(texts: Sequence[str]) -> str:
    """Return a list."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells that are numbers are aligned to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(text: str) -> str:
    """Return one cell."""
    return f'<td class="n">{escape(text)}</td>' if NUMBER.match(text) else f"<td>{escape(text)}</td>"


def picture(figure: Any) -> str:
    """Return a matplotlib figure as inline SVG, its text kept as text."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skillpath"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return f"<figure>{text[text.index('<svg') :]}</figure>"
