"""Execute the notebooks on small data and write each as a page of docs/notebooks, its pictures beside it.

Run: python docs/notebook_pages.py [04 …] [--var FOLDER]

A page names the digest of the notebook it is of; `tests/test_notebooks.py` refuses a page of another day's notebook.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "notebooks"
COLOURS = 64
MOST_SECONDS_A_CELL = 1_200
DATA_IMAGE = re.compile(r'src="data:image/png;base64,([^"]+)"')
DRAWING = re.compile(r"<svg.*?</svg>", re.DOTALL)
BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL)
MOVING = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Execute and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="first digits of the notebooks' names; all by default")
    parser.add_argument(
        "--var", type=Path, help="kept, and its sample organisations used again; else made anew"
    )
    arguments = parser.parse_args()
    asked = arguments.names
    with tempfile.TemporaryDirectory(prefix="skillpath-") as scratch:
        var = str((arguments.var or Path(scratch)).resolve())
        os.environ |= {"SKILLPATH_VAR": var, "SKILLPATH_PROGRESS": "false", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                       "MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # fmt: skip
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            if not asked or path.stem[:2] in asked:
                write_page(path, executed(path))
                sys.stdout.write(f"docs/notebooks/{path.stem}.md\n")


def executed(path: Path) -> Any:
    """Return a notebook with its outputs."""
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    book = nbformat.read(path, as_version=4)
    config = Config({"KernelManager": {"transport": "ipc"}})  # no port is opened
    NotebookClient(
        book,
        timeout=MOST_SECONDS_A_CELL,
        kernel_name="python3",
        config=config,
        resources={"metadata": {"path": str(ROOT)}},
    ).execute()
    return book


def source_digest(path: Path) -> str:
    """Return the SHA-256 of a notebook's cells as they were written."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    written = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
    return hashlib.sha256(json.dumps(written, ensure_ascii=False).encode()).hexdigest()


def write_page(path: Path, book: Any) -> None:
    """Write a page and its pictures."""
    folder = PAGES / path.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = [
        f"<!-- of notebooks/{path.name}, source {source_digest(path)}; written by docs/notebook_pages.py -->"
    ]
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts.append(f"```python\n{cell.source}\n```")
            parts += [told for output in cell.outputs if (told := output_part(output, folder))]
    (PAGES / f"{path.stem}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def output_part(output: Any, folder: Path) -> str:
    """Return one output as Markdown; what goes to standard error is left out."""
    if output.output_type == "stream":
        return "" if output.name == "stderr" else fenced(output.text)
    data = output.get("data", {})
    if "image/png" in data:
        return f"![]({kept_picture(data['image/png'], folder)})"
    if "text/html" in data:
        return plain_html(data["text/html"], folder)
    return fenced(data["text/plain"]) if "text/plain" in data else ""


def fenced(text: str) -> str:
    """Return text as it was printed."""
    return f"```text\n{MOVING.sub('', text).rstrip()}\n```"


def plain_html(html: str, folder: Path) -> str:
    """Return what a reader of Markdown shows of a page: its body, without style, its pictures as files."""
    found = BODY.search(html)
    body = re.sub(r"<style.*?</style>", "", found.group(1) if found else html, flags=re.DOTALL)
    body = DATA_IMAGE.sub(lambda match: f'src="{kept_picture(match.group(1), folder)}"', body)
    body = DRAWING.sub(lambda match: f'<img src="{kept_drawing(match.group(0), folder)}">', body)
    return "\n".join(line.strip() for line in body.splitlines() if line.strip())


def kept_drawing(svg: str, folder: Path) -> str:
    """Write a drawing and return its path from the page."""
    name = f"{len(list(folder.iterdir())) + 1:02d}.svg"
    (folder / name).write_text(svg, encoding="utf-8")
    return f"{folder.name}/{name}"


def kept_picture(encoded: str, folder: Path) -> str:
    """Write a picture in few colours and return its path from the page."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    name = f"{len(list(folder.iterdir())) + 1:02d}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(folder / name, optimize=True)
    return f"{folder.name}/{name}"


if __name__ == "__main__":
    main()
