"""8 Energy: the demand now and what it comes to, what was shed for it, what each policy has saved; and how rooms fared.

A saving is drawn with its error or not at all; what is not known is a `?` with its reason, never a zero.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from facility.wire import DemandInfo, EnergyReport, Trend
from tui import text
from tui.canvas import Canvas
from tui.screens.compliance import ComplianceTab
from tui.screens.energy_board import EnergyBoard
from tui.screens.place import Place
from tui.seat import Goto, Press, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import VirtualTable
from tui.widgets.tabs import draw_tabs
from tui.widgets.trend import dots_across

RANGES = (("12 h", timedelta(hours=12)), ("24 h", timedelta(hours=24)), ("7 days", timedelta(days=7)))
REPORT_DAYS = 30
DEMAND_AGAIN = timedelta(seconds=10)
TREND_AGAIN = timedelta(minutes=1)
REPORT_AGAIN = timedelta(minutes=15)
DEMAND, COMPLIANCE = range(2)
TABS = ("Demand and savings", "Compliance")
VERBS = (("next_tab", "time_range", "meter", "open"), ("next_tab", "time_range", "make_anew", "open"))


class EnergyPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = VERBS[DEMAND]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.next_tab(1)", "next tab", show=False, id="energy.next"),
        Binding("shift+tab", "app.next_tab(-1)", "tab before", show=False, id="energy.before"),
    ]

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="energy")
        self.demand: DemandInfo | None = None
        self.report: EnergyReport | None = None
        self.trend: Trend | None = None
        self.trouble: dict[str, str] = {}  # what the agent did not answer, and why
        self.range = 0
        self.drawn = ""  # the point whose trend is drawn; "": the main meter's
        self._asked: dict[str, datetime] = {}
        self.tab = DEMAND
        self._line = Tabs(seat, self)
        self._board = EnergyBoard(seat, self)
        self.compliance = ComplianceTab(seat, self)

    def compose(self) -> ComposeResult:
        yield self._line
        yield self._board
        yield self.compliance

    def on_mount(self) -> None:
        self._turn_to(DEMAND)

    @property
    def doable(self) -> tuple[str, ...]:
        return VERBS[self.tab]

    @property
    def main(self) -> Widget:
        return (self._board, self.compliance.table)[self.tab]

    @property
    def point(self) -> str | None:
        return self.plotted or None if self.tab == DEMAND else None

    @property
    def plotted(self) -> str:
        """The point that is drawn; "" if there is none."""
        return self.drawn or (self.demand.point if self.demand else "")

    @property
    def plotted_name(self) -> str:
        """What it measures."""
        meters = self.demand.meters if self.demand else []
        return next((meter.name for meter in meters if meter.point == self.drawn and self.drawn), "")

    def arrive(self, subject: str) -> None:
        self.show()

    def show(self) -> None:
        self._line.redraw()
        if self.tab == COMPLIANCE:
            self.compliance.show()
            return
        if self.seat.picture.live:
            if self._due("demand", DEMAND_AGAIN):
                self.ask(self.seat.facility.demand(), self._take_demand, about="demand")
            if self._due("energy", REPORT_AGAIN):
                self.ask(self.seat.facility.energy(REPORT_DAYS), self._take_report, about="energy")
            if self.plotted and self._due("trend", TREND_AGAIN):
                self._ask_trend()
        self._board.redraw()

    def step_out(self) -> bool:
        if self.tab == DEMAND:
            return False
        self._turn_to(DEMAND)
        return True

    def next_tab(self, by: int) -> None:
        self._turn_to((self.tab + by) % len(TABS))

    def open(self) -> None:
        """The point that is drawn, with all that is known of it; the points of a space."""
        if self.tab == COMPLIANCE:
            self.compliance.open()
        elif self.plotted:
            self.post_message(self.Go(Goto("point", self.plotted)))

    def make_anew(self) -> None:
        self.compliance.make_anew()

    def time_range(self) -> None:
        if self.tab == COMPLIANCE:
            self.compliance.time_range()
            return
        self.range = (self.range + 1) % len(RANGES)
        self._draw_another()

    def meter(self) -> None:
        """The next meter, the main one after the last."""
        points = ["", *(meter.point for meter in self.demand.meters if meter.point)] if self.demand else [""]
        main = self.demand.point if self.demand else ""
        points = [point for point in points if point != main]
        self.drawn = points[(points.index(self.drawn) + 1) % len(points)] if self.drawn in points else ""
        self._draw_another()

    def failed(self, about: str, trouble: str) -> None:
        if about == "compliance":
            self.compliance.failed(trouble)
            return
        self.trouble[about] = trouble
        self._board.redraw()

    @on(CanvasPane.Opened)
    def _tab_clicked(self, event: CanvasPane.Opened) -> None:
        if event.pane is self._line and isinstance(event.target, Press):
            event.stop()
            self._turn_to(TABS.index(event.target.action))

    @on(VirtualTable.Moved, "#compliance-table")
    def _cursor_moved(self) -> None:
        self.compliance.show()

    @on(VirtualTable.Opened, "#compliance-table")
    def _row_opened(self) -> None:
        self.open()

    def _turn_to(self, tab: int) -> None:
        self.tab = tab
        self._board.display = tab == DEMAND
        self.compliance.display = tab == COMPLIANCE
        if self.is_mounted and self.app.screen is self.screen and self.display:
            self.main.focus()
        self.call_after_refresh(self.show)

    def _draw_another(self) -> None:
        self.trend = None
        self._asked.pop("trend", None)
        self.show()

    def _due(self, what: str, every: timedelta) -> bool:
        now, last = self.seat.picture.now, self._asked.get(what)
        if last is not None and now - last < every:
            return False
        self._asked[what] = now
        return True

    def _ask_trend(self) -> None:
        until = self.seat.picture.now
        since = until - RANGES[self.range][1]
        buckets = dots_across(self._board.plot_width)
        self.ask(self.seat.facility.trend(self.plotted, since, until, buckets), self._take_trend, about="trend")

    def _take_demand(self, demand: DemandInfo) -> None:
        self.demand = demand
        self.trouble.pop("demand", None)
        self.show()

    def _take_report(self, report: EnergyReport) -> None:
        self.report = report
        self.trouble.pop("energy", None)
        self._board.redraw()

    def _take_trend(self, trend: Trend) -> None:
        if trend.point == self.plotted:
            self.trend = trend
            self.trouble.pop("trend", None)
        self._board.redraw()


class Tabs(CanvasPane):
    """Which of the two is in sight, and what the report comes to."""

    def __init__(self, seat: Seat, place: EnergyPlace) -> None:
        super().__init__(seat.ink, id="energy-tabs")
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        place = self._place
        x = draw_tabs(canvas, TABS, place.tab)
        spaces = place.compliance.spaces
        if place.tab == COMPLIANCE and spaces:
            out = sum(bool(space.out) for space in spaces)
            gaps = sum(bool(space.unknown) for space in spaces)
            said = f"{text.count(len(spaces), 'space')}: {out:,} were out, {gaps:,} at times unknown"
            canvas.put(x + 1, 0, said, "muted", width=max(0, canvas.width - x - 2))
