"""The flight recorder where several policies move the same setpoints: what they heard of each other is on file."""

from dataclasses import replace
from datetime import timedelta

from test_flight import COOL, HEAT, NOON, SENSOR, ZONE, Stage, point, written

from facility.config.loading import load_text
from facility.flight.recorder import Recorder
from facility.replays import replayed
from facility.strategy import Strategy
from points.catalog import Catalog
from points.model import Space
from schedules.feeds import DemandEvent, Feeds

METER = replace(point("meter/power", "power-meter", commandable=False), unit="kilowatts", space=None)
CATALOG = Catalog.of([], [HEAT, COOL, ZONE, SENSOR, METER], [Space(id="office-1", name="1", type="admin_office")])
SITE = """\
[site]
id = "mercy"
zone = "America/Chicago"

[[policies]]
kind = "demand-limit"
name = "peak"
meter = "meter/power"
limit_kw = 500
heating = "class:heating-setpoint"
cooling = "class:cooling-setpoint"

[[policies]]
kind = "demand-response"
name = "dr"
heating = "class:heating-setpoint"
cooling = "class:cooling-setpoint"
"""
WITHOUT_THE_LIMIT = '[[policies]]\nname = "peak"\nlimit_kw = 900\n'
MINUTE = timedelta(minutes=1)
EVENING = NOON + timedelta(hours=5, minutes=50)  # ten minutes before another day in UTC


class Offices(Stage):
    """The office's setpoints read what was written, and the meter reads too much."""

    def __init__(self, folder):
        super().__init__(folder)
        self.clock.advance(seconds=(EVENING - NOON).total_seconds())
        self.strategy = Strategy(load_text(SITE, "x"), NOON.date())
        self.catalog = CATALOG
        self.feeds = Feeds()
        self.restart()

    def new_recorder(self):
        return Recorder(
            self.folder, self.clock, keep=timedelta(days=3), config=lambda: self.strategy.config,
            events=lambda: self.strategy.events, held=self.hands.held,
        )  # fmt: skip

    def view(self):
        return replace(super().view(), outside=lambda: self.feeds)

    async def minutes(self, many, kilowatts):
        for _ in range(many):
            for setpoint, rest in ((HEAT, 21.0), (COOL, 24.0)):
                value, _ = next(
                    (has for (about, _), has in self.hands.standing.items() if about == setpoint.id), (rest, "")
                )
                self.read(setpoint, value)
            self.read(ZONE, 23.0)
            self.read(METER, kilowatts)
            await self.until(self.clock.now() + MINUTE)

    def call(self, minutes=60):
        now = self.clock.now()
        self.feeds = Feeds(events=(DemandEvent(id="e", level=2, start=now, end=now + minutes * MINUTE),))
        self.planner.hear()

    async def evening(self):
        """A limit; an event over it, on the next day of the record."""
        await self.minutes(9, 540.0)
        assert self.hands.standing[COOL.id, 12] == (24.5, "peak")
        await self.minutes(2, 480.0)
        self.call()
        await self.minutes(4, 480.0)
        assert self.hands.standing[COOL.id, 12] == (25.0, "dr")
        await self.recorder.flush()


async def test_what_is_counted_from_where_another_had_found_it_replays_bit_for_bit(tmp_path):
    stage = Offices(tmp_path)
    await stage.evening()
    days = [NOON.date(), NOON.date() + timedelta(days=1)]
    told = [replayed(stage.folder, day).as_it_was for day in days]
    assert [each.mismatches for each in told] == [(), ()]
    assert [write for each in told for write in written(each)] == stage.hands.writes
    assert b'"stood":{"vav-1/heat-sp":21.0,"vav-1/cool-sp":24.0}' in (stage.folder / f"{days[1]}.jsonl").read_bytes()


async def test_who_is_as_he_was_hears_what_he_heard_whatever_the_others_are(tmp_path):
    stage = Offices(tmp_path)
    stage.clock.advance(minutes=15)
    await stage.evening()
    would = replayed(stage.folder, NOON.date() + timedelta(days=1), WITHOUT_THE_LIMIT).changed
    assert {value for write in would.writes if (value := write.value) and write.policy == "dr"} == {20.0, 25.0}


async def test_who_is_another_hears_of_those_who_are_as_they_were(tmp_path):
    stage = Offices(tmp_path)
    stage.clock.advance(minutes=15)
    stage.call(minutes=12)
    await stage.minutes(9, 540.0)
    await stage.minutes(6, 480.0)
    await stage.recorder.flush()
    changes = '[[policies]]\nname = "peak"\nconfirm_minutes = 7\n'  # so it begins later, and still beneath the event
    would = replayed(stage.folder, NOON.date() + timedelta(days=1), changes).changed
    assert {value for write in would.writes if (value := write.value) and write.policy == "peak"} == {20.5, 24.5}
