"""Why is it so? Situations played on the real command desk, planner, audit and books, and the chain that is told.

The texts are compared letter by letter: they are what a technician reads at three in the morning.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from textwrap import dedent

import pytest
from desk_bench import ELSEWHERE, OVERRIDE, SETPOINT
from manual_clock import NOON
from scripted_policy import Scripted
from session_bench import CONFIG, DEVICES, MONITORED, WARM, SessionBench, alarm, status

from facility.config.model import Config
from facility.hands import PolicyHands
from facility.judgement import Judge
from facility.overrides import BY_HAND, Found
from facility.profiles.model import CommandRule
from facility.strategy import Strategy
from facility.why import MOST_STEPS, explain
from points.catalog import Catalog
from points.errors import DeviceSilent
from points.model import Priority, Quality, Reading, Safety, Source, Space, SpaceId, StatusFlags
from schedules.decider import Decider
from schedules.feeds import Feeds
from schedules.planner import Planner
from schedules.policy import Demand, Memory, View

MORNING = NOON + timedelta(hours=27)  # Monday 09:00 at the site
HEARD = Feeds(opted_out="there is a flood")
OFFICE_TOO = {
    "kind": "weekly",
    "name": "night-heating",
    "programme": "office",
    "points": "ahu-1/sp",
    "values": {"occupied": 19.0, "unoccupied": 16.0},
}


class Broken(Scripted):
    name = "office-heating"

    def demands(self, _view):
        raise ZeroDivisionError("boom")


class Eyes:
    """How the devices are doing, and what their objects say: the slots' winner, unless a test says otherwise."""

    def __init__(self, bench):
        self.bench = bench
        self.statuses = {}
        self.says = {}

    def devices(self):
        return self.statuses

    async def read_now(self, point):
        known = self.bench.book.current.point(point)
        if known.ref.device.instance in self.bench.device.silent:
            raise DeviceSilent(f"{known.device} does not answer")
        array = self.bench.device.slots(known)
        wins = next((value for value in array if value is not None), self.bench.device.default)
        now = self.bench.clock.now()
        fields = {"value": wins, "quality": Quality.GOOD, "source": Source.POLL} | self.says.get(point, {})
        reading = Reading(point=point, time=now, at=now, **fields)
        self.bench.store.put(reading)
        return reading


class Stage(SessionBench):
    """The bench of a session, with a planner that plans and eyes that see."""

    async def start(self):
        self.rules = {}
        await super().start()
        self.clock.time = max(self.clock.time, MORNING)
        self.eyes = Eyes(self)
        self.policies()
        return self

    def make_judge(self):
        return Judge(self.book, self.store, self.claims, self.clock, limits=self._limits, rule=self.rule)

    def rule(self, point):
        return self.rules.get(point.id, CommandRule())

    def sees(self, level, value, *, since):
        """The sweep of foreign slots has found it so long ago."""
        now = self.clock.now()
        found = {level: Found(point=SETPOINT.id, level=level, value=value, since=now - since, seen=now)}
        self.explainer = replace(self.explainer, foreign=lambda point: found if point == SETPOINT.id else {})

    def policies(self, *more):
        """The policies of the site, planned by the real planner."""
        config = Config(**(CONFIG | {"policies": [*CONFIG["policies"], *more]}))
        self.strategy = strategy = Strategy(config, self.clock.now().date())
        self.planner = Planner(
            policies=lambda: strategy.policies,
            view=lambda: View(
                now=self.clock.now(), zone=strategy.zone, catalog=self.book.current, readings=self.store.snapshot()
            ),
            store=self.store,
            hands=PolicyHands(self.desk, self.clock),
            clock=self.clock,
            tell=self.events.tell,
        )
        self.explainer = replace(
            self.explainer, freshness=self.eyes, strategy=strategy, planning=self.planner, rule=self.rule
        )

    async def plan(self):
        await self.planner.round()

    async def hold(self, **changes):
        return await self.desk.submit(replace(OVERRIDE, **changes))

    async def why(self, point=SETPOINT.id, *, read=True):
        """The chain as the command line prints it."""
        if read:
            await self.eyes.read_now(point)
        told = explain(await self.explainer.look(self.book.current.point(point)))
        assert len(told.steps) <= MOST_STEPS
        assert [step.kind for step in told.steps].count("next") == 1
        assert told.steps[-1].kind == "next"
        assert all(step.evidence and step.target.partition(":")[2] for step in told.steps)
        *causes, coming = told.steps
        lines = [told.value, *(f"{number} {step.text} [{step.evidence}]" for number, step in enumerate(causes, 1))]
        return "\n".join([*lines, f"Next: {coming.text} [{coming.evidence}]"])


