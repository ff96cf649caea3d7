"""`:` go or do. Places, points, alarms, rooms, then verbs. A verb only opens the same dialog as its key."""

from __future__ import annotations

from heapq import nsmallest
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui import keys, query, text
from tui.canvas import Canvas
from tui.screens.dialog import Dialog
from tui.seat import Goto, Press, Seat
from tui.themes import THEMES

Answer = Goto | Press
Entry = tuple[str, str, str, Answer]
"""Kind, name, remark, what it does."""
MOST = 200
"""Points that are listed, the best ones; more than that nobody reads."""


class Palette(Dialog[Answer]):
    """Type a few letters, Enter goes there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("tab", "complete", "complete", show=False),
    ]

    def __init__(self, seat: Seat, point: str | None) -> None:
        super().__init__(seat)
        self._point = point
        self._line = Input(compact=True, id="palette-line")
        self._found: list[Entry] = []
        self._cursor = 0

    def entries(self) -> ComposeResult:
        yield self._line

    def on_mount(self) -> None:
        self._line.focus()
        self._search("")

    def action_move(self, by: int) -> None:
        self._cursor = max(0, min(len(self._found) - 1, self._cursor + by))
        self.form.redraw()

    def action_complete(self) -> None:
        if self._found:
            self._line.value = self._found[self._cursor][1]
            self._line.cursor_position = len(self._line.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._found:
            self.dismiss(self._found[self._cursor][3])

    def draw(self, canvas: Canvas) -> None:
        canvas.box("Go to, or do", f"{len(self._found)} found")
        canvas.put(2, 1, ":", "key")
        canvas.put(1, 2, "─" * (canvas.width - 2), "line")
        rows = canvas.height - 5
        first = max(0, self._cursor - rows + 1)
        for y, (kind, name, remark, _) in enumerate(self._found[first : first + rows], 3):
            on = "@" if first + y - 3 == self._cursor else ""
            if on:
                canvas.put(1, y, " " * (canvas.width - 2), "text@")
            canvas.put(2, y, kind, f"muted{on}", width=8)
            canvas.put(10, y, name, f"text{on}", width=canvas.width - 36)
            canvas.put(canvas.width - 25, y, remark, f"muted{on}", width=23)
        if not self._found:
            canvas.put(2, 3, "Nothing is called that.", "muted")
        canvas.put(2, canvas.height - 2, "Enter go   Tab complete   Esc close", "muted")

    def _search(self, typed: str) -> None:
        words = typed.lower().split()
        self._cursor = 0
        self._found = [entry for entry in (*self._places(), *self._verbs(words)) if _has(entry, words)]
        if words:
            found = self._things(words, typed.lower().strip())
            self._found = (
                [e for e in self._found if e[0] == "screen"] + found + [e for e in self._found if e[0] != "screen"]
            )
        self.form.redraw()

    def _places(self) -> list[Entry]:
        places = [(f"key {key}", place, long) for key, place, long, _ in keys.PLACES]
        places += [(f"keys g {key}", place, long) for key, place, long in keys.MORE]
        return [("screen", long, how, Goto(place)) for how, place, long in places]

    def _verbs(self, words: list[str]) -> list[Entry]:
        entries: list[Entry] = [("do", f"theme {name}", "colours", Press(f"theme_named('{name}')")) for name in THEMES]
        entries += [
            ("do", "worst alarm not acknowledged", "key !", Press("worst")),
            ("do", "help", "key ?", Press("help")),
            ("do", "q leave", "control goes on", Press("leave")),
        ]
        about = next((word for word in words if word in self.seat.picture.points), self._point)
        if about:
            for verb in ("override", "release"):
                entries.append(("do", f"{verb} {about}", "previewed, then Y", Press(f"command('{about}', '{verb}')")))
        return entries

    def _things(self, words: list[str], head: str) -> list[Entry]:
        """Alarms, spaces and points: what begins so first, then where a word begins so, then the rest."""
        picture, at_starts = self.seat.picture, query.at_word_starts(words)

        def rank(name: str) -> tuple[bool, bool, int]:
            return not name.startswith(head), not at_starts(name), len(name)

        found: list[Entry] = []
        for alarm in picture.alarms():
            entry: Entry = ("alarm", f"{alarm.where} {alarm.text}", alarm.severity, Goto("alarms", alarm.id))
            if _has(entry, words):
                found.append(entry)
        for space in picture.overview.spaces if picture.overview else ():
            entry = ("space", space.name, space.why, Goto("points", f"space:{space.id}"))
            if _has(entry, words):
                found.append(entry)
        points = [point for point in picture.points if all(word in point for word in words)]
        for point in nsmallest(MOST, points, key=rank):
            value = text.worded(picture.points[point], picture.values[point].value) if point in picture.values else "?"
            found.append(("point", point, f"{value}  {picture.sign(point)}", Goto("point", point)))
        return sorted(found, key=lambda entry: rank(entry[1].lower()))


def _has(entry: Entry, words: list[str]) -> bool:
    hay = f"{entry[0]} {entry[1]}".lower()
    return all(word in hay for word in words)
