"""The devices' own schedules for people, against a device on a socket: listed, imported, compared, written."""

import tomllib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import time, timedelta

import pytest
from desk_bench import Bench
from manual_clock import NOON

from facility.config.model import Config
from facility.database import StateUnavailable
from facility.device_schedules import DeviceSchedules
from facility.port import FacilityError
from facility.schedule_looks import ScheduleLooks
from facility.schedule_rules import why_not
from facility.schedule_writer import ScheduleWriter
from facility.simulation.spec import CalendarSpec, ScheduleSpec
from facility.strategy import Strategy
from facility.users import User
from points.bacnet.port import Property
from points.bacnet.schedule_writes import write_dates
from points.bacnet.schedules import read_schedule
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog
from points.model import Device, DeviceId, Kind, Point, PointId, Ref, Safety, Space, SpaceId
from points.schedule_objects import (
    CalendarReference,
    Datatype,
    DatePattern,
    Reference,
    Scalar,
    SpecialEvent,
    TimeValue,
)
from tests.points.bacnet.timed_device import timed_device

ON, OFF = Scalar(Datatype.ENUMERATED, 1), Scalar(Datatype.ENUMERATED, 0)
LOBBY = ScheduleSpec(
    name="Lobby lights",
    description="by the panel itself",
    commands=("relay",),
    week=((TimeValue(time(6), ON), TimeValue(time(22), OFF)),) * 7,
    exceptions=(SpecialEvent(CalendarReference(1), (TimeValue(time(8), OFF),), 8),),
    default=OFF,
)
QUIET = CalendarSpec(name="Quiet days", description="", dates=(DatePattern(None, 12, 25),))
OWN = {"device": "panel", "object": "schedule,1", "programme": "lobby", "values": {"lit": True, "dark": False}}
DAY = ["06:00 lit", "21:00 dark"]
PROGRAMME = {"name": "lobby", "default": "dark", "weekdays": DAY, "saturday": DAY, "sunday": DAY}
ENGINEER = User(name="rdiaz", role="engineer", origin="socket uid 7")
ID = "panel/schedule,1"
REASON = "the lobby closes at nine"


class SchedulesBench:
    def __init__(self, bench, stack, device, application, config):
        self.bench, self.stack, self.device, self.application = bench, stack, device, application
        self.recognised = True
        relay = Ref(device=device, object_type="binary-output", instance=1)
        self.point = Point(
            id=PointId("panel/relay"),
            device=DeviceId("panel"),
            ref=relay,
            name="Relay",
            kind=Kind.BINARY,
            states=("Off", "On"),
            commandable=True,
            safety=Safety.COMFORT,
            space=SpaceId("lobby"),
        )
        self.panel = Device(id=DeviceId("panel"), ref=device, name="Panel", schedules=("schedule,1", "calendar,1"))
        self.lobby = Space(id=SpaceId("lobby"), name="Lobby", type="lobby")
        self.know()
        looks = ScheduleLooks(stack, bench.book, bench.clock)

        async def recognises(_device):
            return self.recognised

        self.topic = DeviceSchedules(
            sections=lambda: config.device_schedules,
            looks=looks,
            writer=ScheduleWriter(
                bacnet=stack,
                looks=looks,
                audit=bench.audit,
                events=bench.events,
                clock=bench.clock,
                recognises=recognises,
            ),
            desk=bench.desk,
            strategy=Strategy(config, NOON.date()),
            book=bench.book,
            clock=bench.clock,
            zone=config.site.tz,
        )

    def know(self, *, device=None, point=None, space=None):
        self.bench.book.replace(Catalog.of([device or self.panel], [point or self.point], [space or self.lobby]))

    async def read(self):
        return await read_schedule(self.stack, self.device, 1)

    async def records(self):
        return await self.bench.audit.records(ID)


@asynccontextmanager
async def site(tmp_path, *specs, **sections):
    settings = StackSettings(address="127.0.0.1:0", apdu_timeout=0.4, retries=0)
    config = Config(**({"programmes": [PROGRAMME], "device_schedules": [OWN]} | sections))
    async with AsyncExitStack() as opened:
        bench = await Bench(tmp_path).start()
        opened.callback(bench.close)
        device, application, timers = await opened.enter_async_context(timed_device(*(specs or (LOBBY, QUIET))))
        await timers.keep(NOON)
        stack = await opened.enter_async_context(open_stack(settings))
        yield SchedulesBench(bench, stack, device, application, config)


async def unavailable(_work):
    raise StateUnavailable("The disk is full.")


class TestListing:
    async def test_each_says_what_it_commands_and_at_which_level(self, tmp_path):
        async with site(tmp_path) as here:
            calendar, schedule = await here.topic.every()
        assert (schedule.id, schedule.commands, schedule.priority) == (ID, ["panel/relay"], 16)
        assert (schedule.present, schedule.programme, schedule.read) == ("On", "lobby", NOON)
        assert (schedule.week[0], schedule.exceptions, schedule.doubts) == ("06:00 1, 22:00 0", 1, [])
        assert (calendar.kind, calendar.name, calendar.present) == ("calendar", "Quiet days", "not today")

    async def test_one_that_cannot_be_read_keeps_what_was_read(self, tmp_path):
        async with site(tmp_path) as here:
            await here.topic.every()
            here.application.close()
            _, schedule = await here.topic.every(refresh=True)
        assert schedule.commands == ["panel/relay"]
        assert "no answer" in schedule.trouble


