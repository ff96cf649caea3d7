"""The flight recorder: a day is on file as it was decided, and decided again it is the same."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import ManualClock

from facility.config.loading import load_text
from facility.flight import recorder as recording
from facility.flight.frames import Said, Seen, Start, Turn, frame, line
from facility.flight.recorder import Recorder
from facility.flight.tape import NotRecorded, Tape
from facility.replays import replayed
from facility.strategy import Strategy
from points.catalog import Catalog
from points.model import (
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Reading,
    Ref,
    Safety,
    Source,
    Space,
)
from points.store import PointStore
from schedules.feeds import BEDS, Bed, BedState, Feeds
from schedules.plan import LEASE, Standing
from schedules.planner import Planner
from schedules.policy import Demand, Remark, View
from schedules.wakeups import Wakeups

NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)  # noon in Chicago, a Tuesday
SITE = """\
[site]
id = "mercy"
zone = "America/Chicago"

[[programmes]]
name = "office"
default = "unoccupied"
weekdays = ["07:00 occupied", "19:00 unoccupied"]

[[policies]]
kind = "weekly"
name = "heating"
programme = "office"
points = "class:heating-setpoint"
values = { occupied = 21.0, unoccupied = 16.0 }

[[policies]]
kind = "occupancy-standby"
name = "standby"
programme = "office"
heating = "class:heating-setpoint"
cooling = "class:cooling-setpoint"
"""


def point(id_, point_class, *, kind=Kind.ANALOG, commandable=True):
    ref = Ref(device=DeviceRef(network=0, address="1", instance=1), object_type="analog-value", instance=1)
    unit = "degrees-celsius" if kind is Kind.ANALOG else ""
    return Point(
        id=PointId(id_), device=DeviceId("vav-1"), ref=ref, name=id_, kind=kind, unit=unit, point_class=point_class,
        space="office-1", safety=Safety.COMFORT, commandable=commandable,
    )  # fmt: skip


HEAT, COOL = point("vav-1/heat-sp", "heating-setpoint"), point("vav-1/cool-sp", "cooling-setpoint")
ZONE = point("vav-1/zone-temp", "zone-temperature", commandable=False)
SENSOR = point("vav-1/occ", "occupancy", kind=Kind.BINARY, commandable=False)
CATALOG = Catalog.of([], [HEAT, COOL, ZONE, SENSOR], [Space(id="office-1", name="1", type="admin_office")])


class Hands:
    """Everything comes to pass; what stands is renewed in time."""

    def __init__(self, clock):
        self.clock, self.standing, self.writes = clock, {}, []

    def held(self):
        return {
            slot: Standing(value=v, policy=p, until=self.clock.now() + LEASE) for slot, (v, p) in self.standing.items()
        }

    async def hold(self, demand, _until):
        self.standing[(demand.point, demand.priority)] = (demand.value, demand.policy)
        self.writes.append((self.clock.now(), demand.point, demand.value))

    async def release(self, point, priority, _reason):
        del self.standing[(point, priority)]
        self.writes.append((self.clock.now(), point, None))


class Stage:
    """A planner that is recorded, round by round."""

    def __init__(self, folder, start=NOON):
        self.folder = folder / "flight"
        self.clock = ManualClock(start)
        self.strategy = Strategy(load_text(SITE, "x"), start.date())
        self.store, self.hands = PointStore(), Hands(self.clock)
        self.catalog = CATALOG
        self.recorder = self.new_recorder()
        self.restart()

    def new_recorder(self):
        return Recorder(
            self.folder, self.clock, keep=timedelta(days=3), config=lambda: self.strategy.config,
            events=lambda: self.strategy.events, held=self.hands.held,
        )  # fmt: skip

    def restart(self):
        self.recorder = self.new_recorder()
        self.planner = Planner(
            policies=lambda: self.strategy.policies, view=self.view, store=self.store, hands=self.hands,
            clock=self.clock, tell=lambda _event: None, wakeups=Wakeups(self.clock), record=self.recorder,
        )  # fmt: skip

    def view(self):
        return View(now=self.clock.now(), zone=self.strategy.zone, catalog=self.catalog, readings=self.store.snapshot())

    def read(self, about, value, quality=Quality.GOOD):
        now = self.clock.now()
        each = Reading(point=about.id, value=value, time=now, at=now, quality=quality, source=Source.COV)
        self.store.put(each)
        self.planner.decider.note([each], now)

    async def until(self, end):
        await self.planner.round()
        while self.clock.now() < end:
            turn = self.planner.next_turn or end
            self.clock.advance(seconds=max(2.0, (min(turn, end) - self.clock.now()).total_seconds()))
            await self.planner.round()

    async def day(self):
        """People come and go, a sensor fails, the evening comes."""
        self.read(ZONE, 21.5)
        self.read(SENSOR, value=True)
        await self.until(NOON + timedelta(minutes=5))
        self.read(SENSOR, value=False)
        await self.until(NOON + timedelta(hours=1))
        self.read(SENSOR, value=False, quality=Quality.STALE)
        await self.until(NOON + timedelta(hours=2))
        self.read(SENSOR, value=False)
        await self.until(NOON + timedelta(hours=5))
        await self.recorder.flush()


def written(told):
    return [(write.at, write.point, write.value) for write in told.writes]


async def test_a_recorded_day_replays_bit_for_bit(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    told = replayed(stage.folder, NOON.date())
    assert told.as_it_was.mismatches == ()
    assert written(told.as_it_was) == stage.hands.writes
    assert {value for _, _, value in stage.hands.writes} == {21.0, 20.5, 24.5, None}


async def test_a_changed_policy_yields_a_difference(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    changes = '[[policies]]\nname = "standby"\nvacant_minutes = 30\n'
    told = replayed(stage.folder, NOON.date(), changes)
    begun = NOON + timedelta(minutes=5)
    assert [(write.at - begun, write.value) for write in told.apart.gone if write.value][:2] == [
        (timedelta(minutes=5), 20.5),
        (timedelta(minutes=5), 24.5),
    ]
    assert [(write.at - begun, write.value) for write in told.apart.new if write.value][:2] == [
        (timedelta(minutes=30), 20.5),
        (timedelta(minutes=30), 24.5),
    ]
    assert replayed(stage.folder, NOON.date(), '[[policies]]\nname = "standby"\nstandby_k = 0.5\n').apart.new == ()


async def test_what_nobody_looked_at_is_unknown_to_changed_policies_and_told(tmp_path):
    stage = Stage(tmp_path)
    stage.strategy = Strategy(load_text(SITE.split('[[policies]]\nkind = "occupancy', maxsplit=1)[0], "x"), NOON.date())
    await stage.day()
    added = "[[policies]]" + SITE.split("[[policies]]")[2]
    told = replayed(stage.folder, NOON.date(), added)
    assert told.changed.unrecorded == (SENSOR.id,)
    assert told.apart.new == ()


async def test_through_a_restart_a_new_catalog_and_a_new_configuration(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    stage.restart()
    await stage.until(NOON + timedelta(hours=5, minutes=30))
    stage.catalog = Catalog.of([], [HEAT, COOL, SENSOR], CATALOG.spaces.values())  # the thermometer is gone
    await stage.until(NOON + timedelta(hours=6))
    stage.strategy.take(load_text(SITE.replace("16.0", "17.0"), "x"), NOON.date())
    await stage.until(NOON + timedelta(hours=8))  # the evening, and another day in UTC
    await stage.recorder.flush()
    days = [NOON.date(), NOON.date() + timedelta(days=1)]
    told = [replayed(stage.folder, day).as_it_was for day in days]
    assert [each.mismatches for each in told] == [(), ()]
    assert [write for each in told for write in written(each)] == stage.hands.writes
    assert written(told[1])[-1][2] == 17.0


async def test_a_torn_line_costs_that_line(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    (file,) = stage.folder.glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 20])
    told = replayed(stage.folder, NOON.date())
    assert told.damaged == 1
    assert told.as_it_was.mismatches == ()


async def test_a_record_that_was_changed_is_noticed(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    (file,) = stage.folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"20.5", b"19.5"))
    assert replayed(stage.folder, NOON.date()).as_it_was.mismatches


async def test_days_that_are_over_are_packed_and_old_ones_deleted(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    old = stage.folder / "2026-11-01.jsonl"
    old.write_bytes(b"")
    stage.clock.advance(days=1)
    stage.recorder._tidy()
    assert sorted(path.name for path in stage.folder.glob("*.jsonl*")) == ["2026-11-24.jsonl.gz"]
    assert replayed(stage.folder, NOON.date()).as_it_was.mismatches == ()


async def test_a_catalog_goes_with_the_last_day_that_speaks_of_it(tmp_path):
    stage = Stage(tmp_path)
    await stage.day()
    (old,) = stage.folder.glob("catalog-*")
    stage.catalog = Catalog.of([], [HEAT, COOL, SENSOR], CATALOG.spaces.values())
    day = timedelta(days=1)
    await stage.until(NOON + day)
    await stage.recorder.flush()
    stage.clock.advance(days=2)
    stage.recorder._tidy()
    assert old.exists()  # the first of three days has it still
    stage.clock.advance(days=1)
    stage.recorder._tidy()
    (new,) = stage.folder.glob("catalog-*")
    assert new != old
    assert replayed(stage.folder, (NOON + day).date()).as_it_was.mismatches == ()


async def test_a_catalog_that_is_spoken_of_every_day_stays(tmp_path):
    stage = Stage(tmp_path)
    for days in range(6):
        await stage.until(NOON + timedelta(days=days))
        await stage.recorder.flush()
        stage.recorder._tidy()
        assert len(list(stage.folder.glob("catalog-*.json.gz"))) == 1


def test_a_day_that_was_not_recorded_is_told(tmp_path):
    with pytest.raises(NotRecorded, match="nothing is on file yet"):
        list(Tape(tmp_path).frames(date(2026, 1, 1)))
    (tmp_path / "2026-11-24.jsonl").write_bytes(b"")
    with pytest.raises(NotRecorded, match="the days on file are 2026-11-24 to 2026-11-24"):
        list(Tape(tmp_path).frames(date(2026, 1, 1)))
    with pytest.raises(NotRecorded, match="catalog"):
        Tape(tmp_path).catalog("0" * 16)


async def test_a_disk_that_refuses_costs_the_record_alone_and_is_told(tmp_path, monkeypatch):
    stage = Stage(tmp_path)

    def refuse(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "write_catalog", refuse)
    await stage.day()
    assert "no space left" in stage.recorder.trouble
    assert stage.hands.writes


TIMES = st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds))
VALUES = st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 100) | st.text(max_size=5)
READINGS = st.builds(
    Reading, point=st.just(HEAT.id), value=VALUES | st.none(), time=TIMES, at=TIMES,
    quality=st.sampled_from(Quality), source=st.sampled_from(Source), reason=st.text(max_size=5),
)  # fmt: skip
SEEN = st.builds(Seen, reading=READINGS, since=TIMES | st.none()) | st.just(Seen(reading=None, since=None))
DEMANDS = st.builds(
    Demand, point=st.just(HEAT.id), value=VALUES, priority=st.sampled_from(Priority), policy=st.just("p"),
    reason=st.text(max_size=5), turns_down=st.none() | st.just("or-1"), vacates=st.none() | st.just("room-1"),
)  # fmt: skip
REMARKS = st.builds(Remark, about=st.text(max_size=5), text=st.text(max_size=5), held=st.booleans())
SAID = st.builds(
    Said, policy=st.just("p"), until=TIMES | st.none(), demands=st.none() | st.lists(DEMANDS, max_size=3).map(tuple),
    remarks=st.none() | st.lists(REMARKS, max_size=3).map(tuple), fault=st.text(max_size=5),
    stood=st.dictionaries(st.just(HEAT.id), st.floats(10, 35), max_size=1),
)  # fmt: skip
BED = Bed(space="room-1", bed="a", state=BedState.UNOCCUPIED, since=NOON)
FEEDS = st.none() | st.just(Feeds(beds={"room-1": (BED,)}, heard={BEDS: NOON}))


@given(
    st.builds(
        Turn, at=TIMES, inputs=st.dictionaries(st.just(HEAT.id), SEEN), said=st.lists(SAID, max_size=2).map(tuple),
        feeds=FEEDS, recap=st.booleans(),
    )
)  # fmt: skip
def test_a_round_is_read_as_it_was_written(turn):
    assert frame(line(turn)) == turn


def test_a_beginning_is_read_as_it_was_written():
    start = Start(
        at=NOON, why="start", config={"site": {"id": "x"}}, events={}, catalog="c", memories={"p": {"a": 1}},
        held={(HEAT.id, Priority.SCHEDULE): (21.0, "p")},
    )  # fmt: skip
    assert frame(line(start)) == start


@given(st.binary(max_size=60))
def test_any_line_is_a_frame_or_damaged(tmp_path_factory, octets):
    folder = tmp_path_factory.mktemp("tape")
    (folder / "2026-11-24.jsonl").write_bytes(octets + b"\n")
    tape = Tape(folder)
    assert len(list(tape.frames(date(2026, 11, 24)))) + tape.damaged <= octets.count(b"\n") + 1
