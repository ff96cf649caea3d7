"""The guard opens a patient room by the state of its beds, judges that by itself, and lets go without being told."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import Bench, make_point
from manual_clock import NOON

from facility.feeds.book import BedReport, FeedBook
from facility.feeds.vacated import BedRooms, BedWatcher
from facility.guard import Beds, Surroundings, judge
from facility.judgement import Judge
from facility.model import Command, Rejected
from facility.profiles import ProfileError, Profiles
from facility.profiles.model import CommandRule
from points.catalog import Catalog
from points.model import Priority, Quality, Reading, Safety, Source, Space
from schedules.feeds import BedState

ROOM = Space(id="room-301", name="Room 301", type="patient_room")
HEAT = make_point(
    "heat", point_class="heating-setpoint", unit="degrees-celsius", space="room-301", safety=Safety.CRITICAL
)
FLOW = make_point("flow", point_class="airflow-setpoint", unit="liters-per-second", space="room-301")
DAMPER = make_point("damper", point_class="damper", space="room-301", safety=Safety.CRITICAL)
TEMP = make_point("temp", point_class="zone-temperature", unit="degrees-celsius", space="room-301", commandable=False)
HUMID = make_point("rh", point_class="humidity", unit="percent", space="room-301", commandable=False)
OPEN = Beds(closed="", low=18.0, high=28.0)
HOLD = Command(
    point=HEAT.id,
    value=20.0,
    priority=Priority.OCCUPANCY,
    by="policy:beds",
    reason="every bed is free",
    lasts=timedelta(minutes=15),
)


def verdict(command=HOLD, point=HEAT, beds=OPEN, rule=None):
    known = Surroundings(now=NOON, rule=rule or CommandRule(who="policy"), beds=beds)
    return judge(command, point, known)


def test_a_free_room_is_open_for_its_temperature_setpoints():
    assert not verdict().refused
    assert verdict(beds=None).rule == "critical"


@pytest.mark.parametrize(
    "refused",
    [
        verdict(beds=Beds(closed="a bed of room-301 is occupied", low=18.0, high=28.0)),
        verdict(replace(HOLD, priority=Priority.SCHEDULE)),
        verdict(replace(HOLD, priority=Priority.DEMAND_LIMIT)),
        verdict(replace(HOLD, value=17.9)),
        verdict(replace(HOLD, value=28.1)),
        verdict(replace(HOLD, point=FLOW.id), FLOW),
        verdict(point=replace(HEAT, unit="percent")),
        verdict(replace(HOLD, point=DAMPER.id), DAMPER),
    ],
)
def test_everything_else_is_refused(refused):
    assert (refused.refused, refused.rule) == (True, "beds")


def test_the_profile_closes_all_else_in_a_patient_room_to_policies():
    profiles = Profiles.load(None)
    assert profiles.command_rule(HEAT, ROOM).who == "policy"
    for point_class in ("temperature-setpoint", "airflow-setpoint", "damper", "lighting-command", "fan-speed", "mode"):
        other = replace(HEAT, point_class=point_class)
        assert profiles.command_rule(other, ROOM).who == "operator", point_class


def reading(about, value, clock, quality=Quality.GOOD):
    now = clock.now()
    return Reading(point=about.id, value=value, time=now, at=now, quality=quality, source=Source.POLL)


class Ward(Bench):
    """A desk whose guard asks the beds."""

    def __init__(self, folder):
        super().__init__(folder, (HEAT, FLOW, TEMP, HUMID))
        self.book.replace(Catalog.of([], (HEAT, FLOW, TEMP, HUMID), [ROOM]))
        self.feeds = FeedBook(self.clock)
        self.profiles = Profiles.load(None)
        self.rooms = BedRooms(self.feeds.feeds, self.store, self.book, self.clock, self.profiles.vacated_rules)

    def make_judge(self):
        return Judge(self.book, self.store, self.claims, self.clock, beds=self.rooms.of)

    def tell(self, state):
        self.feeds.take_bed(BedReport(space=ROOM.id, bed="", state=BedState(state), time=self.clock.now()), "mqtt")

    def measure(self, celsius=22.0, percent=45.0, quality=Quality.GOOD):
        self.store.put(reading(TEMP, celsius, self.clock, quality))
        self.store.put(reading(HUMID, percent, self.clock, quality))

    async def hold(self):
        """As the planner does it, once the beds have been free for long enough."""
        self.measure()
        self.tell("U")
        self.clock.advance(minutes=20)
        self.tell("U")
        self.measure()
        assert not isinstance(outcome := await self.desk.submit(HOLD), Rejected), outcome
        assert self.slot(HEAT, 14) == 20.0


@pytest.fixture
async def ward(tmp_path):
    bench = Ward(tmp_path)
    await bench.start()
    watcher = BedWatcher(bench.rooms, bench.desk, bench.book, bench.feeds, bench.events, bench.clock)
    task = asyncio.create_task(watcher.run())
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.close()


async def released(ward, *, each_s=0):
    """Waits until nothing is held; `each_s`: how the ward's clock goes on meanwhile."""
    async with asyncio.timeout(30):
        while ward.slot(HEAT, 14) is not None or ward.claims.of(HEAT.id):
            await asyncio.sleep(0.005)
            ward.clock.advance(seconds=each_s)


