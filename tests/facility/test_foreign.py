"""What others hold: found slowly, kept with its age, told once."""

import asyncio
import itertools
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from manual_clock import NOON, ManualClock
from sqlalchemy import func, select

from facility.audit import Audit
from facility.claims import Claims
from facility.database import open_state
from facility.foreign import ForeignSweep
from facility.model import Claim
from facility.rows import ForeignRow, table_of
from points.catalog import Catalog, CatalogBook
from points.errors import DeviceRefused, DeviceSilent
from points.events import Events
from points.model import (
    Device,
    DeviceId,
    DeviceRef,
    EventKind,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Reading,
    Ref,
    Safety,
    Slots,
    Source,
    Space,
    StatusFlags,
)
from points.passport import Passports
from points.store import PointStore

HOUR = timedelta(hours=1)
EMPTY = (None,) * 16


def device(number):
    where = DeviceRef(network=0, address=f"10.0.{number // 200}.{number % 200 + 1}", instance=number)
    return Device(id=DeviceId(f"ahu-{number}"), ref=where, name=f"AHU {number}", max_apdu=480)


def point(owner, number=1, **changes):
    made = Point(
        id=PointId(f"{owner.id}/sp-{number}"),
        device=owner.id,
        ref=Ref(device=owner.ref, object_type="analog-value", instance=number),
        name="SP",
        unit="degrees-celsius",
        kind=Kind.ANALOG,
        commandable=True,
        safety=Safety.COMFORT,
    )
    return replace(made, **changes) if changes else made


AHU = device(1)
SETPOINT = point(AHU)


class Arrays:
    """`Bacnet.read_many` for priority arrays, and how politely it was asked."""

    def __init__(self, clock):
        self.clock = clock
        self.arrays = {}
        self.silent = set()
        self.asked = []  # (when, instance, how many properties)
        self.at_once = Counter()
        self.most_at_once = 0
        self.urgent = False
        self.before_answer = None
        self.most = 64  # in one request

    def put(self, where, value, level):
        key = (where.ref.device.instance, where.ref.instance)
        array = list(self.arrays.get(key, EMPTY))
        array[level - 1] = value
        self.arrays[key] = tuple(array)

    async def read_many(self, query):
        instance = query.device.instance
        self.urgent |= query.urgent
        self.asked.append((self.clock.now(), instance, len(query.wanted)))
        self.at_once[instance] += 1
        self.most_at_once = max(self.most_at_once, self.at_once.total())
        answers = [self.arrays.get((instance, wanted.instance), EMPTY) for wanted in query.wanted]
        await asyncio.sleep(0)
        if self.before_answer is not None:
            await self.before_answer()
        self.at_once[instance] -= 1
        if instance in self.silent:
            raise DeviceSilent("no answer")
        if len(query.wanted) > self.most:
            raise DeviceRefused("too much", "buffer-overflow")
        return answers

    async def read(self, where, wanted, *, urgent=False):
        class Query:
            pass

        query = Query()
        query.device, query.wanted, query.urgent = where, (wanted,), urgent
        (answer,) = await self.read_many(query)
        return answer

    def when(self, instance=1):
        return [when for when, asked, _ in self.asked if asked == instance]


class Bench:
    def __init__(self, db, devices=(AHU,), points=(SETPOINT,), every=HOUR):
        self.db = db
        self.clock = ManualClock()
        self.bacnet = Arrays(self.clock)
        self.book = CatalogBook(Catalog.of(devices, points, [Space(id="or-3", name="OR 3")]))
        self.store = PointStore()
        self.events = Events()
        self.told = []
        self.events.tell = self.told.append
        self.every = every
        self.lost = []
        self.passports = Passports()

    @asynccontextmanager
    async def running(self):
        self.claims = await Claims.load(self.db)
        self.audit = Audit(self.db, self.clock)
        self.sweep = ForeignSweep(
            bacnet=self.bacnet,
            book=self.book,
            store=self.store,
            claims=self.claims,
            db=self.db,
            audit=self.audit,
            events=self.events,
            clock=self.clock,
            every=self.every,
            lost=lambda: self.lost,
            passports=self.passports,
        )
        task = asyncio.create_task(self.sweep.run())
        try:
            await self.settle()
            yield self
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def settle(self):
        """Until nothing moves any more: the database has a thread of its own."""
        for _ in range(6):
            await self.db.run(lambda _: None)
            for _ in range(20):
                await asyncio.sleep(0)

    async def pass_time(self, *, step=30.0, **delta):
        until = self.clock.now() + timedelta(**delta)
        while self.clock.now() < until:
            self.clock.advance(seconds=min(step, (until - self.clock.now()).total_seconds()))
            await self.settle()

    async def claim(self, value=18.0, at=SETPOINT, level=Priority.SCHEDULE, *, confirmed=True):
        claim = Claim(
            point=at.id,
            priority=level,
            value=value,
            by="policy:day",
            reason="day",
            since=NOON,
            until=NOON + 24 * HOUR,
            command=uuid4(),
        )
        await self.claims.put(claim)
        if confirmed:
            await self.claims.confirm(claim.key, value)

    def listed(self):
        return [(each.point, each.level, each.text) for each in self.sweep.overrides()]

    async def notes(self, action="override"):
        return [record for record in await self.audit.records(limit=1000) if record.action == action]

    async def kept(self):
        query = select(func.count()).select_from(table_of(ForeignRow))
        return await self.db.run(lambda connection: connection.scalar(query))

    def reads(self, where, flags, quality=Quality.UNCERTAIN, reason="overridden"):
        now = self.clock.now()
        self.store.put(
            Reading(
                point=where.id,
                value=21.5,
                time=now,
                at=now,
                quality=quality,
                source=Source.POLL,
                reason=reason,
                flags=flags,
            )
        )


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path) as db:
        yield db


