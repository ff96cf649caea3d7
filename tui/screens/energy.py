"""8 Energy: the demand now and what it comes to, what was shed for it, what each policy has saved.

A saving is drawn with its error or not at all; what is not known is a `?` with its reason, never a zero.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from textual.app import ComposeResult

from facility.wire import DemandInfo, EnergyReport, Trend
from tui.screens.energy_board import EnergyBoard
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.trend import dots_across

RANGES = (("12 h", timedelta(hours=12)), ("24 h", timedelta(hours=24)), ("7 days", timedelta(days=7)))
REPORT_DAYS = 30
DEMAND_AGAIN = timedelta(seconds=10)
TREND_AGAIN = timedelta(minutes=1)
REPORT_AGAIN = timedelta(minutes=15)


class EnergyPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("time_range", "meter", "open")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="energy")
        self.demand: DemandInfo | None = None
        self.report: EnergyReport | None = None
        self.trend: Trend | None = None
        self.trouble: dict[str, str] = {}  # what the agent did not answer, and why
        self.range = 0
        self.drawn = ""  # the point whose trend is drawn; "": the main meter's
        self._asked: dict[str, datetime] = {}
        self._board = EnergyBoard(seat, self)

    def compose(self) -> ComposeResult:
        yield self._board

    @property
    def main(self) -> CanvasPane:
        return self._board

    @property
    def point(self) -> str | None:
        return self.plotted or None

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
        if self.seat.picture.live:
            if self._due("demand", DEMAND_AGAIN):
                self.ask(self.seat.facility.demand(), self._take_demand, about="demand")
            if self._due("energy", REPORT_AGAIN):
                self.ask(self.seat.facility.energy(REPORT_DAYS), self._take_report, about="energy")
            if self.plotted and self._due("trend", TREND_AGAIN):
                self._ask_trend()
        self._board.redraw()

    def open(self) -> None:
        """The point that is drawn, with all that is known of it."""
        if self.plotted:
            self.post_message(self.Go(Goto("point", self.plotted)))

    def time_range(self) -> None:
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
        self.trouble[about] = trouble
        self._board.redraw()

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
