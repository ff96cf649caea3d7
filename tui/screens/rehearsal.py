"""The Rehearsal tab: every write that the policies would make in seven days, and what a draft would change about them.

It runs in the agent and can be stopped; nothing is written to the building. Only what was rehearsed and shown may be
saved, and only while the draft is as it was then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from facility.wire import RehearsalInfo, WriteInfo
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.screens.edit import SaveDialog
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

if TYPE_CHECKING:
    from tui.screens.schedules import SchedulesPlace

DAYS = 7
LOOK_S = 0.5
"""Seconds between two looks at a rehearsal that is running."""
COLUMNS = (
    Column(title="When", width=12),
    Column(title="", width=1),
    Column(title="Points", width=24, flex=3),
    Column(title="To", width=10, right=True),
    Column(title="Slot", width=4, right=True, drop=1),
    Column(title="Policy", width=18, drop=2),
    Column(title="Why", width=22, flex=4),
)
MARK_ROLES = {"+": "strong", "-": "muted", "!": "high"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: a write, a refusal or a conflict."""

    at: datetime
    mark: str  # + new by the draft, - gone by it, ! refused or in conflict
    points: str
    value: str
    priority: int
    policy: str
    why: str
    first: str = ""  # point


class RehearsalTab(Vertical):
    """One person's latest rehearsal."""

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(id="tab-rehearsal")
        self._seat, self._place = seat, place
        self.info: RehearsalInfo | None = None
        self.trouble = ""
        self.only_differences = False
        self.saved = ""
        self._revision = -1  # of the draft that was rehearsed
        self._lines: list[Line] = []
        self._shown: list[Line] = []
        self.head = Head(seat, self, place)
        self.entry = Input(compact=True, placeholder="filter", id="write-filter")
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="write-table")
        self.foot = Foot(seat, self)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.entry
        yield self.table
        yield self.foot

    def on_mount(self) -> None:
        self.entry.display = False
        self.set_interval(LOOK_S, self._look)

    @property
    def running(self) -> bool:
        return self.info is not None and self.info.state == "running"

    @property
    def current(self) -> bool:
        """Whether what was rehearsed is the draft as it is now."""
        return self.info is not None and self._revision == self._place.draft.revision

    @property
    def chosen(self) -> Line | None:
        return self._shown[self.table.cursor] if 0 <= self.table.cursor < len(self._shown) else None

    @property
    def counts(self) -> tuple[int, int]:
        """Rows shown, all."""
        return len(self._shown), len(self._lines)

    def show(self) -> None:
        self.table.poll()
        self.head.redraw()
        self.foot.redraw()

    def start(self) -> None:
        """Begins to rehearse the draft, or the plan as it is."""
        if self.running:
            self._seat.say("it is being rehearsed; Esc stops it")
            return
        draft = self._place.draft
        self._revision, self.trouble, self.saved = draft.revision, "", ""
        question = self._seat.facility.rehearse(DAYS, draft.lines(self._place.schedules))
        self._place.ask(question, self._take, about="rehearsal")

    def stop(self) -> bool:
        """Ends one that is running; whether there was one."""
        if not self.running or self.info is None:
            return False
        self._place.ask(self._seat.facility.stop_rehearsal(self.info.id), self._take, about="rehearsal")
        return True

    def differences(self) -> None:
        self.only_differences = not self.only_differences
        self._sift()

    def filter(self, typed: str = "") -> None:
        """Opens the filter, or sets it."""
        self.entry.display = True
        if typed:
            self.entry.value = typed
            self.table.focus()
        else:
            self.entry.focus()

    def step_out(self) -> bool:
        """Out of a rehearsal that runs, then out of the filter."""
        if self.stop():
            return True
        if not self.entry.display:
            return False
        self.entry.value = ""
        self.entry.display = False
        self.table.focus()
        return True

    def open(self) -> None:
        """The point of a write; where there is no write yet, a rehearsal."""
        line = self.chosen
        if self.info is None:
            self._place.rehearse_if_allowed()
        elif line is not None and line.first in self._seat.picture.points:
            self._place.post_message(self._place.Go(Goto("point", line.first)))

    def save(self) -> None:
        """Asks for a reason, or says why nothing can be saved."""
        info = self.info
        if info is None or info.state != "done":
            self._seat.say("nothing is rehearsed: R rehearses what would be saved")
        elif not self.current:
            self._seat.say("the draft has changed since: R rehearses it again")
        elif info.may_save:
            self._seat.say(info.may_save)
        else:
            self._place.post_message(self._place.Asks(SaveDialog(self._seat, info), self._save))

    def failed(self, trouble: str) -> None:
        """The agent said no."""
        self.trouble = trouble
        if self.running and self.info is not None and self._seat.picture.live:
            self.info = self.info.model_copy(update={"state": "failed", "why": trouble})
        self.show()

    def _save(self, reason: str | None) -> None:
        if reason is None or self.info is None:
            return
        identity = self.info.id

        def done(applied: object) -> None:
            self.saved = "In force"
            self._place.draft.clear()
            self._revision = self._place.draft.revision
            self.info = None
            self._take_lines([])
            self._place.saved()
            self._seat.say("saved: it is in force, and in the audit with your reason")

        self._place.ask(self._seat.facility.apply_changes(identity, reason), done, about="saving")

    def _look(self) -> None:
        if self.running and self.info is not None and self._seat.picture.live:
            self._place.ask(self._seat.facility.rehearsal(self.info.id), self._take, about="rehearsal")

    def _take(self, info: RehearsalInfo) -> None:
        """What is done is looked at once more, so that it counts as shown."""
        first_seen_done = info.state == "done" and (self.info is None or self.info.id != info.id)
        self.info, self.trouble = info, ""
        self._take_lines(_lines(info))
        if first_seen_done:
            self._place.ask(self._seat.facility.rehearsal(info.id), self._take, about="rehearsal")

    def _take_lines(self, lines: list[Line]) -> None:
        if lines != self._lines or not lines:
            self._lines = lines
            self._sift()
        self.show()

    @on(Input.Changed, "#write-filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._sift()

    @on(Input.Submitted, "#write-filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.entry.display = bool(event.value)
        self.table.focus()

    def _sift(self) -> None:
        words = self.entry.value.lower().split()
        zone = self._seat.picture.zone
        self._shown = [
            line
            for line in self._lines
            if (line.mark or not self.only_differences)
            and all(word in f"{_when(line.at, zone)} {line.points} {line.policy} {line.why}".lower() for word in words)
        ]
        self.table.reset(len(self._shown), cursor=min(self.table.cursor, max(0, len(self._shown) - 1)))
        self.head.redraw()

    def _cells(self, number: int) -> Sequence[Run]:
        line = self._shown[number]
        role = MARK_ROLES.get(line.mark, "text")
        return (
            (_when(line.at, self._seat.picture.zone), "muted"),
            (line.mark, role),
            (line.points, role),
            (line.value, role),
            (str(line.priority or ""), "muted"),
            (line.policy, "muted"),
            (line.why, "high" if line.mark == "!" else "muted"),
        )


class Head(CanvasPane):
    """How far it is, how much, and day by day."""

    def __init__(self, seat: Seat, tab: RehearsalTab, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="rehearsal-head")
        self._seat, self._tab, self._place = seat, tab, place

    def draw(self, canvas: Canvas) -> None:
        info = self._tab.info
        if info is None:
            self._nothing(canvas)
            return
        self._progress(canvas, info)
        runs: list[Run] = [(f"{info.count:,} writes", "strong")]
        if info.changes:
            runs.append((f"  against the plan now: +{info.new:,} new  -{info.gone:,} gone", "text"))
        runs.append((f"   {text.count(len(info.clashes), 'conflict')}", "high" if info.clashes else "muted"))
        runs.append((f"   {len(info.refused)} refused", "high" if info.refused else "muted"))
        if info.faults:
            runs.append((f"   {text.count(len(info.faults), 'policy')} failed".replace("policys", "policies"), "high"))
        canvas.line(1, 1, runs)
        canvas.rule(0, 2, canvas.width, "Per day", "nothing is written to the building")
        most = max([1, *(day.writes for day in info.days)])
        bar = max(8, canvas.width // 3)
        for y, day in enumerate(info.days[: canvas.height - 3], 3):
            on_day = date.fromisoformat(day.date)
            canvas.put(1, y, f"{on_day:%a} {on_day.day:>2}", "muted")
            canvas.put(8, y, f"{day.writes:,}", width=7, right=True)
            canvas.put(17, y, "━" * round(bar * day.writes / most), "title")
            apart = f"+{day.new} -{day.gone}  " if day.new or day.gone else ""
            end = canvas.put(18 + bar, y, apart, "strong")
            canvas.put(end, y, day.note, "high", width=max(0, canvas.width - end - 1))

    def _nothing(self, canvas: Canvas) -> None:
        draft, tab = self._place.draft, self._tab
        said = tab.trouble or tab.saved or "Nothing is rehearsed yet."
        canvas.put(1, 0, said, "high" if tab.trouble else "strong", width=canvas.width - 2)
        canvas.put(1, 1, f"R rehearses {DAYS} days in the agent; nothing is written to the building.", "muted")
        canvas.rule(0, 2, canvas.width, "Not saved yet", "u takes the last one back")
        for y, edit in enumerate(draft.edits[: canvas.height - 3], 3):
            canvas.put(1, y, edit.what, width=canvas.width - 2)
        if not draft.edits:
            canvas.put(1, 3, "no edit: e on a programme or on a day of the calendar makes one", "muted")

    def _progress(self, canvas: Canvas, info: RehearsalInfo) -> None:
        zone, tab = self._seat.picture.zone, self._tab
        until = f"{info.end.astimezone(zone):%a} {info.end.astimezone(zone).day} {info.end.astimezone(zone):%b %H:%M}"
        if info.state == "running":
            width = max(10, canvas.width - 50)
            full = round(width * info.share)
            x = canvas.put(canvas.put(1, 0, "Rehearsing ", "strong"), 0, "━" * full, "title")
            x = canvas.put(x, 0, "─" * (width - full), "faint")
            at = info.at.astimezone(zone)
            canvas.put(x + 2, 0, f"{info.share:3.0%}  at {at:%a} {at.day}  Esc stops", "strong")
        elif info.state == "done":
            what = "your draft" if info.changes else "the plan as it is"
            said = f"Rehearsed {what} from {text.clock(info.start, zone)} until {until}"
            x = canvas.put(1, 0, said, "strong", width=min(len(said), canvas.width - 2))
            if not tab.current:
                canvas.put(x + 1, 0, "the draft has changed since: R", "high", width=max(0, canvas.width - x - 2))
        else:
            why = (
                f"stopped at {text.when(info.at, self._seat.picture.now, zone)}"
                if info.state == "stopped"
                else info.why
            )
            canvas.put(1, 0, f"{info.state.capitalize()}: {why}. R begins again.", "high", width=canvas.width - 2)
        if tab.trouble and info.state != "failed":
            canvas.put(1, 0, tab.trouble, "high", width=canvas.width - 2)


class Foot(CanvasPane):
    """What saving would mean."""

    def __init__(self, seat: Seat, tab: RehearsalTab) -> None:
        super().__init__(seat.ink, id="rehearsal-foot")
        self._seat, self._tab = seat, tab

    def draw(self, canvas: Canvas) -> None:
        info, tab = self._tab.info, self._tab
        shown, everything = tab.counts
        note = f"{shown:,} of {everything:,} rows" if shown != everything else ""
        canvas.rule(0, 0, canvas.width, "If you save" if info and info.changes else "What it rests on", note)
        if info is None:
            return
        lines: list[tuple[str, str]] = []
        if info.changes:
            lines.append((f"Changes {', '.join(info.changes)}", "text"))
            no = self._seat.picture.may_not("configure")
            if info.state == "done":
                can = info.may_save or (f"Not yours to save: {no}" if no else "Ctrl+S asks for a reason and saves.")
                lines.append((can, "high" if info.may_save or no else "strong"))
        lines += [(line, "text") for line in info.estimate]
        lines += [(f"A policy failed: {fault}", "high") for fault in info.faults]
        lines.append((f"It assumes: {info.assumes}", "muted"))
        y = 0
        for said, role in lines:
            for part in wrap(said, canvas.width - 2):
                y += 1
                canvas.put(1, y, part, role)


def _lines(info: RehearsalInfo) -> list[Line]:
    """Writes, refusals and conflicts in the order of time."""
    lines = [_write(each) for each in info.writes]
    for no in info.refused:
        times = f" ({no.times} times)" if no.times > 1 else ""
        lines.append(Line(no.at, "!", no.point, "refused", 0, no.policy, f"{no.why}{times}", no.point))
    lines += [Line(each.at, "!", "", "conflict", 0, "", each.text) for each in info.clashes]
    return sorted(lines, key=lambda line: line.at)


def _write(write: WriteInfo) -> Line:
    first = write.points[0] if write.points else ""
    points = f"{first} (+{write.count - 1})" if write.count > 1 else first
    return Line(write.at, write.mark, points, write.value, write.priority, write.policy, write.why, first)


def _when(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day:>2} {local:%H:%M}"