async def test_what_stands_in_a_slot_and_is_not_ours_is_listed_told_and_on_record(db):
    bench = Bench(db, points=[replace(SETPOINT, space="or-3")])
    bench.bacnet.put(SETPOINT, 12.5, 5)
    async with bench.running():
        (found,) = bench.sweep.overrides()
        assert (found.point, found.space, found.level, found.level_name) == (
            SETPOINT.id,
            "OR 3",
            5,
            "critical equipment control",
        )
        assert (found.text, found.since, found.seen, found.kind, found.wins) == ("12.5 °C", NOON, NOON, "slot", True)
        (event,) = bench.told
        assert (event.kind, event.about) == (EventKind.COMMAND, SETPOINT.id)
        assert "slot 5 holds 12.5 °C, which is not ours" in event.text
        (note,) = await bench.notes()
        assert (note.by, note.target, note.value, note.priority, note.result) == (
            "foreign",
            SETPOINT.id,
            "12.5",
            5,
            "seen in slot 5, not ours",
        )
        assert (bench.sweep.slots(), bench.sweep.count()) == (1, 1)


@pytest.mark.parametrize("safety", [Safety.MEDICAL, Safety.LIFE_SAFETY, Safety.UNKNOWN])
async def test_an_override_on_a_point_that_we_only_watch_is_seen_too(db, safety):
    bench = Bench(db, points=[replace(SETPOINT, safety=safety, locked=True)])
    bench.bacnet.put(SETPOINT, 1.0, 8)
    async with bench.running():
        await bench.pass_time(seconds=2)
        assert [level for _, level, _ in bench.listed()] == [8]


async def test_the_lowest_level_the_default_and_points_without_slots_are_not_asked_about(db):
    other = point(AHU, 2, commandable=False)
    gone = point(AHU, 3, present=False)
    bench = Bench(db, points=[SETPOINT, other, gone])
    bench.bacnet.put(SETPOINT, 12.5, 16)
    async with bench.running():
        assert bench.listed() == []
        assert [many for _, _, many in bench.bacnet.asked] == [1]


async def test_our_own_claim_is_never_listed_and_another_value_in_its_slot_is(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 18.0, 15)
    async with bench.running():
        await bench.claim(18.0)
    bench.bacnet.asked.clear()
    async with bench.running():
        await bench.pass_time(minutes=70, step=60)
        assert bench.bacnet.asked
        assert (bench.listed(), bench.told) == ([], [])
        bench.bacnet.put(SETPOINT, 25.0, 15)
        await bench.pass_time(minutes=70, step=60)
        assert bench.listed() == [(SETPOINT.id, 15, "25.0 °C")]


async def test_what_we_release_while_the_answer_is_on_its_way_is_not_called_foreign(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 18.0, 15)
    async with bench.running():
        await bench.claim(18.0)

    async def released():
        bench.bacnet.before_answer = None
        bench.bacnet.put(SETPOINT, None, 15)
        await bench.claims.drop((SETPOINT.id, Priority.SCHEDULE))

    bench.bacnet.before_answer = released
    async with bench.running():
        await bench.pass_time(minutes=1)
        assert (bench.listed(), bench.told, bench.sweep._claims.standing()) == ([], [], [])


