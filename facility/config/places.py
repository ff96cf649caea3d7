"""Where in a TOML text a key stands, so that an error can point at its line. Pure.

A scanner of headers and keys, not a parser: it is asked about texts that parse. What it cannot find is nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")

Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, from 1, where a path begins, or the nearest that holds it: its table, the list it is in."""
    wanted = tuple(path)
    found: dict[Path, int] = {}
    for number, place in places_of(text):
        found.setdefault(place, number)
    while wanted:
        if wanted in found:
            return found[wanted]
        wanted = wanted[:-1]
    return None


def places_of(text: str) -> Iterator[tuple[int, Path]]:
    """Every header and key of the text with its line."""
    table: Path = ()
    counts: dict[Path, int] = {}
    quoted = ""  # the mark of a text of several lines that is open
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:
            quoted = "" if line.count(quoted) % 2 else quoted
            continue
        if header := _HEADER.match(line):
            table = _table(_parts(header[2]), counts, many=header[1] == "[[")
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_parts(key[1]))
            quoted = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _table(parts: Sequence[str], counts: dict[Path, int], *, many: bool) -> Path:
    """The path of a header: lists of tables on the way mean their latest entry."""
    path: Path = ()
    for place, part in enumerate(parts):
        path = (*path, part)
        if place == len(parts) - 1 and many:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> list[str]:
    return ["".join(groups) for groups in _PART.findall(dotted)]
