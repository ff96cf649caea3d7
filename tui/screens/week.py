"""The Week tab: the chosen programme for seven days from today, its exceptions, and what comes over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from facility.wire import DeviceScheduleInfo, ScheduleDay, ScheduleInfo, SpecialEventInfo
from tui import text
from tui.canvas import Canvas
from tui.draft import Edit, stretches
from tui.seat import Seat
from tui.widgets.pane import CanvasPane

if TYPE_CHECKING:
    from tui.screens.schedules import SchedulesPlace

DAY_MINUTES = 24 * 60
GRID_LEFT = 11
FINE = 120  # columns from which a cell is a quarter of an hour
BLOCKS = "█▒▓░"
"""How the states of a programme are drawn, in the order in which they appear; the resting state is a dot."""
TODAY = "today"
"""In a day's note the agent's word for the day at which it answered."""
NOTHING = "nothing"  # what a programme says outside of its effective period
RESTING = ("unoccupied", "off", "closed", "standby", "inactive", "")
NEAR_DAYS = 2  # tonight and tomorrow
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Week(CanvasPane):
    """Seven days of the chosen programme, today first: half hours at 80 columns, quarters from 120 on.

    Which day is today is read off its date: an answer may be from before midnight.
    """

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="week")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        schedule, device = self._place.chosen, self._place.chosen_device
        if device is not None:
            self._of_device(canvas, device)
        elif schedule is None:
            nothing = "No schedule is configured: [[programmes]], docs/configuration.md."
            canvas.put(1, 1, nothing if self._place.answered else "asking ...", "muted")
        else:
            self._of_programme(canvas, schedule)

    def _of_programme(self, canvas: Canvas, schedule: ScheduleInfo) -> None:
        cell = 15 if canvas.width >= FINE else 30
        cells = DAY_MINUTES // cell
        now = self._seat.picture.now.astimezone(self._seat.picture.zone)
        for hour in range(0, 25, 3):
            canvas.put(GRID_LEFT + hour * 60 // cell, 0, f"{hour:02d}", "muted")
        mark = GRID_LEFT + (now.hour * 60 + now.minute) // cell
        canvas.put(mark, 0, "▼", "strong")
        signs = signs_of(schedule)
        for row, day in enumerate(schedule.days, 1):
            today = day.date == now.date().isoformat()
            date_ = date.fromisoformat(day.date)
            edit = self._place.draft.of(schedule.name, date_)
            self._day(canvas, row, day, signs, cell)
            canvas.put(1, row, f"{date_:%a} {date_.day:>2}", "strong" if today else "muted")
            special = ", ".join(part for part in day.note.split(", ") if part != TODAY)
            x = GRID_LEFT + cells + 1
            if edit is not None:
                self._edited(canvas, row, edit, signs, cell, schedule)
                canvas.put(x, row, "your edit, not saved", "high", width=canvas.width - x)
            else:
                note = ", ".join(part for part in (TODAY if today else "", special) if part)
                canvas.put(x, row, note, "high" if special else "muted", width=canvas.width - x)
        legend = "  ".join(f"{sign} {state or NOTHING}" for state, sign in signs.items())
        canvas.put(GRID_LEFT, 1 + len(schedule.days), f"{legend}  ▼ now", "muted")

    def _day(self, canvas: Canvas, y: int, day: ScheduleDay, signs: dict[str, str], cell: int) -> None:
        canvas.put(GRID_LEFT, y, "·" * (DAY_MINUTES // cell), "faint")
        for block in day.blocks:
            draw_stretch(canvas, GRID_LEFT, y, (block.start, block.end), signs[block.state], cell)

    def _edited(
        self, canvas: Canvas, y: int, edit: Edit, signs: dict[str, str], cell: int, schedule: ScheduleInfo
    ) -> None:
        """As it would be; as it is where the sun decides."""
        default = schedule.written.default if schedule.written is not None else ""
        for start, end, state in stretches(edit.changes, default) or ():
            draw_stretch(canvas, GRID_LEFT, y, (start, end), signs.get(state, "+"), cell)

    def _of_device(self, canvas: Canvas, device: DeviceScheduleInfo) -> None:
        """What the device says of itself: it works there, whether the agent runs or not."""
        level = f" at P{device.priority}" if device.priority is not None else ""
        commands = ", ".join(device.commands) or "nothing that it tells"
        canvas.put(
            1, 0, f"works in {device.device}, {device.object}; commands {commands}{level}", width=canvas.width - 2
        )
        for row, name in enumerate(DAY_NAMES, 1):
            said = device.week[row - 1] if row <= len(device.week) else ""
            canvas.put(1, row, name, "muted")
            canvas.put(GRID_LEFT, row, said or "·", "text" if said else "faint", width=canvas.width - GRID_LEFT)
        doubt = device.trouble or "; ".join(device.doubts)
        always = device.effective in ("", "*..*", "always")
        exceptions = (
            f"{text.count(device.exceptions, 'exception')}, in force {'always' if always else device.effective}"
        )
        belongs = f", belongs to {device.programme}" if device.programme else ""
        canvas.put(1, 8, doubt or f"{exceptions}{belongs}", "unk" if doubt else "muted", width=canvas.width - 2)


class Exceptions(CanvasPane):
    """The days on which the chosen programme differs from its week, as they are written."""

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="exceptions")
        self._seat, self._place = seat, place

    def draw(self, canvas: Canvas) -> None:
        schedule = self._place.chosen
        written = schedule.written if schedule is not None else None
        canvas.rule(1, 0, canvas.width - 1, "Exceptions", "lowest number wins")
        if written is None or not written.exceptions:
            nothing = "its device keeps them" if self._place.chosen_device is not None else "none is written"
            canvas.put(2, 1, nothing, "muted")
            return
        for y, each in enumerate(written.exceptions, 1):
            span = f"{each.first} to {each.last}" if each.last and each.last != each.first else each.first
            when = span or each.days or f"calendar {each.calendar}"
            canvas.put(2, y, f"{each.precedence:>2}", "muted")
            end = canvas.put(5, y, when, width=min(24, len(when))) + 1
            end = canvas.put(end, y, each.name, "strong", width=min(20, len(each.name))) + 1
            hours = ", ".join(each.changes) or "default all day"
            canvas.put(end, y, hours, "muted", width=max(0, canvas.width - end))


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that is going to be otherwise."""

    at: datetime
    who: str
    what: str
    points: int


