"""6 Schedules: week, calendar, rehearsal; drafts that change nothing until they are saved."""

import tomllib
from datetime import UTC, date, datetime

import pytest
from fake_facility import NOW, FakeFacility, rehearsed
from schedule_story import CLINIC
from watching import LARGE, SMALL, assert_snapshot, watching

from facility.port import FacilityError
from facility.wire import Block, ScheduleDay, ScheduleInfo, SpecialEventInfo
from tui.screens.week import turns_of
from tui.seat import Goto

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])


def running(share=0.5):
    return rehearsed().model_copy(update={"state": "running", "share": share, "at": NOW, "may_save": "not yet"})


# the week


@SIZES
async def test_the_week_shows_what_devices_keep_and_what_comes_over_all(size):
    async with watching(size=size) as watch:
        await watch.press("6")
        await watch.until_seen("D Lobby lights", "in device, read 02:10", "Tonight and tomorrow", "EF-3 override ends")
        assert "05:00      Clinic B occupancy  occupied" in watch.text
        await watch.press("end")
        await watch.until_seen("works in nae-4, schedule,7; commands panel-1/relay-1", "06:00 on, 22:00 off")
        assert watch.app.place.subject == "nae-4/schedule,7"
        await watch.press("e")
        await watch.until_seen("Lobby lights works in its device")


async def test_a_device_that_could_not_be_read_is_not_taken_for_known():
    facility = FakeFacility()
    told = facility.device_schedules

    async def silent(*, refresh=False):
        return [each.model_copy(update={"trouble": "no answer"}) for each in await told()]

    facility.device_schedules = silent
    async with watching(facility) as watch:
        await watch.press("6")
        await watch.until_seen("? was on")


async def test_special_events_are_among_what_comes():
    facility = FakeFacility()

    async def events():
        return [
            SpecialEventInfo(id="1a2b", programme=CLINIC, state="occupied", begin=NOW, end=NOW.replace(hour=23),
                             by="mchen", reason="fair", is_on=True)
        ]  # fmt: skip

    facility.special_events = events
    async with watching(facility, LARGE) as watch:
        await watch.press("6")
        await watch.until_seen("special event 1a2b ends (mchen: fair)")


def test_what_comes_is_each_change_once_across_midnight():
    days = [
        ScheduleDay(date=f"2026-11-{24 + number}", note="", blocks=[
            Block(start=0, end=60, state="on"), Block(start=60, end=1380, state="off"),
            Block(start=1380, end=1440, state="on"),
        ])
        for number in range(3)
    ]  # fmt: skip
    info = ScheduleInfo(name="lights", what="", points=3, days=days, now_state="off", next_change=None, next_state="")
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    turns = [(turn.at.day, turn.at.hour, turn.what) for turn in turns_of([info], noon, UTC)]
    assert turns == [(24, 23, "on"), (25, 1, "off"), (25, 23, "on")]


# the calendar


@SIZES
async def test_the_calendar(size):
    async with watching(size=size) as watch:
        await watch.press("6", "tab", "right", "right")
        await watch.until_seen("26*27+", "Thu 26 Nov 2026  Thanksgiving", "as every week", "Watch out")
        assert_snapshot(f"calendar-{size[0]}x{size[1]}", watch.text)


async def test_days_are_told_apart_without_colour_and_the_cursor_goes_where_it_is_sent():
    async with watching(plain=True) as watch:
        await watch.press("6", "tab")
        await watch.until_seen("24<25 26*27+28")
        await watch.press("right", "right", "right")
        await watch.until_seen("skeleton staff", "08:00 occupied, 15:00 unoccupied")
        await watch.press("pagedown")
        await watch.until_seen("Sun 27 Dec 2026", "An ordinary day: 2 programmes")
        await watch.press("pagedown", "pagedown")
        await watch.until_seen("February 2027")
        asked = watch.facility.asked["calendar"]
        await watch.press("home")
        await watch.until_seen("Tue 24 Nov 2026", "November 2026")
        assert watch.facility.asked["calendar"] > asked  # other months, another question


async def test_a_click_on_a_day_chooses_it_and_one_on_a_tab_turns_to_it():
    async with watching() as watch:
        await watch.press("6")
        await watch.pilot.click("#schedule-tabs", offset=(9, 0))
        await watch.until_seen("24<25 26*27+28")
        y = next(y for y, line in enumerate(watch.text.splitlines()) if "24<25" in line)
        top = watch.app.place.months.region.y
        await watch.pilot.click("#months", offset=(1 + 3 * 4, y - top))
        await watch.until_seen("Fri 27 Nov 2026", "skeleton staff")


async def test_whoever_is_led_to_a_programme_sees_its_week():
    async with watching() as watch:
        await watch.press("6", "tab", "tab")
        await watch.until_seen("Nothing is rehearsed yet.")
        watch.app.go(Goto("schedules", "ORs"))
        await watch.until_seen("ORs  38 points", "▼ now")
        await watch.press("tab", "1", "6")
        await watch.until_seen("An ordinary day")  # who only comes back finds the tab that he left


