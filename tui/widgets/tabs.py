"""Which tab of a place is in sight, in its first line; a click turns to another."""

from __future__ import annotations

from collections.abc import Sequence

from tui.canvas import Canvas
from tui.seat import Press


def draw_tabs(canvas: Canvas, names: Sequence[str], chosen: int) -> int:
    """The column after them. A click opens `Press` with the name of the tab."""
    x = 0
    for number, name in enumerate(names):
        canvas.spot(x, 0, len(name) + 2, Press(name))
        x = canvas.put(x, 0, f" {name} ", "nav" if number == chosen else "muted") + 1
    return x
