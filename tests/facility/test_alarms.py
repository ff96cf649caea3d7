import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watched_site import (
    CATALOG,
    FRIDGE,
    ISOLATION,
    NOW,
    OFFICE,
    OXYGEN,
    PANEL,
    POINTS,
    PRESSURE,
    SPACES,
    TEMPERATURE,
    after,
    normal_readings,
    point,
    reading,
    stale,
)

from facility.alarm_rows import load_alarms
from facility.alarms import AlarmBook, UnknownAlarm
from facility.compliance import Compliance
from facility.conditions import alarm_id
from facility.database import StateUnavailable, open_state
from facility.model import AlarmKind, Severity
from facility.profiles import Profiles
from facility.verdict import verdict
from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.model import EventKind, Kind, Quality, Safety
from points.store import PointStore

PROFILES = Profiles.load()
PATIENCE_S = 30


@dataclass
class Answering:
    status: str = "online"
    since: datetime | None = NOW
    silent_for: float | None = 0.0


class Ward:
    """An alarm book with all that it needs, and hands to change it."""

    def __init__(self, db, catalog=CATALOG) -> None:
        self.time = NOW
        self.store = PointStore()
        self.catalog = CatalogBook(catalog)
        self.devices = {device: Answering() for device in CATALOG.devices}
        self.events = Events()
        self.held = {}
        self.book = AlarmBook(
            store=self.store,
            catalog=self.catalog,
            compliance=Compliance(PROFILES),
            devices=lambda: self.devices,
            db=db,
            events=self.events,
            clock=self,
            holds=lambda device: self.held.get(device, 0),
        )
        for each in normal_readings().values():
            self.store.put(each)
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.time + timedelta(seconds=seconds), woken))
        await woken.wait()

    def at(self, seconds: float):
        self.time = after(seconds)
        for due, woken in self._sleepers:
            if due <= self.time:
                woken.set()
        self._sleepers = [(due, woken) for due, woken in self._sleepers if due > self.time]
        return self

    def put(self, of, value, **more):
        self.store.put(reading(of, value, self.time, **more))
        return self

    def judged(self):
        return verdict(self.book._compliance.spaces, self.book.all(), now=self.time)

    def look(self):
        self.book.look()
        return {(alarm.kind, alarm.about): alarm for alarm in self.book.all()}


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path / "state") as state:
        yield state


@pytest.fixture
def ward(db) -> Ward:
    return Ward(db)


def test_a_building_in_order_has_no_alarm(ward):
    assert ward.look() == {}


def test_a_limit_left_for_longer_than_its_delay_is_an_alarm(ward):
    assert ward.put(ISOLATION, -1.1).look() == {}
    (alarm,) = ward.at(120).look().values()
    assert (alarm.kind, alarm.severity, alarm.state) == (AlarmKind.OUT_OF_LIMITS, Severity.CRIT, "NEW")
    assert (alarm.where, alarm.text) == ("AII-407", "has lost negative pressure")
    assert (alarm.value, alarm.limit, alarm.since) == ("-1.10 Pa", "needs -2.50", NOW)


def test_a_range_is_said_from_its_numbers(ward):
    ward.put(TEMPERATURE, 25.1).look()
    (alarm,) = ward.at(900).look().values()
    assert (alarm.severity, alarm.text, alarm.limit) == (Severity.HIGH, "zone temperature too high", "max 24.0")


def test_it_ends_only_well_inside_and_stays_until_it_has_been_seen(ward):
    ward.put(ISOLATION, -1.1).look()
    ward.at(120).look()
    (alarm,) = ward.at(130).put(ISOLATION, -2.6).look().values()
    assert alarm.state == "NEW"
    (alarm,) = ward.at(140).put(ISOLATION, -3.2).look().values()
    assert (alarm.state, alarm.ended) == ("rtn", after(140))
    (alarm,) = ward.at(150).look().values()
    assert alarm.ended == after(140)


async def test_seen_and_over_is_forgotten(ward):
    (alarm,) = ward.put(OXYGEN, 250.0).look().values()
    seen = await ward.book.acknowledge(alarm.id, "user:rdiaz", "called the plant")
    assert (seen.state, seen.acknowledged, seen.acknowledged_by) == ("ack", NOW, "user:rdiaz")
    assert await ward.book.acknowledge(alarm.id, "user:mchen") == seen
    assert ward.at(10).put(OXYGEN, 345.0).look() == {}


