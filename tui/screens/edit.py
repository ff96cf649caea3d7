"""The dialogs of the Schedules place: a day is edited as text, a special event is announced, a rehearsal is saved.

Editing changes nothing: it becomes a draft, which is rehearsed and then saved. What is typed is checked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from facility.wire import RehearsalInfo, ScheduleInfo
from tui import text
from tui.canvas import Canvas, wrap
from tui.draft import Edit, parsed, present, stretches
from tui.screens.dialog import LEAST_REASON, Dialog, Reason, ReasonDialog
from tui.seat import Seat
from tui.widgets.choice import Choice
from tui.widgets.pane import CanvasPane

LABEL = 13
WIDE_ENTRY = 62
DAYS = 7
GRID_CELL = 30  # minutes
SIGNS = "█▒▓░"


class EditDialog(Dialog[Edit]):
    """The changes of a weekday, or an exception of one date, in the words of the configuration."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "enter", "keep", show=False, id="edit.keep")]

    def __init__(self, seat: Seat, schedule: ScheduleInfo, first: date, *, weekly: bool) -> None:
        """`first`: the day that is chosen to begin with; the six after it can be chosen, too."""
        super().__init__(seat)
        self._schedule = schedule
        self._days = [first + timedelta(days=number) for number in range(DAYS)]
        self._day = Choice(seat.ink, [f"{day:%a} {day.day}" for day in self._days], id="edit-day")
        self._for = Choice(seat.ink, ["every week", "that date only"], chosen=0 if weekly else 1, id="edit-for")
        self._changes = Input(compact=True, max_length=200, select_on_focus=False, id="edit-changes")
        self._called = Input("exception", compact=True, max_length=40, id="edit-name")
        self._filled = ""  # what was put there, and not typed

    def entries(self) -> ComposeResult:
        yield self._day
        yield self._for
        yield self._changes
        yield self._called

    def on_mount(self) -> None:
        for entry, y in ((self._day, 2), (self._for, 4), (self._changes, 6), (self._called, 9)):
            entry.styles.offset = (LABEL, y)
            entry.styles.width = WIDE_ENTRY
        self._fill()
        self._changes.focus()

    @property
    def day(self) -> date:
        return self._days[self._day.chosen]

    @property
    def weekly(self) -> bool:
        return self._for.chosen == 0

    def action_enter(self) -> None:
        self._keep()

    @on(CanvasPane.Moved)
    def _another(self) -> None:
        self._fill()
        self.form.redraw()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.form.redraw()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._keep()

    def _fill(self) -> None:
        """With what is in force, unless something was typed."""
        self._called.display = not self.weekly
        if self._changes.value in ("", self._filled):
            self._filled = ", ".join(present(self._schedule, self.day, weekly=self.weekly))
            self._changes.value = self._filled
            self._changes.cursor_position = len(self._filled)

    def _keep(self) -> None:
        edit = self._edit()
        if isinstance(edit, Edit):
            self.dismiss(edit)
        self.form.redraw()

    def _edit(self) -> Edit | str:
        """What was typed, or what is wrong with it."""
        written, name = self._schedule.written, self._called.value.strip()
        if written is None:
            return "how it is written is not known: it cannot be edited here"
        try:
            changes = parsed(self._changes.value, written, weekly=self.weekly)
        except ValueError as error:
            return str(error)
        if not self.weekly and (not name or "," in name or not name.isprintable()):
            return "an exception needs a name, without commas: it is what the screens call it"
        if changes == present(self._schedule, self.day, weekly=self.weekly):
            return "nothing is changed yet"
        return Edit(programme=self._schedule.name, day=self.day, weekly=self.weekly, changes=changes, name=name)

    def draw(self, canvas: Canvas) -> None:
        schedule, day = self._schedule, self.day
        canvas.box(f"Edit  {schedule.name}", "a draft: nothing changes yet")
        for y, name in ((2, "Day"), (4, "For"), (6, "Changes")):
            canvas.put(3, y, name, "muted")
        hint = "06:30 occupied, 19:00 unoccupied   empty: the default all day"
        canvas.put(LABEL, 7, hint, "muted", width=canvas.width - LABEL - 2)
        if not self.weekly:
            canvas.put(3, 9, "Name", "muted")
        written, edit = schedule.written, self._edit()
        if written is not None:
            canvas.put(LABEL, 11, "00    03    06    09    12    15    18    21    24", "muted")
            _bar(canvas, 12, "now", present(schedule, day, weekly=self.weekly), written.default, written.states)
            if isinstance(edit, Edit):
                _bar(canvas, 13, "new", edit.changes, written.default, written.states)
            signs = _signs(written.default, written.states)
            canvas.put(LABEL, 14, "  ".join(f"{sign} {state}" for state, sign in signs.items()), "muted")
        said, role = (edit, "high") if isinstance(edit, str) else (edit.what, "strong")
        for y, line in enumerate(wrap(said, canvas.width - 6)[:3], 16):
            canvas.put(3, y, line, role)
        keys = "Enter keeps it as a draft   Tab next field   ←→ choose   Esc nothing happens"
        canvas.put(3, canvas.height - 2, keys, "muted", width=canvas.width - 5)