@pytest.fixture
async def stage(tmp_path):
    bench = await Stage(tmp_path).start()
    yield bench
    bench.close()


def golden(text):
    """Lines as they are told; one that goes on is broken with a backslash."""
    return re.sub(" {2,}", " ", dedent(text).strip())


async def test_an_operator_s_hold(stage):
    await stage.hold()
    assert await stage.why() == golden("""
        sp is 18.0 °C, polled at 09:00.
        1 Slot 8 (operator) holds 18.0 °C and wins. [priority array, read 09:00]
        2 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        Next: 11:00 the hold of mchen ends; then the relinquish default, 20.0 °C, applies. [claim on slot 8]
    """)


async def test_a_hold_that_two_people_agreed_to(stage):
    await stage.hold(seconded_by="user:rdiaz")
    assert await stage.why() == golden("""
        sp is 18.0 °C, polled at 09:00.
        1 Slot 8 (operator) holds 18.0 °C and wins. [priority array, read 09:00]
        2 mchen set it at 09:00: “too warm”, until 11:00; rdiaz agreed. [audit entry 1]
        Next: 11:00 the hold of mchen ends; then the relinquish default, 20.0 °C, applies. [claim on slot 8]
    """)


async def test_a_wish_that_was_refused_meanwhile_is_not_how_the_hold_came_about(stage):
    await stage.hold()
    await stage.hold(value=300.0)
    assert (await stage.why()).splitlines()[2].endswith("“too warm”, until 11:00. [audit entry 1]")


async def test_a_policy_s_schedule(stage):
    await stage.plan()
    assert await stage.why() == golden("""
        sp is 21.0 °C, polled at 09:00.
        1 Slot 15 (agent: schedule) holds 21.0 °C and wins. [priority array, read 09:00]
        2 Policy office-heating has held it since 09:00. [audit entry 1]
        3 Its reason: office is occupied (weekly). [programme office]
        Next: 19:00 programme office turns unoccupied; policy office-heating then lets go, and \
        the relinquish default, 20.0 °C, applies. [programme office]
    """)


async def test_a_policy_beneath_an_operator(stage):
    await stage.plan()
    await stage.hold()
    assert await stage.why() == golden("""
        sp is 18.0 °C, polled at 09:00.
        1 Slot 8 (operator) holds 18.0 °C and wins. [priority array, read 09:00]
        2 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 3]
        3 Beneath it waits: 15 office-heating 21.0 °C. [priority array, read 09:00]
        Next: 11:00 the hold of mchen ends; then 21.0 °C of policy office-heating takes over. [claim on slot 8]
    """)


async def test_a_policy_that_lets_go_when_the_one_beneath_it_does_leaves_the_default(stage):
    strategy = stage.strategy
    (heating,) = strategy.policies
    low = replace(heating, name="low", values={"occupied": 20.5}, priority=Priority.OCCUPANCY)
    strategy.policies = (low, heating)
    strategy._sections["low"] = strategy._sections["office-heating"]
    await stage.plan()
    *_, beneath, coming = (await stage.why()).splitlines()
    assert beneath == "4 Beneath it waits: 15 office-heating 21.0 °C. [priority array, read 09:00]"
    assert coming == (
        "Next: 19:00 programme office turns unoccupied; policy low then lets go, and "
        "the relinquish default, 20.0 °C, applies. [programme office]"
    )


async def test_a_hold_that_lasts_longer_than_what_waits_beneath_it(stage):
    await stage.plan()
    await stage.hold(lasts=timedelta(hours=12))
    assert (await stage.why()).splitlines()[-1] == (
        "Next: 21:00 the hold of mchen ends; then the relinquish default, 20.0 °C, applies. [claim on slot 8]"
    )


