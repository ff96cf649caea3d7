"""Gathers what is known about a point when somebody asks why it is so: asks its device once, and never fails.

What cannot be had (a silent device, an audit that cannot be read, a policy that raises) is part of the evidence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from facility.alarms import AlarmBook
from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.conditions import DeviceStatus
from facility.evidence import Denied, Evidence, Following, differs
from facility.model import Claim, Command, is_policy
from facility.overrides import Found
from facility.profiles.model import CommandRule
from facility.rows import from_text
from facility.strategy import Strategy
from facility.wire import Record
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.model import DeviceId, Point, PointId, Priority, Reading, Slots, SpaceId, StatusFlags, Value
from points.store import PointStore
from schedules.decider import Decider
from schedules.errands import Postponed, Trouble
from schedules.feeds import Feeds
from schedules.plan import LEASE, Slot
from schedules.policies.bed_setback import BedSetback
from schedules.policies.room_turndown import RoomTurndown
from schedules.policies.weekly import Weekly
from schedules.policy import Policy, View, earliest
from schedules.precedence import rule
from schedules.writable import may_speak_for, why_not_vacated

LOOK_S = 12.0  # a device that answers at all answers sooner; whoever asks why waits longer
RECORDS = 20  # of one point, the newest


class Planning(Protocol):
    """What the planner decided, and what came of it."""

    @property
    def decider(self) -> Decider: ...
    @property
    def troubles(self) -> Mapping[Slot, Trouble]: ...
    @property
    def postponed(self) -> Mapping[Slot, Postponed]: ...


class Devices(Protocol):
    """How the devices are doing, and what a point is now."""

    def devices(self) -> Mapping[DeviceId, DeviceStatus]: ...
    async def read_now(self, point: PointId) -> Reading: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Looks at everything that has a part in a value; changes nothing."""

    clock: Clock
    book: CatalogBook
    store: PointStore
    freshness: Devices
    claims: Claims
    audit: Audit
    alarms: AlarmBook
    desk: CommandDesk
    strategy: Strategy
    planning: Planning
    feeds: Callable[[], Feeds]  # what others told, as policies see it
    rule: Callable[[Point], CommandRule]
    foreign: Callable[[PointId], Mapping[int, Found]]  # what the sweep has seen, by level
    effect: Callable[[PointId], str]  # what an independent sensor says of a command; "" if nothing

    async def look(self, point: Point) -> Evidence:
        """Everything that is known of the point now."""
        status = self.freshness.devices().get(point.device)
        offline = status.since if status is not None and status.status == "offline" else None
        slots, trouble = await self._slots(point, offline=offline is not None)
        looked = self.clock.now()
        reading = await self._reading(point, slots)
        claims = tuple(self.claims.of(point.id))
        records, untold = await self._records(point)
        device = self.book.current.devices.get(point.device)
        evidence = Evidence(
            point=point,
            now=self.clock.now(),
            zone=self.strategy.zone,
            reading=reading,
            slots=slots,
            looked=looked,
            trouble=trouble,
            claims=claims,
            foreign={level: found.since for level, found in self.foreign(point.id).items()},
            denied=(*self._denied(point), *_asked_in_vain(records, claims)),
            records=records,
            untold=untold,
            alarms=tuple(alarm for alarm in self.alarms.all() if alarm.about == point.id and alarm.ended is None),
            effect=self.effect(point.id),
            ramp_per_minute=self.rule(point).ramp_per_minute,
            offline_since=offline,
            quarantine=device.quarantine if device is not None else "",
        )
        return replace(evidence, following=tuple(self._following(point, self._end_of_hold(evidence))))

    async def _slots(self, point: Point, *, offline: bool) -> tuple[Slots | None, str]:
        if not point.commandable:
            return None, ""
        if offline:
            return None, f"{point.device} does not answer"
        try:
            async with asyncio.timeout(LOOK_S):
                return await self.desk.slots(point.id), ""
        except TimeoutError:
            return None, f"{point.device} has not answered for {LOOK_S:.0f} s"
        except PointsError as error:
            return None, str(error)

    async def _reading(self, point: Point, slots: Slots | None) -> Reading | None:
        """What is known; read again where it is not what the slots make of it, for it may be older than they are."""
        reading = self.store.get(point.id)
        if reading is None or slots is None:
            return reading
        wins = slots[slots.winner] if slots.winner is not None else slots.default
        aside = StatusFlags.OVERRIDDEN | StatusFlags.OUT_OF_SERVICE
        if wins is None or reading.flags & aside or not differs(point, wins, reading):
            return reading
        try:
            async with asyncio.timeout(LOOK_S):
                return await self.freshness.read_now(point.id)
        except (PointsError, TimeoutError):
            return reading

    async def _records(self, point: Point) -> tuple[tuple[Record, ...], str]:
        try:
            return tuple(await self.audit.records(point.id, RECORDS)), ""
        except PointsError as error:
            return (), str(error)

    def _written_for(self, point: Point) -> Iterator[Policy]:
        for policy in self.strategy.policies:
            if any(one.id == point.id for one in self.strategy.points_of(policy.name, self.book.current)):
                yield policy

    def _following(self, point: Point, until: datetime) -> Iterator[Following]:
        """The policies written for the point. `until`: the end of the hold that wins, if a person's does."""
        now = self.clock.now()
        for policy in self._written_for(point):
            at, turns = self._next_change(policy, now), ""
            coming = [timetable.at(now) for timetable in self.strategy.followed_by(policy.name)]
            for stretch in coming:
                if stretch.end is not None and at is not None and stretch.end <= at:
                    turns = stretch.turns
            planned = self._planned(point, policy)
            yield Following(
                policy=policy.name,
                programme=self._programme(policy.name),
                change=at,
                turns=turns,
                wants=None if at is None else self._wanted(point, policy, at),
                after=planned if at is None or until < at else self._wanted(point, policy, until),
                level=int(policy.priority),
                estimated=not isinstance(policy, Weekly),
            )

    def _programme(self, policy: str) -> str:
        """The programme that the policy follows, the first if there are several; "" if it follows none."""
        return next((timetable.name for timetable in self.strategy.followed_by(policy)), "")

    def _next_change(self, policy: Policy, now: datetime) -> datetime | None:
        """When by the clock alone the policy may want something else: at a change of its programme, or as it said."""
        change = self.strategy.next_change(policy.name, now)
        said = self.planning.decider.said(policy.name)
        if said is None or isinstance(policy, Weekly):  # which names every midnight, for another rule has that day
            return change
        return earliest([change, said.decision.until])

    def _end_of_hold(self, evidence: Evidence) -> datetime:
        """When what wins is expected to be let go of, where that is ours; else now."""
        now = evidence.now
        winner = evidence.slots.winner if evidence.slots is not None else None
        claim = evidence.ours(winner) if winner is not None else None
        if claim is None or not is_policy(claim.by):
            return now if claim is None else max(claim.until, now)
        held_by = (policy for policy in self.strategy.policies if f"policy:{policy.name}" == claim.by)
        return next((self._next_change(policy, now) for policy in held_by), None) or now

    def _planned(self, point: Point, policy: Policy) -> Value | None:
        demand = self.planning.decider.wanted.get((point.id, policy.priority))
        return demand.value if demand is not None and demand.policy == policy.name else None

    def _wanted(self, point: Point, policy: Policy, at: datetime) -> Value | None:
        """What the policy wants of the point at another time, with everything else as it is now."""
        catalog, decider = self.book.current, self.planning.decider
        view = View(
            now=at,
            zone=self.strategy.zone,
            catalog=catalog,
            readings=self.store.snapshot(),
            since=decider.steady,
            outside=self.feeds,
            stood=lambda setpoint: decider.stood(policy.name, setpoint, at),
        )
        try:
            decision = policy.bind(catalog)(view, decider.memories().get(policy.name))
            return next((demand.value for demand in decision.demands if demand.point == point.id), None)
        except Exception:  # noqa: BLE001  the planner tells a policy's fault; here it only has nothing to say
            return None

    def _denied(self, point: Point) -> Iterator[Denied]:
        """What policies want of the point and do not have, and why."""
        plan = self.planning.decider
        said = set()
        for refusal in plan.refusals:
            if refusal.demand.point == point.id:
                demand = refusal.demand
                said.add(demand.policy)
                why = self._refused(point, demand.policy, demand.value, demand.priority) or refusal.why
                yield self._denial(demand.policy, demand.value, why, "the guard")
        for conflict in plan.conflicts:
            if conflict.loser.point == point.id:
                said.add(conflict.loser.policy)
                why = f"policy {conflict.winner.policy} goes first in that slot, because {rule(*conflict.kinds)}"
                yield self._denial(conflict.loser.policy, conflict.loser.value, why, "the planner")
        for (about, level), demand in plan.wanted.items():
            waits = self.planning.postponed.get((about, level)) or self.planning.troubles.get((about, level))
            if about == point.id and waits is not None:
                said.add(demand.policy)
                yield self._denial(demand.policy, demand.value, _plainly(waits.text), "the planner")
        for policy in self._written_for(point):
            fault = plan.faults.get(policy.name)
            if fault is not None:
                yield self._denial(policy.name, None, f"it failed ({type(fault).__name__}: {fault})", "the planner")
            elif plan.said(policy.name) and policy.name not in said and (why := self._barred(point, policy)):
                yield self._denial(policy.name, None, why, "the guard")

    def _barred(self, point: Point, policy: Policy) -> str:
        """Why the policy never demands anything of a point that it is written for; "" where it may."""
        if isinstance(policy, RoomTurndown):
            rooms = tuple(room for room in policy.rooms if point.id in (room.supply, room.extract))
            return next(replace(policy, rooms=rooms).problems(self.book.current), "")
        if isinstance(policy, BedSetback):
            return why_not_vacated(point, point.space or SpaceId(""), self.book.current)
        if any(may_speak_for([point], self.book.current)):
            return ""
        present = self.store.get(point.id)
        value = present.value if present is not None and present.value is not None else 0.0
        refused = self._refused(point, policy.name, value, policy.priority)
        return refused or "its space is not one where a policy may decide"

    def _denial(self, policy: str, value: Value | None, why: str, rests_on: str) -> Denied:
        known = any(one.name == policy for one in self.strategy.policies)
        programme = self._programme(policy) if known else ""
        target = f"schedule:{programme}" if programme else f"record:{policy}"
        return Denied(by=f"policy:{policy}", value=value, why=why, rests_on=rests_on, target=target)

    def _refused(self, point: Point, policy: str, value: Value, level: Priority) -> str:
        """What the guard says to it: the rule, and the source that it rests on."""
        by, reason = f"policy:{policy}", "asked why"
        command = Command(point=point.id, value=value, priority=level, by=by, reason=reason, lasts=LEASE)
        verdict = self.desk.judge(command)
        source = f" ({verdict.source})" if verdict.source else ""
        return f"refused ({verdict.rule}): {verdict.why.rstrip('.')}{source}" if verdict.refused else ""


def _asked_in_vain(records: Iterable[Record], claims: Iterable[Claim]) -> Iterator[Denied]:
    """The latest thing that a person asked for, if nothing stands of it."""
    latest = next(iter(records), None)
    if latest is None or latest.action != "hold" or is_policy(latest.by):
        return
    stands = any(claim.by == latest.by and claim.priority == latest.priority for claim in claims)
    if latest.result.startswith(("refused", "failed", "mismatch")) and not stands:
        value = from_text(latest.value) if latest.value else None
        entry = f"{latest.seq}"
        yield Denied(
            by=latest.by,
            value=value,
            why=_plainly(latest.result),
            rests_on=f"audit entry {entry}",
            target=f"record:{entry}",
        )


def _plainly(result: str) -> str:
    """A mismatch as a person says it."""
    return re.sub("^mismatch: ", "the device acknowledges the command and ignores it: ", result)
