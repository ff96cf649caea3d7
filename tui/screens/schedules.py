"""6 Schedules: the chosen programme for seven days from today, all programmes, what happens next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from facility.wire import ScheduleDay, ScheduleInfo
from tui import text
from tui.canvas import Canvas, Run
from tui.screens.place import Place
from tui.seat import Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

COLUMNS = (
    Column(title="Name", width=22, flex=2),
    Column(title="Pts", width=4, right=True),
    Column(title="Now", width=12, flex=1),
    Column(title="Next change", width=20, flex=1),
    Column(title="What", width=24, flex=3, drop=1),
)
ASK_AGAIN = timedelta(seconds=30)
DAY_MINUTES = 24 * 60
GRID_LEFT = 11
FINE = 120  # columns from which a cell is a quarter of an hour
BLOCKS = "█▒▓░"
"""How the states of a programme are drawn, in the order in which they appear; the resting state is a dot."""
TODAY = "today"
"""In a day's note the agent's word for the day at which it answered."""
NOTHING = "nothing"  # what a programme says outside of its effective period
RESTING = ("unoccupied", "off", "closed", "standby", "inactive", "")


class SchedulesPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="schedules")
        self.schedules: list[ScheduleInfo] = []
        self.answered = False
        self._wanted = ""  # by whoever came here before the agent had answered
        self._asked: datetime | None = None
        self.week = Week(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="schedule-table")
        self.coming = Coming(seat)

    def compose(self) -> ComposeResult:
        yield self.week
        yield self.table
        yield self.coming

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def subject(self) -> str:
        return self.chosen.name if self.chosen else ""

    @property
    def chosen(self) -> ScheduleInfo | None:
        return self.schedules[self.table.cursor] if self.schedules else None

    def arrive(self, subject: str) -> None:
        self._wanted = subject
        self._ask()
        self._choose(subject)
        self.show()

    def show(self) -> None:
        if self._asked is None or self.seat.picture.now - self._asked > ASK_AGAIN:
            self._ask()
        self.table.poll()
        self.week.redraw()
        self.coming.redraw()

    @on(VirtualTable.Moved)
    def _cursor_moved(self) -> None:
        self.week.redraw()

    def _ask(self) -> None:
        if not self.seat.picture.live:
            return
        self._asked = self.seat.picture.now
        self.ask(self.seat.facility.schedules(), self._take, about="schedules")

    def _take(self, schedules: list[ScheduleInfo]) -> None:
        chosen = self.subject if self.answered else self._wanted
        self.schedules, self.answered = schedules, True
        self.table.reset(len(schedules))
        self._choose(chosen)
        self.show()

    def _choose(self, name: str) -> None:
        for row, schedule in enumerate(self.schedules):
            if schedule.name == name:
                self.table.select(row)

    def _cells(self, number: int) -> Sequence[Run]:
        schedule, picture = self.schedules[number], self.seat.picture
        state = schedule.now_state or NOTHING
        now = state if picture.live else f"? was {state}"
        change = "no change planned"
        if schedule.next_change is not None:
            change = f"{text.when(schedule.next_change, picture.now, picture.zone)} {schedule.next_state or NOTHING}"
        return (
            (schedule.name, "text"),
            (str(schedule.points), "muted"),
            (now, "text" if picture.live else "unk"),
            (change, "text" if schedule.next_change else "muted"),
            (schedule.what, "muted"),
        )


class Week(CanvasPane):
    """Seven days of the chosen programme, today first: half hours at 80 columns, quarters from 120 on.

    Which day is today is read off its date: an answer may be from before midnight.
    """

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="week")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        schedule = self._place.chosen
        zone = getattr(self._seat.picture.zone, "key", "UTC")
        canvas.put(1, 0, " Week ", "nav")
        if schedule is None:
            nothing = "No schedule is configured." if self._place.answered else "asking ..."
            canvas.put(9, 0, nothing, "muted")
            return
        canvas.line(9, 0, [(schedule.name, "title"), (f"  {text.count(schedule.points, 'point')} · {zone}", "muted")])
        cell = 15 if canvas.width >= FINE else 30
        cells = DAY_MINUTES // cell
        now = self._seat.picture.now.astimezone(self._seat.picture.zone)
        for hour in range(0, 25, 3):
            canvas.put(GRID_LEFT + hour * 60 // cell, 1, f"{hour:02d}", "muted")
        mark = GRID_LEFT + (now.hour * 60 + now.minute) // cell
        canvas.put(mark, 1, "▼", "strong")
        signs = _signs(schedule)
        for row, day in enumerate(schedule.days):
            today = day.date == now.date().isoformat()
            self._day(canvas, 2 + row, day, signs, cell)
            date = datetime.fromisoformat(day.date)
            canvas.put(1, 2 + row, f"{date:%a} {date.day:>2}", "strong" if today else "muted")
            special = ", ".join(part for part in day.note.split(", ") if part != TODAY)
            note = ", ".join(part for part in (TODAY if today else "", special) if part)
            x = GRID_LEFT + cells + 1
            canvas.put(x, 2 + row, note, "high" if special else "muted", width=canvas.width - x)
        legend = "  ".join(f"{sign} {state or NOTHING}" for state, sign in signs.items())
        canvas.put(GRID_LEFT, 2 + len(schedule.days), f"{legend}  ▼ now", "muted")

    def _day(self, canvas: Canvas, y: int, day: ScheduleDay, signs: dict[str, str], cell: int) -> None:
        canvas.put(GRID_LEFT, y, "·" * (DAY_MINUTES // cell), "faint")
        for block in day.blocks:
            # a block shorter than a cell still shows
            start, end = block.start // cell, max(block.start // cell + 1, -(-block.end // cell))
            sign = signs[block.state]
            width = min(end, DAY_MINUTES // cell) - start
            canvas.put(GRID_LEFT + start, y, sign * width, "faint" if sign == "·" else "title")


class Coming(CanvasPane):
    """What happens next, over all programmes, from the agent's own list."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat.ink, id="coming")
        self._seat = seat

    def draw(self, canvas: Canvas) -> None:
        picture = self._seat.picture
        canvas.rule(0, 0, canvas.width, "What happens next", "local time")
        upcoming = picture.overview.upcoming if picture.overview else []
        for y, change in enumerate(upcoming[: canvas.height - 1], 1):
            canvas.put(1, y, text.when(change.at, picture.now, picture.zone), "strong", width=10)
            points = text.count(change.points, "point") if change.points else ""
            canvas.put(12, y, change.what, width=canvas.width - 26)
            canvas.put(canvas.width - 13, y, points, "muted", width=12, right=True)
        if not upcoming:
            canvas.put(1, 1, "No change is planned.", "muted")
        elif not picture.live:
            canvas.put(20, 0, " as it was planned; the agent is lost ", "unk")


def _signs(schedule: ScheduleInfo) -> dict[str, str]:
    """State -> sign. States at rest are dots, the others blocks in the order in which they appear."""
    signs: dict[str, str] = {}
    blocks = iter(BLOCKS)
    for day in schedule.days:
        for block in day.blocks:
            if block.state not in signs:
                signs[block.state] = "·" if block.state.lower() in RESTING else next(blocks, "+")
    return signs