async def test_a_foreign_level_5_write_above_ours(stage):
    await stage.plan()
    await stage.hold()
    stage.device.put(SETPOINT, 25.0, 5)
    stage.sees(5, 25.0, since=timedelta(hours=3))
    assert await stage.why() == golden("""
        sp is 25.0 °C, polled at 09:00.
        1 Slot 5 (critical equipment control) holds 25.0 °C and wins. [priority array, read 09:00]
        2 It is not ours: BACnet does not say who wrote it; seen there since 06:00 (3 h). [sweep of foreign slots]
        3 Beneath it wait: 8 mchen 18.0 °C (“too warm”, until 11:00); 15 office-heating 21.0 °C. \
        [priority array, read 09:00]
        Next: no end known: slot 5 stands until who wrote it lets go; then 18.0 °C of slot 8 takes over. \
        [priority array]
    """)


async def test_a_foreign_value_in_the_operators_own_slot(stage):
    await stage.plan()
    stage.device.put(SETPOINT, 25.0, 8)
    assert await stage.why() == golden("""
        sp is 25.0 °C, polled at 09:00.
        1 Slot 8 (operator) holds 25.0 °C and wins. [priority array, read 09:00]
        2 It is not ours: BACnet does not say who wrote it; since when is not known. [priority array and our claims]
        3 Beneath it waits: 15 office-heating 21.0 °C. [priority array, read 09:00]
        Next: no end known: slot 8 stands until who wrote it lets go; then 21.0 °C of policy office-heating \
        takes over. [priority array]
    """)


async def test_what_somebody_else_wrote_over_ours_is_not_ours_though_our_claim_still_stands(stage):
    await stage.hold()
    stage.device.put(SETPOINT, 25.0, 8)
    assert (await stage.why()).splitlines()[2].startswith("2 It is not ours: BACnet does not say who wrote it")


async def test_the_device_s_own_program_in_slot_16(stage):
    stage.device.put(SETPOINT, 25.0, 16)
    assert await stage.why() == golden("""
        sp is 25.0 °C, polled at 09:00.
        1 Slot 16 (default writers) holds 25.0 °C and wins. [priority array, read 09:00]
        2 It is the device's own program, or whoever writes without a level. [the lowest slot is nobody's]
        Next: no change planned: its own program goes on. [programmes and claims]
    """)
    stage.clock.advance(hours=11)
    await stage.plan()
    assert (await stage.why()).splitlines()[-1] == (
        "Next: Tue 07:00 programme office turns occupied; policy office-heating then wants 21.0 °C. [programme office]"
    )


async def test_the_relinquish_default(stage):
    stage.clock.advance(hours=11)
    await stage.plan()
    assert await stage.why() == golden("""
        sp is 20.0 °C, polled at 20:00.
        1 No slot holds a value, so the relinquish default of the device applies, 20.0 °C. [priority array, read 20:00]
        Next: Tue 07:00 programme office turns occupied; policy office-heating then wants 21.0 °C. [programme office]
    """)


async def test_a_point_that_nobody_plans_anything_for(stage):
    assert (await stage.why(ELSEWHERE.id)).splitlines()[-1] == "Next: no change planned. [programmes and claims]"


async def test_a_manual_overridden_flag(stage):
    await stage.plan()
    by_hand = {"value": 12.0, "quality": Quality.UNCERTAIN, "reason": "overridden", "flags": StatusFlags.OVERRIDDEN}
    stage.eyes.says[SETPOINT.id] = by_hand
    stage.sees(BY_HAND, True, since=timedelta(minutes=25))
    assert await stage.why() == golden("""
        sp is 12.0 °C, uncertain (overridden), polled at 09:00.
        1 The device says OVERRIDDEN, seen since 08:35 (25 min): it is held by hand there and does not follow its \
        slots. [status flags, 09:00]
        2 Without the override by hand it would be 21.0 °C: slot 15 (agent: schedule) holds 21.0 °C and wins. \
        [priority array, read 09:00]
        3 Policy office-heating has held it since 09:00. [audit entry 1]
        4 Its reason: office is occupied (weekly). [programme office]
        Next: no end known: until the override by hand is taken off at the device. [status flags]
    """)