async def test_what_is_being_written_is_left_to_the_desk(db):
    bench = Bench(db)
    async with bench.running():
        await bench.claim(30.0, confirmed=False)
    bench.bacnet.put(SETPOINT, 25.0, 15)  # what the device makes of it
    async with bench.running():
        await bench.pass_time(minutes=1)
        assert bench.listed() == []


async def test_gone_is_told_once_and_what_comes_again_is_new(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 12.5, 5)
    async with bench.running():
        bench.bacnet.put(SETPOINT, None, 5)
        await bench.pass_time(hours=3, step=120)
        assert (bench.listed(), await bench.kept()) == ([], 0)
        assert [event.text for event in bench.told[1:]] == ["ahu-1/sp-1: slot 5 no longer holds what was not ours"]
        assert [note.result for note in await bench.notes("override-ended")] == ["no longer in slot 5"]
        bench.bacnet.put(SETPOINT, 12.5, 5)
        await bench.pass_time(hours=1, minutes=1)
        (found,) = bench.sweep.overrides()
        assert found.since > NOON + 3 * HOUR


async def test_another_value_in_the_same_slot_keeps_its_age_and_is_not_told_again(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 12.5, 5)
    async with bench.running():
        bench.bacnet.put(SETPOINT, 13.5, 5)
        await bench.pass_time(hours=2, step=120)
        (found,) = bench.sweep.overrides()
        assert (found.text, found.since, len(bench.told)) == ("13.5 °C", NOON, 1)
        assert found.seen > NOON + HOUR


async def test_the_age_survives_a_restart_and_nothing_is_told_again(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 12.5, 5)
    async with bench.running():
        pass
    bench.clock.advance(days=2)
    async with bench.running():
        await bench.pass_time(minutes=1)
        (found,) = bench.sweep.overrides()
        assert (found.since, found.seen) == (NOON, NOON + timedelta(days=2))
        assert (len(bench.told), len(await bench.notes())) == (1, 1)


async def test_minimum_on_off_is_the_devices_own_and_nobodys_override(db):
    bench = Bench(db)
    bench.bacnet.put(SETPOINT, 12.5, 6)
    async with bench.running():
        (found,) = bench.sweep.overrides()
        assert (found.level, found.kind, found.level_name) == (6, "slot", "minimum on/off, by the device itself")
        assert (bench.sweep.count(), bench.sweep.strongest(9), bench.told, await bench.notes()) == (0, [], [], [])


async def test_what_is_beneath_something_does_not_win(db):
    other = point(AHU, 2)
    bench = Bench(db, points=[SETPOINT, other])
    for value, level in ((12.0, 5), (13.0, 9)):
        bench.bacnet.put(SETPOINT, value, level)
    bench.bacnet.put(other, 14.0, 11)
    async with bench.running():
        await bench.claim(18.0, other, Priority.OPERATOR)
        listed = [(each.point, each.level, each.wins) for each in bench.sweep.overrides()]
        assert listed == [(SETPOINT.id, 5, True), (SETPOINT.id, 9, False), (other.id, 11, False)]
        bench.reads(SETPOINT, StatusFlags.OVERRIDDEN)
        await bench.pass_time(seconds=2)
        assert [each.wins for each in bench.sweep.overrides()] == [True, False, False, False]


async def test_held_by_hand_and_out_of_service_are_told_from_readings_alone(db):
    bench = Bench(db, points=[replace(SETPOINT, commandable=False)])
    async with bench.running():
        bench.clock.advance(minutes=5)
        bench.reads(SETPOINT, StatusFlags.OVERRIDDEN)
        await bench.settle()
        (found,) = bench.sweep.overrides()
        assert (found.kind, found.level, found.text, found.since) == (
            "by hand",
            None,
            "21.5 °C",
            NOON + timedelta(minutes=5),
        )
        assert bench.told[-1].text == "ahu-1/sp-1 is held by hand at the device"
        await bench.pass_time(minutes=20)
        bench.reads(SETPOINT, StatusFlags.OVERRIDDEN, Quality.BAD, "offline")  # said of old
        await bench.pass_time(seconds=2)
        bench.reads(SETPOINT, StatusFlags.NONE, Quality.BAD, "protocol-error")  # says nothing
        await bench.pass_time(seconds=2)
        (found,) = bench.sweep.overrides()
        assert (found.kind, found.seen) == ("by hand", NOON + timedelta(minutes=5))
        bench.reads(SETPOINT, StatusFlags.OUT_OF_SERVICE, Quality.BAD, "out-of-service")
        await bench.pass_time(seconds=2)
        assert [each.kind for each in bench.sweep.overrides()] == ["out of service"]
        bench.reads(SETPOINT, StatusFlags.NONE, Quality.GOOD, "")
        await bench.pass_time(seconds=2)
        assert (bench.listed(), await bench.kept(), bench.bacnet.asked) == ([], 0, [])
        assert [note.result for note in await bench.notes("override-ended")] == [
            "no longer out of service",
            "no longer by hand at the device",
        ]


