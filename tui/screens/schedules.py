"""6 Schedules: the week, the calendar of the months to come, and the rehearsal of what is planned or drafted.

One draft of edits belongs to all three: it is made in the first two, and rehearsed and saved in the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from facility.wire import DeviceScheduleInfo, ScheduleInfo, SpecialEventInfo
from tui import text
from tui.canvas import Canvas, Run
from tui.draft import Draft, Edit
from tui.screens.edit import Announcement, EditDialog, EventDialog
from tui.screens.months import Months
from tui.screens.place import Place
from tui.screens.rehearsal import RehearsalTab
from tui.screens.week import NOTHING, Coming, Exceptions, Week
from tui.seat import Press, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable
from tui.widgets.tabs import draw_tabs

COLUMNS = (
    Column(title="", width=1),
    Column(title="Name", width=22, flex=2),
    Column(title="Pts", width=4, right=True),
    Column(title="Now", width=12, flex=1),
    Column(title="Next change", width=20, flex=1),
    Column(title="Followed by", width=20, flex=3, drop=1),
)
ASK_AGAIN = timedelta(seconds=30)
ASK_DEVICES_AGAIN = timedelta(minutes=2)
WEEK, CALENDAR, REHEARSAL = range(3)
TABS = ("Week", "Calendar", "Rehearsal 7 days")
VERBS = (
    ("next_tab", "edit", "rehearse", "announce", "undo", "save"),
    ("next_tab", "open", "edit", "rehearse", "announce", "undo", "save"),
    ("next_tab", "open", "why", "filter", "rehearse", "announce", "differences", "undo", "save"),
)


class SchedulesPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = VERBS[WEEK]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.next_tab(1)", "next tab", show=False, id="schedules.next"),
        Binding("shift+tab", "app.next_tab(-1)", "tab before", show=False, id="schedules.before"),
    ]

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="schedules")
        self.schedules: list[ScheduleInfo] = []
        self.devices: list[DeviceScheduleInfo] = []
        self.events: list[SpecialEventInfo] = []
        self.draft = Draft()
        self.answered = False
        self.tab = WEEK
        self._wanted = ""  # by whoever came here before the agent had answered
        self._asked: datetime | None = None
        self._devices_asked: datetime | None = None
        self._line = Tabs(seat, self)
        self.week = Week(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="schedule-table")
        self._exceptions = Exceptions(seat, self)
        self.coming = Coming(seat, self)
        self.months = Months(seat, self)
        self.rehearsal = RehearsalTab(seat, self)

    def compose(self) -> ComposeResult:
        yield self._line
        with Vertical(id="tab-week"):
            yield self.week
            with Horizontal(id="week-lists"):
                yield self.table
                yield self._exceptions
            yield self.coming
        with Vertical(id="tab-calendar"):
            yield self.months
        yield self.rehearsal

    def on_mount(self) -> None:
        self._turn_to(WEEK)

    @property
    def doable(self) -> tuple[str, ...]:
        return VERBS[self.tab]

    @property
    def main(self) -> Widget:
        return (self.table, self.months, self.rehearsal.table)[self.tab]

    @property
    def subject(self) -> str:
        device = self.chosen_device
        return device.id if device is not None else self.chosen.name if self.chosen else ""

    @property
    def point(self) -> str | None:
        line = self.rehearsal.chosen if self.tab == REHEARSAL else None
        return line.first if line is not None and line.first in self.seat.picture.points else None

    @property
    def chosen(self) -> ScheduleInfo | None:
        """The programme under the cursor."""
        cursor = self.table.cursor
        return self.schedules[cursor] if 0 <= cursor < len(self.schedules) else None

    @property
    def chosen_device(self) -> DeviceScheduleInfo | None:
        """The device's own schedule under the cursor; they stand behind the programmes."""
        cursor = self.table.cursor - len(self.schedules)
        return self.devices[cursor] if 0 <= cursor < len(self.devices) else None

    def arrive(self, subject: str) -> None:
        if subject and subject != self.subject:  # somebody was led to this programme
            self._turn_to(WEEK)
        self._wanted = subject
        self._ask()
        self._choose(subject)
        self.show()

    def show(self) -> None:
        now = self.seat.picture.now
        if self._asked is None or now - self._asked > ASK_AGAIN:
            self._ask()
        self._line.redraw()
        if self.tab == WEEK:
            self.table.poll()
            for pane in (self.week, self._exceptions, self.coming):
                pane.redraw()
        elif self.tab == CALENDAR:
            self.months.show()
        else:
            self.rehearsal.show()

    def step_out(self) -> bool:
        if self.tab == REHEARSAL and self.rehearsal.step_out():
            return True
        if self.tab == WEEK:
            return False
        self._turn_to(WEEK)
        return True

    def failed(self, about: str, trouble: str) -> None:
        if about == "rehearsal":
            self.rehearsal.failed(trouble)
        elif about == "calendar":
            self.months.trouble = trouble
        else:
            super().failed(about, trouble)

    # --- what keys do ------------------------------------------------------------------------------------------------

    def next_tab(self, by: int) -> None:
        self._turn_to((self.tab + by) % len(TABS))

    def open(self) -> None:
        """The writes of the chosen day; the point of a write."""
        if self.tab == REHEARSAL:
            self.rehearsal.open()
        elif self.tab == CALENDAR:
            day = self.months.day
            self._turn_to(REHEARSAL)
            self.rehearsal.filter(f"{day:%a} {day.day}")

    def filter(self) -> None:
        self.rehearsal.filter()

    def differences(self) -> None:
        self.rehearsal.differences()

    def rehearse(self) -> None:
        """Begins, and shows it."""
        self._turn_to(REHEARSAL)
        self.rehearsal.start()

    def rehearse_if_allowed(self) -> None:
        """The same for a key that means something else elsewhere."""
        if self.seat.picture.may_command:
            self.seat.say(self.seat.picture.may_command)
        else:
            self.rehearse()

    def save(self) -> None:
        if self.tab != REHEARSAL:
            self._turn_to(REHEARSAL)
        self.rehearsal.save()

    def undo(self) -> None:
        edit = self.draft.undo()
        self.seat.say(f"taken back: {edit.what}" if edit else "there is no edit to take back")
        self.show()

    def edit(self) -> None:
        schedule = self.chosen
        if schedule is None or schedule.written is None:
            device = self.chosen_device
            said = (
                f"{device.name} works in its device: facility device-schedules" if device else "no programme is chosen"
            )
            self.seat.say(said)
            return
        dated = self.tab == CALENDAR
        first = self.months.day if dated else self._today
        self.post_message(self.Asks(EditDialog(self.seat, schedule, first, weekly=not dated), self._edited))

    def announce(self) -> None:
        """A special event of the chosen programme."""
        if self.chosen is None:
            self.seat.say("no programme is chosen")
        else:
            self.post_message(self.Asks(EventDialog(self.seat, self.chosen), self._announced))

    def saved(self) -> None:
        """The configuration in force is another."""
        self.months.ask_again()
        self._ask()

    # --- what comes of it --------------------------------------------------------------------------------------------

    @on(CanvasPane.Opened)
    def _spot_opened(self, event: CanvasPane.Opened) -> None:
        """A tab was clicked, or a day."""
        match event.target:
            case date() as day:
                event.stop()
                self.months.focus()
                self.months.choose(day)
            case Press(action=action) if action in TABS:
                event.stop()
                self._turn_to(TABS.index(action))

    @on(VirtualTable.Moved, "#schedule-table")
    def _cursor_moved(self) -> None:
        self.show()

    @on(VirtualTable.Opened, "#write-table")
    def _row_opened(self) -> None:
        self.open()

    @property
    def _today(self) -> date:
        return self.seat.picture.now.astimezone(self.seat.picture.zone).date()

    def _edited(self, edit: Edit | None) -> None:
        if edit is not None:
            self.draft.add(edit)
            self.seat.say(f"drafted: {edit.what}. R rehearses it, u takes it back")
            self.show()

    def _announced(self, wanted: Announcement | None) -> None:
        if wanted is None:
            return

        def done(event: SpecialEventInfo) -> None:
            self.seat.say(f"special event {event.id}: {event.programme} is {event.state} until {wanted.until:%a %H:%M}")
            self._ask()

        question = self.seat.facility.announce_event(wanted.programme, wanted.state, wanted.until, wanted.reason)
        self.ask(question, done, about="special event")

    def _turn_to(self, tab: int) -> None:
        self.tab = tab
        for number, name in enumerate(("#tab-week", "#tab-calendar", "#tab-rehearsal")):
            self.query_one(name).display = number == tab
        if self.is_mounted and self.app.screen is self.screen and self.display:
            self.main.focus()
        self.call_after_refresh(self.show)

    def _ask(self) -> None:
        if not self.seat.picture.live:
            return
        now = self._asked = self.seat.picture.now
        self.ask(self.seat.facility.schedules(), self._take, about="schedules")
        self.ask(self.seat.facility.special_events(), self._take_events, about="special events")
        if self._devices_asked is None or now - self._devices_asked > ASK_DEVICES_AGAIN:
            self._devices_asked = now
            self.ask(self.seat.facility.device_schedules(), self._take_devices, about="device schedules")

    def _take(self, schedules: list[ScheduleInfo]) -> None:
        chosen = self.subject if self.answered else self._wanted
        self.schedules, self.answered = schedules, True
        self._rows(chosen)

    def _take_devices(self, devices: list[DeviceScheduleInfo]) -> None:
        chosen = self.subject or self._wanted
        self.devices = [device for device in devices if device.kind == "schedule"]
        self._rows(chosen)

    def _take_events(self, events: list[SpecialEventInfo]) -> None:
        self.events = events
        self.coming.redraw()

    def _rows(self, chosen: str) -> None:
        self.table.reset(len(self.schedules) + len(self.devices), cursor=self.table.cursor)
        self._choose(chosen)
        self.show()

    def _choose(self, name: str) -> None:
        names = [*(schedule.name for schedule in self.schedules), *(device.id for device in self.devices)]
        if name in names:
            self.table.select(names.index(name))

    def _cells(self, number: int) -> Sequence[Run]:
        if number >= len(self.schedules):
            return self._device_cells(self.devices[number - len(self.schedules)])
        schedule, picture = self.schedules[number], self.seat.picture
        state = schedule.now_state or NOTHING
        now = state if picture.live else f"? was {state}"
        change = "no change planned"
        if schedule.next_change is not None:
            change = f"{text.when(schedule.next_change, picture.now, picture.zone)} {schedule.next_state or NOTHING}"
        edited = any(edit.programme == schedule.name for edit in self.draft.edits)
        return (
            ("e" if edited else "", "high"),
            (schedule.name, "text"),
            (str(schedule.points), "muted"),
            (now, "text" if picture.live else "unk"),
            (change, "text" if schedule.next_change else "muted"),
            (schedule.what, "muted"),
        )

    def _device_cells(self, device: DeviceScheduleInfo) -> Sequence[Run]:
        picture = self.seat.picture
        known = device.read is not None and not device.trouble
        read = f"read {text.when(device.read, picture.now, picture.zone)}" if device.read is not None else "never read"
        present = device.present if known and picture.live else f"? was {device.present}" if device.present else "?"
        return (
            ("D", "muted" if known else "unk"),
            (device.name or device.object, "text"),
            (str(len(device.commands)), "muted"),
            (present, "text" if known and picture.live else "unk"),
            (f"in device, {read}", "muted" if known else "unk"),
            (device.trouble or device.programme or device.device, "unk" if device.trouble else "muted"),
        )


class Tabs(CanvasPane):
    """Which of the three is in sight, and whose it is."""

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="schedule-tabs")
        self._seat, self._place = seat, place

    def draw(self, canvas: Canvas) -> None:
        place = self._place
        x = draw_tabs(canvas, TABS, place.tab)
        edits = len(place.draft.edits)
        drafted = f"  {text.count(edits, 'edit')} not saved" if edits else ""
        room = canvas.width - x - 1 - len(drafted)
        end = canvas.line(x + 1, 0, self._about(), width=max(0, room))
        canvas.put(end, 0, drafted, "high")

    def _about(self) -> list[Run]:
        place, zone = self._place, getattr(self._seat.picture.zone, "key", "UTC")
        schedule, device = place.chosen, place.chosen_device
        if place.tab == REHEARSAL:
            until = (self._seat.picture.now + timedelta(days=7)).astimezone(self._seat.picture.zone)
            return [(f"what will be written, until {until:%a} {until.day} {until:%b}", "muted")]
        if device is not None:
            return [(device.name or device.object, "title"), (f"  in {device.device}", "muted")]
        if schedule is None:
            return []
        points = text.count(schedule.points, "point")
        return [(schedule.name, "title"), (f"  {points} · {zone}", "muted")]
