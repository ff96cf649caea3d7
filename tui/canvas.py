"""A grid of characters and roles that screens draw on.

Nothing drawn can leave the grid, and every character in it is one cell wide: text of devices
is foreign, and a control or double-width character in a name must not shift a screen.
A canvas also remembers what on it can be reached: items for the cursor, spots for the mouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

from tui.text import fit

SPELLED = {"°C": "C", "°F": "F", "°": "deg", "Ω": "ohm", "‰": "o/oo", "Δ": "d", "±": "+-"}
"""How units are written where only ASCII can be shown and the plain form has another width; in this order."""
Run = tuple[str, str]
"""A piece of text and its role."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A stretch of a line that leads somewhere."""

    x: int
    y: int
    width: int
    target: object

    def holds(self, x: int, y: int) -> bool:
        return y == self.y and self.x <= x < self.x + self.width


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """Printable, one cell per character."""
    return "".join(c if c.isprintable() and cell_len(c) == 1 else "_" for c in text)


@lru_cache(maxsize=8192)
def spelled(text: str) -> str:
    """Units in plain letters. What keeps its width is left to `tui.themes.ASCII`."""
    for drawn, plain in SPELLED.items():
        text = text.replace(drawn, plain)
    return text


class Canvas:
    """`width` x `height` cells."""

    __slots__ = ("chars", "height", "items", "plain", "roles", "spots", "width")

    def __init__(self, width: int, height: int, *, plain: bool = False) -> None:
        self.width = width
        self.height = height
        self.plain = plain
        self.chars = [[" "] * width for _ in range(height)]
        self.roles = [["text"] * width for _ in range(height)]
        self.items: list[Spot] = []
        self.spots: list[Spot] = []

    def put(
        self, x: int, y: int, text: str, role: str = "text", *, width: int | None = None, right: bool = False
    ) -> int:
        """Writes and returns the column after it. With `width` the text is cut to it, and padded to the right edge."""
        if not (text.isascii() and text.isprintable()):
            text = clean(text)
            if self.plain:
                text = spelled(text)
        if width is not None:
            text = fit(text, width)
            after = x + width
            if right:
                x += width - len(text)
        else:
            after = x + len(text)
        if 0 <= y < self.height and text:
            text = text[max(0, -x) : max(0, self.width - x)]
            x = max(0, x)
            self.chars[y][x : x + len(text)] = text
            self.roles[y][x : x + len(text)] = [role] * len(text)
        return after

    def line(self, x: int, y: int, runs: Iterable[Run], *, width: int | None = None) -> int:
        """Several pieces one after the other, cut together at `width`."""
        end = self.width if width is None else min(self.width, x + width)
        for text, role in runs:
            if x >= end:
                break
            x = self.put(x, y, fit(spelled(text) if self.plain else text, end - x), role)
        return x

    def rule(self, x: int, y: int, width: int, title: str = "", note: str = "") -> None:
        """A heading: title at the left, note at the right, a line through what is between."""
        self.put(x, y, "─" * width, "line")
        if title:
            self.put(x + 1, y, f" {fit(title, width - 4)} ", "title")
        if note and len(note) + len(title) + 8 <= width:
            self.put(x + width - len(note) - 3, y, f" {note} ", "muted")

    def box(self, title: str = "", note: str = "") -> None:
        """A frame around all of it, with a heading in its upper edge."""
        self.rule(0, 0, self.width, title, note)
        self.put(0, self.height - 1, "─" * self.width, "line")
        for y in range(1, self.height - 1):
            self.put(0, y, "│", "line")
            self.put(self.width - 1, y, "│", "line")
        for x, y, corner in (
            (0, 0, "┌"), (self.width - 1, 0, "┐"), (0, self.height - 1, "└"), (self.width - 1, self.height - 1, "┘"),
        ):  # fmt: skip
            self.put(x, y, corner, "line")

    def item(self, x: int, y: int, width: int, target: object) -> None:
        """Lets the cursor stop here."""
        if y < self.height:
            self.items.append(Spot(x, y, width, target))

    def spot(self, x: int, y: int, width: int, target: object) -> None:
        """Lets a click land here."""
        self.spots.append(Spot(x, y, width, target))

    def highlight(self, spot: Spot) -> None:
        """Draws the cursor over an item."""
        roles = self.roles[spot.y]
        for x in range(max(0, spot.x), min(self.width, spot.x + spot.width)):
            if not roles[x].endswith("@"):
                roles[x] += "@"

    def bar(self, y: int) -> None:
        """Puts a finished line on the ground of the bars."""
        self.roles[y] = [f"{role}=" for role in self.roles[y]]

    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.chars)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if len(candidate) <= width or not lines[-1]:
            lines[-1] = candidate
        else:
            lines.append(word)
    return [fit(line, width) for line in lines]


def share(parts: Sequence[int], width: int) -> list[int]:
    """Cells for each part of a whole; every part that is not zero gets at least one."""
    total = sum(parts)
    if not total or width < len(parts):
        return [0] * len(parts)
    cells = [max(1, round(part * width / total)) if part else 0 for part in parts]
    while sum(cells) != width:
        largest = max(range(len(cells)), key=cells.__getitem__)
        cells[largest] += 1 if sum(cells) < width else -1
    return cells