class TestImport:
    async def test_what_is_printed_is_configuration_that_says_the_same(self, tmp_path):
        async with site(tmp_path) as here:
            text = (await here.topic.imported(ID)).toml
        assert text.startswith("# Lobby lights: imported from schedule,1 of panel (device 77, Panel), read 2026")
        document = tomllib.loads(text)
        assert document["device_schedules"][0]["values"] == {"on": True, "off": False}
        async with site(tmp_path / "again", **document) as here:
            (found,) = await here.topic.drift()
            assert (found.stretches, found.structure, found.trouble) == ([], [], "")

    async def test_unknown_ones_are_refused_with_words(self, tmp_path):
        async with site(tmp_path) as here:
            for name in ("panel/schedule,9", "panel/calendar,9"):
                with pytest.raises(FacilityError, match="facility device-schedules list"):
                    await here.topic.imported(name)


class TestDrift:
    async def test_each_evening_differs(self, tmp_path):
        async with site(tmp_path) as here:
            (found,) = await here.topic.drift(ID)
        assert len(found.stretches) == 14
        first = found.stretches[0]
        assert first.end - first.begin == timedelta(hours=1)
        assert (first.state, first.ours, first.theirs, first.rule) == ("dark", "Off", "On", "weekly")
        assert not found.agrees

    async def test_one_without_a_programme_or_a_device_is_told(self, tmp_path):
        async with site(tmp_path, device_schedules=[OWN | {"object": "schedule,4"}]) as here:
            (found,) = await here.topic.drift()
            assert "no schedule 'panel/schedule,4'" in found.trouble
            with pytest.raises(FacilityError, match="device_schedules"):
                await here.topic.drift(ID)

    async def test_a_value_that_the_device_cannot_have_is_told(self, tmp_path):
        async with site(tmp_path, device_schedules=[OWN | {"values": {"lit": 20.5}}]) as here:
            (found,) = await here.topic.drift()
        assert "state 'lit': 20.5 is no enumerated" in found.trouble