async def test_enter_on_a_day_shows_its_writes():
    async with watching(size=LARGE) as watch:
        await watch.press("6", "R")
        await watch.until_seen("72 writes")
        await watch.press("shift+tab", "right", "enter")
        await watch.until_seen("Wed 25 17:00", "2 of 5 rows")
        assert "Tue 24 05:00" not in watch.text
        await watch.press("escape")
        await watch.until_seen("Tue 24 05:00")


async def test_a_calendar_that_cannot_be_had_says_why():
    facility = FakeFacility()

    async def no(first, days=31):
        raise FacilityError("busy", "The agent is busy.")

    facility.calendar = no
    async with watching(facility) as watch:
        await watch.press("6", "tab")
        await watch.until_seen("The agent is busy.")


# the rehearsal


@SIZES
async def test_the_rehearsal(size):
    facility = FakeFacility(role="engineer")
    async with watching(facility, size) as watch:
        await watch.press("6", "R")
        await watch.until_seen("72 writes", "+24 new  -24 gone", "1 conflict", "half day", "Ctrl+S asks for a reason")
        await watch.until(lambda: facility.asked["rehearsal"] > 0)  # looked at once more: it counts as shown
        assert facility.rehearsals == [(7, (), False, False)]
        assert facility.changes == []
        assert_snapshot(f"rehearsal-{size[0]}x{size[1]}", watch.text)


async def test_differences_and_the_filter_leave_what_was_asked_for():
    async with watching(size=LARGE) as watch:
        await watch.press("6", "tab", "tab")
        await watch.until_seen("Nothing is rehearsed yet.")
        await watch.press("enter")
        await watch.until_seen("clinic-b/occupied (+23)", "or-3/sp", "conflict")
        await watch.press("d")
        await watch.until_seen("4 of 5 rows")
        await watch.press("d", "slash", *"or-3")
        await watch.until_seen("1 of 5 rows")
        await watch.press("escape")
        await watch.until(lambda: "of 5 rows" not in watch.text)


async def test_a_running_rehearsal_shows_how_far_it_is_and_escape_stops_it():
    facility = FakeFacility()
    facility.rehearsed = running()
    async with watching(facility) as watch:
        await watch.press("6", "R")
        await watch.until_seen("Rehearsing", "50%", "Esc stops")
        facility.rehearsed = running(0.9)
        await watch.until_seen("90%")
        await watch.press("ctrl+s", "R")
        assert len(facility.rehearsals) == 1  # one at a time
        await watch.press("escape")
        await watch.until_seen("Stopped: stopped at")
        assert facility.asked["stop_rehearsal"] == 1
        assert facility.changes == []


async def test_a_rehearsal_that_the_agent_has_forgotten_does_not_run_for_ever():
    facility = FakeFacility()
    facility.rehearsed = running()
    async with watching(facility) as watch:
        await watch.press("6", "R")
        await watch.until_seen("Rehearsing")

        async def gone(rehearsal):
            raise FacilityError("unknown", "There is no rehearsal '3fa9c1': the latest 8 are kept.")

        facility.rehearsal = gone
        await watch.until_seen("Failed: There is no rehearsal")


async def test_who_is_refused_a_rehearsal_learns_why():
    facility = FakeFacility()

    async def busy(days=7, changes=(), *, edited=False, thermal=False):
        raise FacilityError("busy", "One of mchen (77aa01) is running; wait for it, or stop it.")

    facility.rehearse = busy
    async with watching(facility) as watch:
        await watch.press("6", "R")
        await watch.until_seen("One of mchen (77aa01) is running")


# editing


async def test_an_edit_is_a_draft_that_is_rehearsed_and_saved_with_a_reason():
    facility = FakeFacility(role="engineer")
    async with watching(facility, LARGE) as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        await watch.press("e")
        await watch.until_seen("a draft: nothing changes yet", "05:00 occupied, 19:00 unoccupied")
        await watch.press("ctrl+u", *"07:00 occupied", "enter")
        await watch.until_seen("drafted: Clinic B occupancy, every Tuesday", "1 edit not saved", "your edit, not saved")
        await watch.press("ctrl+s")
        await watch.until_seen("nothing is rehearsed: R rehearses what would be saved")
        await watch.press("R")
        await watch.until_seen("72 writes")
        [(days, lines, _, _)] = facility.rehearsals
        said = tomllib.loads("\n".join(lines))
        assert days == 7
        assert said == {"programmes": [{"name": CLINIC, "tuesday": ["07:00 occupied"]}]}
        await watch.press("ctrl+s")
        await watch.until_seen("Save", "changes programmes[clinic-hours].exceptions")
        await watch.press("enter")
        await watch.until_seen("A reason is needed")
        assert facility.changes == []
        await watch.press(*"closes early", "enter")
        await watch.until_seen("saved: it is in force")
        assert facility.changes == [("apply_changes", ("3fa9c1", "closes early"))]
        assert "not saved" not in watch.text


