"""A command: compose, preview, `Y`, result.

Nothing is written without `Y` in a preview that the agent has made and that is still valid;
`Y` is dead for the first half second, so that a repeated key cannot slip through. Nothing is
shown as done before the agent has read it back.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from facility.port import FacilityError
from facility.wire import Hold, Plan, PointInfo, Result, ValueInfo, WireValue, Wish
from tui import text
from tui.canvas import Canvas, wrap
from tui.screens.dialog import LEAST_REASON, Dialog, Reason
from tui.screens.plan import LABEL, draw_plan
from tui.seat import Seat
from tui.widgets.choice import Choice

Step = Literal["compose", "preview", "result"]
DURATIONS: tuple[tuple[str, float], ...] = (
    ("15m", 15), ("30m", 30), ("1h", 60), ("2h", 120), ("4h", 240), ("8h", 480), ("24h", 1440),
)  # fmt: skip
USUAL = 3  # two hours
DEAD_TIME = 0.5
"""Seconds in which `Y` does nothing after a preview has come."""
STATUS_ROLES = {"held": "hand_fill", "released": "nav", "outranked": "high_fill", "asked": "high_fill"}
RESULT_TITLES = {"held": "Done", "released": "Done", "asked": "Asked, nothing written"}


class CommandDialog(Dialog[Result]):
    """Override or release of one point."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "preview", show=False, id="dialog.preview"),
        Binding("backspace", "change", "change", show=False, id="dialog.change"),
        Binding("Y", "commit", "write it", show=False, id="dialog.commit"),
    ]

    def __init__(self, seat: Seat, info: PointInfo, *, release: bool) -> None:
        super().__init__(seat)
        self._info = info
        self._release = release
        self._hold = self._operator_hold()
        self.step: Step = "compose"
        self._plan: Plan | None = None
        self._previewed = 0.0
        self._result: Result | None = None
        self._trouble = ""
        self._stale = False
        self._busy = ""
        self._value = self._value_entry()
        self._lasts = Choice(seat.ink, [name for name, _ in DURATIONS], chosen=USUAL, id="lasts")
        mine = self._hold is not None and seat.picture.hello is not None and self._hold.by == seat.picture.hello.user
        self._why = Reason("no longer needed" if release and mine else "")

    def entries(self) -> ComposeResult:
        if not self._release:
            yield self._value
            yield self._lasts
        yield self._why

    def on_mount(self) -> None:
        self._why.styles.offset = (LABEL, 5 if self._release else 9)
        (self._why if self._release else self._value).focus()

    @property
    def may_commit(self) -> bool:
        """Whether `Y` writes now."""
        plan = self._plan
        return (
            self.step == "preview"
            and plan is not None
            and plan.verdict != "refused"
            and not self._busy
            and not self.seat.picture.may_command
            and self.seat.picture.now < plan.valid_until
        )

    def action_enter(self) -> None:
        """Preview; or after a preview has become stale, preview again."""
        old = self.step == "preview" and not self.may_commit and not self._refused
        if self.step == "compose" or old or (self.step == "result" and self._stale):
            self._preview()

    def action_change(self) -> None:
        """Back to composing."""
        if self.step == "preview" and not self._busy:
            self._go("compose")
            self._why.focus()

    def action_commit(self) -> None:
        if self.may_commit and self._plan is not None and time.monotonic() - self._previewed >= DEAD_TIME:
            self._busy = "recording, writing, reading back ..."
            self.run_worker(self._commit(self._plan.id), group="commit")
            self.form.redraw()

    def action_leave(self) -> None:
        if self.step == "preview" and self._busy:
            return  # what is being written is written; its result is shown
        self.dismiss(self._result)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._preview()

    @property
    def _refused(self) -> bool:
        return self._plan is not None and self._plan.verdict == "refused"

    def _operator_hold(self) -> Hold | None:
        overview = self.seat.picture.overview
        holds = overview.holds if overview else []
        return next((h for h in holds if h.point == self._info.id and h.priority == text.OPERATOR_SLOT), None)

    def _value_entry(self) -> Input | Choice:
        info = self._info
        if info.kind in ("binary", "multistate"):
            states = info.states or (["off", "on"] if info.kind == "binary" else ["1", "2", "3"])
            reading = self.seat.picture.values.get(info.id)
            now = reading.value if reading and reading.value is not None and not isinstance(reading.value, str) else 0
            chosen = int(now) if info.kind == "binary" else int(now) - 1
            return Choice(self.seat.ink, states, chosen=max(0, min(len(states) - 1, chosen)), id="value")
        return Input(compact=True, max_length=40, id="value")

    def _wish(self) -> Wish | str:
        """The wish as composed, or what is wrong with it."""
        reason = self._why.value.strip()
        if len(reason) < LEAST_REASON:
            return "Why is required: at least four letters. Never patient data."
        if self._release:
            return Wish(point=self._info.id, value=None, reason=reason)
        value: WireValue
        if isinstance(self._value, Choice):
            chosen = self._value.chosen
            value = bool(chosen) if self._info.kind == "binary" else chosen + 1
        elif self._info.kind == "text":
            value = self._value.value
        else:
            try:
                value = number_in(self._value.value)
            except ValueError:
                return f"Value: a number is needed{f' in {self._info.unit}' if self._info.unit else ''}."
        return Wish(point=self._info.id, value=value, minutes=DURATIONS[self._lasts.chosen][1], reason=reason)

    def _preview(self) -> None:
        if self._busy:
            return
        off = self.seat.picture.may_command
        question = off or self.question()
        if isinstance(question, str):
            self._trouble = question
            self.form.redraw()
            return
        self._busy, self._trouble = "the agent reads the point and its slots ...", ""
        self.run_worker(self._ask_plan(question), group="preview", exclusive=True)
        self.form.redraw()

    def question(self) -> Coroutine[Any, Any, Plan] | str:
        """What the agent is asked for a plan with, or what is missing for that."""
        wish = self._wish()
        return wish if isinstance(wish, str) else self.seat.facility.preview(wish)

    async def _ask_plan(self, question: Coroutine[Any, Any, Plan]) -> None:
        try:
            self._plan = await question
        except FacilityError as error:
            self._trouble = str(error)
        else:
            self._stale = False
            self._previewed = time.monotonic()
            self._go("preview")
        self._busy = ""
        self.form.redraw()

    async def _commit(self, plan: str) -> None:
        try:
            self._result = await self.seat.facility.commit(plan)
        except FacilityError as error:
            self._trouble = str(error)
            if error.kind == "lost":
                self._trouble += ". It is not known whether the value was written: look at the point."
            self._plan, self._stale = None, error.kind == "stale-plan"
        self._busy = ""
        self._go("result")
        if self._result is not None and self._result.readback is not None:
            self.seat.picture.put(self._result.readback)

    def _go(self, step: Step) -> None:
        self.step = step
        for entry in self._entry_widgets():
            entry.display = step == "compose"
        if step != "compose":
            self.form.focus()
        self.form.redraw()

    def _entry_widgets(self) -> list[Widget]:
        return [self._why] if self._release else [self._value, self._lasts, self._why]

    def draw(self, canvas: Canvas) -> None:
        match self.step:
            case "compose":
                self._draw_compose(canvas)
            case "preview":
                self._draw_preview(canvas)
            case "result":
                self._draw_result(canvas)

    def _draw_compose(self, canvas: Canvas) -> None:
        info, picture = self._info, self.seat.picture
        verb = "Release" if self._release else "Override"
        canvas.box(f"{verb}  {info.id}", "step 1 of 3")
        _label(canvas, 2, "Now", self._now(picture.values.get(info.id)))
        if self._release:
            hold = self._hold
            held = f"{hold.by}: {hold.text}, {hold.reason}" if hold else "nothing of ours that this screen knows of"
            _label(canvas, 3, "Held by", held)
            y = 5
        else:
            _label(canvas, 5, "Value", "")
            limits = text.limits(info.command_low, info.command_high)
            if info.kind == "analog":
                canvas.put(LABEL + 15, 5, f"{info.unit}   {limits}", "muted", width=canvas.width - LABEL - 17)
            _label(canvas, 7, "For", "")
            canvas.put(LABEL, 8, self._allowed(), "muted", width=canvas.width - LABEL - 2)
            y = 9
        _label(canvas, y, "Why", "")
        canvas.put(LABEL, y + 1, Reason.presets(), "muted", width=canvas.width - LABEL - 2)
        _label(canvas, y + 3, "Slot", "8 operator (the only one you may use)")
        said, role = (self._busy, "muted") if self._busy else (self._trouble, "high")
        if not said and picture.may_command:
            said = picture.may_command
        for row, line in enumerate(wrap(said, canvas.width - 6), y + 5):
            canvas.put(3, row, line, role)
        keys = "Enter preview   Tab next field   ←→ choose   Esc nothing happens"
        canvas.put(3, canvas.height - 2, keys, "muted")

    def _allowed(self) -> str:
        """How long, before anybody is asked."""
        hello = self.seat.picture.hello
        if hello is None:
            return ""
        longer = "; longer: facility write" if hello.longest_minutes > DURATIONS[-1][1] else ""
        return f"{hello.shortest_minutes:g} min to {min(hello.longest_minutes, DURATIONS[-1][1]) / 60:g} h{longer}"

    def _now(self, reading: ValueInfo | None) -> str:
        picture = self.seat.picture
        if reading is None:
            return "? never read"
        if not picture.live or not text.known(reading):
            return f"? {text.quality(reading, picture.now) if picture.live else 'no agent'}"
        old = text.age((picture.now - reading.time).total_seconds())
        held = f"held by slot {reading.held}, " if reading.held else ""
        return f"{text.worded(self._info, reading.value)} · {held}{old} old"

    def _draw_preview(self, canvas: Canvas) -> None:
        plan, picture = self._plan, self.seat.picture
        if plan is None:
            return
        canvas.box("Refused, nothing written" if self._refused else "Preview, nothing written yet", self._steps())
        draw_plan(canvas, plan, picture.zone)
        self._draw_preview_keys(canvas, canvas.height - 2, plan)

    def _steps(self) -> str:
        return "step 2 of 3"

    def _draw_preview_keys(self, canvas: Canvas, y: int, plan: Plan) -> None:
        picture = self.seat.picture
        if self._busy:
            canvas.put(3, y, self._busy, "strong")
        elif self._refused:
            canvas.put(3, y, "Esc close, nothing was written   Backspace change", "muted")
        elif picture.may_command:
            canvas.put(3, y, f"{picture.may_command}   Esc close", "unk_fill")
        elif not self.may_commit:
            canvas.put(3, y, "Stale: this preview is too old.   Enter reads again   Esc nothing happens", "high")
        else:
            x = canvas.put(3, y, " Y ", "nav")
            left = (plan.valid_until - picture.now).total_seconds()
            canvas.put(x + 1, y, f"{self.verb(plan)}   Esc nothing happens   good for {left:.0f} s", "muted")

    def verb(self, plan: Plan) -> str:
        """What `Y` does, and what else may be done instead."""
        if plan.verdict == "second-person":
            return "ask for a second person   Backspace change"
        return f"{'release it' if self._release else 'write it'}   Backspace change"

    def _draw_result(self, canvas: Canvas) -> None:
        result, picture = self._result, self.seat.picture
        title = "Not done" if result is None else RESULT_TITLES.get(result.status, "Not as asked for")
        canvas.box(title, "step 3 of 3")
        if result is None:
            for row, line in enumerate(wrap(self._trouble, canvas.width - 6), 2):
                canvas.put(3, row, line, "high")
        else:
            x = canvas.put(3, 2, f" {result.status.upper()} ", STATUS_ROLES.get(result.status, "crit_fill"))
            canvas.put(x + 2, 2, self._info.id, "muted")
            y = 3
            for line in wrap(result.text, canvas.width - 6):
                y += 1
                canvas.put(3, y, line)
            if result.readback is not None:
                y = _label(canvas, y + 2, "Read back", text.worded(self._info, result.readback.value))
            if result.until is not None:
                said = f"{text.when(result.until, picture.now, picture.zone)}, then it is released by the agent"
                asked = f"{text.when(result.until, picture.now, picture.zone)}, then it is forgotten"
                _label(canvas, y + 1, "Ends", asked if result.status == "asked" else said)
        again = "Stale, Enter reads again   " if self._stale else ""
        canvas.put(3, canvas.height - 2, f"{again}Esc close", "muted")


def number_in(written: str) -> float:
    """What an operator takes for a number; Python takes more. ValueError where it is none."""
    plain = written.strip().replace(",", ".")
    return float(plain if plain.isascii() and "_" not in plain else "")


def _label(canvas: Canvas, y: int, name: str, said: str) -> int:
    """A line of the form, wrapped; returns the line after it."""
    canvas.put(3, y, name, "muted")
    for line in wrap(said, canvas.width - LABEL - 3):
        canvas.put(LABEL, y, line)
        y += 1
    return y
