"""What waits for a second person: the dialog in which one agrees, or does not.

It is the dialog of a command, begun at the preview: read afresh for whoever looks, and written with `Y` only.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from facility.port import FacilityError
from facility.wire import Plan, PointInfo, WaitingInfo
from tui import text
from tui.canvas import Canvas, wrap
from tui.screens.command import CommandDialog
from tui.seat import Seat


class SecondDialog(CommandDialog):
    """Agree with `Y`, decline (or withdraw one's own) with `N`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("N", "decline", "decline", show=False, id="dialog.decline")]

    def __init__(self, seat: Seat, info: PointInfo, request: WaitingInfo) -> None:
        super().__init__(seat, info, release=False)
        self._request = request
        self._declined = ""

    def entries(self) -> ComposeResult:
        """Nothing is typed here: what was asked for is agreed to as it is, or not at all."""
        yield from ()

    def _entry_widgets(self) -> list[Widget]:
        return []

    def on_mount(self) -> None:
        self.form.focus()
        if not self._request.mine:
            self._preview()

    def question(self) -> Coroutine[Any, Any, Plan] | str:
        return self.seat.facility.second(self._request.id)

    def action_enter(self) -> None:
        if not self._request.mine and not self._declined:
            super().action_enter()

    def action_change(self) -> None:
        """There is nothing to change."""

    def action_decline(self) -> None:
        if not self._busy and self._result is None and not self._declined:
            self._busy = "telling the agent ..."
            self.run_worker(self._decline(), group="commit")
            self.form.redraw()

    async def _decline(self) -> None:
        try:
            gone = await self.seat.facility.dismiss(self._request.id)
        except FacilityError as error:
            self._trouble = str(error)
        else:
            self._plan = None
            self._declined = f"{'Withdrawn' if gone.mine else 'Declined'}: {gone.what}. Nothing was written."
        self._busy = ""
        self._go("compose")
        self.form.focus()

    def verb(self, plan: Plan) -> str:
        return "agree, write it   N decline"

    def _steps(self) -> str:
        return f"asked for by {self._request.by}"

    def _draw_compose(self, canvas: Canvas) -> None:
        request = self._request
        canvas.box("A second person is needed", f"asked for by {request.by}")
        canvas.put(3, 2, request.what, "strong", width=canvas.width - 6)
        until = text.clock(request.until, self.seat.picture.zone)
        said = self._declined or self._busy or self._trouble
        said = said or f"“{request.reason}”. It waits until {until} and is then forgotten. {request.why}"
        role = "high" if self._trouble and not self._declined else "text"
        for row, line in enumerate(wrap(said, canvas.width - 6)[: canvas.height - 7], 4):
            canvas.put(3, row, line, role)
        own = "N withdraw it   " if request.mine else "Enter reads again   N decline   "
        canvas.put(3, canvas.height - 2, f"{'' if self._declined else own}Esc close", "muted")