@pytest.mark.parametrize("state", ["", "C", "H", "I", "K", "O"])
async def test_the_guard_refuses_by_itself(ward, state):
    ward.measure()
    if state:
        ward.tell(state)
        ward.clock.advance(minutes=20)
    assert isinstance(await ward.desk.submit(HOLD), Rejected)
    assert ward.device.writes == []


async def test_a_bed_that_is_taken_lets_go_at_once(ward):
    await ward.hold()
    ward.clock.advance(seconds=5)
    assert ward.slot(HEAT, 14) == 20.0
    ward.tell("O")
    await released(ward)
    assert any("room-301 has its full setpoints again" in text for text in ward.told)


async def test_a_feed_that_falls_silent_lets_go(ward):
    await ward.hold()
    ward.clock.advance(minutes=30, seconds=1)
    await released(ward)


@pytest.mark.parametrize(
    ("celsius", "percent", "quality"),
    [(17.9, 45, Quality.GOOD), (28.1, 45, Quality.GOOD), (22, 60.1, Quality.GOOD), (22, 45, Quality.STALE)],
)
async def test_a_room_that_leaves_its_limits_is_let_go_of(ward, celsius, percent, quality):
    await ward.hold()
    ward.measure(celsius, percent, quality)
    ward.clock.advance(seconds=1)
    await released(ward)


async def test_a_release_that_does_not_succeed_is_tried_again(ward):
    await ward.hold()
    ward.device.faults = [ward.device.deaf, ward.device.deaf]
    ward.tell("K")
    await released(ward, each_s=1)
    assert ward.device.faults == []


# --- what the profile says of an empty room ---------------------------------------------------------------------------


def test_the_numbers_are_the_profile_s_with_their_source():
    rules = Profiles.load(None).vacated_rules(ROOM)
    assert (rules.free_s, rules.low_c, rules.high_c, rules.humidity_percent) == (1200, 18, 28, 60)
    assert "our own caution" in rules.cited
    assert "not verified at this site" in rules.cited
    for other in ("admin_office", "icu_room", "operating_room"):
        assert Profiles.load(None).vacated_rules(replace(ROOM, type=other)) is None


def site(folder, text):
    file = folder / "profiles.toml"
    file.write_text(text)
    return Profiles.load(file)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[patient_room.vacated]\nlow_c = 28", "`low_c` must be below `high_c`"),
        ("[patient_room.vacated]\nfree_minutes = 1", "free_minutes"),
        ('[patient_room]\nenergy_measures = "never"', "contradicts"),
        ("[admin_office.vacated]\nfree_minutes = 20\nlow_c = 18\nhigh_c = 28\nhumidity_percent = 60", "no bed tells"),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_start(tmp_path, text, wrong):
    with pytest.raises(ProfileError, match=wrong):
        site(tmp_path, text)


async def test_a_site_may_ask_for_more_and_the_guard_does(ward, tmp_path):
    ward.measure()
    ward.tell("U")
    ward.clock.advance(minutes=25)
    ward.tell("U")
    ward.measure(26.5)
    assert (ward.rooms.of(HEAT).closed, ward.rooms.vacated()) == ("", {"room-301"})
    ward.profiles.become(site(tmp_path, "[patient_room.vacated]\nhigh_c = 26"))
    assert "between 18 and 26 °C" in ward.rooms.of(HEAT).closed
    ward.profiles.become(site(tmp_path, "[patient_room.vacated]\nfree_minutes = 30"))
    assert "free for 30 min" in ward.rooms.of(HEAT).closed
    ward.profiles.become(site(tmp_path, "[patient_room]\nvacated = false"))
    assert "no state of its beds" in ward.rooms.of(HEAT).closed
    assert ward.rooms.vacated() == frozenset()


def limits(about, profiles):
    return profiles.limits(about, ROOM), profiles.vacated_limits(about, ROOM)


def test_an_empty_room_has_wider_temperatures_and_nothing_else():
    usual, empty = limits(TEMP, Profiles.load(None))
    assert ((usual.low, usual.high), (empty.low, empty.high)) == ((21, 24), (18, 28))
    assert (empty.severity, empty.delay_s) == (usual.severity, usual.delay_s)
    _, fahrenheit = limits(replace(TEMP, unit="degrees-fahrenheit"), Profiles.load(None))
    assert (fahrenheit.low, fahrenheit.high) == (pytest.approx(64.4), pytest.approx(82.4))
    assert limits(HUMID, Profiles.load(None))[1] is None
    assert limits(replace(TEMP, site_low=22.0), Profiles.load(None))[1].low == 22.0  # the site's own word stays
