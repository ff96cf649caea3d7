"""Rehearsals: the planner on a clock that jumps, what it lists, and how it comes into force."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from manual_clock import ManualClock

from facility.audit import Audit
from facility.config.loading import load
from facility.database import open_state
from facility.feeds.vacated import BedRooms
from facility.guard import Limits
from facility.judgement import Judge
from facility.port import FacilityError
from facility.profiles import Profiles
from facility.rehearsal.course import Present
from facility.rehearsals import Rehearsals, Scene
from facility.reloading import Reloading
from facility.strategy import Strategy
from facility.users import User
from points.catalog import Catalog, CatalogBook
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Quality, Reading, Ref, Safety, Source, Space
from schedules.feeds import BEDS, NOTHING_HEARD, Bed, BedState, Feeds
from schedules.plan import LEASE, Standing
from schedules.steadiness import Steadiness

CHICAGO = ZoneInfo("America/Chicago")
SITE = """\
# Mercy's own file
[site]
id = "mercy"
zone = "America/Chicago"
country = "US"

[[programmes]]
name = "office"
default = "unoccupied"
weekdays = ["07:00 occupied", "19:00 unoccupied"]  # 24 rooms
sunday = ["02:30 occupied", "12:00 unoccupied"]
holidays = []

[[policies]]
kind = "weekly"
name = "heating"
programme = "office"
points = "class:heating-setpoint"
values = { occupied = 21.0, unoccupied = 16.0 }
"""
LATER = """\
[[programmes]]
name = "office"
weekdays = ["08:00 occupied", "19:00 unoccupied"]
"""
ENGINEER = User(name="chen", role="engineer")


def point(id_, point_class, space="office-1", unit="degrees-celsius", **rest):
    ref = Ref(device=DeviceRef(network=0, address="1", instance=1), object_type="analog-value", instance=1)
    given = {"kind": Kind.ANALOG, "commandable": True, "safety": Safety.COMFORT, "low": None, "high": None}
    return Point(
        id=PointId(id_), device=DeviceId(id_.split("/")[0]), ref=ref, name=id_, point_class=point_class, unit=unit,
        space=space, **given | rest,
    )  # fmt: skip


HEAT, COLD = point("vav-1/heat-sp", "heating-setpoint"), point("vav-2/heat-sp", "heating-setpoint", "office-2")
ZONE = point("vav-1/zone-temp", "zone-temperature", commandable=False)
OFFICES = (Space(id="office-1", name="1", type="admin_office"), Space(id="office-2", name="2", type="admin_office"))


class Bench:
    """A site with a file, a clock and a guard; no agent around it."""

    def __init__(self, path, db, start):
        self.path = path
        path.write_text(SITE)
        self.clock = ManualClock(start)
        self.book = CatalogBook(Catalog.of([], [HEAT, COLD, ZONE], OFFICES))
        self.held = {}
        self.limits = None
        self.feeds = NOTHING_HEARD
        self.strategy = Strategy(load(path), start.date())
        self.rung = 0
        self.weather_known = asyncio.Event()
        self.weather_known.set()
        self.audit = Audit(db, self.clock)
        self.reloading = Reloading(strategy=self.strategy, audit=self.audit, db=db, today=start.date, wake=self.ring)
        scene = Scene(present=self.present, strategy=self.twin, weather=self.weather)
        self.rehearsals = Rehearsals(scene, self.reloading.drafted, lambda: self.strategy.config, self.clock)

    def ring(self):
        self.rung += 1

    def twin(self, config):
        return self.strategy.twin(config or self.strategy.config, self.clock.now().date())

    async def weather(self, since):
        await self.weather_known.wait()
        return [(since + timedelta(hours=hour), -5.0) for hour in range(25)]

    def present(self):
        now = self.clock.now()
        values = {HEAT: 16.0, COLD: 16.0, ZONE: 20.0}
        readings = {
            each.id: Reading(point=each.id, value=value, time=now, at=now, quality=Quality.GOOD, source=Source.POLL)
            for each, value in values.items()
        }
        return Present(
            now=now, zone=CHICAGO, book=self.book, readings=readings, feeds=self.feeds, held=self.held, memories={},
            steady=Steadiness(now), judge=self.judge,
        )  # fmt: skip

    def judge(self, store, clock, heard):
        class Nothing:
            def standing(self):
                return ()

        beds = BedRooms(heard, store, self.book, clock, Profiles.load().vacated_rules).of
        limits = {COLD.id: self.limits}
        return Judge(self.book, store, Nothing(), clock, limits=lambda point: limits.get(point.id), beds=beds)

    async def rehearse(self, user=ENGINEER, days=7, changes="", **how):
        begun = await self.rehearsals.begin(user, days, changes, **{"edited": False, "thermal": False, **how})
        await self.rehearsals.of(begun.id).task
        return self.rehearsals.look(user, begun.id)


@asynccontextmanager
async def bench_at(tmp_path, *civil):
    start = datetime(*civil, tzinfo=CHICAGO).astimezone(UTC)
    with open_state(tmp_path) as db:
        yield Bench(tmp_path / "facility.toml", db, start)


def civil(told):
    return [(f"{write.at.astimezone(CHICAGO):%a %d %H:%M%z}", write.value, write.count) for write in told.writes]


async def test_every_write_of_a_week_over_thanksgiving(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse()
        assert civil(told)[:4] == [
            ("Mon 23 12:00-0600", "21.0 °C", 2),
            ("Mon 23 19:00-0600", "16.0 °C", 2),
            ("Tue 24 07:00-0600", "21.0 °C", 2),
            ("Tue 24 19:00-0600", "16.0 °C", 2),
        ]
        assert not [write for write in told.writes if write.at.astimezone(CHICAGO).day == 26]
        assert {day.date: day.note for day in told.days}["2026-11-26"].startswith("Thanksgiving")
        assert (told.state, told.share, told.count, told.may_save) == ("done", 1.0, 22, "It changes nothing.")


@pytest.mark.parametrize(
    ("start", "sunday", "note"),
    [
        ((2027, 3, 13, 20), [("Sun 14 03:00-0500", "21.0 °C", 2), ("Sun 14 12:00-0500", "16.0 °C", 2)], "forward"),
        ((2027, 11, 6, 20), [("Sun 07 02:30-0600", "21.0 °C", 2), ("Sun 07 12:00-0600", "16.0 °C", 2)], "back"),
    ],
)
async def test_both_nights_on_which_the_clock_changes(tmp_path, start, sunday, note):
    async with bench_at(tmp_path, *start) as bench:
        told = await bench.rehearse(days=1)
        assert civil(told)[1:] == sunday
        assert f"the clock goes {note} by 60 min" in told.days[1].note


async def test_what_stands_already_is_not_written_again(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        until = bench.clock.now() + LEASE
        bench.held = {(HEAT.id, 15): Standing(value=21.0, policy="heating", until=until)}
        told = await bench.rehearse(days=1)
        assert [(write.points, write.count) for write in told.writes[:1]] == [([COLD.id], 1)]


async def test_what_the_guard_refuses_is_listed_with_its_reason(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        bench.limits = Limits(low=18.0, high=None, source="the profile")
        told = await bench.rehearse(days=2)
        assert [(refused.point, refused.policy) for refused in told.refused] == [(COLD.id, "heating")]
        assert "below the lowest allowed, 18" in told.refused[0].why
        assert [write for write in civil(told) if write[1] == "16.0 °C"] == [
            ("Mon 23 19:00-0600", "16.0 °C", 1),
            ("Tue 24 19:00-0600", "16.0 °C", 1),
        ]


async def test_beds_become_free_for_the_guard_as_they_do_for_the_policy(tmp_path):
    ward = Space(id="room-301", name="301", type="patient_room")
    setpoint, zone = (
        replace(HEAT, id="vav-3/heat-sp", space=ward.id),
        replace(ZONE, id="vav-1/zone-temp", space=ward.id),  # reads 20 °C
    )
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        bench.book.replace(Catalog.of([], [setpoint, zone], [ward]))
        now = bench.clock.now()
        bed = Bed(space=ward.id, bed="", state=BedState.UNOCCUPIED, since=now - timedelta(minutes=5))
        bench.feeds = Feeds(beds={ward.id: (bed,)}, heard={BEDS: now})
        told = await bench.rehearse(days=1, changes='[[policies]]\nkind = "bed-setback"\nname = "free-beds"\n')
        assert civil(told) == [("Mon 23 12:15-0600", "20.0 °C", 1)]
        assert told.refused == []


async def test_changes_are_compared_with_the_plan_now(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(days=2, changes=LATER)
        marked = [(f"{write.at.astimezone(CHICAGO):%a %H:%M}", write.mark) for write in told.writes if write.mark]
        assert marked == [("Tue 07:00", "-"), ("Tue 08:00", "+"), ("Wed 07:00", "-"), ("Wed 08:00", "+")]
        assert (told.new, told.gone) == (4, 4)
        assert told.changes == ["programmes[office].weekdays"]


async def test_a_forecast_lets_zones_cool(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(days=1, thermal=True)
        assert "1 zones warm and cool" in told.assumes
        assert "kWh of heat" in told.estimate[0]


async def test_changes_are_saved_only_after_they_were_shown(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(days=1, changes=LATER)
        other = User(name="okafor", role="engineer")
        apply = bench.reloading.apply
        with pytest.raises(FacilityError, match="You have not looked"):
            await apply(other, bench.rehearsals, told.id, "closes early")
        with pytest.raises(FacilityError, match="needs a reason"):
            await apply(ENGINEER, bench.rehearsals, told.id, " ")
        assert bench.path.read_text() == SITE
        applied = await apply(ENGINEER, bench.rehearsals, told.id, "closes early")
        assert applied.changes == ["programmes[office].weekdays"]
        assert bench.path.read_text() == SITE.replace('"07:00', '"08:00')  # the comments are there
        assert bench.strategy.programmes["office"].week[0][0].at.hour == 8
        assert bench.rung == 1
        records = await bench.audit.records(None, 10)
        assert [(record.by, record.action) for record in records if record.action == "apply configuration"] == [
            ("user:chen", "apply configuration")
        ]


async def test_an_old_rehearsal_and_an_edited_file_are_not_saved(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(days=1, changes=LATER)
        bench.path.write_text(SITE.replace("21.0", "20.0"))
        with pytest.raises(FacilityError, match="has been edited since"):
            await bench.reloading.apply(ENGINEER, bench.rehearsals, told.id, "closes early")
        bench.path.write_text(SITE)
        bench.clock.advance(hours=1, minutes=1)
        with pytest.raises(FacilityError, match="older than an hour"):
            await bench.reloading.apply(ENGINEER, bench.rehearsals, told.id, "closes early")
        assert bench.strategy.programmes["office"].week[0][0].at.hour == 7


async def test_what_was_rehearsed_before_another_change_is_not_saved_over_it(tmp_path):
    warmer = '[[policies]]\nname = "heating"\nvalues = { occupied = 20.0, unoccupied = 16.0 }\n'
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        one = await bench.rehearse(days=1, changes=LATER)
        other = await bench.rehearse(days=1, changes=warmer)
        told = await asyncio.gather(
            *(bench.reloading.apply(ENGINEER, bench.rehearsals, each.id, "both at once") for each in (one, other)),
            return_exceptions=True,
        )
        assert told[0].changes == ["programmes[office].weekdays"]
        assert str(told[1]) == "Another configuration has come into force since it began; rehearse it again."
        with pytest.raises(FacilityError, match="Another configuration"):
            await bench.reloading.apply(ENGINEER, bench.rehearsals, one.id, "once more")
        assert bench.path.read_text() == SITE.replace('"07:00', '"08:00')


async def test_a_comment_written_since_the_rehearsal_is_not_lost(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        told = await bench.rehearse(days=1, changes=LATER)
        bench.path.write_text(SITE + "# asked by clinic B\n")
        with pytest.raises(FacilityError, match="has been edited since"):
            await bench.reloading.apply(ENGINEER, bench.rehearsals, told.id, "closes early")
        assert bench.path.read_text() == SITE + "# asked by clinic B\n"


async def test_a_file_edited_by_hand_is_rehearsed_and_taken_in(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        bench.path.write_text(SITE.replace('"19:00', '"18:00'))
        told = await bench.rehearse(days=1, edited=True)
        applied = await bench.reloading.apply(ENGINEER, bench.rehearsals, told.id, "shorter days")
        assert applied.written == ""
        assert bench.strategy.programmes["office"].week[0][1].at.hour == 18


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ('[site]\nzone = "UTC"\n', "needs a restart"),
        ('[[policies]]\nname = "heating"\nprogramme = "offce"\n', "follows programme 'offce'"),
        ('[[policies]]\nname = "heating"\npoints = "clas:x"\n', "there is no 'clas'"),
        ("[[", "not valid TOML"),
    ],
)
async def test_changes_that_cannot_be_are_refused_before_anything_runs(tmp_path, changes, says):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        with pytest.raises(FacilityError, match=says):
            await bench.rehearse(changes=changes)


async def test_one_at_a_time_and_it_can_be_stopped(tmp_path):
    async with bench_at(tmp_path, 2026, 11, 23, 12) as bench:
        begun = await bench.rehearsals.begin(ENGINEER, 7, "", edited=False, thermal=False)
        with pytest.raises(FacilityError, match="is running"):
            await bench.rehearsals.begin(ENGINEER, 7, "", edited=False, thermal=False)
        stopped = bench.rehearsals.stop(ENGINEER, begun.id)
        await asyncio.sleep(0)
        assert stopped.state == bench.rehearsals.look(ENGINEER, begun.id).state == "stopped"
        assert (await bench.rehearse(days=1)).state == "done"
        with pytest.raises(FacilityError, match="no rehearsal 'nothing'"):
            bench.rehearsals.look(ENGINEER, "nothing")
