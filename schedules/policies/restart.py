"""Loads come back one after the other when the power does (domain row 20).

When a transfer switch changes its source, every load that has not had its turn is held off; a turn comes every few
seconds. On the generator only what is wanted there gets a turn, and only as long as the kilowatts of all that have had
one stay under the cap; what does not fit waits until normal power is back. In negative rooms the exhaust comes before
the supply, in positive ones the supply before the return; else the order is the site's own.

Life safety and critical branches are not ours, and neither is any load that is not plainly comfort. A source that is
not known begins nothing; a sequence under way goes on by the clock, and after half an hour of not knowing it is let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority, Value
from schedules.machines import is_set, off_value
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.writable import may_speak_for

UNKNOWN_FOR = timedelta(minutes=30)


class Moves(StrEnum):
    """Which air a load moves, in rooms of which pressure."""

    NEGATIVE_EXHAUST = "exhaust-of-negative"
    NEGATIVE_SUPPLY = "supply-of-negative"
    POSITIVE_SUPPLY = "supply-of-positive"
    POSITIVE_RETURN = "return-of-positive"
    NOTHING = ""


_LATER = {Moves.NEGATIVE_SUPPLY: Moves.NEGATIVE_EXHAUST, Moves.POSITIVE_RETURN: Moves.POSITIVE_SUPPLY}
"""What waits for what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Something that is started after a power failure."""

    point: PointId
    kilowatts: float
    moves: Moves = Moves.NOTHING
    on_generator: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartMemory(Memory):
    """Where the power comes from, since when, and since when that is not known."""

    emergency: bool
    begun: datetime | None = None  # None: it has been so as long as anybody knows, and nothing is held off
    unknown: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Holds loads off until their turn after a power failure."""

    kind: ClassVar[str] = "restart"
    remembers: ClassVar[type[Memory] | None] = RestartMemory

    name: str
    on_emergency: Selector  # set while a transfer switch is on the generator
    loads: tuple[Load, ...]
    cap_kilowatts: float
    spacing_seconds: float = 15.0
    priority: Priority = Priority.HOLD_OFF

    def bind(self, catalog: Catalog) -> Decide:
        switches = self.on_emergency(catalog)
        line = [(load, point, value) for load in in_order(self.loads) for point, value in _found(load, catalog)]

        def decide(view: View, memory: Memory | None) -> Decision:
            before = memory if isinstance(memory, RestartMemory) else None
            after = _after(view, before, switches)
            if after is None:
                text = "where the power comes from is not known"
                return Decision(remarks=(Remark(about="", text=text, held=True),))
            return self._decide(view.now, after, line)

        return decide

    def problems(self, catalog: Catalog) -> tuple[str, ...]:
        """Which loads it will never hold off."""
        return tuple(
            f"{load.point} is nothing that a policy may hold off" for load in self.loads if not _found(load, catalog)
        )

    def _decide(self, now: datetime, memory: RestartMemory, line: Sequence[tuple[Load, Point, Value]]) -> Decision:
        demands: list[Demand] = []
        changes: list[datetime | None] = []
        turns = self.turns([load for load, _, _ in line], emergency=memory.emergency)
        for (load, point, off), turn in zip(line, turns, strict=True):
            begins = None if turn is None or memory.begun is None else memory.begun + turn
            if memory.begun is None or (begins is not None and begins <= now):
                continue
            changes.append(begins)
            demands.append(
                Demand(
                    point=point.id,
                    value=off,
                    priority=self.priority,
                    policy=self.name,
                    reason=_reason(load, turn, memory),
                )
            )
        remarks: tuple[Remark, ...] = ()
        if memory.unknown is not None:
            changes.append(memory.unknown + UNKNOWN_FOR)
            remarks = (
                Remark(about="", text="where the power comes from is not known: what was so goes on", held=True),
            )
        return Decision(demands=tuple(demands), until=earliest(changes), memory=memory, remarks=remarks)

    def turns(self, loads: Sequence[Load], *, emergency: bool) -> list[timedelta | None]:
        """When each has its turn, from the change of source; None for those that have none on this one."""
        turns: list[timedelta | None] = []
        started = taken = 0.0
        left: set[Moves] = set()
        for load in loads:
            alone = _LATER.get(load.moves) in left  # air that would only be blown in, or only be drawn out
            if emergency and (alone or not load.on_generator or taken + load.kilowatts > self.cap_kilowatts):
                turns.append(None)
                left.add(load.moves)
                continue
            turns.append(timedelta(seconds=started * self.spacing_seconds))
            started, taken = started + 1, taken + load.kilowatts
        return turns


def in_order(loads: Sequence[Load]) -> list[Load]:
    """As they are written, but that what waits for another comes right after the last of those."""
    line = [load for load in loads if load.moves not in _LATER]
    for waits in (load for load in loads if load.moves in _LATER):
        first = _LATER[waits.moves]
        before = [place for place, load in enumerate(line) if load.moves in (first, waits.moves)]
        line.insert(before[-1] + 1 if before else len(line), waits)
    return line


def _after(view: View, before: RestartMemory | None, switches: Sequence[Point]) -> RestartMemory | None:
    """Where the power comes from now. First seen on the generator, it has just failed."""
    said = [is_set(view, switch) for switch in switches]
    now = view.now
    if not said or (None in said and True not in said):
        if before is None:
            return None
        since = before.unknown if before.unknown is not None and before.unknown <= now else now
        return replace(before, unknown=since) if now - since < UNKNOWN_FOR else None
    emergency = True in said
    if before is None:
        return RestartMemory(emergency=emergency, begun=now if emergency else None)
    begun = before.begun if before.begun is None or before.begun <= now else now
    return RestartMemory(emergency=emergency, begun=begun if emergency is before.emergency else now)


def _found(load: Load, catalog: Catalog) -> list[tuple[Point, Value]]:
    """The load's point and what holds it off; none if a policy may not."""
    point = catalog.points.get(load.point)
    allowed = [] if point is None else list(may_speak_for([point], catalog))
    return [(each, off) for each in allowed if (off := off_value(each)) is not None]


def _reason(load: Load, turn: timedelta | None, memory: RestartMemory) -> str:
    source = "the generator" if memory.emergency else "normal power"
    if turn is not None:
        return f"its turn comes {turn.total_seconds():g} s after the change to {source}"
    return (
        f"{load.kilowatts:g} kW wait for normal power: {'no room under the cap' if load.on_generator else 'not wanted'}"
    )
