"""1 Overview: is the hospital all right, what needs you, what is in force, what comes next.

The verdict is the agent's. In range, out and UNKNOWN are three counts and never merged.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from facility.wire import AlarmInfo, GroupState, Hold, OverrideInfo, Overview
from tui import text
from tui.canvas import Canvas, share
from tui.model import Link, Picture
from tui.query import slug
from tui.screens.asked import draw_asked
from tui.screens.place import Place
from tui.seat import Goto, Press, Seat
from tui.themes import Ink
from tui.widgets.pane import CanvasPane

TWO_COLUMNS = 120
SIDE = 42
SHARE = 12
VERDICT_ROLES = {"OK": "strong", "WATCH": "high_fill", "UNKNOWN": "unk_fill", "NOT OK": "crit_fill"}


class OverviewPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("open", "acknowledge", "override", "release", "why")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="overview")
        self._board = Board(seat.ink, seat.picture)

    def compose(self) -> ComposeResult:
        yield self._board

    @property
    def main(self) -> CanvasPane:
        return self._board

    @property
    def point(self) -> str | None:
        match self._board.target:
            case Goto(place="point", subject=point):
                return point
            case Goto(place="alarms", subject=alarm):
                about = self.seat.picture.alarm(alarm)
                return about.about if about and about.about in self.seat.picture.points else None
        return None

    @property
    def alarm(self) -> str | None:
        match self._board.target:
            case Goto(place="alarms", subject=alarm):
                return alarm
        return None

    def arrive(self, subject: str) -> None:
        self._board.redraw()

    def show(self) -> None:
        self._board.redraw()

    def open(self) -> None:
        match self._board.target:
            case Goto() as goto:
                self.post_message(self.Go(goto))
            case Press() as press:
                self._board.post_message(CanvasPane.Opened(self._board, press))


class Board(CanvasPane, can_focus=True):
    """The whole overview; one column at 80, two from 120 on."""

    def __init__(self, ink: Ink, picture: Picture) -> None:
        super().__init__(ink, id="board")
        self._picture = picture

    def draw(self, canvas: Canvas) -> None:
        overview = self._picture.overview
        if overview is None:
            return
        draw_verdict(canvas, 0, self._picture, overview)
        if canvas.width >= TWO_COLUMNS:
            self._two_columns(canvas, overview)
        else:
            self._one_column(canvas, overview)

    def _one_column(self, canvas: Canvas, overview: Overview) -> None:
        width, height = canvas.width, canvas.height
        alarms = self._picture.alarms()
        held = sum(hold.priority == text.OPERATOR_SLOT for hold in overview.holds) + 1 + len(overview.overrides)
        groups = len(overview.groups)
        # what is left under verdict and groups: three headings, then alarms, holds and what is next
        spare = height - 2 - groups - 3
        y = 1 if spare < 6 else 2
        needs = max(1, min(len(alarms) + len(self._picture.asked) or 1, 3 if spare < 9 else max(3, spare - 5)))
        y = self._groups(canvas, y, width - 1, min(groups, height - 10), overview)
        y = self._needs_you(canvas, y, needs, alarms)
        force = max(1, min(held, height - y - 3))
        y = self._in_force(canvas, 0, y, width, force, overview)
        self._next(canvas, 0, y, width, max(1, height - y - 1), overview)

    def _two_columns(self, canvas: Canvas, overview: Overview) -> None:
        left = canvas.width - SIDE - 2
        links = 2
        foot = canvas.height - links - 1
        y = 1
        canvas.rule(1, y, left - 1, "Spaces by criticality", f"{len(overview.spaces):,} spaces")
        y = self._groups(canvas, y + 1, left, len(overview.groups), overview) + 1
        rows = max(1, min(max(1, len(overview.holds) + len(overview.overrides)), (foot - y) // 2 - 1))
        y = self._in_force(canvas, 1, y, left - 1, rows, overview) + 1
        self._policies(canvas, y, left - 1, foot - y, overview)
        x = left + 2
        y = self._needs_side(canvas, x, 1, SIDE, foot // 2, self._picture.alarms()) + 1
        y = self._next(canvas, x, y, SIDE, max(2, min(len(overview.upcoming), foot - y - 8)), overview) + 1
        self._points(canvas, x, y, overview)
        self._links(canvas, canvas.height - links, overview)

    def _groups(self, canvas: Canvas, y: int, width: int, rows: int, overview: Overview) -> int:
        name = min(28, max([12, *(len(group.name) for group in overview.groups)]))
        wide = canvas.width >= TWO_COLUMNS
        x = 4 + name
        lost = self._picture.link is Link.LOST and self._picture.lost_at
        in_range = f"was {text.clock(self._picture.lost_at, self._picture.zone)}" if lost else "In range"  # type: ignore[arg-type]
        canvas.put(4, y, "Class", "muted")
        canvas.put(x, y, in_range, "unk" if lost else "muted", width=10, right=True)
        canvas.put(x + 10, y, "Out", "muted", width=5, right=True)
        canvas.put(x + 15, y, "Unkn", "muted", width=6, right=True)
        if wide:
            canvas.put(x + 23, y, "Share", "muted")
        worst = x + 23 + (SHARE + 2 if wide else 0)
        canvas.put(worst, y, "Worst now", "muted")
        for group in overview.groups[:rows]:
            y += 1
            self._group(canvas, y, group, (name, x, worst, width))
        if len(overview.groups) > rows:
            canvas.put(worst, y, f"+{len(overview.groups) - rows} more classes", "muted")
        return y + 1

    def _group(self, canvas: Canvas, y: int, group: GroupState, at: tuple[int, int, int, int]) -> None:
        name, x, worst, width = at
        live = self._picture.live
        total = group.in_range + group.out + group.unknown
        mark = text.LEVEL_SIGNS[group.severity] or ("!" if group.out else "?" if group.unknown else "")
        role = text.role_of(mark) if live else "unk"
        canvas.put(1, y, mark, role)
        canvas.put(4, y, group.name, "strong" if group.out or group.unknown else "text", width=name)
        canvas.put(x, y, f"{group.in_range}/{total}", "text" if live else "muted", width=10, right=True)
        canvas.put(x + 10, y, str(group.out or "·"), role if group.out else "faint", width=5, right=True)
        canvas.put(x + 15, y, str(group.unknown or "·"), "unk" if group.unknown else "faint", width=6, right=True)
        if worst > x + 23:
            good, out, unknown = share([group.in_range, group.out, group.unknown], SHARE)
            end = canvas.put(x + 23, y, "━" * good, "muted")
            end = canvas.put(end, y, "!" * out, "crit_fill" if mark == "!!" and live else "high_fill")
            canvas.put(end, y, "?" * unknown, "unk_fill")
        canvas.put(worst, y, group.worst, "text" if live else "muted", width=max(1, width - worst))
        canvas.item(1, y, width - 1, Goto("points", f"group:{slug(group.name)}"))

    def _needs_you(self, canvas: Canvas, y: int, rows: int, alarms: list[AlarmInfo]) -> int:
        now, width = self._picture.now, canvas.width
        new = sum(alarm.acknowledged is None for alarm in alarms)
        head, shown = y, self._picture.asked[:rows]
        rows -= len(shown)
        canvas.rule(0, y, width, "Needs you", f"{new} new · Enter opens · a acknowledges")
        for request in shown:
            y += 1
            draw_asked(canvas, 1, y, width - 2, request, now)
        for alarm in alarms[:rows]:
            y += 1
            x = draw_level(canvas, 1, y, alarm, live=self._picture.live)
            canvas.put(x + 1, y, text.since(alarm.since, now), "muted", width=7, right=True)
            canvas.put(x + 9, y, alarm.where, "strong", width=14)
            canvas.put(x + 24, y, self._picture.says(alarm), width=max(1, width - x - 24 - 13))
            canvas.put(width - 13, y, alarm.value, width=12, right=True)
            canvas.item(1, y, width - 2, Goto("alarms", alarm.id))
        if not alarms:
            y += 1
            canvas.put(1, y, "No alarm stands." if self._picture.live else "? not known", "muted")
        elif len(alarms) > rows:
            canvas.put(15, head, f" +{len(alarms) - rows} more, 5 shows all ", "muted")
        return y + 1

    def _needs_side(self, canvas: Canvas, x: int, y: int, width: int, foot: int, alarms: list[AlarmInfo]) -> int:
        new = sum(alarm.acknowledged is None for alarm in alarms)
        canvas.rule(x, y, width, "Needs you", f"{new} new")
        y += 1
        for request in self._picture.asked:
            draw_asked(canvas, x, y, width, request, self._picture.now)
            y += 1
        for number, alarm in enumerate(alarms):
            if y + 2 > foot:
                canvas.put(x + 7, y, f"+{len(alarms) - number} more, 5 shows all", "muted")
                return y + 1
            after = draw_level(canvas, x, y, alarm, live=self._picture.live)
            canvas.put(after + 1, y, alarm.where, "strong", width=width - 16)
            age = text.since(alarm.since, self._picture.now)
            canvas.put(x + width - 9, y, age, "muted", width=9, right=True)
            canvas.put(x + 7, y + 1, self._picture.says(alarm), width=width - 7)
            canvas.line(x + 7, y + 2, [(alarm.value, "text"), (f"  {alarm.limit}", "muted")], width=width - 7)
            canvas.item(x, y, width, Goto("alarms", alarm.id))
            y += 3 if alarm.value or alarm.limit else 2
        if not alarms:
            canvas.put(x, y, "No alarm stands." if self._picture.live else "? not known", "muted")
            y += 1
        return y

    def _in_force(self, canvas: Canvas, x: int, y: int, width: int, rows: int, overview: Overview) -> int:
        """What people hold, one by one; what is not ours; what the policies hold, as a count."""
        people = [hold for hold in overview.holds if hold.priority == text.OPERATOR_SLOT]
        foreign = overview.overrides
        policies = len(overview.holds) - len(people)
        room = max(1, rows - bool(policies))
        foreign_shown = foreign[: max(room - len(people), min(len(foreign), room // 3))]
        shown = people[: max(1, room - len(foreign_shown))]
        hidden = len(people) - len(shown) + overview.foreign - len(foreign_shown)
        note = "Enter opens · x releases" if people else ""
        canvas.rule(x, y, width, "In force", f"{hidden} more not shown" if hidden else note)
        left = x or 1
        for hold in shown:
            y += 1
            self._hold(canvas, left, y, x + width, hold)
        for override in foreign_shown:
            y += 1
            self._override(canvas, left, y, x + width, override)
        nobody = "" if people else "No override. " if not foreign else "No override of ours. "
        if policies or not (people or foreign):
            y += 1
            said = f"{nobody}{text.count(policies, 'point')} held by policies" if policies else nobody
            canvas.put(left, y, said, "muted")
        return y + 1

    def _hold(self, canvas: Canvas, x: int, y: int, edge: int, hold: Hold) -> None:
        now, zone = self._picture.now, self._picture.zone
        canvas.put(x, y, "H", "hand")
        ends = f"{hold.by} · {text.end_of(hold, now, zone)}"
        end = self._held(canvas, x, y, edge, hold.point, hold.text)
        end = canvas.put(end + 1, y, ends, "strong", width=max(1, min(len(ends), edge - end - 1)))
        doubt = hold.overdue or ("" if hold.confirmed else "not yet confirmed")
        wish = f"{doubt} · {hold.reason}" if doubt else hold.reason
        canvas.put(end + 2, y, wish, "high" if doubt else "muted", width=max(0, edge - end - 2))

    def _override(self, canvas: Canvas, x: int, y: int, edge: int, override: OverrideInfo) -> None:
        now = self._picture.now
        canvas.put(x, y, "F", "hand")
        where = override.kind if override.level is None else f"foreign P{override.level}"
        ends = f"{where} · no end"
        end = self._held(canvas, x, y, edge, override.point, override.text)
        end = canvas.put(end + 1, y, ends, "strong", width=max(1, min(len(ends), edge - end - 1)))
        wins = "" if override.wins else " · outranked"
        said = f"for {text.since(override.since, now)}, seen {text.since(override.seen, now)} ago{wins}"
        canvas.put(end + 2, y, said, "muted", width=max(0, edge - end - 2))

    def _held(self, canvas: Canvas, x: int, y: int, edge: int, point: str, value: str) -> int:
        canvas.item(x, y, edge - x, Goto("point", point))
        end = canvas.put(x + 2, y, point, width=max(10, min(34, edge - 46)))
        return canvas.put(end + 1, y, value, "hand", width=10, right=True)

    def _policies(self, canvas: Canvas, y: int, width: int, rows: int, overview: Overview) -> None:
        if rows < 3 or not overview.policies:
            return
        now, zone = self._picture.now, self._picture.zone
        canvas.rule(1, y, width, "Policies", "all demands pass the guard")
        canvas.put(1, y + 1, "Policy", "muted")
        canvas.put(25, y + 1, "Kind", "muted")
        canvas.put(43, y + 1, "Slot", "muted")
        canvas.put(48, y + 1, "Held", "muted", width=10, right=True)
        canvas.put(60, y + 1, "State", "muted")
        for policy in overview.policies[: rows - 2]:
            canvas.put(1, y + 2, policy.name, width=23)
            canvas.put(25, y + 2, policy.kind, "muted", width=17)
            canvas.put(43, y + 2, f"P{policy.priority}", "muted")
            canvas.put(48, y + 2, f"{policy.held} of {policy.points}", width=10, right=True)
            then = f" · next change {text.when(policy.next_change, now, zone)}" if policy.next_change else ""
            canvas.put(60, y + 2, f"{policy.state}{then}", "muted", width=max(1, width - 60))
            y += 1

    def _next(self, canvas: Canvas, x: int, y: int, width: int, rows: int, overview: Overview) -> int:
        now, zone = self._picture.now, self._picture.zone
        canvas.rule(x, y, width, "Next")
        if rows == 1:  # everything in one line
            at = x + 1
            for upcoming in overview.upcoming:
                moment = text.when(upcoming.at, now, zone)
                if at + len(moment) + 12 > x + width:
                    break
                at = canvas.put(at, y + 1, moment, "strong") + 1
                at = canvas.put(at, y + 1, text.fit(upcoming.what, x + width - at)) + 2
            y += 1
        for upcoming in overview.upcoming[:rows] if rows > 1 else ():
            y += 1
            moment = text.when(upcoming.at, now, zone)
            end = canvas.put(x or 1, y, moment, "strong") + 1
            points = f" ({text.count(upcoming.points, 'point')})" if upcoming.points else ""
            canvas.put(end, y, f"{upcoming.what}{points}", width=x + width - end)
        if not overview.upcoming:
            canvas.put(x or 1, y + (rows > 1), "No change is planned.", "muted")
            y += rows > 1
        return y + 1

    def _points(self, canvas: Canvas, x: int, y: int, overview: Overview) -> None:
        words = [f"{count:,} {name}" for name, count in overview.points.items()]
        if y + 2 <= canvas.height - 3 and words:
            canvas.rule(x, y, SIDE, "Points")
            canvas.put(x, y + 1, " · ".join(words[:4]), width=SIDE)
            canvas.put(x, y + 2, " · ".join(words[4:]), "muted", width=SIDE)

    def _links(self, canvas: Canvas, y: int, overview: Overview) -> None:
        canvas.rule(1, y, canvas.width - 1, "Links", "0 shows all")
        x = 1
        for link in sorted(overview.links, key=lambda link: link.state in ("ok", "off")):
            role = {"ok": "text", "off": "muted", "degraded": "high"}.get(link.state, "crit")
            word = f"{text.link_word(link)} {link.text}".rstrip()
            if not self._picture.live:
                word, role = f"{text.LINK_NAMES[link.name]} ?", "unk"
            if x + len(word) > canvas.width:
                break
            x = canvas.put(x, y + 1, word, role) + 2


def draw_verdict(canvas: Canvas, y: int, picture: Picture, overview: Overview) -> None:
    """One word, then at most three reasons, worst first. Without an agent the word is UNKNOWN."""
    if picture.live:
        end = canvas.put(1, y, f" {overview.verdict} ", VERDICT_ROLES[overview.verdict])
        said = " · ".join(overview.reasons[:3])
    else:
        end = canvas.put(1, y, " UNKNOWN ", "unk_fill")
        at = text.clock(picture.lost_at, picture.zone) if picture.lost_at else "start"
        was = f"Was {overview.verdict}" + (f": {overview.reasons[0]}" if overview.reasons else "")
        said = f"since {at}. Use phone, local panels. {was}"
    canvas.put(end + 1, y, said, "strong", width=max(1, canvas.width - end - 2))


def draw_level(canvas: Canvas, x: int, y: int, alarm: AlarmInfo, *, live: bool) -> int:
    """The level as a word: filled while nobody has acknowledged it."""
    colour = {"LIFE": "crit", "CRIT": "crit", "HIGH": "high", "LOW": "low"}[alarm.severity]
    role = f"{colour}_fill" if alarm.acknowledged is None else colour
    return canvas.put(x, y, f" {alarm.severity:<4} ", role if live else "unk")
