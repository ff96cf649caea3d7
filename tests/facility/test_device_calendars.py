"""The devices' own calendars for people, against a device on a socket: listed, imported, compared, written."""

import json
import tomllib
from dataclasses import replace

import pytest
from manual_clock import NOON
from test_device_schedules import ENGINEER, LOBBY, OWN, PROGRAMME, QUIET, REASON, site, unavailable

from facility.config.model import Config
from facility.port import FacilityError
from facility.schedule_rules import why_not_calendar
from facility.simulation.spec import CalendarSpec
from points.bacnet.schedule_writes import write_dates, write_exceptions, write_week
from points.bacnet.schedules import read_calendar
from points.model import Safety
from points.schedule_objects import CalendarReference, DatePattern, DateSpan, SpecialEvent, Strange

ID = "panel/calendar,1"
SCHEDULE = "panel/schedule,1"
CLOSURES = {"name": "closures", "days": ["*-12-25", "2026-12-31..2027-01-01"]}
BOUND = {"device": "panel", "object": "calendar,1", "calendar": "closures"}
MINE = (DatePattern(None, 12, 25), DateSpan(DatePattern(2026, 12, 31, 4), DatePattern(2027, 1, 1, 5)))
EMPTY = CalendarSpec(name="Quiet days", description="", dates=())
ALONE = replace(LOBBY, exceptions=())  # goes by no calendar


def bound(tmp_path, *specs, days=None, **sections):
    """A site whose panel has a calendar that belongs to one of ours."""
    calendar = CLOSURES | ({} if days is None else {"days": days})
    return site(tmp_path, *specs, **({"calendars": [calendar], "device_schedules": [BOUND]} | sections))


async def dates_of(here):
    return (await read_calendar(here.stack, here.device, 1)).dates


async def records(here):
    return await here.bench.audit.records(ID)


class TestListing:
    async def test_a_calendar_says_what_it_contains_and_who_goes_by_it(self, tmp_path):
        async with bound(tmp_path) as here:
            calendar, schedule = await here.topic.every()
        assert (calendar.id, calendar.kind, calendar.programme) == (ID, "calendar", "closures")
        assert (calendar.days, calendar.used_by) == (["*-12-25"], [SCHEDULE])
        assert (schedule.days, schedule.used_by) == ([], [])

    async def test_one_that_nobody_goes_by_says_so(self, tmp_path):
        async with bound(tmp_path, ALONE, QUIET) as here:
            calendar, _ = await here.topic.every()
        assert calendar.used_by == []


class TestImport:
    async def test_what_is_printed_is_configuration_that_has_the_same_days(self, tmp_path):
        async with site(tmp_path) as here:
            found = await here.topic.imported(ID)
        assert found.toml.startswith("# Quiet days: imported from calendar,1 of panel (device 77, Panel), read 2026")
        assert "# schedule,1 goes by it." in found.toml
        document = tomllib.loads(found.toml)
        assert document["calendars"] == [{"name": "quiet-days", "days": ["*-12-25"]}]
        async with site(tmp_path / "again", **document) as here:
            (drift,) = await here.topic.drift(ID)
            assert drift.agrees
            assert (await here.topic.preview(ENGINEER, ID, REASON)).verdict == "nothing"

    async def test_one_without_days_says_that_there_is_nothing_to_paste(self, tmp_path):
        async with site(tmp_path, LOBBY, EMPTY) as here:
            found = await here.topic.imported(ID)
        assert tomllib.loads(found.toml) == {}
        assert "It has no days now" in found.remarks[0]

    async def test_its_name_is_the_one_by_which_a_schedule_is_imported_with_it(self, tmp_path):
        other = replace(QUIET, name="Quiet Days", dates=(DatePattern(None, 7, 4),))
        async with site(tmp_path, LOBBY, QUIET, other) as here:
            here.know(device=replace(here.panel, schedules=("schedule,1", "calendar,1", "calendar,2")))
            second = tomllib.loads((await here.topic.imported("panel/calendar,2")).toml)
            with_schedule = tomllib.loads((await here.topic.imported(SCHEDULE)).toml)
        assert second["calendars"][0]["name"] == "quiet-days-calendar-2"
        assert with_schedule["calendars"][0]["name"] == "quiet-days"


