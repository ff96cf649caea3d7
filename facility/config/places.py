"""Where in a TOML text a key stands, so that an error can point at its line. Pure.

A scanner of headers and keys, not a parser: it is asked about texts that parse. What it cannot find is nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_NAME = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_NAMES = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_NAMES})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_NAMES})[ \t]*=")
_PART = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
_TOKEN = re.compile(  # texts of several lines and of one, comments, brackets, ends of lines, and what is none of these
    r"""{three}(?:\\.|[^\\])*?{three}"{{0,2}}|{ones}.*?{ones}'{{0,2}}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|"""
    r"""\#[^\n]*|[\[\]{{}}\n]|[^"'\#\[\]{{}}\n]+|.""".format(three='"""', ones="'" * 3),
    re.DOTALL,
)

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
    """Every header and key of the text with its line; not those of an inline table."""
    table: Path = ()
    counts: dict[Path, int] = {}
    line, depth, begins = 1, 0, True
    for token in _TOKEN.finditer(text):
        said = token[0]
        if begins and not said.strip():
            pass  # what stands before it
        elif begins and (header := _HEADER.match(text, token.start())):
            table = _table(_parts(header[2]), counts, many=header[1] == "[[")
            yield line, table
        elif begins and (key := _KEY.match(text, token.start())):
            yield line, (*table, *_parts(key[1]))
        line += said.count("\n")
        depth += (said in "[{") - (said in "]}")
        begins = depth == 0 and (said == "\n" or (begins and not said.strip()))


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
