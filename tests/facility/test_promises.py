"""Whatever is wished, by whomever, and whatever goes wrong: what a write must never do.

(a) No monitor-only point and no level 1-7 is ever written. (b) No write or release of ours takes a guarded room
out of its limits, nor its air while the flows follow. (c) What stands of ours is claimed by us, and gone after its
end once the device answers, but for what keeps a room's pressure while somebody else holds its main air down.
(d) What somebody else wrote is neither overwritten nor cleared. (e) Nothing is written without its committed record.

By default the same programmes are run each time; FACILITY_PROMISES=1000 tries so many that nobody has seen.
"""

import asyncio
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from promises_bench import (
    AII_EXTRACT_SP,
    AII_SUPPLY_SP,
    AIRWAYS,
    DEVICES,
    DOOR,
    EXTRACT_SP,
    FAN,
    LAMP,
    MODE,
    OCCUPANCY,
    OFFICE,
    ORDINARY,
    OUTSIDE_OF_US,
    PRESSURE,
    STEAM,
    SUPPLY_SP,
    THEIRS,
    PromisesBench,
    in_vain,
)

from facility.leases import LONGEST_PAUSE
from facility.model import GUARD, Command
from points.model import Event, EventKind, Priority
from schedules.policy import Demand

UNSEEN = int(os.environ.get("FACILITY_PROMISES", "0"))
POINTS = (*ORDINARY, *OUTSIDE_OF_US, *AIRWAYS, MODE)
OWN_LEVELS = tuple(Priority)
HOLD = Command(
    point=OFFICE.id,
    value=21.0,
    priority=Priority.OPERATOR,
    by="user:rdiaz",
    role="engineer",
    reason="as wished",
    lasts=timedelta(minutes=15),
)
LENGTHS = st.sampled_from([None, timedelta(0), timedelta(minutes=15), timedelta(hours=2), timedelta(days=8)])
PEOPLE = st.sampled_from([("user:mchen", "operator"), ("user:rdiaz", "engineer"), ("user:eve", "viewer"), ("", "")])
FLOWS = (110.0, 116.0, 150.0, 210.0, 300.0, 480.0, 573.0, 600.0, 667.0, 900.0)
VALUES = {
    FAN: (True, False, "on", 1),
    MODE: (1, 2, 3, "Setback"),
    **dict.fromkeys(AIRWAYS, (*FLOWS, 40.0, 85.0, 140.0, 167.0, 200.0, 0.0)),
}
FAULTS = ("late", "deaf", "garbled", "refusing", "ignoring", "clamping", "gone", "rebooting", "taken", "delayed")
WRONG = st.sampled_from((None,) * 6 + FAULTS)