class TestDrift:
    async def test_each_day_of_the_year_ahead_that_only_one_has(self, tmp_path):
        async with bound(tmp_path) as here:
            (found,) = await here.topic.drift()
        (stretch,) = found.stretches
        assert (found.kind, found.programme, found.days, found.trouble) == ("calendar", "closures", 400, "")
        assert (stretch.begin.isoformat(), stretch.end.isoformat()) == (
            "2026-12-31T00:00:00+00:00",
            "2027-01-02T00:00:00+00:00",
        )
        assert (stretch.ours, stretch.theirs) == ("one of its days", "none of its days")
        assert stretch.rule == "2026-12-31..2027-01-01"
        assert found.structure == ["Only the configuration has 2026-12-31..2027-01-01."]
        assert not found.agrees

    async def test_schedules_and_calendars_are_told_together_and_troubles_with_them(self, tmp_path):
        sections = [OWN, BOUND, BOUND | {"object": "calendar,4"}]
        async with bound(tmp_path, device_schedules=sections) as here:
            schedule, calendar, missing = await here.topic.drift()
        assert (schedule.kind, calendar.kind) == ("schedule", "calendar")
        assert "no calendar 'panel/calendar,4'" in missing.trouble

    async def test_one_whose_days_cannot_be_read_is_not_compared(self, tmp_path):
        async with bound(tmp_path) as here:
            here.application.too_big = frozenset({"date-list"})
            (found,) = await here.topic.drift()
            plan = await here.topic.preview(ENGINEER, ID, REASON)
        assert "cannot be compared" in found.trouble
        assert (plan.verdict, "what would be written over is not known" in plan.why) == ("refused", True)


