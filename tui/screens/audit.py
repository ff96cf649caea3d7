"""g a Audit: what was done, newest first; one record in full beneath. `V` has the agent check the whole chain.

Opened from a point it shows that point only; opened once more, everything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from facility.wire import AuditCheck, Record
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

COLUMNS = (
    Column(title="Time", width=9),
    Column(title="Who", width=9, flex=1),
    Column(title="As", width=8, drop=3),
    Column(title="Did", width=11),
    Column(title="To", width=20, flex=3),
    Column(title="Old", width=6, right=True, drop=4),
    Column(title="New", width=6, right=True),
    Column(title="Result", width=20, flex=3),
    Column(title="Reason", width=16, flex=2, drop=2),
    Column(title="Seq", width=7, right=True, drop=1),
)
MOST = 200
ASK_AGAIN = timedelta(seconds=5)
A_DAY = timedelta(hours=20)  # older than this an hour alone would be taken for today's
DIGITS = 16  # of a hash that are shown


class AuditPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("open", "verify")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="audit")
        self._records: list[Record] = []
        self._asked: datetime | None = None
        self.target = ""
        self.check: AuditCheck | None = None
        self.checking = False
        self.trouble = ""
        self.summary = AuditSummary(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="audit-table")
        self.detail = RecordDetail(seat, self)

    def compose(self) -> ComposeResult:
        yield self.summary
        yield self.table
        yield self.detail

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def subject(self) -> str:
        return self.target

    @property
    def chosen(self) -> Record | None:
        return self._records[self.table.cursor] if self._records else None

    @property
    def count(self) -> int:
        return len(self._records)

    def arrive(self, subject: str) -> None:
        """`subject` is what the records are about; all of them without."""
        if subject != self.target:
            self.target = subject
            self._put([])
        self._ask()
        self.show()

    def show(self) -> None:
        if self._asked is None or self.seat.picture.now - self._asked > ASK_AGAIN:
            self._ask()
        self.summary.redraw()
        self.table.poll()
        self.detail.redraw()

    def open(self) -> None:
        record, picture = self.chosen, self.seat.picture
        if record is None:
            return
        if record.target in picture.points:
            self.post_message(self.Go(Goto("point", record.target)))
        elif picture.alarm(record.target) is not None:
            self.post_message(self.Go(Goto("alarms", record.target)))

    def verify(self) -> None:
        """Reads all of the audit, in the agent."""
        if not self.checking:
            self.checking = True
            self.ask(self.seat.facility.audit_check(), self._take_check, about="audit check")
            self.summary.redraw()

    def failed(self, about: str, trouble: str) -> None:
        if about == "audit check":
            self.checking = False
        else:
            self.trouble = trouble
        super().failed(about, trouble)
        self.summary.redraw()

    @on(VirtualTable.Opened)
    def _row_opened(self) -> None:
        self.open()

    @on(VirtualTable.Moved)
    def _cursor_moved(self) -> None:
        self.detail.redraw()

    def _ask(self) -> None:
        if self.seat.picture.live:
            self._asked = self.seat.picture.now
            self.ask(self.seat.facility.audit(self.target or None, MOST), self._take, about="audit")

    def _take(self, records: list[Record]) -> None:
        self.trouble = ""
        self._put(records)
        self.summary.redraw()
        self.detail.redraw()

    def _put(self, records: list[Record]) -> None:
        """Other records, the cursor on the one that it was on."""
        if records == self._records:
            return
        at = self.chosen.seq if self.chosen else 0
        at_top = self.table.cursor == 0
        self._records = records
        places = {record.seq: row for row, record in enumerate(records)}
        self.table.reset(len(records), cursor=0 if at_top else places.get(at, 0))

    def _take_check(self, check: AuditCheck) -> None:
        self.check, self.checking = check, False
        self.summary.redraw()

    def _cells(self, number: int) -> Sequence[Run]:
        record, picture = self._records[number], self.seat.picture
        recent = abs(picture.now - record.time) < A_DAY
        at = (
            text.clock(record.time, picture.zone, seconds=True)
            if recent
            else text.when(record.time, picture.now, picture.zone)
        )
        refused = record.action == "refused" or record.result.startswith(("refused", "failed", "mismatch"))
        return (
            (at, "muted"),
            (_who(record), "text"),
            (_role(record), "muted"),
            (record.action, "text"),
            (record.target, "text"),
            (_bare(record.found), "muted"),
            (_bare(record.value), "text"),
            (record.result, "high" if refused else "text"),
            (record.reason, "muted"),
            (str(record.seq), "muted"),
        )


class AuditSummary(CanvasPane):
    """What is listed, and whether all of it is as it was written."""

    def __init__(self, seat: Seat, place: AuditPlace) -> None:
        super().__init__(seat.ink, id="audit-summary")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        place = self._place
        what = place.target or "everything"
        if place.trouble:
            canvas.put(1, 0, text.sentence(place.trouble), "unk", width=canvas.width - 2)
            return
        x = canvas.put(1, 0, what, "strong") + 2
        x = canvas.put(x, 0, f"newest {place.count}" if place.count else "no records", "muted") + 2
        said, role = self._chain()
        canvas.put(x, 0, said, role, width=max(1, canvas.width - x - 1))

    def _chain(self) -> tuple[str, str]:
        check = self._place.check
        if self._place.checking:
            return "checking the whole audit …", "muted"
        if check is None:
            return "V checks that nothing was changed", "muted"
        at = text.clock(check.at, self._seat.picture.zone)
        return f"{at} {check.says}", "crit" if check.faults else "text"


class RecordDetail(CanvasPane):
    """The record under the cursor, all of it."""

    def __init__(self, seat: Seat, place: AuditPlace) -> None:
        super().__init__(seat.ink, id="record-detail")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        record = self._place.chosen
        if record is None:
            canvas.rule(0, 0, canvas.width, "No record")
            return
        head = f"{record.seq} {_who(record)} {record.action} {record.target}"
        canvas.rule(0, 0, canvas.width, head, "Enter shows it")
        y = 1
        for name, said in self._lines(record):
            lines = wrap(said, canvas.width - 14) if said else []
            if not lines or y >= canvas.height:
                continue
            canvas.put(2, y, name, "muted", width=10)
            for line in lines[: 2 if name in ("result", "reason") else 1]:
                canvas.put(13, y, line, width=canvas.width - 14)
                y += 1

    def _lines(self, record: Record) -> list[tuple[str, str]]:
        zone = self._seat.picture.zone
        there = record.time.astimezone(zone)
        slot = f"slot {record.priority}: " if record.priority else ""
        change = f"{slot}{_bare(record.found) or 'not known'} → {_bare(record.value) or 'nothing'}"
        return [
            ("when", f"{there:%Y-%m-%d %H:%M:%S.%f} {there:%z}"),
            ("from", " · ".join(part for part in (record.by, record.role, record.origin) if part)),
            ("changed", change if record.found or record.value else ""),
            ("result", record.result),
            ("reason", record.reason),
            ("rule", record.rule),
            ("hash", f"{record.hash[:DIGITS]}  before it {record.previous[:DIGITS]}" if record.hash else ""),
        ]


def _who(record: Record) -> str:
    return record.by.removeprefix("user:").removeprefix("policy:")


def _role(record: Record) -> str:
    return record.role or record.by.partition(":")[0].replace("user", "")


def _bare(value: str) -> str:
    """A recorded value without what JSON puts around text."""
    try:
        plain = json.loads(value) if value else ""
    except ValueError:
        return value
    return plain if isinstance(plain, str) else value
