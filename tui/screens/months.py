"""The Calendar tab: which days of the months to come are not as every week, who follows, and what looks wrong.

A holiday is filled and has `*`, an exception is coloured and has `+`: no colour is needed to tell them apart.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from facility.wire import CalendarDay, CalendarInfo, CalendarRule
from tui import text
from tui.canvas import Canvas, wrap
from tui.seat import Seat
from tui.widgets.pane import CanvasPane

if TYPE_CHECKING:
    from tui.screens.schedules import SchedulesPlace

ROOMY = 120
ASK_AGAIN = timedelta(minutes=10)
WEEKS = 6  # rows that any month fits into
DAY = timedelta(days=1)
SIGNS = {"holiday": "*", "exception": "+", "event": "~", "out": "-"}
ROLES = {"holiday": "low_fill", "exception": "high", "event": "hand", "out": "unk"}
LEGEND = "* filled: holiday  + exception  ~ special event  - no period  ! clock  < today"


class Months(CanvasPane, can_focus=True):
    """Three months at 80 columns, four from 120 on; the cursor is a day."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "day(-1)", "day before", show=False, id="months.left"),
        Binding("right,l", "day(1)", "day after", show=False, id="months.right"),
        Binding("up,k", "day(-7)", "week before", show=False, id="months.up"),
        Binding("down,j", "day(7)", "week after", show=False, id="months.down"),
        Binding("pageup", "month(-1)", "month before", show=False, id="months.pageup"),
        Binding("pagedown", "month(1)", "month after", show=False, id="months.pagedown"),
        Binding("home", "today", "today", show=False, id="months.home"),
    ]

    def __init__(self, seat: Seat, place: SchedulesPlace) -> None:
        super().__init__(seat.ink, id="months")
        self._seat, self._place = seat, place
        self.info: CalendarInfo | None = None
        self.trouble = ""
        self.day = self.today
        self.first = self.day.replace(day=1)
        self._asked: datetime | None = None
        self._asked_for: tuple[date, int] | None = None
        self._moved = False

    @property
    def today(self) -> date:
        return self._seat.picture.now.astimezone(self._seat.picture.zone).date()

    @property
    def shown(self) -> int:
        """How many months."""
        return 4 if (self.size.width or ROOMY) >= ROOMY else 3

    def action_day(self, by: int) -> None:
        self.choose(self.day + by * DAY)

    def action_month(self, by: int) -> None:
        month = _month(self.day, by)
        self.choose(min(month.replace(day=1) + (self.day.day - 1) * DAY, _month(month, 1) - DAY))

    def action_today(self) -> None:
        self.choose(self.today)

    def show(self) -> None:
        """Asks where that is due, and draws."""
        if not self._moved and self.day != self.today:
            self.day = self.today
            self.first = self.day.replace(day=1)
        wanted = (self.first, (_month(self.first, self.shown) - self.first).days)
        now = self._seat.picture.now
        old = self._asked is None or now - self._asked > ASK_AGAIN
        if self._seat.picture.live and (old or wanted != self._asked_for):
            self._asked, self._asked_for = now, wanted
            self._place.ask(self._seat.facility.calendar(*wanted), self._take, about="calendar")
        self.redraw()

    def ask_again(self) -> None:
        """What is in force may be another."""
        self._asked = None

    def choose(self, day: date) -> None:
        """Puts the cursor on a day; the months follow it."""
        if not date(2000, 1, 1) <= day <= date(2100, 1, 1):
            return
        self._moved, self.day = True, day
        if day < self.first:
            self.first = day.replace(day=1)
        while day >= _month(self.first, self.shown):
            self.first = _month(self.first, 1)
        self.show()

    def draw(self, canvas: Canvas) -> None:
        known = {each.date: each for each in self.info.days} if self.info else {}
        step = canvas.width // self.shown
        for number in range(self.shown):
            self._month(canvas, 1 + number * step, _month(self.first, number), known)
        canvas.put(1, WEEKS + 2, LEGEND, "muted", width=canvas.width - 2)
        y = self._chosen(canvas, WEEKS + 3, known.get(self.day.isoformat()))
        self._watch(canvas, y)

    def _take(self, info: CalendarInfo) -> None:
        self.info, self.trouble = info, ""
        self.redraw()

    def _month(self, canvas: Canvas, x: int, month: date, known: dict[str, CalendarDay]) -> None:
        canvas.put(x, 0, f"{month:%B %Y}", "title")
        canvas.put(x, 1, "Mo Tu We Th Fr Sa Su", "muted")
        day, row = month, 2
        while day.month == month.month:
            self._cell(canvas, x + 3 * day.weekday(), row, day, known.get(day.isoformat()))
            row += day.weekday() == 6
            day += DAY

    def _cell(self, canvas: Canvas, x: int, y: int, day: date, known: CalendarDay | None) -> None:
        kinds = [rule.kind for rule in known.rules] if known else []
        kind = next((kind for kind in ("event", "exception", "holiday", "out") if kind in kinds), "")
        if not kind and known is not None and known.holiday:
            kind = "holiday"
        sign = SIGNS.get(kind, "!" if known is not None and known.clock else "<" if day == self.today else " ")
        role = ROLES.get(kind, "title" if day == self.today else "faint" if day.weekday() > 4 else "text")
        if any(not edit.weekly and edit.day == day for edit in self._place.draft.edits):
            sign, role = "e", "high_fill"
        if day == self.day:
            role = "nav"
        canvas.put(x, y, f"{day.day:>2}", role)
        canvas.spot(x, y, 3, day)
        canvas.put(x + 2, y, sign, role if kind and day != self.day else "muted")

    def _chosen(self, canvas: Canvas, y: int, known: CalendarDay | None) -> int:
        parts = [f"{self.day:%a} {self.day.day} {self.day:%b %Y}"]
        parts += [part for part in (known.holiday, known.clock) if part] if known else []
        canvas.rule(0, y, canvas.width, "  ".join(parts), "e edit · R rehearse · Enter its writes")
        y += 1
        if known is None:
            said = self.trouble or ("asking ..." if self._seat.picture.live else "? not known: the agent is lost")
            canvas.put(1, y, said, "unk" if self.trouble or not self._seat.picture.live else "muted")
            return y + 2
        for edit in self._place.draft.edits:
            if not edit.weekly and edit.day == self.day:
                canvas.put(1, y, f"your edit, not saved: {edit.what}", "high", width=canvas.width - 2)
                y += 1
        wide = canvas.width >= ROOMY
        columns = (4, 34, 80) if wide else (4, 24, 57)
        if known.rules:
            for x, title in zip((0, *columns), ("Pr", "What", "Hours", "Who follows"), strict=True):
                canvas.put(x + (not x), y, title, "muted")
        room = max(2, canvas.height - y - 4)
        for rule in known.rules[:room]:
            y += 1
            self._rule(canvas, y, rule, columns)
        if not known.rules:
            count = len(self.info.programmes) if self.info else 0
            canvas.put(1, y, f"An ordinary day: {text.count(count, 'programme')} as every {self.day:%A}.", "muted")
            y = self._ordinary(canvas, y)
        return y + 2

    def _rule(self, canvas: Canvas, y: int, rule: CalendarRule, columns: tuple[int, int, int]) -> None:
        what, hours, who = columns
        canvas.put(1, y, "" if rule.precedence is None else f"{rule.precedence:>2}", "muted")
        name = "as every week" if rule.kind == "weekly" else rule.name
        canvas.put(what, y, name, "muted" if rule.kind == "weekly" else "strong", width=hours - what - 1)
        canvas.put(hours, y, rule.hours or "each its own", width=who - hours - 1)
        names = ", ".join(rule.follows)
        room = canvas.width - who - 1
        follows = names if len(names) <= room else f"{text.count(len(rule.follows), 'schedule')}: {names}"
        canvas.put(who, y, follows, "muted", width=room)

    def _ordinary(self, canvas: Canvas, y: int) -> int:
        schedule = self._place.chosen
        if schedule is None or schedule.written is None:
            return y
        hours = ", ".join(schedule.written.week[self.day.weekday()]) or f"{schedule.written.default} all day"
        canvas.put(1, y + 1, f"{schedule.name}: {hours}", width=canvas.width - 2)
        return y + 1

    def _watch(self, canvas: Canvas, y: int) -> None:
        lines = [line for said in self.info.watch for line in wrap(said, canvas.width - 2)] if self.info else []
        if y >= canvas.height - 1 or not lines:
            return
        canvas.rule(0, y, canvas.width, "Watch out", "" if self._seat.picture.live else "as it was; the agent is lost")
        for row, line in enumerate(lines[: canvas.height - y - 1], y + 1):
            canvas.put(1, row, line)


def _month(day: date, by: int) -> date:
    """The first of the month so many months away."""
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)