async def test_a_point_that_is_out_of_service(stage):
    await stage.hold()
    aside = {"value": 12.0, "quality": Quality.BAD, "reason": "out-of-service", "flags": StatusFlags.OUT_OF_SERVICE}
    stage.eyes.says[SETPOINT.id] = aside
    assert await stage.why() == golden("""
        sp is 12.0 °C, bad (out of service), polled at 09:00.
        1 The device says OUT_OF_SERVICE: the value is cut off from the plant and moves nothing. [status flags, 09:00]
        2 Slot 8 (operator) holds 18.0 °C and wins, but the value is 12.0 °C: out of service, it need not follow. \
        [priority array, read 09:00]
        3 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        Next: no end known: until it is put back into service at the device. [status flags]
    """)


async def test_a_device_that_acknowledges_but_ignores(stage):
    await stage.hold()
    stage.eyes.says[SETPOINT.id] = {"value": 12.0}
    assert await stage.why() == golden("""
        sp is 12.0 °C, polled at 09:00.
        1 Slot 8 (operator) holds 18.0 °C and wins, but the value is 12.0 °C: the device acknowledges the command and \
        does not follow it. [priority array, read 09:00]
        2 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        Next: 11:00 the hold of mchen ends; then the relinquish default, 20.0 °C, applies. [claim on slot 8]
    """)


async def test_a_value_that_was_only_read_before_its_slots_is_read_again_and_not_called_ignored(stage):
    await stage.eyes.read_now(SETPOINT.id)
    stage.clock.advance(minutes=4)
    stage.device.put(SETPOINT, 25.0, 5)
    assert (await stage.why(read=False)).splitlines()[:2] == [
        "sp is 25.0 °C, polled at 09:04.",
        "1 Slot 5 (critical equipment control) holds 25.0 °C and wins. [priority array, read 09:04]",
    ]


async def test_what_the_device_rounds_off_is_followed(stage):
    stage.book.replace(Catalog.of(DEVICES, [replace(WARM, resolution=0.5)]))
    await stage.hold(value=18.2)
    stage.eyes.says[SETPOINT.id] = {"value": 18.0}
    assert "1 Slot 8 (operator) holds 18.2 °C and wins. [" in await stage.why()


async def test_an_offline_device(stage):
    await stage.hold()
    await stage.eyes.read_now(SETPOINT.id)
    stage.clock.advance(minutes=12)
    last = stage.store.get(SETPOINT.id)
    stage.store.put(replace(last, quality=Quality.STALE, reason="offline", at=stage.clock.now()))
    stage.device.silent.add(SETPOINT.ref.device.instance)
    stage.eyes.statuses["ahu-1"] = status(status="offline", since=MORNING + timedelta(minutes=1))
    assert await stage.why(read=False) == golden("""
        sp is unknown since 09:00, last 18.0 °C.
        1 Its device ahu-1 does not answer since 09:01 (11 min). [device status]
        2 Its slots cannot be read: ahu-1 does not answer. [answer of the device]
        3 By our books slot 8 holds 18.0 °C: mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        Next: no time known: it is known again when the device answers; what we hold there is compared first. \
        [device status]
    """)


async def test_a_quarantined_device(stage):
    await stage.hold()
    stranger = replace(DEVICES[0], quarantine="was Acme X1 serial 4711, is now Acme X1 serial 4712")
    stage.book.replace(Catalog.of([stranger, DEVICES[1]], [replace(WARM, quarantined=True)]))
    assert await stage.why() == golden("""
        sp is 18.0 °C, polled at 09:00.
        1 Its device is in quarantine: was Acme X1 serial 4711, is now Acme X1 serial 4712; it is read, not commanded, \
        and what we hold there is left as it is. [identity of ahu-1]
        2 Slot 8 (operator) holds 18.0 °C and wins. [priority array, read 09:00]
        3 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        Next: nothing until somebody approves the device: facility approve ahu-1. [quarantine]
    """)