async def test_over_and_then_seen_is_forgotten(ward):
    (alarm,) = ward.put(OXYGEN, 250.0).look().values()
    ward.at(10).put(OXYGEN, 345.0).look()
    await ward.book.acknowledge(alarm.id, "user:rdiaz")
    assert ward.book.all() == []
    with pytest.raises(UnknownAlarm, match="no alarm"):
        await ward.book.acknowledge(alarm.id, "user:rdiaz")


async def test_it_is_raised_again_if_it_comes_back_before_it_was_seen(ward):
    ward.put(OXYGEN, 250.0).look()
    ward.at(10).put(OXYGEN, 345.0).look()
    (alarm,) = ward.at(20).put(OXYGEN, 250.0).look().values()
    assert (alarm.state, alarm.since) == ("NEW", after(20))


def test_unknown_is_no_end(ward):
    ward.put(OXYGEN, 250.0).look()
    alarms = ward.at(10).put(OXYGEN, None, quality=Quality.BAD, reason="nan").look()
    assert alarms[AlarmKind.OUT_OF_LIMITS, OXYGEN.id].ended is None


def test_a_panel_alarm_is_a_state(ward):
    (alarm,) = ward.put(PANEL, True).look().values()
    assert (alarm.kind, alarm.severity, alarm.value) == (AlarmKind.STATE, Severity.LIFE, "Alarm")


def test_a_silent_device_is_one_alarm_whatever_hangs_on_it(ward):
    ward.devices["gas"] = Answering("offline", after(60))
    ward.at(60)
    for of in (PANEL, OXYGEN):
        ward.store.put(stale(of, after(60), "offline"))
    (alarm,) = ward.at(600).look().values()
    assert (alarm.kind, alarm.about, alarm.since) == (AlarmKind.OFFLINE, "gas", after(60))
    assert (alarm.severity, alarm.where, alarm.value) == (Severity.HIGH, "Oxygen zone 1", "no answer")
    assert alarm.text == "Controller gas silent, 2 points unknown"
    ward.devices["gas"] = Answering()
    for of, value in ((PANEL, False), (OXYGEN, 345.0)):
        ward.put(of, value)
    (alarm,) = ward.at(610).look().values()
    assert alarm.state == "rtn"


def test_what_stood_before_the_silence_stands_on(ward):
    ward.put(OXYGEN, 250.0).look()
    ward.devices["gas"] = Answering("offline", after(30))
    ward.store.put(stale(OXYGEN, after(30), "offline"))
    alarms = ward.at(300).look()
    assert alarms[AlarmKind.OUT_OF_LIMITS, OXYGEN.id].ended is None
    assert (AlarmKind.STALE, OXYGEN.id) not in alarms


def test_a_stale_critical_point_of_a_device_that_answers(ward):
    ward.store.put(stale(PRESSURE))
    ward.store.put(stale(OFFICE))
    assert ward.look() == {}
    (alarm,) = ward.at(30).look().values()  # the office's is no alarm
    assert (alarm.kind, alarm.about, alarm.severity) == (AlarmKind.STALE, PRESSURE.id, Severity.HIGH)
    (alarm,) = ward.at(40).put(PRESSURE, 8.0).look().values()
    assert alarm.state == "rtn"


def test_no_stale_alarm_while_it_is_open_whether_the_device_answers(ward):
    ward.devices["or-3"] = Answering("slow")
    ward.store.put(stale(PRESSURE))
    ward.look()
    assert ward.at(300).look() == {}


def test_a_broken_sensor(ward):
    ward.put(FRIDGE, None, quality=Quality.BAD, reason="nan")
    ward.put(OFFICE, None, quality=Quality.BAD, reason="nan")
    ward.look()
    alarms = ward.at(31).look()
    assert alarms[AlarmKind.FAULT, FRIDGE.id].severity is Severity.HIGH
    assert alarms[AlarmKind.FAULT, FRIDGE.id].value == "bad sensor"
    assert alarms[AlarmKind.FAULT, OFFICE.id].severity is Severity.LOW


def test_a_pressure_that_cannot_be_is_a_broken_sensor(ward):
    ward.put(PRESSURE, 250.0).look()
    (alarm,) = ward.at(31).look().values()
    assert (alarm.kind, alarm.severity, alarm.value) == (AlarmKind.FAULT, Severity.HIGH, "bad sensor (250 Pa)")


AIR = point("fridge/air", "refrigerator-temperature", "degrees-celsius", space="fridge-1", safety=Safety.MEDICAL)
CORRIDOR = point("or-3/dp-c", "room-pressure", "pascals", space="or-3", description="OR 3 pressure to corridor")
CORE = point("or-3/dp-s", "room-pressure", "pascals", space="or-3", description="OR 3 pressure to sterile core")


