"""The one question before a CRIT or LIFE alarm is acknowledged: what is being done about it."""

from __future__ import annotations

from facility.wire import AlarmInfo
from tui.canvas import Canvas, wrap
from tui.screens.dialog import Reason, ReasonDialog
from tui.seat import Seat

ASKED = ("LIFE", "CRIT")
"""Levels for which a reason is asked; the others are acknowledged by the key alone."""


class AcknowledgeDialog(ReasonDialog):
    reason_at = (13, 5)

    def __init__(self, seat: Seat, alarm: AlarmInfo) -> None:
        super().__init__(seat)
        self._alarm = alarm

    def draw(self, canvas: Canvas) -> None:
        alarm = self._alarm
        canvas.box(f"Acknowledge  {alarm.severity}  {alarm.where}")
        canvas.put(3, 2, self.seat.picture.says(alarm), "strong", width=canvas.width - 6)
        canvas.put(3, 3, f"{alarm.value}  {alarm.limit}", width=canvas.width - 6)
        canvas.put(3, 5, "Why", "muted")
        canvas.put(13, 6, Reason.presets(), "muted", width=canvas.width - 15)
        said = "It says “I have seen it”, with your name. It does not end the alarm or fix the room."
        for row, line in enumerate(wrap(said, canvas.width - 6), 8):
            canvas.put(3, row, line, "muted")
        canvas.put(3, 11, self.trouble, "high")
        canvas.put(3, canvas.height - 2, "Enter acknowledge   Esc nothing happens", "muted")
