"""One of a few: left and right choose, a click chooses. Shows what is chosen by more than colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from tui.canvas import Canvas
from tui.themes import Ink
from tui.widgets.pane import CanvasPane


class Choice(CanvasPane, can_focus=True):
    """A line of options."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "choose(-1)", "left", show=False),
        Binding("right,down", "choose(1)", "right", show=False),
    ]

    def __init__(self, ink: Ink, options: Sequence[str], *, chosen: int = 0, id: str | None = None) -> None:  # noqa: A002
        super().__init__(ink, id=id)
        self.options = options
        self.chosen = chosen

    def action_choose(self, by: int) -> None:
        self.chosen = max(0, min(len(self.options) - 1, self.chosen + by))
        self.redraw()
        self.post_message(self.Moved(self))

    def draw(self, canvas: Canvas) -> None:
        x = 0
        first = self.chosen if sum(len(option) + 3 for option in self.options) > canvas.width else 0
        for number, option in enumerate(self.options[first:], first):
            chosen = number == self.chosen
            word = f"[{option}]" if chosen else f" {option} "
            role = "nav" if chosen and self.has_focus else "strong" if chosen else "muted"
            canvas.spot(x, 0, len(word), number)
            x = canvas.put(x, 0, word, role) + 1

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        for spot in self._drawn.spots if self._drawn else ():
            if spot.holds(event.x, event.y) and isinstance(spot.target, int):
                self.chosen = spot.target
        self.redraw()
        self.post_message(self.Moved(self))
