"""What is asked before a device leaves quarantine: what did you see?"""

from __future__ import annotations

from facility.wire import DeviceInfo
from tui.canvas import Canvas, wrap
from tui.screens.dialog import Reason, ReasonDialog
from tui.seat import Seat


class ApproveDialog(ReasonDialog):
    reason_at = (13, 9)

    def __init__(self, seat: Seat, device: DeviceInfo) -> None:
        super().__init__(seat)
        self._device = device

    def draw(self, canvas: Canvas) -> None:
        device = self._device
        canvas.box(f"Approve  {device.instance} {device.name}")
        where = f"network {device.network} · {device.address} · {device.vendor} {device.model}"
        canvas.put(3, 2, where, "strong", width=canvas.width - 6)
        for row, line in enumerate(wrap(f"It {device.quarantine}", canvas.width - 6)[:4], 4):
            canvas.put(3, row, line)
        canvas.put(3, 9, "Why", "muted")
        canvas.put(13, 10, Reason.presets(), "muted", width=canvas.width - 15)
        said = (
            f"It says “I have looked: this is the device for these {device.points} points”, with your name. "
            "From then on it is commanded again, and what we hold there is compared with it."
        )
        for row, line in enumerate(wrap(said, canvas.width - 6), 12):
            canvas.put(3, row, line, "muted")
        canvas.put(3, 16, self.trouble, "high")
        canvas.put(3, canvas.height - 2, "Enter approve   Esc nothing happens", "muted")
