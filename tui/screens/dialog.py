"""What all dialogs share: a frame that leaves line 0 free, Escape that always leaves; and how a reason is asked for."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.canvas import Canvas
from tui.screens.others import too_small
from tui.seat import Seat
from tui.widgets.pane import CanvasPane

R = TypeVar("R")
PRESETS = ("testing", "complaint", "repair", "clinical request")
LEAST_REASON = 4
"""As `facility.wire.Wish.reason` wants it."""


class Dialog(ModalScreen[R]):
    """Subclasses draw on the form and put entries over it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", show=False, id="dialog.leave")]

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self.seat = seat
        self.form = Form(seat, self)

    def compose(self) -> ComposeResult:
        with Container(id="dialog"):
            yield self.form
            yield from self.entries()

    def entries(self) -> ComposeResult:
        """What is typed into or chosen from."""
        yield from ()

    def draw(self, canvas: Canvas) -> None:
        """Everything else."""

    def show(self) -> None:
        """Called four times a second."""
        self.form.redraw()

    def action_leave(self) -> None:
        self.dismiss(None)


class Form(CanvasPane, can_focus=True):
    """The ground of a dialog."""

    def __init__(self, seat: Seat, dialog: Dialog[R]) -> None:
        super().__init__(seat.ink, id="form")
        self._dialog = dialog

    def draw(self, canvas: Canvas) -> None:
        size = self.app.size
        if too_small(size.width, size.height):
            canvas.box("needs 80x24", "Esc closes")
            return
        self._dialog.draw(canvas)


class Reason(Input):
    """Why: a number alone stands for a preset."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value, compact=True, max_length=200, id="why")

    def on_input_changed(self, event: Input.Changed) -> None:
        if len(event.value) == 1 and event.value in "1234":
            self.value = PRESETS[int(event.value) - 1]
            self.cursor_position = len(self.value)

    @staticmethod
    def presets() -> str:
        """The line under the entry."""
        return "  ".join(f"{number} {preset}" for number, preset in enumerate(PRESETS, 1)) + "  or words"


class ReasonDialog(Dialog[str]):
    """Asks for a reason and answers it; one that is too short is told."""

    reason_at: ClassVar[tuple[int, int]]  # where it is typed: column, row

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._why = Reason()
        self.trouble = ""
        """What is wrong with the reason; to be drawn."""

    def entries(self) -> ComposeResult:
        yield self._why

    def on_mount(self) -> None:
        self._why.styles.offset = self.reason_at
        self._why.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        reason = self._why.value.strip()
        if len(reason) < LEAST_REASON:
            self.trouble = "A reason is needed: at least four letters."
            self.form.redraw()
        else:
            self.dismiss(reason)