class Building(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.loop = self.stack.enter_context(asyncio.Runner())
        self.bench = PromisesBench(folder)

    @initialize()
    def open(self):
        self.loop.run(self.bench.start())

    def do(self, work):
        """One thing after the other; if the process died of it, it is started again."""
        self.loop.run(self._done(work))

    async def _done(self, work):
        await self.bench.carry_out(work)
        await self._lives()

    def let(self, script):
        """The same for what moves the clock itself."""
        self.loop.run(self._played(script))

    async def _played(self, script):
        await in_vain(script)
        await self._lives()

    async def _lives(self):
        if not self.bench.dead:
            await self.bench.rest()
        if self.bench.dead:
            await self.bench.restart()

    # wishes

    @rule(
        point=st.sampled_from(POINTS),
        who=PEOPLE,
        level=st.sampled_from([8, 8, 8, 8, 1, 5, 7, 9, 10, 12, 16, 0, 17]),
        lasts=LENGTHS,
        second=st.sampled_from(["", "", "user:rdiaz"]),
        pick=st.data(),
    )
    def somebody_wishes(self, point, who, level, lasts, second, pick):
        value = pick.draw(st.sampled_from((*VALUES.get(point, (5.0, 21.0, 22.5, 99.0, -1e9, "x")), None)))
        by, role = who
        wish = replace(HOLD, point=point.id, value=value, priority=level, by=by, role=role)
        self.do(self.bench.desk.submit(replace(wish, lasts=lasts, seconded_by=second)))

    @rule(point=st.sampled_from(ORDINARY), who=PEOPLE, wrong=WRONG, pick=st.data())
    def an_operator_holds(self, point, who, wrong, pick):
        self.bench.fault(wrong)
        value = pick.draw(st.sampled_from(VALUES.get(point, (21.0, 22.5, 30.0))))
        self.do(self.bench.desk.submit(replace(HOLD, point=point.id, value=value, by=who[0], role=who[1])))

    @rule(point=st.sampled_from(AIRWAYS), value=st.sampled_from(VALUES[SUPPLY_SP]))
    def an_engineer_moves_air(self, point, value):
        self.do(self.bench.desk.submit(replace(HOLD, point=point.id, value=value)))

    @precondition(lambda self: self.bench.claims.standing())
    @rule(pick=st.data(), by=st.sampled_from(["user:rdiaz", "policy:night", GUARD, "agent"]), wrong=WRONG)
    def somebody_lets_go(self, pick, by, wrong):
        claim = pick.draw(st.sampled_from(sorted(self.bench.claims.standing(), key=lambda claim: claim.key)))
        self.bench.fault(wrong)
        wish = Command(point=claim.point, value=None, priority=claim.priority, by=by, reason="no longer wanted")
        self.do(self.bench.desk.submit(wish))

    @rule(point=st.sampled_from((OFFICE, STEAM)), taken=st.booleans(), wrong=WRONG)
    def a_hold_is_short(self, point, taken, wrong):
        self.do(self.bench.desk.submit(replace(HOLD, point=point.id)))
        if taken:
            self.bench.foreign(point, THEIRS, Priority.OPERATOR)
        self.bench.fault(wrong)
        self.do(self.bench.desk.submit(replace(HOLD, point=point.id, value=None, lasts=None)))

    @rule(point=st.sampled_from(ORDINARY), level=st.sampled_from([12, 14, 15]), pick=st.data())
    def a_policy_demands(self, point, level, pick):
        value = pick.draw(st.sampled_from(VALUES.get(point, (16.0, 21.0, 40.0))))
        self.do(self._hold(point, value, Priority(level)))

    @rule(point=st.sampled_from(POINTS), level=st.sampled_from(OWN_LEVELS), pick=st.data())
    def a_policy_demands_anything(self, point, level, pick):
        value = pick.draw(st.sampled_from(VALUES.get(point, (16.0, 21.0, 40.0))))
        self.do(self._hold(point, value, level))

    @rule(point=st.sampled_from((OFFICE, SUPPLY_SP, EXTRACT_SP, AII_SUPPLY_SP, AII_EXTRACT_SP)), pick=st.data())
    def a_policy_lets_go(self, point, pick):
        level = pick.draw(st.sampled_from([Priority.OCCUPANCY, Priority.SCHEDULE]))
        self.do(self.bench.hands.release(point.id, level, "nobody wants it"))

    async def _hold(self, point, value, level):
        demand = Demand(point=point.id, value=value, priority=level, policy="night", reason="nobody is in")
        await self.bench.hands.hold(demand, self.bench.clock.now() + timedelta(minutes=15))

    @precondition(lambda self: not self.bench.dead)
    @rule(supply=st.sampled_from((210.0, 300.0, 400.0)), offset=st.sampled_from((94.0, 90.0, 120.0, 20.0)))
    def the_operating_room_is_turned_down(self, supply, offset):
        """As its policy does it: both demanded again and again, until the guard lets both."""

        self.let(self._driven(supply, supply - offset))

    @precondition(lambda self: not self.bench.dead)
    @rule(
        theirs=st.sampled_from([(210.0, 116.0), (300.0, 206.0)]),
        hers=st.sampled_from([(400.0, 306.0), (667.0, 573.0), (500.0, 400.0), (240.0, 130.0), (900.0, 800.0)]),
        ends=st.tuples(st.sampled_from([15, 25, 120]), st.sampled_from([15, 25, 120])),
        stays=st.booleans(),
    )
    def a_person_holds_the_air_above_a_policy(self, theirs, hers, ends, stays):
        """Both airways at level 8 and at 14, each with an end of its own."""
        self.let(self._held_above(theirs, hers, ends, stays))

    async def _held_above(self, theirs, hers, ends, stays):
        bench = self.bench
        await self._driven(*theirs)
        holds = [
            replace(HOLD, point=point.id, value=value, lasts=timedelta(minutes=minutes))
            for point, value, minutes in zip((SUPPLY_SP, EXTRACT_SP), hers, ends, strict=True)
        ]
        for _ in range(16):
            for hold in holds:
                claim = bench.claims[hold.point, hold.priority]
                if not bench.dead and (claim is None or claim.wanted != hold.value):
                    await bench.carry_out(bench.desk.submit(hold))
            await bench.pass_time(10)
        if stays:
            for point, more in ((SUPPLY_SP, 130), (EXTRACT_SP, 140)):
                key, until = (point.id, Priority.OCCUPANCY), bench.clock.now() + timedelta(minutes=more)
                await bench.carry_out(bench.desk.renew(key, until))

    async def _driven(self, supply, extract):
        bench = self.bench
        bench.occupied = bench.door = False
        await bench.pass_time(62)
        for _ in range(12):
            for point, goal in ((EXTRACT_SP, extract), (SUPPLY_SP, supply)):
                if not bench.dead:
                    await bench.carry_out(self._hold(point, goal, Priority.OCCUPANCY))
            await bench.pass_time(5)

    @precondition(lambda self: self._held_in_the_air())
    @rule(pick=st.data(), wrong=WRONG)
    def the_air_is_let_go_of(self, pick, wrong):
        claim = pick.draw(st.sampled_from(self._held_in_the_air()))
        self.bench.fault(wrong)
        wish = Command(point=claim.point, value=None, priority=claim.priority, by=claim.by, reason="no longer wanted")
        self.do(self.bench.desk.submit(wish))

    @precondition(lambda self: self._held_in_the_air())
    @rule(pick=st.data())
    def one_end_in_the_air_comes_first(self, pick):
        claim = pick.draw(st.sampled_from(self._held_in_the_air()))
        self.do(self.bench.claims.renew(claim.key, self.bench.clock.now()))
        self.let(self.bench.pass_time(20))

    def _held_in_the_air(self):
        air = {point.id for point in AIRWAYS}
        held = self.bench.claims.standing() if self.bench.services else []
        return sorted((claim for claim in held if claim.point in air), key=lambda claim: claim.key)

    # people, time, other hands

    @rule(occupied=st.booleans(), door=st.booleans())
    def people_come_and_go(self, occupied, door):
        self.bench.occupied, self.bench.door = occupied, door
        self.let(self.bench.pass_time(2))

    @rule(point=st.sampled_from((DOOR, LAMP, OCCUPANCY, PRESSURE)))
    def a_witness_says_nothing_new(self, point):
        self.bench.stale ^= {point}
        self.let(self.bench.pass_time(2))

    @rule(seconds=st.sampled_from([1, 5, 11, 40]))
    def time_passes(self, seconds):
        self.let(self.bench.pass_time(seconds))

    @rule(minutes=st.sampled_from([20, 130, 60 * 24 * 9]), asleep=st.booleans(), back=st.booleans())
    def the_clock_jumps(self, minutes, asleep, back):
        """The machine was asleep, or somebody has set it."""
        if asleep:
            self.let(self.bench.pass_time(minutes * 60, at_once=minutes * 60))
        else:
            self.bench.clock.offset += timedelta(minutes=-minutes if back else minutes)
            self.let(self.bench.pass_time(3))

    @rule(point=st.sampled_from((OFFICE, STEAM)), level=st.integers(1, 16), value=st.sampled_from([THEIRS, None]))
    def somebody_else_writes(self, point, level, value):
        if value is not None or (point.ref, level) in self.bench.theirs:
            self.bench.foreign(point, value, level)

    @precondition(lambda self: self._takeable())
    @rule(pick=st.data())
    def somebody_else_takes_a_slot_of_ours(self, pick):
        point, level = pick.draw(st.sampled_from(self._takeable()))
        self.bench.foreign(point, THEIRS, level)

    def _takeable(self):
        held = sorted(claim.key for claim in self.bench.claims.standing()) if self.bench.services else []
        return [(point, level) for point in (OFFICE, STEAM) for name, level in held if name == point.id]

    @rule(
        point=st.sampled_from((SUPPLY_SP, EXTRACT_SP)),
        level=st.sampled_from([5, 8, 14]),
        value=st.sampled_from([THEIRS, 800.25]),
    )
    def somebody_else_meddles_with_the_air(self, point, level, value):
        self.bench.foreign(point, value, level)
        self.let(self.bench.pass_time(2))

    # what goes wrong

    @rule(wrong=WRONG)
    def the_next_write_goes_wrong(self, wrong):
        self.bench.fault(wrong)

    @rule(
        device=st.sampled_from(DEVICES),
        what=st.sampled_from(["away", "away", "restarted", "reset", "unseen", "mute", "another", "doubted"]),
    )
    def a_device_changes(self, device, what):
        match what:
            case "away":
                if self.bench.goes_or_comes(device):
                    self._tell(EventKind.DEVICE_BACK, device)
            case "restarted":
                self.bench.reboot(device)
                self._tell(EventKind.DEVICE_RESTARTED, device)
            case "reset":
                self.bench.reboot(device)
            case "unseen":  # until its next poll, what was read of it before is taken for what it is
                self.bench.unread[device] = self.bench.clock.time + timedelta(seconds=15)
                self.bench.reboot(device)
            case "mute":
                self.bench.no_default ^= {device}
            case "another":
                self.bench.strangers ^= {device}
            case "doubted":
                self.bench.quarantine(device)
        self.let(self.bench.pass_time(6))

    @rule(steps=st.integers(1, 30))
    def the_process_will_die(self, steps):
        self.bench.crash_at = self.bench.steps + steps

    @rule()
    def the_process_is_started_again(self):
        self.let(self.bench.restart())

    def _tell(self, kind, device):
        self.bench.events.tell(Event(kind=kind, time=self.bench.clock.now(), about=device, text="told"))

    # what must be so

    @invariant()
    def no_promise_is_broken(self):
        if self.bench.services:
            self.bench.check()

    def teardown(self):
        try:
            if self.bench.services and not self.bench.broken:
                self.loop.run(self._everything_ends())
        finally:
            self.bench.close()
            self.stack.close()

    async def _everything_ends(self):
        """Once every end has come and every device answers, a few rounds of the leases leave nothing of ours."""
        bench = self.bench
        bench.crash_at = None
        bench.heal()
        bench.clock.offset += max(
            (claim.until - bench.clock.now() for claim in bench.claims.standing()), default=timedelta(0)
        )
        await self._rounds_of_the_leases()
        assert [slot for slot in bench.slots_of_ours() if slot[0] not in bench.must_stay()] == []
        bench.give_up_the_air()
        await self._rounds_of_the_leases()
        assert list(bench.slots_of_ours()) == []
        assert bench.claims.standing() == []

    async def _rounds_of_the_leases(self):
        for _ in range(5):
            await self.bench.pass_time(LONGEST_PAUSE.total_seconds() - 30, at_once=30)
            await self.bench.pass_time(30)
        self.bench.check()


Building.TestCase.settings = settings(
    max_examples=UNSEEN or 18,
    stateful_step_count=40,
    deadline=None,
    derandomize=not UNSEEN,
    suppress_health_check=list(HealthCheck),
)
TestPromises = Building.TestCase
