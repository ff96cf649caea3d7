"""A trend in braille: lowest to highest per column, so that a spike survives.

A line is never drawn across missing time: a gap, however narrow, shows at least one `?`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from math import ceil, floor, log10

from textual.geometry import Region

from facility.wire import Bucket, Trend
from tui.canvas import Canvas

DOTS_ACROSS, DOTS_DOWN = 2, 4  # of one braille character
BRAILLE = 0x2800
DOT = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
MISSED = timedelta(seconds=1).total_seconds()
"""Less missing time than this in a bucket is rounding, not a gap."""
LABEL = 8
TICK_APART = 11
STEPS = [timedelta(minutes=m) for m in (5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080)]
SPARKS = "▁▂▃▄▅▆▇█"
WORDED_GAP = 12
"""Columns from which a gap is labelled in words."""

Namer = Callable[[float], str]


def dots_across(width: int) -> int:
    """How many buckets a trend of this width can show."""
    return max(1, width - LABEL - 1) * DOTS_ACROSS


def draw_trend(
    canvas: Canvas, area: Region, trend: Trend, *,
    limits: Sequence[float | None], zone: tzinfo, name: Namer, steps: bool = False,
) -> None:  # fmt: skip
    """Plot, limits, gaps, both axes. `steps` for values that are states: ticks at whole numbers only."""
    x, y, width, height = area
    left, columns, rows = x + LABEL, max(1, width - LABEL - 1), max(1, height - 1)
    plot = Region(left, y, columns, rows)
    shown = [limit for limit in limits if limit is not None]
    span = _span(trend.buckets, shown)
    for row in range(rows):
        canvas.put(left - 1, y + row, "│", "line")
    canvas.put(left - 1, y + rows, "└" + "─" * columns, "line")
    _time_axis(canvas, plot, trend, zone)
    if span is None:
        canvas.put(left + 2, y + rows // 2, "? nothing is known of this time", "unk")
        return
    low, high = span
    dots = rows * DOTS_DOWN

    def level(value: float) -> int:
        return max(0, min(dots - 1, round((value - low) / (high - low) * (dots - 1))))

    for value in _ticks(low, high, rows, whole=steps):
        row = y + rows - 1 - level(value) // DOTS_DOWN
        canvas.put(x, row, name(value), "muted", width=LABEL - 2, right=True)
        canvas.put(left - 1, row, "┤", "line")
    for limit in shown:
        if low <= limit <= high:
            canvas.put(left, y + rows - 1 - level(limit) // DOTS_DOWN, "╌" * columns, "limit")
    buckets = _spread(trend.buckets, columns * DOTS_ACROSS)
    _line(canvas, plot, buckets, level, shown)
    _gaps(canvas, plot, buckets)


def spark(buckets: Sequence[Bucket], width: int) -> str:
    """One line of the same: block characters, `?` where anything is missing."""
    span = _span(buckets, ())
    if span is None:
        return "?" * width
    low, high = span
    signs = []
    for bucket in _spread(buckets, width):
        if bucket.mean is None or bucket.missing >= MISSED:
            signs.append("?")
        else:
            signs.append(SPARKS[max(0, min(7, int((bucket.mean - low) / (high - low) * 8)))])
    return "".join(signs)


def _spread(buckets: Sequence[Bucket], count: int) -> list[Bucket]:
    """Exactly `count` buckets. When several fall into one, its extremes and its gaps are kept."""
    if not buckets:
        return []
    spread = []
    for i in range(count):
        first = i * len(buckets) // count
        group = buckets[first : max(first + 1, (i + 1) * len(buckets) // count)]
        spread.append(group[0] if len(group) == 1 else _merged(group))
    return spread


def _merged(group: Sequence[Bucket]) -> Bucket:
    lows = [b.low for b in group if b.low is not None]
    highs = [b.high for b in group if b.high is not None]
    means = [b.mean for b in group if b.mean is not None]
    lasts = [b.last for b in group if b.last is not None]
    return Bucket(
        start=group[0].start,
        low=min(lows, default=None),
        high=max(highs, default=None),
        mean=sum(means) / len(means) if means else None,
        last=lasts[-1] if lasts else None,
        missing=sum(b.missing for b in group),
    )


def _span(buckets: Sequence[Bucket], limits: Sequence[float]) -> tuple[float, float] | None:
    """The values the plot reaches over. A limit is included when it does not flatten the line."""
    lows = [b.low for b in buckets if b.low is not None]
    highs = [b.high for b in buckets if b.high is not None]
    if not lows or not highs:
        return None
    low, high = min(lows), max(highs)
    room = max(high - low, abs(high) * 0.02, 0.5)
    for limit in limits:
        if low - 2 * room <= limit <= high + 2 * room:
            low, high = min(low, limit), max(high, limit)
    if high - low < 1e-9:
        low, high = low - room / 2, high + room / 2
    return low, high


def _line(
    canvas: Canvas, plot: Region, buckets: Sequence[Bucket], level: Callable[[float], int], limits: Sequence[float]
) -> None:  # fmt: skip
    """Lowest to highest of each bucket, joined to the one before unless time is missing between."""
    left, top, _, rows = plot
    cells: dict[tuple[int, int], int] = {}
    hot: set[tuple[int, int]] = set()
    joined: int | None = None
    for i, bucket in enumerate(buckets):
        if bucket.low is None or bucket.high is None:
            joined = None
            continue
        bottom, above = level(bucket.low), level(bucket.high)
        if joined is not None and bucket.missing < MISSED:
            bottom, above = min(bottom, joined), max(above, joined)
        for dot in range(bottom, above + 1):
            at = (i // DOTS_ACROSS, rows - 1 - dot // DOTS_DOWN)
            cells[at] = cells.get(at, 0) | DOT[i % DOTS_ACROSS][DOTS_DOWN - 1 - dot % DOTS_DOWN]
            if len(limits) == 2 and not limits[0] <= (bucket.mean or bucket.low) <= limits[1]:
                hot.add(at)
        joined = level(bucket.last if bucket.last is not None else bucket.high)
    for (column, row), bits in cells.items():
        canvas.put(left + column, top + row, chr(BRAILLE | bits), "high" if (column, row) in hot else "text")


def _gaps(canvas: Canvas, plot: Region, buckets: Sequence[Bucket]) -> None:
    """A dotted column and a `?` for every stretch in which something is missing."""
    left, top, _, rows = plot
    missing = sorted({i // DOTS_ACROSS for i, bucket in enumerate(buckets) if bucket.missing >= MISSED})
    runs: list[list[int]] = []
    for column in missing:
        if runs and runs[-1][-1] == column - 1:
            runs[-1].append(column)
        else:
            runs.append([column])
    for run in runs:
        for column in {run[0], run[-1]}:
            for row in range(0, rows - 1, 2):
                if canvas.chars[top + row][left + column] == " ":
                    canvas.put(left + column, top + row, "·", "unk")
        middle = run[len(run) // 2]
        if len(run) >= WORDED_GAP:
            canvas.put(left + middle - 4, top + rows - 1, "? no data", "unk")
        else:
            canvas.put(left + middle, top + rows - 1, "?", "unk")


def _ticks(low: float, high: float, rows: int, *, whole: bool) -> list[float]:
    """Round values, not more than every third line."""
    rough = (high - low) / max(1, rows // 3)
    power = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    if whole:
        step = max(1.0, ceil(step))
    first = ceil(low / step) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)] if first <= high else []


def _time_axis(canvas: Canvas, plot: Region, trend: Trend, zone: tzinfo) -> None:
    """Ticks on round local times."""
    left, y, columns = plot.x, plot.bottom, plot.width
    length = trend.until - trend.since
    if length <= timedelta(0):
        return
    room = max(1, columns // TICK_APART)
    step = next((s for s in STEPS if length / s <= room), STEPS[-1])
    at = _round_up(trend.since.astimezone(zone), step)
    while at < trend.until:
        column = int((at - trend.since) / length * columns)
        label = f"{at.astimezone(zone):%H:%M}" if step < timedelta(days=1) else f"{at.astimezone(zone):%d %b}"
        if column + len(label) + 1 <= columns:
            canvas.put(left + column, y, f"┴{label}", "muted")
        at += step


def _round_up(at: datetime, step: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = at - midnight
    return midnight + ceil(passed / step) * step
