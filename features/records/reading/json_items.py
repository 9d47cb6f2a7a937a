"""The items of a JSON document, one after the other: of an array, of a graph, or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.records.reading.problems import RefusedFileError, refuse
from features.records.reading.streams import Scan, open_bytes, text_lines

READ_CHARACTERS = 1 << 18
MAX_ITEM_CHARACTERS = 64_000_000


@dataclass(frozen=True)
class Item:
    """One JSON object and the line on which it begins."""

    line: int
    content: dict[str, Any]


def json_items(path: Path, scan: Scan) -> Iterator[Item]:
    """Yield the objects of a document; memory is bounded by the largest of them.

    Raises
    ------
    RefusedFileError
        If it is no JSON, is cut short, or holds something other than objects.
    """
    with open_bytes(path) as stream:
        yield from Items(path.name, text_lines(stream, path.name, scan.encoding)).read()


class Items:
    """Reads objects out of a rolling piece of text.

    Parameters
    ----------
    name : str
        File name, for messages.
    lines : iterator of str
        The document.
    """

    def __init__(self, name: str, lines: Iterator[str]) -> None:
        self.name, self.lines, self.text, self.line = name, lines, "", 1
        self.decoder = json.JSONDecoder(parse_constant=self.refuse_constant)

    def read(self) -> Iterator[Item]:
        """Yield every object, unpacking arrays and graphs on the outside."""
        is_array = self.skip(" \t\r\n\ufeff") == "["
        if is_array:
            self.drop(1)
        blanks = " \t\r\n," if is_array else " \t\r\n"
        while (first := self.skip(blanks)) not in ("", "]"):
            line, content = self.line, self.decode()
            if first != "{" or not isinstance(content, dict):
                raise refuse(
                    self.name,
                    "an item is no JSON object",
                    line,
                    found=type(content).__name__,
                    allowed="{ … }",
                )
            yield from unpacked(line, content)
        if is_array and first != "]":
            raise self.broken("the array does not end")

    def skip(self, blanks: str) -> str:
        """Drop blanks; return the next character, or an empty text at the end."""
        while True:
            rest = self.text.lstrip(blanks)
            self.drop(len(self.text) - len(rest))
            if self.text:
                return self.text[0]
            if not self.more():
                return ""

    def drop(self, count: int) -> None:
        """Leave text behind, counting its lines."""
        self.line += self.text.count("\n", 0, count)
        self.text = self.text[count:]

    def more(self) -> bool:
        """Read on; return False at the end of the document."""
        parts, count = [], 0
        for line in self.lines:
            parts.append(line)
            count += len(line)
            if count >= max(READ_CHARACTERS, len(self.text)):
                break
        self.text += "".join(parts)
        return bool(parts)

    def decode(self) -> Any:
        """Return the next value, reading on as long as it is not whole."""
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text)
            except RecursionError as error:
                raise self.broken("it is nested too deeply") from error
            except json.JSONDecodeError as error:
                if len(self.text) > MAX_ITEM_CHARACTERS or not self.more():
                    raise self.broken(str(error)) from error
                continue
            self.drop(end)
            return value

    def broken(self, why: str) -> RefusedFileError:
        """Return the error for a text that is no JSON."""
        return refuse(
            self.name, f"the item that begins here is no JSON ({why})", self.line, allowed="JSON objects"
        )

    def refuse_constant(self, text: str) -> float:
        """Refuse NaN and Infinity."""
        raise self.broken(f"{text} is no number of JSON")


def unpacked(line: int, content: dict[str, Any]) -> Iterator[Item]:
    """Yield the members of a graph or list, or the object itself."""
    for key in ("@graph", "itemListElement"):
        members = content.get(key)
        if isinstance(members, list):
            for member in members:
                inner = member.get("item", member) if isinstance(member, dict) else None
                if isinstance(inner, dict):
                    yield Item(line, inner)
            return
    yield Item(line, content)
