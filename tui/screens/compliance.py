"""The Compliance tab of Energy: for how long every space was in range, out of it and not known, the worst first.

The agent needs seconds for the report: it is asked for once, for the longest range, which has the shorter ones in it;
`R` has it made anew. What is shown says until when it speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from textual.app import ComposeResult
from textual.containers import Vertical

from facility.wire import ComplianceReport
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.minutes import INSIDE, OUT, UNKNOWN, SpaceMinutes, minutes, worst_first
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

if TYPE_CHECKING:
    from tui.screens.energy import EnergyPlace

RANGES = (1, 7, 30)
LONGEST = max(RANGES)
COLUMNS = (
    Column(title="", width=1),
    Column(title="Space", width=20, flex=2),
    Column(title="Type", width=18, flex=1, drop=1),
    Column(title="Critical", width=8),
    Column(title="In range", width=9, right=True),
    Column(title="Out", width=8, right=True),
    Column(title="Unknown", width=8, right=True),
    Column(title="Share in", width=9, right=True),
)
SIGN_ROLES = {OUT: "high", UNKNOWN: "unk"}
WORST_DAYS = 4
NO_SPACES = "No space is counted: none has a point that the profile of its type limits. facility profiles shows them."
NOTHING_YET = "Nothing is counted of this time yet: its first quarter of an hour is not over. t shows more days."


class ComplianceTab(Vertical):
    """The report as it was made last, and the space under the cursor."""

    def __init__(self, seat: Seat, place: EnergyPlace) -> None:
        super().__init__(id="tab-compliance")
        self._seat, self._place = seat, place
        self.report: ComplianceReport | None = None
        self.trouble = ""
        self.waiting = False
        self.range = RANGES.index(LONGEST)
        self.spaces: list[SpaceMinutes] = []
        self._asked = False
        self._heading = Heading(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="compliance-table")
        self._detail = Detail(seat, self)

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self.table
        yield self._detail

    @property
    def days(self) -> int:
        """How many, the day of the report included."""
        return RANGES[self.range]

    @property
    def first(self) -> date:
        """The first day in sight."""
        return self._local_first() + timedelta(days=LONGEST - self.days)

    @property
    def chosen(self) -> SpaceMinutes | None:
        return self.spaces[self.table.cursor] if 0 <= self.table.cursor < len(self.spaces) else None

    def show(self) -> None:
        """Asks if nobody has yet, and draws."""
        if not self._seat.picture.live:
            self._asked = self.report is not None  # who was cut off asks when the agent is back
        elif not self._asked and not self.waiting:
            self._ask()
        self._heading.set_class(not self.spaces, "-empty")
        self.table.poll()
        self._heading.redraw()
        self._detail.redraw()

    def make_anew(self) -> None:
        if self.waiting:
            self._seat.say("the report is being made; it comes by itself")
        elif not self._seat.picture.live:
            self._seat.say("no agent: nothing was asked")
        else:
            self._ask()
            self.show()

    def time_range(self) -> None:
        self.range = (self.range + 1) % len(RANGES)
        self._sum_up()

    def open(self) -> None:
        """The points of the chosen space."""
        if self.chosen is not None:
            self._place.post_message(self._place.Go(Goto("points", f"space:{self.chosen.about.space}")))

    def failed(self, trouble: str) -> None:
        """The agent said no; a report from before stays, with its time."""
        self.waiting, self.trouble = False, trouble
        self.show()

    def message(self) -> tuple[str, str]:
        """What is said where there are no rows, and its role."""
        if self.report is not None:
            return (NOTHING_YET if self.report.days else NO_SPACES), "text"
        if not self._seat.picture.live:
            return "? not known: the agent is lost", "unk"
        if self.trouble:
            return f"{text.sentence(self.trouble)} R asks again.", "unk"
        return f"The report of {LONGEST} days is being made. That may take some seconds; the rest goes on.", "muted"

    def _ask(self) -> None:
        self._asked = self.waiting = True
        self.trouble = ""
        self._place.ask(self._seat.facility.compliance_report(LONGEST), self._take, about="compliance")

    def _take(self, report: ComplianceReport) -> None:
        self.report, self.waiting, self.trouble = report, False, ""
        self._sum_up()

    def _sum_up(self) -> None:
        """The cursor stays with its space."""
        chosen = self.chosen.about.space if self.chosen else ""
        self.spaces = worst_first(self.report, self.first) if self.report else []
        names = [space.about.space for space in self.spaces]
        self.table.reset(len(names), cursor=names.index(chosen) if chosen in names else 0)
        self.show()

    def _local_first(self) -> date:
        """The first day of the whole report."""
        report, picture = self.report, self._seat.picture
        if report is None:
            return picture.now.astimezone(picture.zone).date()
        return report.since.astimezone(ZoneInfo(report.zone)).date()

    def _cells(self, number: int) -> Sequence[Run]:
        space = self.spaces[number]
        return (
            (space.sign, SIGN_ROLES.get(space.sign, "text")),
            (space.about.name or space.about.space, "text"),
            (space.about.type.replace("_", " "), "muted"),
            ("critical" if space.about.critical else "", "strong"),
            (minutes(space.in_range), "text"),
            (minutes(space.out), "high" if space.out else "muted"),
            (minutes(space.unknown), "unk" if space.unknown else "muted"),
            (space.share_in, "strong" if space.is_known else "unk"),
        )


class Heading(CanvasPane):
    """Of which time it speaks; why there are no rows, if there are none."""

    def __init__(self, seat: Seat, tab: ComplianceTab) -> None:
        super().__init__(seat.ink, id="compliance-heading")
        self._seat, self._tab = seat, tab

    def draw(self, canvas: Canvas) -> None:
        tab, picture = self._tab, self._seat.picture
        title = text.count(tab.days, "day")
        if tab.report is not None:
            until = text.when(tab.report.until, picture.now, picture.zone)
            title = f"Minutes in {title}, {_date(tab.first)} until {until}"
        note = "t range · R anew"
        if tab.waiting and tab.report is not None:
            note = "being made anew ..."
        canvas.rule(0, 0, canvas.width, title, note)
        if not tab.spaces:
            said, role = tab.message()
            for y, line in enumerate(wrap(said, canvas.width - 2), 1):
                canvas.put(1, y, line, role)


class Detail(CanvasPane):
    """The chosen space day by day, and what is to be known of the report."""

    def __init__(self, seat: Seat, tab: ComplianceTab) -> None:
        super().__init__(seat.ink, id="compliance-detail")
        self._tab = tab

    def draw(self, canvas: Canvas) -> None:
        tab, space = self._tab, self._tab.chosen
        if tab.report is None or space is None:
            return
        about, width = space.about, canvas.width - 2
        name = f"{about.name or about.space}: {about.type.replace('_', ' ')}{', critical' if about.critical else ''}"
        canvas.rule(0, 0, canvas.width, name, f"a day: {OUT} out  {UNKNOWN} unknown  {INSIDE} in range")
        self._strip(canvas, space)
        shares = space.shares if space.is_known else "? nothing was known of it in all this time"
        canvas.put(1, 2, shares, "text" if space.is_known else "unk", width=width)
        y = 3
        for kind, role in (("out", "high"), ("unknown", "unk")):
            days = [f"{_date(day)} {minutes(number)} min" for day, number in space.most(kind, WORST_DAYS)]
            if days:
                canvas.put(1, y, f"Most {kind}: {', '.join(days)}", role, width=width)
                y += 1
        lines = [(line, "muted") for note in tab.report.notes for line in wrap(note, width)]
        if tab.trouble:
            lines.insert(0, (f"Not made anew: {tab.trouble}", "unk"))
        for row, (line, role) in enumerate(lines[: canvas.height - y], y):
            canvas.put(1, row, line, role, width=width)

    def _strip(self, canvas: Canvas, space: SpaceMinutes) -> None:
        tab = self._tab
        x = canvas.put(1, 1, f"{_date(tab.first)}  ", "muted")
        for sign in space.strip(tab.first, tab.days):
            x = canvas.put(x, 1, sign, SIGN_ROLES.get(sign, "text"))
        if tab.days > 1:
            canvas.put(x + 2, 1, _date(tab.first + timedelta(days=tab.days - 1)), "muted")


def _date(day: date) -> str:
    return f"{day.day} {day:%b}"
