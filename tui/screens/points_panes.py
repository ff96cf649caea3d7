"""Above and below the table of points: the counts and what a filter hides, the point under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import text
from tui.canvas import Canvas, Run
from tui.seat import Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.trend import spark

if TYPE_CHECKING:
    from tui.screens.points import PointsPlace

SPARK = 48
TREND_HOURS = 12


class Summary(CanvasPane):
    """How many there are, how many are out or unknown, what the filter hides."""

    def __init__(self, seat: Seat, place: PointsPlace) -> None:
        super().__init__(seat.ink, id="points-summary")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        shown, total = self._place.counts
        overview = self._seat.picture.overview
        runs: list[Run] = [(" ", "text")]
        if self._place.typed:
            runs += [("filter ", "muted"), (self._place.typed, "high"), (f"   {shown:,} of {total:,}", "strong")]
            runs += [("   Esc clears", "muted"), *self._hidden()]
        elif overview is not None:
            runs.append((f"{total:,} points", "strong"))
            for name in ("out", "unknown"):
                count = overview.points.get(name, 0)
                role = {"out": "high", "unknown": "unk"}[name] if count else "muted"
                runs += [("   ", "text"), (f"{name} {count:,}", role)]
            runs += [("   ", "text"), (f"held {len(overview.holds)}", "hand" if overview.holds else "muted")]
            moved = self._place.moved()
            order = f"   {moved} moved, S sorts" if moved else "   sorted by worst first"
            runs.append((order, "muted"))
        canvas.line(0, 0, runs)

    def _hidden(self) -> list[Run]:
        """A filter must not hide an alarm in silence."""
        visible = self._place.visible_points()
        hidden: dict[str, int] = {}
        for alarm in self._seat.picture.alarms():
            if alarm.severity in ("LIFE", "CRIT", "HIGH") and alarm.ended is None and alarm.about not in visible:
                hidden[alarm.severity] = hidden.get(alarm.severity, 0) + 1
        if not hidden:
            return []
        return [("   not in this view: ", "muted"), (" ".join(f"{n} {level}" for level, n in hidden.items()), "high")]


class Preview(CanvasPane):
    """What is known of the point under the cursor, without leaving the list."""

    def __init__(self, seat: Seat, place: PointsPlace) -> None:
        super().__init__(seat.ink, id="point-preview")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        point, picture = self._place.point, self._seat.picture
        info = picture.points.get(point) if point else None
        if info is None:
            canvas.rule(0, 0, canvas.width)
            empty = "Nothing matches. Esc clears the filter." if self._place.typed else "No points yet."
            canvas.put(1, 1, empty, "muted")
            return
        reading = picture.values.get(info.id)
        canvas.rule(0, 0, canvas.width, f"{info.space_name or info.device} · {info.name}", "Enter opens")
        now = text.worded(info, reading.value) if reading else "?"
        mark = picture.sign(info.id)
        x = canvas.put(1, 1, f"{TREND_HOURS} h ", "muted")
        trend = self._place.trend
        x = canvas.put(x, 1, spark(trend.buckets, SPARK) if trend else "·" * SPARK, "text" if trend else "faint")
        word = "now" if text.known(reading) and picture.live else "last"
        canvas.line(x + 2, 1, [(f"{word} ", "muted"), (now, text.role_of(mark) if mark else "strong")])
        held = f"held {reading.held}" if reading and reading.held else "not held"
        access = "" if info.access == "commandable" else "   monitor only"
        quality = text.quality(reading, picture.now) if picture.live else "old: no agent"
        canvas.line(1, 2, [(f"{held}{access}   {info.object}   quality ", "muted"), (quality, text.role_of(mark))])
        limits = text.limits(info.limit_low, info.limit_high)
        kind = f"{info.point_class} ({info.confidence:.0%})   safety {info.safety}"
        canvas.line(1, 3, [(f"{kind}   {f'limits {limits}' if limits else 'no limits'}", "muted")])
        where = f"device {info.device}   equipment {info.equipment or '-'}   space {info.space or '-'}"
        canvas.line(1, 4, [(where, "muted")])
        canvas.line(1, 5, [(f"MQTT   {info.topic or 'not mirrored'}", "muted")])