async def test_the_guard_refuses_what_a_policy_wants_in_a_critical_room(stage):
    theatre = Space(id=SpaceId("or-3"), name="OR-3", type="operating_room")
    stage.book.replace(Catalog.of(DEVICES, [replace(WARM, safety=Safety.CRITICAL, space=theatre.id)], [theatre]))
    stage.rules[SETPOINT.id] = CommandRule(who="operator", source="ASHRAE 170 Table 7-1", edition="2021")
    await stage.plan()
    assert await stage.why() == golden("""
        sp is 20.0 °C, polled at 09:00.
        1 No slot holds a value, so the relinquish default of the device applies, 20.0 °C. [priority array, read 09:00]
        2 Policy office-heating is written for it and does not have it: refused (critical): ahu-1/sp belongs to a \
        critical space: no policy may hold it (ASHRAE 170 Table 7-1, 2021; not verified at this site). [the guard]
        Next: no change planned. [programmes and claims]
    """)


async def test_released_by_expiry_and_back_to_the_schedule(stage):
    await stage.plan()
    await stage.hold(lasts=timedelta(minutes=20))
    for _ in range(3):
        stage.clock.advance(minutes=7)
        for key in stage.desk.due(stage.clock.now()):
            await stage.desk.attend(key)
        await stage.plan()
    assert await stage.why() == golden("""
        sp is 21.0 °C, polled at 09:21.
        1 Slot 15 (agent: schedule) holds 21.0 °C and wins. [priority array, read 09:21]
        2 Policy office-heating has held it since 09:00. [audit entry 1]
        3 Its reason: office is occupied (weekly). [programme office]
        4 Slot 8 was let go at 09:21: the time of mchen is up: too warm. [audit entry 5]
        Next: 19:00 programme office turns unoccupied; policy office-heating then lets go, and \
        the relinquish default, 20.0 °C, applies. [programme office]
    """)


async def test_a_ramp_on_its_way(stage):
    stage.rules[SETPOINT.id] = CommandRule(ramp_per_minute=25.0)
    await stage.eyes.read_now(SETPOINT.id)
    await stage.hold(value=80.0)
    assert await stage.why() == golden("""
        sp is 22.1 °C, polled at 09:00.
        1 Slot 8 (operator) holds 22.1 °C and wins. [priority array, read 09:00]
        2 mchen set it at 09:00: “too warm”, until 11:00. [audit entry 1]
        3 It is on its way to 80.0 °C, 25 % a minute. [the profile's ramp]
        Next: 11:00 the hold of mchen ends; then the relinquish default, 20.0 °C, applies. [claim on slot 8]
    """)


async def test_an_object_without_a_priority_array(stage):
    assert await stage.why(MONITORED.id) == golden("""
        dp is 20, polled at 09:00.
        1 analog-value 227 has no priority array: changed by the device itself, or written by somebody BACnet does not \
        name; a write would be permanent. [the object's properties]
        Next: no change planned. [programmes and claims]
    """)


async def test_what_an_independent_sensor_says_of_the_command(stage):
    await stage.hold()
    stage.explainer = replace(stage.explainer, effect=lambda _point: "the fan has run since 08:58")
    assert "3 Effect: the fan has run since 08:58. [independent sensor]" in await stage.why()


async def test_two_policies_that_want_one_slot(stage):
    stage.policies(OFFICE_TOO)
    await stage.plan()
    assert (await stage.why()).splitlines()[4] == (
        "4 Policy night-heating wants 19.0 °C and does not have it: policy office-heating goes first in that slot, "
        "because it is written earlier. [the planner]"
    )


async def test_a_person_who_was_refused(stage):
    await stage.hold(value=300.0)
    assert (
        (await stage.why())
        .splitlines()[2]
        .startswith("2 mchen wants 300.0 °C and does not have it: refused (limits): 300")
    )


async def test_what_nobody_has_read_and_what_is_out_of_its_limits(stage):
    stage.device.silent.add(SETPOINT.ref.device.instance)
    await stage.stand(alarm("warm", SETPOINT.id, text="too warm", value="25.1 °C", limit="max 24.0", since=MORNING))
    assert await stage.why(read=False) == golden("""
        sp is unknown: it has not been read since the agent started.
        1 Its slots cannot be read: device 412 at 0:10.0.0.162 does not answer. [answer of the device]
        2 An alarm stands since 09:00 (0 s): CRIT, too warm (25.1 °C max 24.0). [alarm book]
        Next: no time known: it is known again when the device answers; what we hold there is compared first. \
        [device status]
    """)


