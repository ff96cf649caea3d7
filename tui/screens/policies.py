"""7 Policies: which is on, held back or refused, how many of its demands win; of the chosen one each demand, and why.

What is not demanded is explained, too. Enter goes from the policy to its demands, and from a demand to its point.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from facility.wire import PolicyRow, PolicyState
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.screens.guard import GuardDialog
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

ASK_AGAIN = timedelta(seconds=5)
POLICIES = (
    Column(title="", width=1),
    Column(title="Policy", width=18, flex=1),
    Column(title="Kind", width=18, flex=1, drop=2),
    Column(title="State", width=6),
    Column(title="Slot", width=4, right=True),
    Column(title="Want", width=5, right=True),
    Column(title="Win", width=5, right=True),
    Column(title="Beneath", width=7, right=True, drop=1),
    Column(title="Ref", width=4, right=True),
    Column(title="Why / next", width=28, flex=4),
)
DEMANDS = (
    Column(title="", width=1),
    Column(title="Where", width=12, flex=1),
    Column(title="Point", width=26, flex=2, drop=1),
    Column(title="Demand", width=12),
    Column(title="Result", width=11),
    Column(title="Because", width=30, flex=4),
)
STATE_SIGNS = {"failed": "!", "held": "?"}
RESULT_SIGNS = {"refused": "!", "fails": "!", "unknown": "?", "held": "?"}
RESULT_WORDS = {"outranked": "outranked", "held": "held back", "waits": "not yet", "unknown": "not known"}


class PoliciesPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("open", "why", "guard")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="policies")
        self.policies: list[PolicyState] = []
        self.answered: datetime | None = None
        self.trouble = ""
        self._wanted = ""
        self._asked: datetime | None = None
        self._whole: PolicyState | None = None  # the chosen one, with all of its rows
        self.table = VirtualTable(seat.ink, POLICIES, self._policy, id="policy-table")
        self.demands = VirtualTable(seat.ink, DEMANDS, self._demand, id="demand-table")
        self._heading = Heading(seat, self)
        self._middle = Middle(seat, self)
        self._foot = Rules(seat, self)

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self.table
        yield self._middle
        yield self.demands
        yield self._foot

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def subject(self) -> str:
        return self.chosen.name if self.chosen else ""

    @property
    def chosen(self) -> PolicyState | None:
        """The policy under the cursor; with all of its rows, once they are here."""
        if not 0 <= self.table.cursor < len(self.policies):
            return None
        chosen = self.policies[self.table.cursor]
        return self._whole if self._whole is not None and self._whole.name == chosen.name else chosen

    @property
    def row(self) -> PolicyRow | None:
        """The demand under the cursor."""
        rows = self.chosen.rows if self.chosen else []
        return rows[self.demands.cursor] if 0 <= self.demands.cursor < len(rows) else None

    @property
    def point(self) -> str | None:
        row = self.row
        return row.point or None if row is not None and self.demands.has_focus else None

    def arrive(self, subject: str) -> None:
        self._wanted = subject
        self._ask()
        self._choose(subject)
        self.show()

    def show(self) -> None:
        if self._asked is None or self.seat.picture.now - self._asked > ASK_AGAIN:
            self._ask()
        self._redraw()

    def open(self) -> None:
        """From a policy to its demands, from a demand to its point."""
        if not self.demands.has_focus:
            if self.chosen is not None and self.chosen.rows:
                self._count()
                self.demands.focus()
            else:
                self.seat.say("it demands nothing now, nowhere")
        elif self.point:
            self.post_message(self.Go(Goto("point", self.point)))
        else:
            self.seat.say("nothing is demanded there")

    def guard(self) -> None:
        """The rules of the guard that bind at the chosen demand."""
        row = self.row
        if row is None or not row.point:
            self.seat.say("no demand is chosen here: Enter goes to them")
        else:
            self.post_message(self.Asks(GuardDialog(self.seat, row), lambda _answer: None))

    def step_out(self) -> bool:
        if not self.demands.has_focus:
            return False
        self.table.focus()
        return True

    def failed(self, about: str, trouble: str) -> None:
        self.trouble = trouble
        self._redraw()

    @on(VirtualTable.Moved, "#policy-table")
    def _policy_moved(self) -> None:
        self._whole = None
        self.demands.reset(len(self.chosen.rows) if self.chosen else 0)
        self._ask_one()
        self._redraw()

    @on(VirtualTable.Moved, "#demand-table")
    def _demand_moved(self) -> None:
        self._foot.redraw()

    @on(VirtualTable.Opened)
    def _row_opened(self) -> None:
        self.open()

    def _ask(self) -> None:
        if not self.seat.picture.live:
            return
        self._asked = self.seat.picture.now
        self.ask(self.seat.facility.policies(), self._take, about="policies")
        self._ask_one()

    def _ask_one(self) -> None:
        if self.seat.picture.live and self.chosen is not None:
            self.ask(self.seat.facility.policies(self.chosen.name), self._take_one, about="demands")

    def _take(self, policies: list[PolicyState]) -> None:
        chosen = self.subject if self.answered else self._wanted
        first, self.answered, self.trouble = self.answered is None, self.seat.picture.now, ""
        names = [policy.name for policy in self.policies]
        self.policies = policies
        if names != [policy.name for policy in policies]:
            self.table.reset(len(policies))
            self._choose(chosen)
        if first:
            self._ask_one()
        self._count()
        self._redraw()

    def _take_one(self, policies: list[PolicyState]) -> None:
        if policies and policies[0].name == self.subject:
            self._whole = policies[0]
            self._count()
            self._redraw()

    def _count(self) -> None:
        """The rows of the chosen one; the cursor stays where it is."""
        rows = len(self.chosen.rows) if self.chosen else 0
        if rows != self.demands.count:
            self.demands.reset(rows, cursor=self.demands.cursor)

    def _choose(self, name: str) -> None:
        for number, policy in enumerate(self.policies):
            if policy.name == name:
                self.table.select(number)

    def _redraw(self) -> None:
        for table in (self.table, self.demands):
            table.poll()
        for pane in (self._heading, self._middle, self._foot):
            pane.redraw()

    def _policy(self, number: int) -> Sequence[Run]:
        policy, picture = self.policies[number], self.seat.picture
        sign = "!" if policy.refused else STATE_SIGNS.get(policy.state, "")
        sign = sign if picture.live else "?"
        role, off = text.role_of(sign), policy.state == "off"
        rest = "muted" if off or not picture.live else "text"
        counts = [
            ("" if off else f"{count:,}", role if name == "refused" and count else rest)
            for name, count in _counts(policy)
        ]
        return (
            (sign, role),
            (policy.name, "muted" if off else "text"),
            (policy.kind, "muted"),
            (policy.state, role if sign else rest),
            (str(policy.priority) if policy.priority else "", "muted"),
            *counts,
            (self._why(policy), "high" if policy.state == "failed" else "muted"),
        )

    def _why(self, policy: PolicyState) -> str:
        picture = self.seat.picture
        coming = f"next {text.when(policy.next, picture.now, picture.zone)}" if policy.next is not None else ""
        now = f"{policy.programme} now" if policy.programme else ""
        return " · ".join(part for part in (policy.why, now, coming) if part)

    def _demand(self, number: int) -> Sequence[Run]:
        chosen = self.chosen
        if chosen is None or number >= len(chosen.rows):
            return (("", "text"),) * len(DEMANDS)
        row, live = chosen.rows[number], self.seat.picture.live
        sign = RESULT_SIGNS.get(row.result, "H" if row.beneath == text.OPERATOR_SLOT else "") if live else "?"
        quiet = "muted" if row.result == "nothing" else "text"
        result = f"beneath {row.beneath}" if row.result == "beneath" and row.beneath else row.result
        return (
            (sign, text.role_of(sign)),
            (row.about, quiet),
            (row.point, "muted"),
            (row.value or "nothing", quiet),
            ("" if row.result == "nothing" else RESULT_WORDS.get(row.result, result), text.role_of(sign)),
            (row.why, "muted"),
        )


class Heading(CanvasPane):
    """What the table says, and whether it is still true."""

    def __init__(self, seat: Seat, place: PoliciesPlace) -> None:
        super().__init__(seat.ink, id="policy-heading")
        self._seat, self._place = seat, place

    def draw(self, canvas: Canvas) -> None:
        place, picture = self._place, self._seat.picture
        canvas.rule(0, 0, canvas.width, "Policies", "what each demands now · all pass one guard")
        said, role = "", "unk"
        if place.trouble:
            said = place.trouble
        elif place.answered is None:
            said, role = "asking ...", "muted"
        elif not picture.live:
            said = f"as it was at {text.clock(place.answered, picture.zone)}; the agent is lost"
        elif not place.policies:
            said, role = "No policy is configured: [[policies]], docs/configuration.md.", "muted"
        if said:
            canvas.put(12, 0, f" {text.fit(said, canvas.width - 14)} ", role)


class Middle(CanvasPane):
    """Whose demands stand under it."""

    def __init__(self, seat: Seat, place: PoliciesPlace) -> None:
        super().__init__(seat.ink, id="policy-middle")
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        chosen = self._place.chosen
        if chosen is None:
            canvas.rule(0, 0, canvas.width)
            return
        more = f" · {chosen.more:,} more are not shown" if chosen.more else ""
        canvas.rule(0, 0, canvas.width, f"{chosen.name}: what it demands now", f"{chosen.points:,} points{more}")
        if not chosen.rows:
            said = chosen.why or "it demands nothing now"
            canvas.put(2, 0, f" {chosen.name}: {said} ", "muted", width=canvas.width - 4)


class Rules(CanvasPane):
    """The guard's rules where the cursor is; only where there is room for them."""

    def __init__(self, seat: Seat, place: PoliciesPlace) -> None:
        super().__init__(seat.ink, id="policy-guard")
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        row = self._place.row
        canvas.rule(0, 0, canvas.width, "Guard rules that bind here", row.point if row else "")
        y = 0
        for rule in row.guard if row else ():
            for number, line in enumerate(wrap(rule, canvas.width - 4)):
                y += 1
                canvas.put(1, y, line if number else f"· {line}", "muted")
        if not y:
            canvas.put(1, 1, "no demand is chosen", "muted")


def _counts(policy: PolicyState) -> list[tuple[str, int]]:
    return [
        ("demands", policy.demands), ("winning", policy.winning), ("beneath", policy.beneath),
        ("refused", policy.refused),
    ]  # fmt: skip