async def test_one_device_at_a_time_never_urgent_and_evenly_through_the_round(db):
    devices = [device(number) for number in range(1, 7)]
    points = [point(owner, number) for owner in devices for number in range(1, 21)]
    bench = Bench(db, devices, points)
    async with bench.running():
        await bench.pass_time(minutes=2, seconds=59, step=1)  # the first round
        first = len(bench.bacnet.asked)
        assert sum(many for _, _, many in bench.bacnet.asked) == len(points)
        await bench.pass_time(minutes=60, step=20)
        later = bench.bacnet.asked[first:]
    assert sum(many for _, _, many in later) == len(points)
    assert (bench.bacnet.most_at_once, bench.bacnet.urgent) == (1, False)
    assert max(many for _, _, many in later) <= 4  # as many full arrays as 480 octets hold
    quarters = Counter((when - NOON - timedelta(minutes=3)) // timedelta(minutes=15) for when, _, _ in later)
    assert max(quarters.values()) - min(quarters.values()) <= 4
    turns = [asked for _, asked, _ in later]
    assert all(len(set(turns[start : start + 4])) > 1 for start in range(len(turns) - 4))  # not all of one at a stretch


async def test_a_silent_device_blocks_nobody_and_what_was_known_of_it_stays(db):
    devices = [device(number) for number in range(1, 4)]
    points = [point(owner, number) for owner in devices for number in range(1, 11)]
    bench = Bench(db, devices, points)
    bench.bacnet.put(points[0], 12.5, 5)
    async with bench.running():
        await bench.pass_time(minutes=4, step=5)
        bench.bacnet.silent.add(1)
        bench.bacnet.asked.clear()
        start = bench.clock.now()
        await bench.pass_time(minutes=70, step=60)
        (found,) = bench.sweep.overrides()
        assert (found.text, found.seen < start) == ("12.5 °C", True)
        assert {2, 3} <= {asked for _, asked, _ in bench.bacnet.asked}
        bench.lost = [DeviceId("ahu-1")]
        bench.bacnet.asked.clear()
        await bench.pass_time(hours=6, step=120)
        assert bench.bacnet.when(1) == []
        assert 50 <= sum(many for _, asked, many in bench.bacnet.asked if asked == 2) <= 70  # its ten points, hourly
        bench.lost, bench.bacnet.silent = [], set()
        await bench.pass_time(minutes=70, step=60)
        assert bench.sweep.overrides()[0].seen > start


async def test_who_does_not_answer_is_left_alone_for_a_minute(db):
    bench = Bench(db, points=[point(AHU, number) for number in range(1, 161)])
    bench.bacnet.silent.add(1)
    async with bench.running():
        await bench.pass_time(minutes=5, step=1)
        times = sorted(set(bench.bacnet.when(1)))
    assert 3 <= len(times) <= 6
    assert min(later - sooner for sooner, later in itertools.pairwise(times)) >= timedelta(minutes=1)


async def test_a_second_look_waits_until_no_other_device_is_being_asked(db):
    bench = Bench(db, [AHU, device(2)], [SETPOINT, point(device(2))])
    go_on = asyncio.Event()
    bench.bacnet.before_answer = go_on.wait
    async with bench.running():
        bench.sweep.saw(point(device(2)).id, Slots(values=(None,) * 14 + (18.0, None), default=None), NOON)
        await bench.settle()
        assert [asked for _, asked, _ in bench.bacnet.asked] == [1]
        go_on.set()
        await bench.settle()
        assert [asked for _, asked, _ in bench.bacnet.asked] == [1, 2]


async def test_a_device_that_is_back_within_the_round_is_looked_at_in_it(db):
    bench = Bench(db, [AHU, device(2)], [SETPOINT, point(device(2))])
    bench.lost = [AHU.id]
    async with bench.running():
        await bench.pass_time(minutes=1)
        assert bench.bacnet.when(1) == []
        bench.lost = []
        await bench.pass_time(minutes=1)
        assert len(bench.bacnet.when(1)) == 1


async def test_a_point_that_cannot_be_read_costs_the_others_nothing_and_ends_nothing(db):
    other = point(AHU, 2)
    bench = Bench(db, points=[SETPOINT, other])
    for where in (SETPOINT, other):
        bench.bacnet.put(where, 12.5, 5)
    async with bench.running():
        bench.bacnet.arrays[AHU.ref.instance, 1] = DeviceRefused("no", "unknown-property")
        bench.bacnet.put(other, None, 5)
        await bench.pass_time(hours=2, step=120)
        assert bench.listed() == [(SETPOINT.id, 5, "12.5 °C")]


async def test_a_device_that_finds_two_arrays_too_many_is_asked_for_one_and_its_polls_are_as_before(db):
    bench = Bench(db, points=[point(AHU, number) for number in range(1, 17)])
    bench.bacnet.most = 1
    async with bench.running():
        await bench.pass_time(minutes=60, step=60)
        asked = [many for _, _, many in bench.bacnet.asked]
        assert sum(many == 1 for many in asked) == 32  # all of two rounds
        assert len(asked) - 32 <= 4  # found out once
        assert bench.passports.of(AHU.ref).rpm_limit is None


async def test_what_is_known_to_be_too_much_is_not_tried(db):
    bench = Bench(db, points=[point(AHU, number) for number in range(1, 17)])
    bench.passports.learn(AHU.ref, rpm_limit=2)
    async with bench.running():
        await bench.pass_time(seconds=30)
        assert max(many for _, _, many in bench.bacnet.asked) == 2
        bench.passports.learn(AHU.ref, rpm_limit=1)
        await bench.pass_time(minutes=2)
        assert bench.bacnet.asked[-1][2] == 1


async def test_points_that_are_discovered_meanwhile_are_looked_at_in_the_same_round(db):
    bench = Bench(db, [], [])
    bench.bacnet.put(SETPOINT, 12.5, 5)
    async with bench.running():
        await bench.pass_time(minutes=10)
        bench.book.replace(Catalog.of([AHU], [SETPOINT]))
        await bench.settle()
        assert bench.listed() == [(SETPOINT.id, 5, "12.5 °C")]


async def test_a_point_that_is_discovered_in_the_middle_of_a_round_does_not_wait_for_the_next(db):
    devices = [device(number) for number in range(1, 21)]
    points = [point(owner) for owner in devices]
    bench = Bench(db, devices, points)
    async with bench.running():
        await bench.pass_time(seconds=15, step=1)
        other = point(AHU, 2)
        bench.bacnet.put(other, 13.5, 5)
        bench.book.replace(Catalog.of(devices, [*points, other]))
        await bench.pass_time(seconds=30, step=1)
        assert bench.listed() == [(other.id, 5, "13.5 °C")]
        await bench.pass_time(minutes=2, step=1)
        assert len(bench.bacnet.when(2)) == 1  # what was looked at is not looked at again


async def test_what_the_desk_sees_counts_at_once_but_in_our_levels_only_after_another_look(db):
    bench = Bench(db, every=None)
    async with bench.running():
        bench.sweep.saw(SETPOINT.id, Slots(values=(None,) * 4 + (12.5,) + (None,) * 11, default=None), NOON)
        await bench.settle()
        assert (bench.listed(), bench.bacnet.asked) == ([(SETPOINT.id, 5, "12.5 °C")], [])
        bench.sweep.saw(SETPOINT.id, Slots(values=(None,) * 14 + (18.0, None), default=None), NOON)
        await bench.pass_time(seconds=4, step=1)
        assert bench.listed() == []  # it was ours, and is released
        bench.bacnet.put(SETPOINT, 18.0, 15)
        bench.sweep.saw(SETPOINT.id, Slots(values=(None,) * 14 + (18.0, None), default=None), NOON)
        await bench.pass_time(seconds=4, step=1)
        assert bench.listed() == [(SETPOINT.id, 15, "18.0 °C")]
        bench.sweep.saw(SETPOINT.id, Slots(values=EMPTY, default=None), NOON)
        await bench.settle()
        assert bench.listed() == []


async def test_without_a_sweep_nothing_is_read(db):
    bench = Bench(db, every=None)
    async with bench.running():
        await bench.pass_time(hours=3, step=600)
        assert bench.bacnet.asked == []


async def test_fifty_thousand_points_are_no_task_each_and_a_turn_touches_a_few(db):
    devices = [device(number) for number in range(1, 501)]
    points = [point(owner, number) for owner in devices for number in range(1, 101)]
    bench = Bench(db, devices, points)
    before = len(asyncio.all_tasks())
    async with bench.running():
        assert len(asyncio.all_tasks()) - before <= 5
        await bench.pass_time(seconds=2, step=0.1)
        assert len(asyncio.all_tasks()) - before <= 5
        looked = sum(many for _, _, many in bench.bacnet.asked)
    assert 0 < looked <= 8 * (2 / 0.05 + 1)
