"""G: what the guard goes by at one demand, with the source of each rule."""

from __future__ import annotations

from facility.wire import PolicyRow
from tui.canvas import Canvas, wrap
from tui.screens.dialog import Dialog
from tui.seat import Seat


class GuardDialog(Dialog[None]):
    """Only shows."""

    def __init__(self, seat: Seat, row: PolicyRow) -> None:
        super().__init__(seat)
        self._row = row

    def on_mount(self) -> None:
        self.form.focus()

    def draw(self, canvas: Canvas) -> None:
        row = self._row
        canvas.box(f"Guard  {row.point}")
        canvas.put(3, 2, f"{row.about}  {row.name}", "strong", width=canvas.width - 6)
        canvas.put(3, 3, f"demanded: {row.value}   result: {row.result}", width=canvas.width - 6)
        y = 4
        for text, role in ((row.why, "text"), *((rule, "muted") for rule in row.guard)):
            y += 1
            for line in wrap(text, canvas.width - 8):
                if y < canvas.height - 2:
                    canvas.put(3, y, line, role)
                y += 1
        canvas.put(3, canvas.height - 2, "Esc close", "muted")