def test_two_probes_of_one_place_are_told_apart(db):
    product = replace(FRIDGE, description="Blood fridge 1 product temperature, probe in glycerol")
    air = replace(AIR, description="Blood fridge 1 air temperature")
    ward = Ward(db, Catalog.of(CATALOG.devices.values(), [*POINTS[1:3], product, air, CORRIDOR, CORE], SPACES))
    ward.put(product, 7.0).put(air, 0.5).put(CORRIDOR, 1.0).put(CORE, None, quality=Quality.BAD).look()
    texts = {alarm.about: alarm.text for alarm in ward.at(120).look().values()}
    assert texts == {
        product.id: "product temperature too high",
        air.id: "air temperature too low",
        CORRIDOR.id: "corridor: has lost positive pressure",
        CORE.id: "sterile core pressure cannot be measured",
    }


def test_a_door_left_open_is_told_when_it_has_stood_open_for_long(db):
    door = point("fridge/door", "door", kind=Kind.BINARY, space="fridge-1", states=("Closed", "Open"))
    ward = Ward(db, Catalog.of(CATALOG.devices.values(), [FRIDGE, door], SPACES))
    ward.put(door, True).look()
    assert ward.at(179).look() == {}
    with ward.events.listen() as listener:
        (alarm,) = ward.at(180).look().values()
        assert [event.text for event in listener._queue] == ["LOW Blood fridge 1: door open (Open): raised"]
    assert (alarm.kind, alarm.severity, alarm.since) == (AlarmKind.STATE, Severity.LOW, NOW)


def test_an_empty_catalog_ends_nothing(ward):
    ward.put(OXYGEN, 250.0).look()
    ward.catalog.replace(Catalog())
    (alarm,) = ward.at(10).look().values()
    assert alarm.ended is None


def test_the_order_is_that_of_the_screens(ward):
    ward.put(TEMPERATURE, 25.1).look()
    ward.at(900).put(OXYGEN, 250.0).put(ISOLATION, 0.0).look()
    ward.at(1020).look()
    assert [alarm.severity for alarm in ward.book.all()] == [Severity.LIFE, Severity.CRIT, Severity.HIGH]


def test_every_change_is_an_event(ward):
    with ward.events.listen() as listener:
        ward.put(OXYGEN, 250.0).look()
        ward.at(10).look()
        ward.at(20).put(OXYGEN, 345.0).look()
        told = list(listener._queue)
    assert [event.kind for event in told] == [EventKind.ALARM] * 2
    assert told[0].text == "LIFE Oxygen zone 1: medical gas pressure too low (250 kPa): raised"
    assert told[1].text.endswith("ended")
    assert told[0].details["severity"] == "LIFE"


async def test_a_standing_alarm_shows_its_newest_value_now_and_then(ward):
    (raised,) = ward.put(OXYGEN, 250.0).look().values()
    with ward.book.watch() as alarms:
        stream = aiter(alarms)
        assert await anext(stream) == raised
        (alarm,) = ward.at(10).put(OXYGEN, 240.0).look().values()
        assert alarm.value == "250 kPa"
        (alarm,) = ward.at(31).look().values()
        assert alarm.value == "240 kPa"
        assert await anext(stream) == alarm


def test_a_clock_set_back_stops_neither_the_values_nor_the_patience(ward):
    ward.put(ISOLATION, -1.1).look()
    ward.at(120).look()
    back = -20 * 3600
    ward.at(back).put(ISOLATION, -0.4)
    assert ward.look()[AlarmKind.OUT_OF_LIMITS, ISOLATION.id].value == "-0.40 Pa"
    ward.put(FRIDGE, None, quality=Quality.BAD, reason="fault").look()
    assert (AlarmKind.FAULT, FRIDGE.id) not in ward.at(back + 20).look()
    assert (AlarmKind.FAULT, FRIDGE.id) not in ward.at(2 * back).look()
    assert (AlarmKind.FAULT, FRIDGE.id) in ward.at(2 * back + 10).look()


def test_a_device_is_not_silent_since_tomorrow(ward):
    ward.devices["or-3"] = Answering(status="offline", since=after(3600))
    assert ward.look()[AlarmKind.OFFLINE, "or-3"].since == NOW