class TestExport:
    async def test_it_is_shown_then_written_then_read_back_and_on_record(self, tmp_path):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            assert (plan.verdict, plan.kind, plan.programme) == ("allowed", "calendar", "closures")
            assert (plan.commands, plan.remarks) == (["panel/relay"], [f"{SCHEDULE} goes by it."])
            (change,) = plan.changes
            assert (change.what, change.old) == ("date-list", "*-12-25")
            assert change.new == "*-12-25, 2026-12-31..2027-01-01"
            assert await dates_of(here) == QUIET.dates
            assert not await records(here)
            result = await here.topic.commit(ENGINEER, plan.plan)
            assert (result.status, result.id) == ("written", ID)
            assert await dates_of(here) == MINE
            (found,) = await here.topic.drift(ID)
            assert found.agrees
            (record,) = await records(here)
            assert (record.by, record.role, record.action) == ("user:rdiaz", "engineer", "write-calendar")
            assert (json.loads(record.found), json.loads(record.value)) == (
                f"date-list: {change.old}",
                f"date-list: {change.new}",
            )
            assert (record.reason, record.rule) == (REASON, "calendar closures")
            assert record.result == f"written and read back: {ID} has the days of calendar closures"
            assert (await here.topic.preview(ENGINEER, ID, REASON)).verdict == "nothing"
            with pytest.raises(FacilityError, match="no longer valid"):
                await here.topic.commit(ENGINEER, plan.plan)

    async def test_a_device_that_refuses_is_told_with_what_stands(self, tmp_path):
        async with bound(tmp_path) as here:
            here.application.refuses = frozenset({"date-list"})
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            result = await here.topic.commit(ENGINEER, plan.plan)
            assert result.status == "failed"
            assert "no-space-to-write-property" in result.text
            (record,) = await records(here)
            assert record.result == result.text

    async def test_a_device_that_makes_something_else_of_it_is_a_mismatch(self, tmp_path):
        async with bound(tmp_path) as here:
            here.application.ignores = frozenset({"date-list"})
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            result = await here.topic.commit(ENGINEER, plan.plan)
        assert result.status == "mismatch"
        assert "date-list is *-12-25, not *-12-25, 2026-12-31..2027-01-01" in result.text

    async def test_days_that_changed_since_they_were_shown_are_not_written_over(self, tmp_path):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            await write_dates(here.stack, here.device, 1, [DatePattern(None, 12, 26)])
            with pytest.raises(FacilityError, match="panel/calendar,1 has changed since it was shown"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert await dates_of(here) == (DatePattern(None, 12, 26),)
            assert not await records(here)

    @pytest.mark.parametrize("written", ["week", "exceptions"])
    async def test_a_schedule_that_goes_by_it_and_changed_holds_it_up(self, tmp_path, written):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            if written == "exceptions":
                await write_exceptions(here.stack, here.device, 1, [])
            else:
                await write_week(here.stack, here.device, 1, ((),) * 7)
            with pytest.raises(FacilityError, match="A schedule that goes by panel/calendar,1 has changed"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert await dates_of(here) == QUIET.dates

    async def test_nothing_is_written_without_its_record(self, tmp_path):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.bench.run = unavailable
            with pytest.raises(FacilityError, match="Nothing was written"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert await dates_of(here) == QUIET.dates

    async def test_the_device_and_the_rules_are_asked_again_at_the_moment_of_writing(self, tmp_path):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.know(point=replace(here.point, safety=Safety.CRITICAL))
            with pytest.raises(FacilityError, match=r"safety class is critical.*Nothing was written"):
                await here.topic.commit(ENGINEER, plan.plan)
            here.know()
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            here.recognised = False
            with pytest.raises(FacilityError, match="not sure that panel is the device"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert await dates_of(here) == QUIET.dates
            assert not await records(here)

    async def test_another_calendar_since_is_not_written(self, tmp_path):
        async with bound(tmp_path) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            other = [CLOSURES | {"days": ["*-12-24"]}]
            late = Config(programmes=[PROGRAMME], calendars=other, device_schedules=[BOUND])
            here.topic._strategy.take(late, NOON.date())
            with pytest.raises(FacilityError, match="is another since it was shown"):
                await here.topic.commit(ENGINEER, plan.plan)
            assert not await records(here)

    async def test_it_is_for_whom_it_was_shown_to_and_where_he_may(self, tmp_path):
        elsewhere = replace(ENGINEER, spaces=frozenset({"or-1"}))
        async with bound(tmp_path) as here:
            with pytest.raises(FacilityError, match="reason"):
                await here.topic.preview(ENGINEER, ID, "x")
            with pytest.raises(FacilityError, match="You may write the devices' own schedules in or-1 only"):
                await here.topic.preview(elsewhere, ID, REASON)
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            with pytest.raises(FacilityError, match="shown to somebody else"):
                await here.topic.commit(replace(ENGINEER, name="other"), plan.plan)
            here.bench.clock.advance(seconds=61)
            with pytest.raises(FacilityError, match="more than a minute"):
                await here.topic.commit(ENGINEER, plan.plan)


class TestRefused:
    async def test_by_what_a_schedule_that_goes_by_it_commands(self, tmp_path):
        async with bound(tmp_path) as here:
            here.know(point=replace(here.point, safety=Safety.CRITICAL))
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            assert plan.verdict == "refused"
            assert "schedule,1 goes by it, and might not be written itself: It commands panel/relay" in plan.why
            with pytest.raises(FacilityError, match="no longer valid"):
                await here.topic.commit(ENGINEER, plan.plan)

    async def test_a_schedule_that_does_not_go_by_it_is_no_matter(self, tmp_path):
        inner = replace(ALONE, name="Inner", commands=())
        async with bound(tmp_path, LOBBY, inner, QUIET) as here:
            here.know(device=replace(here.panel, schedules=("schedule,1", "schedule,2", "calendar,1")))
            assert (await here.topic.preview(ENGINEER, ID, REASON)).verdict == "allowed"
            await write_exceptions(here.stack, here.device, 2, [SpecialEvent(CalendarReference(1), (), 8)])
            plan = await here.topic.preview(ENGINEER, ID, REASON)
            assert (plan.verdict, "schedule,2 goes by it" in plan.why) == ("refused", True)

    async def test_where_a_schedule_that_may_go_by_it_cannot_be_read(self, tmp_path):
        async with bound(tmp_path) as here:
            here.know(device=replace(here.panel, schedules=("schedule,1", "schedule,3", "calendar,1")))
            plan = await here.topic.preview(ENGINEER, ID, REASON)
        assert (plan.verdict, "Whether panel/schedule,3 goes by it is not known" in plan.why) == ("refused", True)

    async def test_where_no_schedule_goes_by_it(self, tmp_path):
        async with bound(tmp_path, ALONE, QUIET) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
        assert (plan.verdict, "No schedule of its device goes by it" in plan.why) == ("refused", True)

    async def test_by_days_that_no_device_can_have_with_these_days(self, tmp_path):
        async with bound(tmp_path, days=["*-12-25", "2027-03-01..*"]) as here:
            plan = await here.topic.preview(ENGINEER, ID, REASON)
        assert (plan.verdict, plan.why[:30]) == ("refused", "2027-03-01..* is open at an en")

    @pytest.mark.parametrize(
        ("device", "schedule", "calendar", "why"),
        [
            ({"quarantine": "moved"}, {}, {}, "in quarantine: moved"),
            ({"present": False}, {}, {}, "not there"),
            ({}, {"unread": ("exception-schedule[2]",), "exceptions": ()}, {}, "Whether schedule,1 goes by it"),
            ({}, {"priority": 8}, {}, "schedule,1 goes by it, and might not be written itself: It writes at level 8"),
            ({}, {}, {"unread": ("date-list",)}, "date-list could not be read"),
        ],
    )
    async def test_by_rule(self, tmp_path, device, schedule, calendar, why):
        async with bound(tmp_path) as here:
            read = replace(await here.read(), **schedule)
            theirs = replace(await read_calendar(here.stack, here.device, 1), **calendar)
            panel = replace(here.panel, **device)
            assert why in why_not_calendar(theirs, [read], panel, here.bench.book.current)
            assert not why_not_calendar(
                replace(theirs, unread=(), dates=(Strange(b"?"),)),
                [await here.read()],
                here.panel,
                here.bench.book.current,
            )


class TestConfiguration:
    @pytest.mark.parametrize(
        ("own", "why"),
        [
            (BOUND | {"calendar": "other"}, "belongs to calendar 'other'; known: closures"),
            (BOUND | {"programme": "lobby"}, "object 'calendar,1' needs a calendar; it has no programme"),
            (BOUND | {"values": {}}, "no values"),
            ({"device": "panel", "object": "calendar,1"}, "object 'calendar,1' needs a calendar"),
            (OWN | {"calendar": "closures"}, "object 'schedule,1' needs a programme and values; it has no calendar"),
            ({"device": "panel", "object": "schedule,1", "programme": "lobby"}, "needs a programme and values"),
            (BOUND | {"object": "trend-log,1"}, "object"),
        ],
    )
    def test_what_does_not_fit_is_an_error(self, own, why):
        with pytest.raises(ValueError, match=why):
            Config(programmes=[PROGRAMME], calendars=[CLOSURES], device_schedules=[own])

    def test_one_object_has_one_calendar(self):
        with pytest.raises(ValueError, match="two of a name: device schedule 'panel/calendar,1'"):
            Config(calendars=[CLOSURES], device_schedules=[BOUND, BOUND])
