"""Less air in a vacant operating room of the simulated hospital, second by second, from the configuration to the array.

What the issue promises is looked at from the room: supply and extract move in the order that keeps the pressure, its
sign never turns, full flow is back within ten seconds of any sign that somebody may be there, and no slot of an
isolation room, or of an operating room that nobody named, is ever touched.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from scripted_policy import Scripted
from stage import free_udp_port, until, witness
from theatre import Theatre

from facility.agent import open_agent
from facility.client import RemoteFacility
from facility.config.model import Config
from facility.simulation.process import simulated_hospital
from points.model import Priority, Ref
from schedules.policies.room_turndown import RoomTurndown
from schedules.policy import Demand

EVENING = datetime(2026, 11, 24, 20, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 5, 50, tzinfo=UTC)
OPENING = datetime(2026, 11, 25, 7, tzinfo=UTC)
HOURS = {"name": "theatre-hours", "default": "closed", "weekdays": ["07:00 open", "19:00 closed"]}
SUPPLY, EXTRACT = "or-1/supply-flow-setpoint", "or-1/extract-flow-setpoint"
TURNDOWN = {
    "kind": "room-turndown",
    "name": "or-night",
    "programme": "theatre-hours",
    "turndown_state": "closed",
    "rooms": [
        {"space": "or-1", "supply": SUPPLY, "extract": EXTRACT, "supply_setback": 240, "extract_setback": 146},
    ],
}
REST = {SUPPLY: 667.0, EXTRACT: 573.0}  # l/s
OFFSET = REST[SUPPLY] - REST[EXTRACT]
LIMIT = 2.5  # Pa
FULL = 0.95


def theatre(folder, now=EVENING, policies=(TURNDOWN,)):
    made = Theatre(folder, now, [HOURS], list(policies))
    for room in ("OR-1", "OR-2"):
        made.people(room, present=False)
    return made


def must_have_kept_the_pressure(made):
    """Every second, and every write: what was commanded may be further apart than at rest, never closer."""
    for second in made.seconds["OR-1"]:
        assert second.supply > second.extract, second
        assert second.pressure > (0.0 if second.door else LIMIT), second
    commanded = dict(REST)
    for when, point, value, _ in made.writes:
        commanded[point] = REST[point] if value is None else value
        assert commanded[SUPPLY] - commanded[EXTRACT] >= 0.9 * OFFSET, (when, point, value)


def must_have_touched_nothing_else(made):
    """What the arrays held at any second; and what was asked of the devices, whatever they made of it."""
    ours = {(SUPPLY, Priority.OCCUPANCY), (EXTRACT, Priority.OCCUPANCY)}
    assert made.touched <= ours
    assert {(point, level) for _, point, _, level in made.writes} <= ours


def flow(made):
    return made.seconds["OR-1"][-1].supply / REST[SUPPLY]


async def back_after(made):
    """How long until full flow is back."""
    for seconds in range(60):
        if flow(made) >= FULL:
            return timedelta(seconds=seconds)
        await made.wait(seconds=1)
    pytest.fail("full flow did not come back")


@pytest.fixture
def long_watched(monkeypatch):
    """As if the agent had looked at the rooms for an hour before it did; nothing else of it is pretended."""
    hour = timedelta(hours=1)
    monkeypatch.setattr("facility.rooms._since", lambda since, now: now - hour if since is None else since)
    monkeypatch.setattr(
        "facility.config.policies.turndown.RoomTurndown", lambda **given: RoomTurndown(**{**given, "vacant_minutes": 0})
    )


async def objects(seen, instance, *wanted):
    device = await seen.find(instance)
    return [Ref(device=device, object_type=object_type, instance=number) for object_type, number in wanted]


@asynccontextmanager
async def agent_on(bbmd, folder):
    """The whole agent in this process, on the network."""
    device = "or-1-room-controller"
    room = TURNDOWN["rooms"][0] | {
        "supply": f"{device}/supply-airflow-setpoint",
        "extract": f"{device}/exhaust-airflow-setpoint",
    }
    bacnet = {"address": f"127.0.0.1:{free_udp_port()}", "foreign": bbmd, "low": 10141, "high": 10152}
    config = Config(
        agent={"state_dir": folder},
        bacnet=bacnet,
        history={"enabled": False},
        programmes=[{"name": "theatre-hours", "default": "closed"}],
        policies=[TURNDOWN | {"rooms": [room]}],
    )
    async with open_agent(config) as agent, RemoteFacility(config.socket) as facility:
        work = asyncio.create_task(agent.run())
        try:
            yield facility
            assert not work.done(), work.exception()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@pytest.mark.usefixtures("long_watched")
async def test_over_the_network_full_flow_is_back_in_ten_seconds(tmp_path):
    """What another client sees, on real time: notification, watcher, two writes, and the valves."""
    async with simulated_hospital() as hospital, witness(hospital.bbmd) as seen:
        await hospital.play("or-vacant")
        (supply, extract, flow), isolation = await asyncio.gather(
            objects(seen, 10141, ("analog-value", 4), ("analog-value", 5), ("analog-input", 4)),
            objects(seen, 10151, *(("analog-value", number) for number in range(1, 5))),
        )
        full = await seen.value(flow)

        async def is_down():
            return await seen.value(flow) < 0.985 * full

        async def is_back():
            held = [(await seen.slots(one))[Priority.OCCUPANCY] for one in (supply, extract)]
            return held == [None, None] and await seen.value(flow) >= 0.99 * full

        async with agent_on(hospital.bbmd, tmp_path):
            await until(is_down, within=60)
            assert (await seen.slots(extract))[Priority.OCCUPANCY] is not None
            await hospital.play("or-occupied")
            await until(is_back, within=10)
            for one in isolation:
                assert all(value is None for value in (await seen.slots(one)).values[:15])


async def test_a_vacant_room_comes_down_in_order_and_goes_back_at_the_first_sign_of_life(tmp_path):
    made = theatre(tmp_path)
    async with made.running():
        await made.idle(minutes=19)
        assert made.writes == []
        await made.idle(minutes=2)
        await made.wait(minutes=4)  # 25 % a minute
        assert made.values() == {(SUPPLY, 14): 240.0, (EXTRACT, 14): 146.0}
        room = made.seconds["OR-1"][-1]
        assert (room.supply, room.extract) == (pytest.approx(240, abs=5), pytest.approx(146, abs=5))
        assert made.writes[0][1] == EXTRACT
        steps = [abs(after - before) for before, after in steps_of(made, SUPPLY)]
        assert len(steps) > 15
        assert max(steps) <= 0.25 / 6 * REST[SUPPLY] + 1  # every ten seconds

        made.people("OR-1", present=True)
        await made.wait(seconds=1)
        assert made.seconds["OR-1"][-1].occupied
        assert await back_after(made) <= timedelta(seconds=10)
        await made.wait(minutes=1)
        assert [point for _, point, value, _ in made.writes if value is None] == [SUPPLY, EXTRACT]
        assert made.values() == {}
    must_have_kept_the_pressure(made)
    must_have_touched_nothing_else(made)


def steps_of(made, wanted):
    values = [REST[wanted], *(value for _, point, value, _ in made.writes if point == wanted and value is not None)]
    return pairwise(values)


async def test_every_sign_that_somebody_may_be_there_brings_full_flow_back_in_ten_seconds(tmp_path):
    made = theatre(tmp_path)

    def door(room, *, is_open):
        made.room(room).door_left = 3600.0 if is_open else 0.0

    signs = {
        "a door that opens": lambda on: door("OR-1", is_open=on),
        "a sensor that says nothing": lambda on: made.fall_silent("or-1/occupancy", on=on),
        "a pressure that is not known": lambda on: made.fall_silent("or-1/pressure", on=on),
        "a room that is too warm": lambda on: made.warm("OR-1", 26.0 if on else 20.5),
    }
    async with made.running():
        for sign, show in signs.items():
            await made.idle(minutes=21)
            await made.wait(seconds=30)
            assert flow(made) < FULL, sign
            show(True)
            await made.wait(seconds=1)
            assert await back_after(made) <= timedelta(seconds=10), sign
            await made.wait(seconds=4)  # the extract follows the supply, and is let go of when it may be
            assert made.values() == {}, sign
            show(False)
            await made.wait(seconds=10)
    must_have_kept_the_pressure(made)
    must_have_touched_nothing_else(made)


async def test_full_flow_is_back_before_anybody_is_expected(tmp_path):
    made = theatre(tmp_path, MORNING)
    async with made.running():
        await made.idle(minutes=21)
        await made.wait(minutes=1)
        assert flow(made) < 0.9
        while made.clock.now() < OPENING - timedelta(minutes=30, seconds=30):
            await made.idle(seconds=27)
        assert flow(made) < 0.4
        await made.wait(minutes=1, seconds=10)
        assert flow(made) >= FULL
        assert made.values() == {}
    must_have_kept_the_pressure(made)
    must_have_touched_nothing_else(made)


async def test_a_stop_of_the_agent_gives_the_room_its_air_back(tmp_path):
    made = theatre(tmp_path)
    async with made.running():
        await made.idle(minutes=21)
        await made.wait(minutes=1)
        assert flow(made) < 0.9
    assert made.values() == {}
    assert [point for _, point, value, _ in made.writes if value is None] == [SUPPLY, EXTRACT]
    must_have_kept_the_pressure(made)


class Reckless(Scripted):
    """A policy that wants what it wants, in the order in which it comes to its mind."""

    name = "reckless"

    def __init__(self, *wishes):
        self._wishes = wishes

    def demands(self, _view):
        for space, point, value in self._wishes:
            yield Demand(
                point=point,
                value=value,
                priority=Priority.OCCUPANCY,
                policy=self.name,
                reason="because",
                turns_down=space,
            )


@pytest.mark.parametrize(
    ("wishes", "lowest"),
    [
        ([("or-1", SUPPLY, 240.0)], {}),  # the extract does not come: then neither does the supply
        ([("or-1", SUPPLY, 240.0), ("or-1", EXTRACT, 146.0)], {SUPPLY: 0.3, EXTRACT: 0.2}),  # the wrong way round
        ([("or-1", EXTRACT, 0.0)], {EXTRACT: 0.8}),  # not more than twice the offset
        ([("or-1", SUPPLY, 10.0), ("or-1", EXTRACT, 0.0)], {EXTRACT: 0.8}),  # less air than the profile allows
        ([("aii-1", "aii-1/room/supply-flow-setpoint", 40.0), ("aii-1", "aii-1/room/extract-flow-setpoint", 9.0)], {}),
        ([("or-1", "aii-1/room/extract-flow-setpoint", 9.0), (None, "aii-1/room/extract-flow-setpoint", 9.0)], {}),
    ],
)
async def test_no_policy_can_get_the_order_wrong_or_reach_an_isolation_room(tmp_path, wishes, lowest):
    made = theatre(tmp_path, policies=[])
    made.others.append(Reckless(*wishes))
    async with made.running():
        await made.idle(minutes=21)
        await made.wait(minutes=2)
        for point in (SUPPLY, EXTRACT):
            least = min(value for _, value in [(0.0, REST[point]), *steps_of(made, point)])
            assert least >= lowest.get(point, 1.0) * REST[point] * 0.99
        assert {point for _, point, *_ in made.writes} == lowest.keys()
    must_have_kept_the_pressure(made)
    must_have_touched_nothing_else(made)
