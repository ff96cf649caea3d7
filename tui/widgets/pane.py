"""A pane that is drawn on a canvas and repaints only the lines that changed.

`redraw` draws anew and compares; a line that reads as before costs nothing further. The cursor
of a pane stays with its thing when lines come and go, and is never moved by news.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.canvas import Canvas, Spot
from tui.themes import Ink


class CanvasPane(Widget):
    """Subclasses draw; everything else is here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="pane.up"),
        Binding("down,j", "move(1)", "down", show=False, id="pane.down"),
        Binding("home", "move(-1000)", "first", show=False, id="pane.home"),
        Binding("end", "move(1000)", "last", show=False, id="pane.end"),
    ]

    class Opened(Message):
        """A thing on the pane was opened, by Enter or by a click."""

        def __init__(self, pane: CanvasPane, target: object) -> None:
            super().__init__()
            self.pane = pane
            self.target = target

    class Moved(Message):
        """The cursor is on another thing now."""

        def __init__(self, pane: CanvasPane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, ink: Ink, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self._ink = ink
        self._drawn: Canvas | None = None
        self._strips: dict[int, Strip] = {}
        self._at: object = None
        self._index = 0

    def draw(self, canvas: Canvas) -> None:
        """Puts everything there is to see on the canvas."""

    @property
    def target(self) -> object:
        """The thing under the cursor; None where nothing can be chosen."""
        return self._at

    def take_ink(self, ink: Ink) -> None:
        self._ink = ink
        self._strips.clear()
        self.refresh()

    def place_cursor(self, target: object) -> None:
        """Puts the cursor on a thing, if it is there."""
        items = self._drawn.items if self._drawn else []
        for index, item in enumerate(items):
            if item.target == target:
                self._index, self._at = index, target
        self.redraw()

    def action_move(self, by: int) -> None:
        """Moves the cursor over the items, and stops at the ends."""
        items = self._drawn.items if self._drawn else []
        if items:
            self._index = max(0, min(len(items) - 1, self._index + by))
            self._at = items[self._index].target
            self.redraw()
            self.post_message(self.Moved(self))

    def redraw(self) -> None:
        """Draws anew; repaints the lines that differ."""
        width, height = self.size
        if not width or not height or not self.is_attached:
            return
        canvas = self._draw(width, height)
        before, self._drawn = self._drawn, canvas
        if before is None or (before.width, before.height) != (width, height):
            self._strips.clear()
            self.refresh()
            return
        changed = [y for y in range(height) if canvas.chars[y] != before.chars[y] or canvas.roles[y] != before.roles[y]]
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            self.refresh(*[Region(0, y, width, 1) for y in changed])

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._drawn is None or (self._drawn.width, self._drawn.height) != (width, height):
            self._drawn = self._draw(width, height)
            self._strips.clear()
        strip = self._strips.get(y)
        if strip is None:
            if y >= height:
                return Strip.blank(width, self._ink.ground)
            strip = self._strips[y] = self._ink.strip(self._drawn.chars[y], self._drawn.roles[y])
        return strip

    def _draw(self, width: int, height: int) -> Canvas:
        canvas = Canvas(width, height, plain=self._ink.plain)
        self.draw(canvas)
        self._settle(canvas)
        return canvas

    def _settle(self, canvas: Canvas) -> None:
        """Keeps the cursor on its thing; when that is gone, on the line where it was."""
        if not canvas.items:
            self._at, self._index = None, 0
            return
        for index, item in enumerate(canvas.items):
            if item.target == self._at:
                self._index = index
                break
        else:
            self._index = min(self._index, len(canvas.items) - 1)
            self._at = canvas.items[self._index].target
        if self.can_focus:
            canvas.highlight(canvas.items[self._index])

    def on_resize(self) -> None:
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """A click on an item selects, a second one opens; a click on a spot opens at once."""
        drawn = self._drawn
        if drawn is None:
            return
        event.stop()
        spot = _found(drawn.spots, event.x, event.y)
        if spot is not None:
            self.post_message(self.Opened(self, spot.target))
            return
        item = _found(drawn.items, event.x, event.y)
        if item is None:
            return
        if item.target == self._at and self.has_focus:
            self.post_message(self.Opened(self, item.target))
        else:
            self.focus()
            self.action_move(drawn.items.index(item) - self._index)


def _found(spots: list[Spot], x: int, y: int) -> Spot | None:
    return next((spot for spot in spots if spot.holds(x, y)), None)