async def test_an_edit_after_the_rehearsal_must_be_rehearsed_again():
    facility = FakeFacility(role="engineer")
    async with watching(facility, LARGE) as watch:
        await watch.press("6", "R")
        await watch.until_seen("72 writes")
        await watch.press("tab", "e", "ctrl+u", "enter")
        await watch.until_seen("drafted")
        await watch.press("ctrl+s")
        await watch.until_seen("the draft has changed since: R rehearses it again")
        await watch.press("u")
        await watch.until_seen("taken back: Clinic B occupancy")
        await watch.press("u")
        await watch.until_seen("there is no edit to take back")


async def test_an_exception_of_a_date_is_edited_in_the_calendar():
    facility = FakeFacility(role="engineer")
    async with watching(facility, LARGE) as watch:
        await watch.press("6", "tab", "right", "right", "e")
        await watch.until_seen("[Thu 26]", "[that date only]", "Name")
        await watch.press(*"09:00 occupied", "enter")
        await watch.until_seen("your edit, not saved: Clinic B occupancy, Thu 26 Nov", "26e")
        await watch.press("R")
        await watch.until_seen("72 writes")
        said = tomllib.loads("\n".join(facility.rehearsals[0][1]))["programmes"][0]
        assert said["name"] == CLINIC
        assert said["exceptions"][0]["first"] == date(2026, 11, 26)
        assert said["exceptions"][0]["changes"] == ["09:00 occupied"]
        assert said["exceptions"][1]["name"] == "half day"


async def test_what_is_no_change_is_said_while_typing_and_never_kept():
    async with watching() as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        await watch.press("e", "ctrl+u", *"25:00 on")
        await watch.until_seen("“25:00 on” is no change")
        await watch.press("enter")
        await watch.until_seen("is no change")
        await watch.press("ctrl+u", *"05:00 open")
        await watch.until_seen("“open” is no state of it; there are occupied, unoccupied")
        await watch.press("escape")
        await watch.until(lambda: "not saved" not in watch.text)
        assert watch.app.place.draft.edits == []


async def test_who_may_not_learns_why_and_nothing_is_opened():
    facility = FakeFacility(role="viewer")
    async with watching(facility) as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        for key in ("e", "R", "s", "ctrl+s"):
            await watch.press(key)
            await watch.until_seen("you are a viewer: look only")
        await watch.press("tab", "tab", "enter")
        await watch.until_seen("look only")
        assert facility.rehearsals == facility.changes == []


# special events


async def test_a_special_event_is_announced_with_state_end_and_reason():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        await watch.press("s")
        await watch.until_seen("Special event  Clinic B occupancy", "[occupied]")
        await watch.press("tab", *"01:30", "enter")
        await watch.until_seen("Wed 25 Nov 01:30, then its programme again", "A reason is needed")
        await watch.press("tab", *"fair", "enter")
        await watch.until_seen("special event 1a2b")
        [(what, (programme, state, until, reason, begin))] = facility.changes
        assert (what, programme, state, reason, begin) == ("announce_event", CLINIC, "occupied", "fair", None)
        assert until == datetime(2026, 11, 25, 7, 30, tzinfo=UTC)  # 01:30 in Chicago


@pytest.mark.parametrize("typed", ["", "25:00", "7", "12:5", "ab:cd"])
async def test_an_event_needs_a_time_that_the_clock_shows(typed):
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        await watch.press("s", "tab", *typed, "enter")
        await watch.until_seen("Until when? A time such as 23:00")
        await watch.press("escape")
        assert facility.changes == []


# little and nothing


async def test_an_empty_building_has_nothing_to_do_and_nothing_breaks():
    facility = FakeFacility()

    async def none(*_, **__):
        return []

    facility.schedules = facility.device_schedules = none
    async with watching(facility) as watch:
        await watch.press("6")
        await watch.until_seen("No schedule is configured: [[programmes]]")
        await watch.press("e", "s")
        await watch.until_seen("no programme is chosen")
        await watch.press("u", "tab", "e", "enter", "d", "slash", "escape", "escape", "escape", "question_mark")
        assert watch.app.is_running


async def test_a_lost_agent_leaves_the_three_tabs_readable():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("6", "R")
        await watch.until_seen("72 writes")
        facility.lose()
        await watch.until_seen("NO AGENT")
        await watch.press("R", "d", "d", "escape")
        await watch.until_seen("? was unoccupied", "as planned; the agent is lost")
        await watch.press("tab", "pagedown", "pagedown", "pagedown")
        await watch.until_seen("? not known: the agent is lost")


@SIZES
async def test_the_help_of_each_tab_names_its_keys(size):
    async with watching(size=size) as watch:
        await watch.press("6", "question_mark")
        await watch.until_seen("edit a day (a draft)", "rehearse 7 days", "special event, once")
        await watch.press("escape", "tab", "tab", "question_mark")
        await watch.until_seen("only differences", "take last edit back")
