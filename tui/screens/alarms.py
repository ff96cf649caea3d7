"""5 Alarms: by level, then not acknowledged, then newest; what is known of each beneath.

Acknowledging says "I have seen it". It neither silences the device nor ends the alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.geometry import Region

from facility.wire import AlarmInfo, Trend
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable
from tui.widgets.trend import dots_across, draw_trend, spark

COLUMNS = (
    Column(title="Level", width=6),
    Column(title="State", width=5),
    Column(title="Since", width=9, drop=2),
    Column(title="For", width=7, right=True),
    Column(title="Where", width=12, flex=1),
    Column(title="What", width=24, flex=4),
    Column(title="Value", width=11, right=True),
    Column(title="Limit", width=14, drop=3),
    Column(title="Acknowledged", width=16, drop=4),
)
TREND_HOURS = 2
MEANINGS = {
    "out-of-limits": "The value is outside its limits.",
    "state": "The equipment reports an abnormal state.",
    "stale": "No fresh value has come in time; treat it as unknown.",
    "offline": "The device does not answer; its points are unknown.",
    "quarantine": "Nothing at this device is commanded until somebody has looked at it and approved it: 0 Links, v.",
    "fault": "The device says itself that this value cannot be trusted.",
}


class AlarmsPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("open", "acknowledge", "override", "release", "why", "sort")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="alarms")
        self._order: list[str] = []
        self._trend: Trend | None = None
        self._trend_of = ""
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="alarm-table")
        self.summary = AlarmSummary(seat, self)
        self.detail = AlarmDetail(seat, self)

    def compose(self) -> ComposeResult:
        yield self.summary
        yield self.table
        yield self.detail

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def alarm(self) -> str | None:
        return self._order[self.table.cursor] if self._order else None

    @property
    def subject(self) -> str:
        return self.alarm or ""

    @property
    def point(self) -> str | None:
        alarm = self.chosen
        return alarm.about if alarm and alarm.about in self.seat.picture.points else None

    @property
    def chosen(self) -> AlarmInfo | None:
        return self.seat.picture.alarm(self.alarm) if self.alarm else None

    @property
    def trend(self) -> Trend | None:
        return self._trend if self._trend_of == self.alarm else None

    def arrive(self, subject: str) -> None:
        """`subject` is an alarm, or a level whose first alarm is meant."""
        self.sort()
        wanted = next(
            (i for i, key in enumerate(self._order) if key == subject or self._level(key) == subject),
            None,
        )
        if wanted is not None:
            self.table.select(wanted)
        self.show()

    def show(self) -> None:
        standing = {alarm.id for alarm in self.seat.picture.alarms()}
        if standing != set(self._order):
            self._keep_order(standing)
        self.table.poll()
        self.summary.redraw()
        self.detail.redraw()
        self._ask_trend()

    def sort(self) -> None:
        at = self.alarm
        self._order = [alarm.id for alarm in self.seat.picture.alarms()]
        self.table.reset(len(self._order), cursor=self._order.index(at) if at in self._order else 0)

    def open(self) -> None:
        alarm = self.chosen
        if alarm is None:
            return
        if alarm.about in self.seat.picture.points:
            self.post_message(self.Go(Goto("point", alarm.about)))
        else:
            self.post_message(self.Go(Goto("links", alarm.about)))

    @on(VirtualTable.Opened)
    def _row_opened(self) -> None:
        self.open()

    @on(VirtualTable.Moved)
    def _cursor_moved(self) -> None:
        self.detail.redraw()
        self._ask_trend()

    def _level(self, alarm: str) -> str:
        known = self.seat.picture.alarm(alarm)
        return known.severity if known else ""

    def _keep_order(self, standing: set[str]) -> None:
        """New alarms come in at the top, gone ones leave; the row under the cursor stays under it."""
        at = self.alarm
        new = [alarm.id for alarm in self.seat.picture.alarms() if alarm.id not in self._order]
        self._order = new + [key for key in self._order if key in standing]
        self.table.reset(len(self._order), cursor=self._order.index(at) if at in self._order else 0)

    def _ask_trend(self) -> None:
        point, alarm, picture = self.point, self.alarm, self.seat.picture
        if alarm is None or alarm == self._trend_of or not picture.live:
            return
        self._trend_of, self._trend = alarm, None
        if point is None:
            return

        def take(trend: Trend) -> None:
            self._trend = trend
            self.detail.redraw()

        since = picture.now - timedelta(hours=TREND_HOURS)
        across = dots_across(self.app.size.width // 2)
        self.ask(self.seat.facility.trend(point, since, picture.now, across), take, about="trend")

    def _cells(self, number: int) -> Sequence[Run]:
        alarm = self.seat.picture.alarm(self._order[number])
        if alarm is None:
            return [("", "text")] * len(COLUMNS)
        picture = self.seat.picture
        colour = {"LIFE": "crit", "CRIT": "crit", "HIGH": "high", "LOW": "low"}[alarm.severity]
        new = alarm.acknowledged is None
        role = (f"{colour}_fill" if new else colour) if picture.live else "unk"
        who = ""
        if alarm.acknowledged is not None:
            who = f"{alarm.acknowledged_by} {text.when(alarm.acknowledged, picture.now, picture.zone)}"
        return (
            (f" {alarm.severity:<4} ", role),
            (alarm.state, "strong" if new else "muted"),
            (text.when(alarm.since, picture.now, picture.zone), "muted"),
            ("ended" if alarm.ended else text.since(alarm.since, picture.now), "text" if new else "muted"),
            (alarm.where, "strong" if new else "text"),
            (picture.says(alarm), "text"),
            (alarm.value, "text"),
            (alarm.limit, "muted"),
            (who, "muted"),
        )


class AlarmSummary(CanvasPane):
    """How many there are, by state."""

    def __init__(self, seat: Seat, place: AlarmsPlace) -> None:
        super().__init__(seat.ink, id="alarm-summary")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        alarms = self._seat.picture.alarms()
        states = {state: sum(alarm.state == state for alarm in alarms) for state in ("NEW", "ack", "rtn")}
        x = canvas.put(1, 0, f" Active {len(alarms)} ", "nav")
        runs: list[Run] = [
            (f"   {states['NEW']} NEW", "strong" if states["NEW"] else "muted"),
            (f"   {states['ack']} acknowledged", "muted"),
            (f"   {states['rtn']} ended, not acknowledged", "strong" if states["rtn"] else "muted"),
        ]
        canvas.line(x, 0, runs)


class AlarmDetail(CanvasPane):
    """What the alarm under the cursor means, and how it came about."""

    def __init__(self, seat: Seat, place: AlarmsPlace) -> None:
        super().__init__(seat.ink, id="alarm-detail")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        alarm, picture = self._place.chosen, self._seat.picture
        if alarm is None:
            canvas.rule(0, 0, canvas.width)
            canvas.put(1, 1, "No alarm stands." if picture.live else "? no agent: not known", "muted")
            return
        canvas.rule(0, 0, canvas.width, f"{alarm.severity}  {alarm.where}  {alarm.text}", alarm.about)
        two = canvas.width >= 120 and canvas.height >= 10
        width = canvas.width // 2 - 2 if two else canvas.width - 2
        y = 1
        for name, said in self._facts(alarm):
            for i, line in enumerate(wrap(said, width - 14)):
                canvas.put(1, y, name if i == 0 else "", "muted")
                canvas.put(14, y, line)
                y += 1
        trend = self._place.trend
        info = picture.points.get(alarm.about)
        if info is not None and trend is not None and two:
            area = Region(canvas.width // 2, 1, canvas.width // 2, min(14, canvas.height - 1))
            canvas.rule(
                area.x, 1, area.width, f"{info.name}, {TREND_HOURS} h", text.limits(info.limit_low, info.limit_high)
            )
            plot = Region(area.x, 2, area.width, area.height - 1)
            limits = (info.limit_low, info.limit_high)
            draw_trend(canvas, plot, trend, limits=limits, zone=picture.zone, name=lambda v: text.number(v, info.unit))
        elif info is not None and trend is not None and y < canvas.height:
            x = canvas.put(1, y, f"{TREND_HOURS} h", "muted", width=13)
            canvas.put(x, y, spark(trend.buckets, min(48, canvas.width - x - 14)))
            y += 1
        foot = "Acknowledging says “I have seen it”. It does not end the alarm."
        if y + 1 < canvas.height:
            canvas.put(1, canvas.height - 1, foot, "muted", width=canvas.width - 2)

    def _facts(self, alarm: AlarmInfo) -> list[tuple[str, str]]:
        now, zone = self._seat.picture.now, self._seat.picture.zone
        facts = [("Means", MEANINGS.get(alarm.kind, alarm.kind))]
        if alarm.value or alarm.limit:
            facts.append(("Value", " · ".join(part for part in (alarm.value, alarm.limit) if part)))
        ended = f", ended {text.when(alarm.ended, now, zone)}" if alarm.ended else ""
        facts.append(("Since", f"{text.when(alarm.since, now, zone)}, {text.since(alarm.since, now)}{ended}"))
        if alarm.acknowledged is None:
            facts.append(("State", f"{alarm.state}: nobody has acknowledged it. a acknowledges."))
        else:
            by = f"{alarm.acknowledged_by} at {text.when(alarm.acknowledged, now, zone)}"
            facts.append(("State", f"{alarm.state}: acknowledged by {by}"))
        if alarm.about in self._seat.picture.points:
            info = self._seat.picture.points[alarm.about]
            described = f": {info.description}" if info.description not in ("", info.name) else ""
            facts.insert(0, ("Point", f"{info.name}{described} · Enter opens it"))
        else:
            facts.append(("Device", f"{alarm.about} · Enter shows it"))
        return facts
