"""What a place is: a body under the frame that redraws itself from the picture when it is in sight."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from facility.port import FacilityError
from tui.seat import Goto, Seat

if TYPE_CHECKING:
    from tui.screens.dialog import Dialog

T = TypeVar("T")


class Place(Vertical):
    """Subclasses say which verbs of `tui.keys` they know, and draw."""

    verbs: ClassVar[tuple[str, ...]] = ()

    class Go(Message):
        """Somebody wants to be elsewhere."""

        def __init__(self, goto: Goto) -> None:
            super().__init__()
            self.goto = goto

    class Asks(Message):
        """A dialog is to be opened; `answered` is told what came of it."""

        def __init__(self, dialog: Dialog[T], answered: Callable[[T | None], None]) -> None:
            super().__init__()
            self.dialog: Dialog[Any] = dialog
            self.answered: Callable[[Any], None] = answered

    def __init__(self, seat: Seat, *, id: str) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.seat = seat

    @property
    def doable(self) -> tuple[str, ...]:
        """The verbs that work now."""
        return self.verbs

    @property
    def point(self) -> str | None:
        """The point that `o`, `x`, `w` and `R` speak of here."""
        return None

    @property
    def subject(self) -> str:
        """What `arrive` needs to show the same again."""
        return ""

    @property
    def main(self) -> Widget | None:
        """What has the focus on arrival."""
        return None

    def arrive(self, subject: str) -> None:
        """The place comes into sight."""

    def show(self) -> None:
        """Redraws what has changed. Called while in sight only, at most four times a second."""

    def step_out(self) -> bool:
        """Esc: whether there was something to step out of."""
        return False

    def ask(self, question: Coroutine[Any, Any, T], then: Callable[[T], None], *, about: str) -> None:
        """Asks the agent without stopping the screen. A newer question about the same thing replaces it."""

        async def answer() -> None:
            try:
                answered = await question
            except FacilityError as error:
                self.failed(about, str(error))
                return
            then(answered)

        self.run_worker(answer(), group=about, exclusive=True)

    def failed(self, about: str, trouble: str) -> None:
        """The agent said no, or nothing."""
        self.seat.say(f"{about}: {trouble}")