async def test_a_watcher_sees_all_first_then_changes_and_the_end_once(ward):
    (alarm,) = ward.put(OXYGEN, 250.0).look().values()
    with ward.book.watch() as alarms:
        stream = aiter(alarms)
        assert await anext(stream) == alarm
        await ward.book.acknowledge(alarm.id, "user:rdiaz")
        ward.at(10).put(OXYGEN, 345.0).look()
        last = await anext(stream)
        assert (last.ended, last.acknowledged) == (after(10), NOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(stream)


@asynccontextmanager
async def running(ward: Ward):
    task = asyncio.create_task(ward.book.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition, ward: Ward | None = None):
    async with asyncio.timeout(PATIENCE_S):
        seconds = 0 if ward is None else (ward.time - NOW).total_seconds()
        while not condition():
            if ward is not None:
                seconds += 0.2
                ward.at(seconds)
            await asyncio.sleep(0.005)


async def test_running_it_follows_the_store_and_a_restart_keeps_who_has_seen_it(db):
    ward = Ward(db)
    async with running(ward):
        await until(lambda: ward.book._is_watched(OXYGEN.id))
        ward.put(OXYGEN, 250.0)
        await until(ward.book.all, ward)
        (alarm,) = ward.book.all()
        seen = await ward.book.acknowledge(alarm.id, "user:rdiaz")
    assert await load_alarms(db) == [seen]

    again = Ward(db)
    again.store = again.book._store = PointStore()  # nothing has been read yet
    again.devices.clear()
    async with running(again):
        await until(again.book.all)
        assert again.book.all() == [seen]
        await until(lambda: len(again._sleepers) >= 1)
        assert again.book.all() == [seen]
        again.devices |= {device: Answering() for device in CATALOG.devices}
        again.at(50)
        for each in normal_readings(after(50)).values():
            again.store.put(each)
        await until(lambda: not again.book.all(), again)
    assert await load_alarms(db) == []


async def restarted(db, before: Ward, seconds: float) -> Ward:
    """Another agent over the same state, that has heard of nothing yet."""
    await before.book._save()
    again = Ward(db).at(seconds)
    again.store = again.book._store = PointStore()
    again.devices = {device: Answering("slow", again.time, None) for device in CATALOG.devices}
    await again.book._load()
    return again


async def test_a_restart_ends_no_alarm_and_shows_nothing_as_in_order(db):
    ward = Ward(db)
    ward.put(ISOLATION, -1.1).put(TEMPERATURE, 25.1).look()
    ward.at(900).look()

    again = await restarted(db, ward, 960)
    with again.events.listen() as listener:
        for seconds in (960, 970, 1030):  # nothing is read yet, however long it takes
            found = again.at(seconds).look()
            assert {alarm.ended for alarm in found.values()} == {None}
            assert again.judged().word == "NOT OK"
        for each in normal_readings(after(1031)).values():
            again.store.put(each)
        again.devices = {device: Answering() for device in CATALOG.devices}
        again.at(1031).put(ISOLATION, -2.6).put(TEMPERATURE, 25.1).look()  # one is back, but not well inside
        assert again.judged().word == "NOT OK"
        assert [event.text for event in listener._queue if event.text.endswith("ended")] == []
    limits = [alarm for alarm in again.book.all() if alarm.kind is AlarmKind.OUT_OF_LIMITS]
    assert [(alarm.state, alarm.since) for alarm in limits] == [("NEW", NOW)] * 2
    again.at(1032).put(ISOLATION, -5.0).put(TEMPERATURE, 21.5).look()
    assert again.judged().word == "OK"


async def test_a_high_alarm_of_a_critical_room_is_never_ok_in_between(db):
    ward = Ward(db)
    ward.put(TEMPERATURE, 25.1).look()
    ward.at(900).look()
    assert ward.judged().word == "NOT OK"
    again = await restarted(db, ward, 910)
    again.look()
    assert again.judged().word == "UNKNOWN"
    for each in normal_readings(after(911)).values():
        again.store.put(each)
    (alarm,) = again.at(911).put(TEMPERATURE, 25.1).look().values()
    assert (again.judged().word, alarm.state, alarm.since) == ("NOT OK", "NEW", NOW)


async def test_not_known_yet_ends_no_alarm_of_a_silent_device_or_a_broken_sensor(db):
    ward = Ward(db)
    ward.devices["gas"] = Answering("offline", NOW)
    ward.put(OFFICE, None, quality=Quality.BAD, reason="nan").put(FRIDGE, None, quality=Quality.BAD, reason="nan")
    ward.store.put(stale(PRESSURE))
    ward.look()
    before = set(ward.at(60).look())
    assert {kind for kind, _ in before} == {AlarmKind.OFFLINE, AlarmKind.FAULT, AlarmKind.STALE}

    again = await restarted(db, ward, 70)
    for status in ("slow", "online"):  # it answers, but these points have not been read
        again.devices |= {name: Answering(status, again.time, None) for name in ("vav", "fridge", "or-3")}
        again.at(200).look()
        assert {alarm.ended for alarm in again.book.all()} == {None}
    again.devices |= {device: Answering("slow") for device in CATALOG.devices}
    for each in normal_readings(after(210)).values():
        again.store.put(each)
    again.at(210).look()
    assert {alarm.state for alarm in again.book.all()} == {"rtn"}


async def test_while_the_database_fails_the_book_goes_on_and_is_written_later(ward, db, monkeypatch):
    broken = True
    real = type(db).run

    async def run(self, work):
        if broken:
            raise StateUnavailable("disk full")
        return await real(self, work)

    monkeypatch.setattr("facility.database.StateDatabase.run", run)
    async with running(ward):
        ward.put(OXYGEN, 250.0)
        await until(ward.book.all, ward)
        (alarm,) = ward.book.all()
        assert (await ward.book.acknowledge(alarm.id, "user:rdiaz")).acknowledged_by == "user:rdiaz"
        broken = False
        await until(lambda: not ward.book._unsaved, ward)
    assert [kept.acknowledged_by for kept in await load_alarms(db)] == ["user:rdiaz"]


@given(st.sampled_from(AlarmKind), st.from_regex(r"[a-z0-9-]{1,48}/[a-z0-9-]{1,48}", fullmatch=True))
def test_an_id_is_a_slug_of_its_own(kind, about):
    assert re.fullmatch(r"[a-z0-9-]{1,48}", alarm_id(kind, about))
    assert alarm_id(kind, about) != alarm_id(kind, about.replace("/", "-"))


moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), st.sampled_from([PRESSURE, OXYGEN, PANEL, OFFICE]), st.sampled_from([0.0, 8.0, 345.0])
        ),
        st.tuples(st.just("stale"), st.sampled_from([PRESSURE, OXYGEN, PANEL])),
        st.tuples(st.just("wait"), st.sampled_from([1, 35, 130, 4000])),
        st.tuples(st.just("device"), st.sampled_from(["gas", "or-3"]), st.sampled_from(["online", "slow", "offline"])),
        st.tuples(st.just("ack"), st.integers(0, 5)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_nothing_leaves_the_book_that_is_not_both_over_and_seen(db, sequence):
    ward = Ward(db)
    elapsed = 0.0
    seen, ended = set(), set()
    for move, *what in sequence:
        before = {alarm.id for alarm in ward.book.all()}
        elapsed += 1
        ward.at(elapsed)
        match move:
            case "put":
                ward.put(what[0], bool(what[1]) if what[0] is PANEL else what[1])
            case "stale":
                ward.store.put(stale(what[0], ward.time))
            case "wait":
                elapsed += what[0]
                ward.at(elapsed)
            case "device":
                ward.devices[what[0]] = Answering(what[1], ward.time)
            case "ack" if ward.book.all():
                alarm = ward.book.all()[what[0] % len(ward.book.all())]
                asyncio.run(ward.book.acknowledge(alarm.id, "user:x"))
                seen.add(alarm.id)
        with ward.events.listen() as listener:
            ward.book.look()
            ended |= {event.about for event in listener._queue if event.text.endswith("ended")}
        gone = before - {alarm.id for alarm in ward.book.all()}
        assert gone <= seen
        assert gone <= ended
        seen -= gone
        ended &= {alarm.id for alarm in ward.book.all() if alarm.ended}
        for alarm in ward.book.all():
            if alarm.kind is not AlarmKind.OFFLINE and alarm.ended == ward.time:
                assert ward.store.get(alarm.about).is_good or alarm.kind in (AlarmKind.STALE, AlarmKind.FAULT)


def test_a_device_in_quarantine_is_an_alarm_until_it_is_approved(ward):
    plain = list(CATALOG.devices.values())
    suspects = [replace(each, quarantine="was replaced") if each.id == "or-3" else each for each in plain]
    ward.catalog.replace(Catalog.of(suspects, CATALOG.points.values(), CATALOG.spaces.values()))
    alarm = ward.look()[AlarmKind.QUARANTINE, "or-3"]
    assert alarm.severity is Severity.HIGH  # an operating room is measured there
    assert alarm.text.endswith("in quarantine: was replaced")
    ward.held["or-3"] = 2
    held = ward.at(40).look()[AlarmKind.QUARANTINE, "or-3"].text
    assert held.endswith("was replaced; 2 holds stand there, and nothing is released until then")
    ward.devices["or-3"] = Answering(status="offline")
    assert (AlarmKind.QUARANTINE, "or-3") in ward.at(60).look()
    ward.catalog.replace(CATALOG)
    assert ward.at(120).look()[AlarmKind.QUARANTINE, "or-3"].ended == after(120)
