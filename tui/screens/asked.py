"""A line of "Needs you" for what waits for a second person."""

from __future__ import annotations

from datetime import datetime

from facility.wire import WaitingInfo
from tui import text
from tui.canvas import Canvas
from tui.seat import Press


def draw_asked(canvas: Canvas, x: int, y: int, width: int, request: WaitingInfo, now: datetime) -> None:
    """Its line in "Needs you"; Enter opens it."""
    left = text.age(max(0.0, (request.until - now).total_seconds()))
    end = canvas.put(x, y, " 2ND ", "low" if request.mine else "high_fill")
    who = "you wait for a second person" if request.mine else request.by
    said = f"{left} left · {who} · {request.what}"
    canvas.put(end + 1, y, said, width=max(1, width - (end - x) - 1))
    canvas.item(x, y, width, Press(f"second('{request.id}')"))