class SaveDialog(ReasonDialog):
    reason_at = (LABEL, 2)

    def __init__(self, seat: Seat, info: RehearsalInfo) -> None:
        super().__init__(seat)
        self._info = info

    def draw(self, canvas: Canvas) -> None:
        info = self._info
        canvas.box("Save", f"+{info.new:,} new  -{info.gone:,} gone")
        canvas.put(3, 2, "Why", "muted")
        canvas.put(LABEL, 3, "it goes on record with your name; never patient data", "muted")
        y = 5
        lines = [f"changes {key}" for key in info.changes] + list(info.estimate)
        lines += [f"{len(info.refused)} refused, {text.count(len(info.clashes), 'conflict')}"]
        for line in lines[: canvas.height - 10]:
            canvas.put(3, y, line, width=canvas.width - 6)
            y += 1
        canvas.put(3, canvas.height - 4, self.trouble, "high")
        canvas.put(3, canvas.height - 2, "Enter saves it: from then on it is in force   Esc keep editing", "muted")


@dataclass(frozen=True, slots=True)
class Announcement:
    """What somebody wants of a programme for once."""

    programme: str
    state: str
    until: datetime
    reason: str


class EventDialog(Dialog[Announcement]):
    """A state until a time of today or tomorrow, whatever the programme would say."""

    def __init__(self, seat: Seat, schedule: ScheduleInfo) -> None:
        super().__init__(seat)
        self._schedule = schedule
        states = schedule.written.states if schedule.written is not None else [schedule.now_state]
        others = [state for state in states if state != schedule.now_state]
        self._states = [*others, *(state for state in states if state == schedule.now_state)]
        self._state = Choice(seat.ink, self._states, id="event-state")
        self._until = Input(compact=True, max_length=5, placeholder="23:00", id="event-until")
        self._why = Reason()
        self._trouble = ""

    def entries(self) -> ComposeResult:
        yield self._state
        yield self._until
        yield self._why

    def on_mount(self) -> None:
        for entry, y in ((self._state, 4), (self._until, 6), (self._why, 8)):
            entry.styles.offset = (LABEL, y)
        self._state.styles.width = WIDE_ENTRY
        self._until.styles.width = 9
        self._state.focus()

    @property
    def until(self) -> datetime | None:
        """The next time that the clock shows it."""
        hour, _, minute = self._until.value.strip().partition(":")
        if not (hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit() and len(minute) == 2):
            return None
        if int(hour) > 23 or int(minute) > 59:
            return None
        now = self.seat.picture.now.astimezone(self.seat.picture.zone)
        at = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)

    def draw(self, canvas: Canvas) -> None:
        schedule, picture = self._schedule, self.seat.picture
        canvas.box(f"Special event  {schedule.name}", "once; it outranks the programme")
        canvas.put(3, 2, "Now", "muted")
        points = text.count(schedule.points, "point")
        canvas.put(LABEL, 2, f"{schedule.now_state or 'nothing'} · {points}", width=canvas.width - LABEL - 2)
        for y, name in ((4, "State"), (6, "Until"), (8, "Why")):
            canvas.put(3, y, name, "muted")
        until = self.until
        if until is not None:
            said = f"{until:%a} {until.day} {until:%b %H:%M}, then its programme again"
            canvas.put(LABEL + 11, 6, said, "muted", width=canvas.width - LABEL - 13)
        canvas.put(LABEL, 9, Reason.presets(), "muted", width=canvas.width - LABEL - 2)
        said = self._trouble or (picture.may_command and f"{picture.may_command}")
        for y, line in enumerate(wrap(said, canvas.width - 6), 12):
            canvas.put(3, y, line, "high")
        keys = "Enter announces it   Tab next field   ←→ choose   Esc nothing happens"
        canvas.put(3, canvas.height - 2, keys, "muted")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        until, reason = self.until, self._why.value.strip()
        if until is None:
            self._trouble = "Until when? A time such as 23:00, today or tomorrow."
        elif len(reason) < LEAST_REASON:
            self._trouble = "A reason is needed: at least four letters. Never patient data."
        else:
            state = self._states[self._state.chosen]
            self.dismiss(Announcement(self._schedule.name, state, until, reason))
        self.form.redraw()


def _signs(default: str, states: Sequence[str]) -> dict[str, str]:
    signs = {default: "·"}
    for number, state in enumerate(state for state in states if state != default):
        signs[state] = SIGNS[number] if number < len(SIGNS) else "+"
    return signs


def _bar(canvas: Canvas, y: int, name: str, changes: Sequence[str], default: str, states: Sequence[str]) -> None:
    """A day in half hours; in words where the sun decides."""
    canvas.put(3, y, name, "muted")
    spans, signs = stretches(changes, default), _signs(default, states)
    if spans is None:
        canvas.put(LABEL, y, ", ".join(changes), width=canvas.width - LABEL - 2)
        return
    for start, end, state in spans:
        first = start // GRID_CELL
        width = max(1, -(-end // GRID_CELL) - first)
        canvas.put(LABEL + first, y, signs.get(state, "+") * width, "faint" if state == default else "title")
