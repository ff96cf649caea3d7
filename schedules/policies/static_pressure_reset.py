"""Less pressure in the supply duct while no box is short of air (domain row 16; ASHRAE Guideline 36, section 5.16.1).

Trims the setpoint by the requests of the boxes. It never trims while one of them is not known: it may only respond
then, and where none is known it demands nothing. Speaks for air handlers of comfort alone: one that feeds rooms whose
pressure protects somebody is critical, and its setpoint is nobody's to trim. `low` is what keeps every box in control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority
from schedules.boxes import Box, Polled, asks_for_more_pressure, boxes_of, polled
from schedules.machines import any_runs, pascals_for
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View
from schedules.requests import Asking
from schedules.trim_respond import Trim, TrimRespond
from schedules.writable import may_speak_for

GUIDELINE = TrimRespond(
    initial=120.0, low=25.0, high=400.0, delay=600.0, period=120.0, ignored=2, trim=-12.0, respond=15.0, most=32.0
)
"""In Pa and seconds. `high` is the design pressure of the duct: a site says its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticPressureMemory(Memory):
    """Where the setpoint stands, and what the boxes ask."""

    trim: Trim
    boxes: Mapping[str, Asking] = field(default_factory=dict)
    said: str = ""  # what was asked at the latest step


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticPressureReset:
    """Holds duct pressure setpoints where trim and respond puts them."""

    kind: ClassVar[str] = "static-pressure-reset"
    remembers: ClassVar[type[Memory] | None] = StaticPressureMemory

    name: str
    setpoints: Selector
    boxes: Selector
    running: Selector  # what says that the fan runs
    reset: TrimRespond = GUIDELINE
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        setpoints = list(may_speak_for(self.setpoints(catalog), catalog))
        boxes, statuses = boxes_of(self.boxes(catalog)), self.running(catalog)

        def decide(view: View, memory: Memory | None) -> Decision:
            before = memory if isinstance(memory, StaticPressureMemory) else None
            return self._decide(view, before, setpoints, boxes, statuses)

        return decide

    def _decide(
        self,
        view: View,
        before: StaticPressureMemory | None,
        setpoints: Sequence[Point],
        boxes: Sequence[Box],
        statuses: Sequence[Point],
    ) -> Decision:
        running = any_runs(view, statuses)
        poll = polled(view, boxes, asks_for_more_pressure, before.boxes if before else {})
        if not setpoints:
            return Decision(remarks=(Remark(about="", text="it selects no setpoint that a policy may hold"),))
        if running is None:
            text = "whether the fan runs is not known"
            return Decision(memory=before, remarks=(Remark(about="", text=text, held=True),))
        if running and len(poll.unknown) == len(boxes):
            text = "no box says what it needs"
            return Decision(memory=before, remarks=(Remark(about="", text=text, held=True),))
        memory = self._after(view, before, poll, running=running)
        reason = "the fan is off" if not running else memory.said or "the fan has just started"
        fit = [(point, pascals_for(point, memory.trim.setpoint)) for point in setpoints]
        return Decision(
            demands=tuple(
                Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)
                for point, value in fit
                if value is not None
            ),
            until=memory.trim.due,
            memory=memory,
            remarks=tuple(
                Remark(about=box, text="what it needs is not known, so nothing is trimmed", held=True)
                for box in poll.unknown
            ),
        )

    def _after(
        self, view: View, before: StaticPressureMemory | None, poll: Polled, *, running: bool
    ) -> StaticPressureMemory:
        was = before.trim if before else None
        trim = self.reset.step(was, poll.requests, running=running, now=view.now, may_trim=not poll.unknown)
        stepped = was is not None and was.due is not None and trim.due is not None and trim.due > was.due
        kept = before.said if before is not None and trim.started == before.trim.started else ""
        return StaticPressureMemory(trim=trim, boxes=poll.asking, said=poll.words if stepped else kept)
