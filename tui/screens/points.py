"""4 Points: every point, worst first when opened, filtered while typing.

Rows never move under the cursor: an order that has changed is announced, and `S` sorts. A
filter that hides an alarm says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Input

from facility.wire import Trend
from tui import query, text
from tui.canvas import Run
from tui.screens.place import Place
from tui.screens.points_panes import SPARK, TREND_HOURS, Preview, Summary
from tui.seat import Goto, Seat
from tui.widgets.table import Column, VirtualTable

RANKS = {"!!": 0, "!": 1, "?": 2, "H": 3, "i": 4, "": 5}
COLUMNS = (
    Column(title="", width=2),
    Column(title="Point", width=28, flex=3),
    Column(title="Value", width=11, right=True),
    Column(title="Unit", width=6),
    Column(title="Held by", width=12, flex=1, drop=1),
    Column(title="Age", width=7, right=True),
    Column(title="Src", width=4, drop=2),
    Column(title="Space", width=16, drop=3),
    Column(title="Description", width=24, flex=2, drop=5),
    Column(title="Device", width=14, drop=4),
)
SETTLE = 0.15
"""Seconds the cursor rests on a row before its trend is asked for."""
SOURCES = {"cov": "cov", "poll": "poll", "write": "read", "restore": "old"}


class PointsPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = (
        "filter", "open", "override", "release", "why", "read_now", "sort", "copy",
    )  # fmt: skip

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="points")
        self._rows: list[query.Row] = []
        self._catalog = -1
        self._shown: list[query.Row] = []
        self._visible: set[str] | None = None
        self._ranks: dict[str, int] = {}
        self._query = query.parse("")
        self._groups: dict[str, str] = {}
        self._trend: Trend | None = None
        self._trend_of = ""
        self._settling: Timer | None = None
        self.summary = Summary(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="point-table")
        self.preview = Preview(seat, self)
        self.entry = Input(compact=True, placeholder="filter", id="filter")

    def compose(self) -> ComposeResult:
        yield self.summary
        yield self.entry
        yield self.table
        yield self.preview

    def on_mount(self) -> None:
        self.entry.display = False

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def subject(self) -> str:
        return self._query.typed

    @property
    def point(self) -> str | None:
        return self._shown[self.table.cursor].info.id if self._shown else None

    @property
    def typed(self) -> str:
        return self._query.typed

    def visible_points(self) -> set[str]:
        """The points the filter leaves."""
        if self._visible is None:
            self._visible = {row.info.id for row in self._shown}
        return self._visible

    @property
    def counts(self) -> tuple[int, int]:
        """Shown, all."""
        return len(self._shown), len(self._rows)

    @property
    def trend(self) -> Trend | None:
        return self._trend if self._trend_of == self.point else None

    def arrive(self, subject: str) -> None:
        self._take_catalog()
        if subject != self._query.typed or not self._shown:
            self.entry.value, self._query = subject, query.parse(subject)
            self.sort()
        self.entry.display = bool(subject)
        self._settle()

    def show(self) -> None:
        if self._catalog != self.seat.picture.catalog_revision:
            self._take_catalog()
            self._apply(self._query.typed, cursor_on=self.point)
        self.table.poll()
        self.summary.redraw()
        self.preview.redraw()

    def filter(self) -> None:
        self.entry.display = True
        self.entry.focus()

    def open(self) -> None:
        if self.point:
            self.post_message(self.Go(Goto("point", self.point)))

    def sort(self) -> None:
        """Worst first, now; afterwards nothing moves."""
        point = self.point if self._ranks else None
        values, live = self.seat.picture.values, self.seat.picture.live
        self._ranks = ranks = {row.info.id: RANKS[text.sign(values.get(row.info.id), live=live)] for row in self._rows}
        self._rows.sort(key=lambda row: row.info.id)
        self._rows.sort(key=lambda row: ranks[row.info.id])
        self._apply(self._query.typed, cursor_on=point)

    def moved(self) -> int:
        """How many of the first rows in sight would stand elsewhere if they were sorted now."""
        sign, ranks = self.seat.picture.sign, self._ranks
        return sum(RANKS[sign(row.info.id)] != ranks.get(row.info.id) for row in self._shown[:1000])

    def step_out(self) -> bool:
        if not self.entry.display:
            return False
        self.entry.value = ""
        self.entry.display = False
        self._apply("", cursor_on=self.point)
        self.table.focus()
        return True

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._query.typed:
            with self.app.batch_update():
                self._apply(event.value)
                self.summary.redraw()

    @on(Input.Submitted, "#filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.entry.display = bool(event.value)
        self.table.focus()

    @on(VirtualTable.Moved)
    def _cursor_moved(self) -> None:
        self._settle()

    @on(VirtualTable.Opened)
    def _row_opened(self) -> None:
        self.open()

    def _take_catalog(self) -> None:
        picture = self.seat.picture
        if self._catalog == picture.catalog_revision:
            return
        self._catalog = picture.catalog_revision
        known = {row.info.id: row for row in self._rows}
        self._rows = [query.row(picture.points[key]) for key in known if key in picture.points]
        self._rows += [query.row(info) for key, info in picture.points.items() if key not in known]
        spaces = picture.overview.spaces if picture.overview else []
        self._groups = query.groups([(space.id, space.group) for space in spaces])

    def _apply(self, typed: str, *, cursor_on: str | None = None) -> None:
        picture, wanted = self.seat.picture, query.parse(typed)
        moment = query.Moment(picture.values, picture.now, self._groups, picture.live)
        among = self._shown if wanted.narrows(self._query) and cursor_on is None and self._query.typed else self._rows
        self._query = wanted
        self._shown, self._visible = wanted.sift(among, moment), None
        cursor = next((i for i, row in enumerate(self._shown) if row.info.id == cursor_on), 0) if cursor_on else 0
        self.table.reset(len(self._shown), cursor=cursor)
        self._settle()
        self.preview.redraw()

    def _settle(self) -> None:
        """Asks for the trend once the cursor rests."""
        self.preview.redraw()
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE, self._ask_trend)

    def _ask_trend(self) -> None:
        point, picture = self.point, self.seat.picture
        if point is None or not picture.live or point == self._trend_of:
            return
        self._trend_of, self._trend = point, None

        def take(trend: Trend) -> None:
            self._trend = trend
            self.preview.redraw()

        from_then = picture.now - timedelta(hours=TREND_HOURS)
        self.ask(self.seat.facility.trend(point, from_then, picture.now, SPARK), take, about="trend")

    def _cells(self, number: int) -> Sequence[Run]:
        info, picture = self._shown[number].info, self.seat.picture
        reading = picture.values.get(info.id)
        mark = text.sign(reading, live=picture.live)
        role = text.role_of(mark)
        held = reading.held if reading else ""
        age = text.age((picture.now - reading.time).total_seconds()) if reading else "never"
        return (
            (mark, role),
            (info.id, "text" if info.present else "muted"),
            (text.in_table(info, reading), role),
            (info.unit, "muted"),
            (held, "hand" if text.slot_of(held) == text.OPERATOR_SLOT else "muted"),
            (age, "unk" if mark == "?" else "muted"),
            (SOURCES[reading.source] if reading else "", "muted"),
            (info.space_name, "muted"),
            (info.description or info.name, "muted"),
            (info.device, "muted"),
        )