class Coming(CanvasPane):
    """What happens tonight and tomorrow over all programmes; what is special later this week."""

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="coming")
        self._seat, self._place = seat, place

    def draw(self, canvas: Canvas) -> None:
        picture, place = self._seat.picture, self._place
        canvas.rule(0, 0, canvas.width, "Tonight and tomorrow, all schedules", "local time")
        turns = sorted(
            [
                *turns_of(place.schedules, picture.now, picture.zone),
                *_events(place.events, picture.now),
                *self._others(),
            ],
            key=lambda turn: turn.at,
        )
        for y, turn in enumerate(turns[: canvas.height - 1], 1):
            canvas.put(1, y, text.when(turn.at, picture.now, picture.zone), "strong", width=10)
            points = text.count(turn.points, "point") if turn.points else ""
            end = canvas.put(12, y, turn.who, width=min(len(turn.who), 24))
            if turn.who:
                end += 2
            canvas.put(end, y, turn.what, width=max(0, canvas.width - 14 - end))
            canvas.put(canvas.width - 13, y, points, "muted", width=12, right=True)
        if not turns:
            canvas.put(1, 1, "No change is planned." if place.answered else "asking ...", "muted")
        elif not picture.live:
            canvas.put(39, 0, " as planned; the agent is lost ", "unk")

    def _others(self) -> Iterator[Turn]:
        """What the agent expects besides programmes: holds that end."""
        overview = self._seat.picture.overview
        names = tuple(f"{schedule.name}: " for schedule in self._place.schedules)
        for upcoming in overview.upcoming if overview else ():
            if not upcoming.what.startswith(names):
                yield Turn(upcoming.at, "", upcoming.what, upcoming.points)


def turns_of(schedules: Sequence[ScheduleInfo], now: datetime, zone: tzinfo) -> Iterator[Turn]:
    """Of all programmes: the changes of two days, and the special days of the week."""
    special: dict[tuple[str, str], list[ScheduleInfo]] = {}
    for schedule in schedules:
        before = schedule.now_state
        for number, day in enumerate(schedule.days):
            for note in day.note.split(", "):
                if note not in ("", TODAY) and not note.startswith("special event"):
                    special.setdefault((day.date, note), []).append(schedule)
            for block in day.blocks:
                at = _instant(day.date, block.start, zone)
                if at > now and number < NEAR_DAYS and block.state != before:
                    yield Turn(at, schedule.name, block.state or NOTHING, schedule.points)
                before = block.state if at > now or _instant(day.date, block.end, zone) > now else before
    for (on, note), who in special.items():
        at = _instant(on, 0, zone)
        if at > now:
            names = who[0].name if len(who) == 1 else f"{who[0].name} and {len(who) - 1} more"
            yield Turn(at, note, names, sum(schedule.points for schedule in who))


def signs_of(schedule: ScheduleInfo) -> dict[str, str]:
    """State -> sign. States at rest are dots, the others blocks in the order in which they appear."""
    signs: dict[str, str] = {}
    blocks = iter(BLOCKS)
    for day in schedule.days:
        for block in day.blocks:
            if block.state not in signs:
                signs[block.state] = "·" if block.state.lower() in RESTING else next(blocks, "+")
    return signs


def draw_stretch(canvas: Canvas, left: int, y: int, minutes: tuple[int, int], sign: str, cell: int) -> None:
    """A part of a day; one shorter than a cell still shows."""
    start, end = minutes[0] // cell, max(minutes[0] // cell + 1, -(-minutes[1] // cell))
    width = min(end, DAY_MINUTES // cell) - start
    canvas.put(left + start, y, sign * width, "faint" if sign == "·" else "title")


def _events(events: Sequence[SpecialEventInfo], now: datetime) -> Iterator[Turn]:
    for event in events:
        at = event.end if event.is_on else event.begin
        what = f"special event {event.id} ends" if event.is_on else f"special event {event.id}: {event.state}"
        if at > now:
            yield Turn(at, event.programme, f"{what} ({event.by}: {event.reason})", 0)


def _instant(day: str, minute: int, zone: tzinfo) -> datetime:
    """When the clock shows it."""
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    days, rest = divmod(minute, DAY_MINUTES)
    return (start + timedelta(days=days)).replace(hour=rest // 60, minute=rest % 60)