class TestExport:
    async def test_it_is_shown_then_written_then_read_back_and_on_record(self, tmp_path):
        async with site(tmp_path) as here:
            before = await here.read()
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            assert plan.verdict == "allowed"
            assert {change.what for change in plan.changes} >= {"weekly-schedule, Monday", "exception-schedule"}
            assert plan.changes[0].old == "06:00 1, 22:00 0"
            assert plan.changes[0].new == "06:00 1, 21:00 0"
            assert await here.read() == before
            assert not await here.records()
            result = await here.topic.commit(ENGINEER, plan.plan)
            assert result.status == "written"
            (found,) = await here.topic.drift(ID)
            assert (found.stretches, found.structure) == ([], [])
            (record,) = await here.records()
            assert (record.by, record.role, record.action) == ("user:rdiaz", "engineer", "write-schedule")
            assert "06:00 1, 22:00 0" in record.found
            assert "06:00 1, 21:00 0" in record.value
            assert (record.reason, record.rule, record.priority) == (REASON, "programme lobby", 16)
            assert record.result.startswith("written and read back")
            assert (await here.topic.preview(ENGINEER, ID, REASON)).verdict == "nothing"
            with pytest.raises(FacilityError, match="no longer valid"):
                await here.topic.commit(ENGINEER, plan.plan)

    async def test_a_device_that_refuses_is_told_with_what_stands(self, tmp_path):
        async with site(tmp_path) as here:
            here.application.refuses = frozenset({"exception-schedule"})
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            result = await here.topic.commit(ENGINEER, plan.plan)
            assert result.status == "failed"
            assert "no-space-to-write-property" in result.text
            assert "Written: weekly-schedule." in result.text
            (record,) = await here.records()
            assert record.result == result.text

    async def test_a_device_that_makes_something_else_of_it_is_a_mismatch(self, tmp_path):
        async with site(tmp_path) as here:
            here.application.ignores = frozenset({"weekly-schedule"})
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            result = await here.topic.commit(ENGINEER, plan.plan)
            assert result.status == "mismatch"
            assert "weekly-schedule, Monday is 06:00 1, 22:00 0, not 06:00 1, 21:00 0" in result.text

    async def test_what_changed_since_it_was_shown_is_not_written_over(self, tmp_path):
        async with site(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            await here.stack.write_as(
                here.device, Property("schedule", 1, "weekly-schedule"), b"".join(b"\x0e\x0f" for _ in range(7))
            )
            with pytest.raises(FacilityError, match="has changed since it was shown"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert (await here.read()).week == ((),) * 7
            assert not await here.records()

    async def test_a_calendar_that_changed_since_it_was_shown_holds_it_up(self, tmp_path):
        quiet = {"name": "quiet-days", "days": ["*-12-25"]}
        own = PROGRAMME | {"exceptions": [{"name": "quiet", "calendar": "quiet-days", "changes": ["08:00 dark"]}]}
        async with site(tmp_path, calendars=[quiet], programmes=[own]) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            await write_dates(here.stack, here.device, 1, [DatePattern(None, 12, 26)])
            with pytest.raises(FacilityError, match="A calendar that panel/schedule,1 goes by has changed"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert not await here.records()

    async def test_nothing_is_written_without_its_record(self, tmp_path):
        async with site(tmp_path) as here:
            before = await here.read()
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.bench.run = unavailable
            with pytest.raises(FacilityError, match="Nothing was written"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert await here.read() == before

    async def test_a_device_that_does_not_say_who_it_is_is_not_written(self, tmp_path):
        async with site(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.recognised = False
            with pytest.raises(FacilityError, match="not sure that panel is the device"):
                await here.topic.commit(ENGINEER, plan.plan)

    async def test_the_rules_are_asked_again_at_the_moment_of_writing(self, tmp_path):
        async with site(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.know(device=replace(here.panel, quarantine="another serial number"))
            with pytest.raises(FacilityError, match="quarantine"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert not await here.records()

    async def test_another_programme_since_is_not_written(self, tmp_path):
        async with site(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            late = Config(programmes=[PROGRAMME | {"sunday": ["07:00 lit"]}], device_schedules=[OWN])
            here.topic._strategy.take(late, NOON.date())
            with pytest.raises(FacilityError, match="is another since it was shown"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert not await here.records()

    async def test_it_is_for_whom_it_was_shown_to_and_a_minute_long(self, tmp_path):
        async with site(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            with pytest.raises(FacilityError, match="shown to somebody else"):
                await here.topic.commit(replace(ENGINEER, name="other"), plan.plan)
            here.bench.clock.advance(seconds=61)
            with pytest.raises(FacilityError, match="more than a minute"):
                await here.topic.commit(ENGINEER, plan.plan)

    async def test_a_reason_and_the_right_at_the_place_are_needed(self, tmp_path):
        async with site(tmp_path) as here:
            with pytest.raises(FacilityError, match="reason"):
                await here.topic.preview(ENGINEER, ID, "x")
            with pytest.raises(FacilityError, match="You may write the devices' own schedules in or-1 only"):
                await here.topic.preview(replace(ENGINEER, spaces=frozenset({"or-1"})), ID, REASON)

    async def test_the_sun_is_refused_with_its_reason(self, tmp_path):
        sun = PROGRAMME | {"monday": ["sunset lit"]}
        place = {"latitude": 41.9, "longitude": -87.6}
        async with site(tmp_path, programmes=[sun], site=place) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
        assert (plan.verdict, "goes by the sun" in plan.why) == ("refused", True)


class TestRules:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"device": {"quarantine": "moved"}}, "in quarantine: moved"),
            ({"device": {"duplicate": True}}, "same instance"),
            ({"device": {"present": False}}, "not there"),
            ({"point": {"safety": Safety.CRITICAL}}, "safety class is critical"),
            ({"point": {"safety": Safety.LIFE_SAFETY}}, "safety class is life-safety"),
            ({"point": {"locked": True}}, "monitor-only"),
            ({"space": {"type": "operating_room"}}, "not an ordinary one"),
            ({"schedule": {"priority": 8}}, "level 8"),
            ({"schedule": {"priority": None}}, "level that is not known"),
            ({"schedule": {"references": ()}}, "nothing that is listed"),
            ({"schedule": {"references": (Reference("binary-output", 2, "present-value"),)}}, "no point that is known"),
            (
                {"schedule": {"references": (Reference("binary-output", 1, "out-of-service"),)}},
                "no point that is known",
            ),
            (
                {"schedule": {"references": (Reference("binary-output", 1, "present-value", device=5),)}},
                "no point that is known",
            ),
            ({"schedule": {"unread": ("exception-schedule[2]",)}}, "could not be read"),
        ],
    )
    async def test_what_may_not_be_written(self, tmp_path, changes, why):
        async with site(tmp_path) as here:
            schedule = replace(await here.read(), **changes.get("schedule", {}))
            device = replace(here.panel, **changes.get("device", {}))
            here.know(
                device=device,
                point=replace(here.point, **changes.get("point", {})),
                space=replace(here.lobby, **changes.get("space", {})),
            )
            assert why in why_not(schedule, device, here.bench.book.current)
            here.know()
            assert not why_not(await here.read(), here.panel, here.bench.book.current)


class TestConfiguration:
    @pytest.mark.parametrize(
        ("own", "why"),
        [
            ({"programme": "other"}, "belongs to programme 'other'; known: lobby"),
            ({"values": {"bright": True}}, "speaks of bright"),
            ({"object": "calendar,1"}, "object"),
        ],
    )
    def test_what_does_not_fit_is_an_error(self, own, why):
        with pytest.raises(ValueError, match=why):
            Config(programmes=[PROGRAMME], device_schedules=[OWN | own])

    def test_one_object_has_one_programme(self):
        with pytest.raises(ValueError, match="two of a name: device schedule"):
            Config(programmes=[PROGRAMME], device_schedules=[OWN, OWN])