async def test_a_value_that_was_never_read_is_unknown_but_its_slots_are_not(stage):
    stage.device.put(SETPOINT, 25.0, 5)
    lines = (await stage.why(read=False)).splitlines()
    assert lines[:2] == [
        "sp is unknown: it has not been read since the agent started.",
        "1 Slot 5 (critical equipment control) holds 25.0 °C and wins. [priority array, read 09:00]",
    ]
    assert lines[-1].startswith("Next: no end known: slot 5 stands")


async def test_what_a_policy_will_want_is_asked_with_all_that_it_sees_now(stage):
    """What others told, since when a reading is as it is, and where another policy has found a setpoint."""

    class Curious(Scripted):
        name = "curious"

        def demands(self, view):
            sees = (view.feeds, WARM.id in view.since, view.stood(SETPOINT.id))
            assert sees == (HEARD, True, 20.5)
            return [Demand(point=SETPOINT.id, value=19.5, priority=self.priority, policy=self.name, reason="because")]

    @dataclass(frozen=True)
    class Moved(Memory):
        def stood(self, _point, _now):
            return 20.5

    now = stage.clock.now()
    stage.planner.decider = Decider(now, {"another": Moved()})
    stage.planner.decider.adopt([type("Another", (Scripted,), {"name": "another", "remembers": Moved})(), Curious()])
    stage.planner.decider.steady.note(await stage.eyes.read_now(WARM.id), now)
    explainer = replace(stage.explainer, feeds=lambda: HEARD)
    assert explainer._wanted(stage.book.current.point(SETPOINT.id), Curious(), now + timedelta(hours=1)) == 19.5


async def test_more_than_fits_is_cut_to_seven_steps_and_still_says_what_wins_and_what_comes(stage):
    stage.policies(OFFICE_TOO)
    await stage.plan()
    await stage.hold()
    stage.device.put(SETPOINT, 25.0, 5)
    await stage.stand(alarm("warm", SETPOINT.id))
    stage.explainer = replace(stage.explainer, effect=lambda _point: "the fan runs")
    stage.eyes.says[SETPOINT.id] = {"quality": Quality.UNCERTAIN, "reason": "flags-unknown"}
    lines = (await stage.why()).splitlines()
    assert len(lines) == 1 + MOST_STEPS
    assert (lines[1][:18], lines[2][:9], lines[-1][:14]) == ("1 The value is unc", "2 Slot 5 ", "Next: no end k")


async def test_a_policy_that_fails_and_one_that_is_not_understood_do_not_keep_the_rest_from_being_told(stage):
    stage.strategy.policies = (Broken(),)
    await stage.plan()
    assert "2 Policy office-heating is written for it and does not have it: it failed (ZeroDivisionError: boom)." in (
        await stage.why()
    )


@pytest.mark.parametrize(
    ("changes", "lock"),
    [
        ({"safety": Safety.MEDICAL}, "it is medical equipment"),
        ({"safety": Safety.UNKNOWN}, "nobody has said what it is"),
        ({"present": False}, "its device no longer has it"),
        ({"locked": True}, "the site has locked it"),
    ],
)
async def test_a_point_that_nobody_may_command_says_what_forbids_it(stage, changes, lock):
    stage.policies()
    stage.book.replace(Catalog.of(DEVICES, [replace(WARM, id=ELSEWHERE.id, **changes)]))
    assert f"2 It is not commanded from here: {lock}. [" in await stage.why(ELSEWHERE.id)


async def test_an_input_is_changed_by_the_device_itself(stage):
    sensor = replace(MONITORED, ref=replace(MONITORED.ref, object_type="analog-input"))
    stage.book.replace(Catalog.of(DEVICES, [sensor]))
    assert (await stage.why(sensor.id)).splitlines()[1] == (
        "1 Nobody commands it: analog-input 227 is an input, changed by the device itself. [the object's properties]"
    )
