"""Point detail: the value with its quality and age, who holds it, its trend, its slots, why it is so.

The cursor walks down the chain of causes; Enter goes where the cause is: an alarm, a schedule, a device, a command.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.geometry import Region

from facility.wire import PointDetail, PointInfo, Trend, ValueInfo, Why
from tui import text
from tui.canvas import Canvas, wrap
from tui.screens.causes import PLACES, Cause, chain_rows, draw_chain
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.trend import dots_across, draw_trend

RANGES = (
    ("1 h", timedelta(hours=1)), ("4 h", timedelta(hours=4)), ("12 h", timedelta(hours=12)),
    ("24 h", timedelta(hours=24)), ("7 days", timedelta(days=7)),
)  # fmt: skip
AT_FIRST = 2
ASK_AGAIN = timedelta(seconds=15)
"""How old slots, reasons and trend may get on a screen that is looked at."""
TWO_COLUMNS = 120
SIDE = 44
SLOT_ROWS = 16
CHAIN_ROWS = 7
"""Of the chain of causes under a trend on a narrow screen; `w` shows all of it."""


def _range_of(trend: Trend) -> int:
    """The shortest range that shows all that is known in the trend; the longest where nothing is."""
    known = next((bucket.start for bucket in trend.buckets if bucket.mean is not None), None)
    if known is None:
        return len(RANGES)
    return next(i for i, (_, length) in enumerate(RANGES) if trend.until - known <= length)


class PointPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = (
        "open", "override", "release", "why", "time_range", "slots", "read_now", "copy",
    )  # fmt: skip

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="point")
        self._point = ""
        self._asked: datetime | None = None
        self.detail: PointDetail | None = None
        self.trend: Trend | None = None
        self.trouble = ""
        self.range = AT_FIRST
        self._chosen = False  # by a person, with `t`
        self.all_slots = False
        self.chain = False  # all of it, and no trend where there is not room for both
        self._sheet = Sheet(seat, self)

    def compose(self) -> ComposeResult:
        yield self._sheet

    @property
    def main(self) -> CanvasPane:
        return self._sheet

    @property
    def point(self) -> str | None:
        return self._point or None

    @property
    def subject(self) -> str:
        return self._point

    def arrive(self, subject: str) -> None:
        if subject and subject != self._point:
            self._point, self.detail, self.trend, self.trouble = subject, None, None, ""
            self.chain = False
            if not self._chosen:
                self.range = AT_FIRST
        self.refresh_from_agent()
        self._sheet.redraw()

    def show(self) -> None:
        now = self.seat.picture.now
        if self._asked is None or now - self._asked > ASK_AGAIN:
            self.refresh_from_agent()
        self._sheet.redraw()

    def failed(self, about: str, trouble: str) -> None:
        self.trouble = trouble
        self._sheet.redraw()

    def time_range(self) -> None:
        self.range, self._chosen = (self.range + 1) % len(RANGES), True
        self.trend, self.all_slots, self.chain = None, False, False
        self.refresh_from_agent()
        self._sheet.redraw()

    def slots(self) -> None:
        self.all_slots = not self.all_slots
        self._sheet.redraw()

    def why(self) -> None:
        """All of the chain, asked for afresh; `t` brings the trend back."""
        self.all_slots, self.chain = False, True
        if self.detail is not None:  # else it has just been asked for
            self.refresh_from_agent()
        self._sheet.redraw()

    def open(self) -> None:
        """Follows the cause under the cursor."""
        if isinstance(self._sheet.target, Cause):
            self._follow(self._sheet.target)

    @on(CanvasPane.Opened)
    def _clicked(self, event: CanvasPane.Opened) -> None:
        if isinstance(event.target, Cause):
            event.stop()
            self._follow(event.target)

    def _follow(self, cause: Cause) -> None:
        kind, _, key = cause.target.partition(":")
        if kind in PLACES and (kind, key) != ("point", self._point):
            self.post_message(self.Go(Goto(PLACES[kind], key)))
        elif kind == "slots":
            self.slots()
        elif kind == "record":
            self.seat.say(self._recorded(key))
        else:
            self.seat.say("that is what this screen shows")

    def _recorded(self, entry: str) -> str:
        records = self.detail.records if self.detail else []
        for record in records:
            if str(record.seq) == entry:
                at = text.clock(record.time, self.seat.picture.zone, seconds=True)
                return f"audit {entry}: {at} {record.by} {record.action} {record.value}: {record.result}"
        return f"facility audit show {entry} tells it"

    def refresh_from_agent(self) -> None:
        picture = self.seat.picture
        if not self._point or not picture.live:
            return
        self._asked = now = picture.now
        self.ask(self.seat.facility.detail(self._point), self._take_detail, about="detail")
        width = self.app.size.width  # this place may not have been laid out yet
        across = dots_across(width - SIDE - 1 if width >= TWO_COLUMNS else width)
        since = now - RANGES[self.range][1]
        self.ask(self.seat.facility.trend(self._point, since, now, across), self._take_trend, about="trend")

    def _take_detail(self, detail: PointDetail) -> None:
        if detail.info.id == self._point:
            self.detail, self.trouble = detail, ""
            self._sheet.redraw()

    def _take_trend(self, trend: Trend) -> None:
        if trend.point != self._point:
            return
        fitting = _range_of(trend)
        if not self._chosen and fitting < self.range:  # an agent that is new here: no use in showing hours of nothing
            self.range = fitting
            self.refresh_from_agent()
            return
        self.trend = trend
        self._sheet.redraw()


class Sheet(CanvasPane, can_focus=True):
    """All of one point."""

    def __init__(self, seat: Seat, place: PointPlace) -> None:
        super().__init__(seat.ink, id="sheet")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        point, picture = self._place.point, self._seat.picture
        info = picture.points.get(point) if point else None
        if info is None:
            canvas.put(1, 1, f"No point {point}. Esc goes back." if point else "No point chosen. 4 lists all.", "muted")
            return
        reading = picture.values.get(info.id)
        canvas.line(1, 0, [(f"{info.space_name or info.device} · {info.name}", "title")], width=canvas.width - 4)
        if len(info.id) + len(info.name) + len(info.space_name) + 6 < canvas.width:
            canvas.put(canvas.width - len(info.id) - 1, 0, info.id, "muted")
        self._value(canvas, info, reading)
        if canvas.width >= TWO_COLUMNS:
            self._two_columns(canvas, info)
        else:
            self._one_column(canvas, info)

    def _value(self, canvas: Canvas, info: PointInfo, reading: ValueInfo | None) -> None:
        """The value, who holds it, how old it is. An unknown one shows the last known as what it is."""
        picture = self._seat.picture
        now, zone = picture.now, picture.zone
        mark = picture.sign(info.id)
        fill = {"crit": "crit_fill", "high": "high_fill", "unk": "unk_fill", "hand": "hand_fill"}
        role = fill.get(text.role_of(mark), "strong")
        if reading is None:
            canvas.line(1, 1, [(" ? ", "unk_fill"), (" never read", "unk")])
            return
        if text.known(reading) and picture.live:
            x = canvas.put(1, 1, f" {mark}{' ' if mark else ''}{text.worded(info, reading.value)} ", role)
            said = f"{text.age((now - reading.time).total_seconds())} old, {reading.source}"
        else:
            last = text.worded(info, reading.value) if reading.value is not None else "nothing"
            x = canvas.put(1, 1, " ? ", "unk_fill")
            word = text.quality(reading, now) if picture.live else "no agent"
            said = f"{word} · last {last} at {text.clock(reading.time, zone)}"
        if reading.quality == "uncertain" and picture.live:
            said = f"{text.quality(reading, now)} · {said}"
        held = self._held(info, reading)
        state = (said, "unk" if mark == "?" else "muted")
        hand = (f"held by slot {reading.held}{held}", "hand")
        if not reading.held:
            runs = [state]
        else:  # what is doubtful is said first: the line may be too short for both
            runs = [state, (" · ", "muted"), hand] if mark == "?" else [hand, (" · ", "muted"), state]
        x = canvas.line(x + 1, 1, runs)
        if canvas.width >= TWO_COLUMNS:
            flags = f"flags {text.flags(reading.flags)}"
            access = "monitor only" if info.access == "monitor-only" else "commandable"
            right = f"{info.object} · {info.device} · {access} · {flags}"
            if x + len(right) + 3 < canvas.width:
                canvas.put(canvas.width - len(right) - 1, 1, right, "muted")

    def _held(self, info: PointInfo, reading: ValueInfo) -> str:
        overview = self._seat.picture.overview
        for hold in overview.holds if overview else ():
            if hold.point == info.id and hold.priority == text.slot_of(reading.held):
                now, zone = self._seat.picture.now, self._seat.picture.zone
                if hold.overdue:
                    return f" · {text.end_of(hold, now, zone)}: {hold.overdue}"
                left = text.age((hold.until - now).total_seconds())
                return f" · ends {text.when(hold.until, now, zone)} ({left})"
        return ""

    def _one_column(self, canvas: Canvas, info: PointInfo) -> None:
        detail, width = self._place.detail, canvas.width
        if self._place.all_slots:
            self._all_slots(canvas, 0, 2, width)
            return
        needed = chain_rows(self._why(), width)
        if self._place.chain:
            rows, y = max(1, min(needed, canvas.height - 5)), 2
        else:
            rows = min(CHAIN_ROWS, max(1, needed))
            plot = max(5, canvas.height - 3 - (2 + rows + 1 + 3))
            self._trend(canvas, info, Region(0, 2, width, plot + 1))
            y = 3 + plot
        canvas.rule(0, y, width, "Slots", "p all 16")
        canvas.put(1, y + 1, self._slots_line(), "text" if detail and detail.slots else "muted", width=width - 2)
        y = self._chain(canvas, 0, y + 2, width, rows)
        self._records(canvas, 0, y, width, canvas.height - y)

    def _two_columns(self, canvas: Canvas, info: PointInfo) -> None:
        left = canvas.width - SIDE - 1
        shown = max(1, chain_rows(self._why(), left))
        plot = max(SLOT_ROWS, canvas.height - 2 - 1 - shown - 2 - 8)
        self._trend(canvas, info, Region(0, 2, left, plot + 2))
        self._all_slots(canvas, left + 1, 2, SIDE)
        y = self._chain(canvas, 0, plot + 5, left, shown)
        self._records(canvas, 0, y + 1, left, canvas.height - y - 1)
        self._facts(canvas, left + 1, SLOT_ROWS + 6, info)

    def _trend(self, canvas: Canvas, info: PointInfo, area: Region) -> None:
        ranges = " ".join(name for name, _ in RANGES)
        name = RANGES[self._place.range][0]
        note = f"t {ranges}" if area.width >= TWO_COLUMNS // 2 else "t range"
        canvas.rule(area.x, area.y, area.width, f"last {name}{f', {info.unit}' if info.unit else ''}", note)
        trend = self._place.trend
        if trend is None:
            canvas.put(area.x + 9, area.y + 2, self._place.trouble or "asking the history ...", "muted")
            return
        states = info.kind in ("binary", "multistate")
        draw_trend(
            canvas,
            Region(area.x, area.y + 1, area.width, area.height - 1),
            trend,
            limits=() if states else (info.limit_low, info.limit_high),
            zone=self._seat.picture.zone,
            name=lambda value: text.bare(info, round(value)) if states else text.number(value, info.unit),
            steps=states,
        )

    def _slots_line(self) -> str:
        detail = self._place.detail
        if detail is None:
            return self._place.trouble or "reading the slots ..."
        if detail.slots is None:
            return detail.slots_error or "no priority array: a write would be permanent"
        return text.slot_line(detail.slots, detail.winner, detail.relinquish_default)

    def _all_slots(self, canvas: Canvas, x: int, y: int, width: int) -> None:
        detail = self._place.detail
        canvas.rule(x, y, width, "Priority array", "p one line" if x == 0 else "")
        if detail is None or detail.slots is None:
            for line in wrap(self._slots_line(), width - 2):
                y += 1
                canvas.put(x + 1, y, line, "muted")
            return
        by_number = {slot.priority: slot for slot in detail.slots}
        for number, name in enumerate(text.SLOT_NAMES, 1):
            slot = by_number.get(number)
            value = slot.value if slot else ""
            wins = number == detail.winner
            role = ("hand_fill" if number == text.OPERATOR_SLOT else "strong") if wins else "text" if value else "faint"
            row = f"{number:>2} {name:<20} {value or '·':>9} {slot.by if slot and value else ''}"
            canvas.put(x + 1, y + number, row, role, width=width - 4)
            canvas.put(x + width - 3, y + number, " ◄" if wins else "  ", role)
        y += SLOT_ROWS + 1
        canvas.put(
            x + 1, y, f"RD relinquish default      {detail.relinquish_default or '?':>6}", "muted", width=width - 2
        )
        canvas.put(x + 1, y + 1, "◄ wins. This agent never writes 1-7.", "muted", width=width - 2)

    def _why(self) -> Why | None:
        return self._place.detail.why if self._place.detail else None

    def _chain(self, canvas: Canvas, x: int, y: int, width: int, rows: int) -> int:
        detail = self._place.detail
        source, trouble = (detail.source, "") if detail else ("", self._place.trouble or "asking ...")
        return draw_chain(canvas, Region(x, y, width, rows), self._why(), source=source, trouble=trouble)

    def _records(self, canvas: Canvas, x: int, y: int, width: int, rows: int) -> None:
        detail = self._place.detail
        if rows < 2:
            return
        canvas.rule(x, y, width, "What happened", "commands, newest first")
        now, zone = self._seat.picture.now, self._seat.picture.zone
        for record in detail.records[: rows - 1] if detail else ():
            y += 1
            what = " ".join(part for part in (record.action, record.value) if part)
            slot = f" at slot {record.priority}" if record.priority else ""
            end = canvas.put(x + 1, y, text.when(record.time, now, zone), "muted", width=10)
            end = canvas.put(end + 1, y, record.by, width=14)
            end = canvas.put(end + 1, y, f"{what}{slot}", width=26)
            canvas.line(
                end + 1, y, [(record.result, "text"), (f"  {record.reason}", "muted")], width=x + width - end - 2
            )
        if detail and not detail.records:
            canvas.put(x + 1, y + 1, "Nobody has commanded this point.", "muted")

    def _facts(self, canvas: Canvas, x: int, y: int, info: PointInfo) -> None:
        if y + 2 > canvas.height:
            return
        canvas.rule(x, y, SIDE, "Facts")
        limits = text.limits(info.limit_low, info.limit_high, info.unit)
        facts = (
            ("class", f"{info.point_class} ({info.confidence:.0%})"),
            ("safety", info.safety),
            ("limits", limits or "none"),
            ("space", info.space_name or "-"),
            ("equipment", info.equipment or "-"),
            ("says", info.description or "-"),
            ("MQTT", info.topic or "not mirrored"),
        )
        for row, (name, value) in enumerate(facts, 1):
            canvas.put(x + 1, y + row, name, "muted", width=10)
            canvas.put(x + 11, y + row, value, width=SIDE - 12)
