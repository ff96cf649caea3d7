"""What a person sees, at the least size and at a large one, and what keys and clicks do."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest
from fake_facility import FAN, SETPOINT, FakeFacility, ago, alarm, group, overview, point, value
from watching import LARGE, SMALL, assert_snapshot, watching

import tui.app as app_module
from facility.wire import SpaceState
from tui.screens import command
from tui.screens.command import CommandDialog

SIZES = pytest.mark.parametrize("size", [SMALL, (160, 50)], ids=["80x24", "160x50"])
SNAPPED = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])
LAMPS = ("CRIT 1/1", "HIGH 2/4", "LOW 0/9", "?14")


@SIZES
async def test_overview_says_what_matters(size):
    async with watching(size=size) as watch:
        for word in (
            *LAMPS, "BACnet 212/214", "NOT OK", "AII-407 pressure lost 6 min", "14 UNKNOWN",
            "Operating & procedure", "17/18", "25/26", "Needs you", "Isolation room has lost",
            "ef-3/fan-command", "rdiaz · ends 06:14", "03:10", "EF-3 override ends",
        ):  # fmt: skip
            assert word in watch.text, word


@SIZES
async def test_points_are_worst_first_with_age_and_unit(size):
    async with watching(size=size) as watch:
        await watch.press("4")
        rows = [
            line for line in watch.text.splitlines() if "/" in line[:20] and line[:2] in ("!!", "! ", "? ", "H ", "  ")
        ]
        assert rows[0].startswith("!! aii-407/room-pressure")
        assert rows[1].startswith("!  or-3/space-temp")
        assert rows[2].startswith("?  pharm-797")
        assert "25.1 °C" in rows[1]
        assert "8 s" in rows[1]
        assert " ? Pa" in rows[2]  # offline: the number is not shown
        assert "7.2" not in rows[2]


@SIZES
async def test_point_detail_says_value_trend_slots_reasons_and_commands(size):
    async with watching(size=size) as watch:
        await open_point(watch, SETPOINT)
        await watch.until_seen("14.0 °C", "held by slot 15 weekday", "4 s old", "Policy weekday has held it", "held")
        await watch.until_seen("└", "?")  # the plot with its gap
        await watch.press("p")
        assert "8 operator" in watch.text
        await watch.press("t")
        await watch.until_seen("last 24 h")


@SIZES
async def test_w_shows_the_whole_chain_from_a_list_and_enter_follows_each_cause(size):
    async with watching(size=size) as watch:
        await watch.press("4", *["down"] * 7, "w")
        await watch.until_seen("1 Slot 15 (agent: schedule) holds 14.0", "5 An alarm stands", "▸ Next: 05:00")
        assert watch.app.place.point == SETPOINT
        assert ("last 12 h" in watch.text) == (size != SMALL)  # where there is not room for both, the chain
        await watch.press("down", "enter")
        await watch.until_seen("audit 7: 01:07:27 policy:weekday hold 14.0 °C: held")
        await watch.press("down", "enter")
        await watch.until_seen("ORs", "today")
        assert watch.app.place.subject == "ORs"
        await watch.press("escape", "w", "down", "down", "enter")
        assert watch.app.place.subject == "a2"
        await watch.press("escape", "home", "enter")
        await watch.until_seen("3 available")
        await watch.press("t")
        await watch.until_seen("last 24 h")


async def test_w_on_an_alarm_and_on_a_hold_asks_why_the_point_is_so():
    async with watching() as watch:
        await watch.press("5", "w")
        await watch.until_seen("1 Slot 15", "▸ Next: 05:00")
        assert watch.app.place.point == "aii-407/room-pressure"
        await watch.press("1", "end", "w")
        await watch.until_seen("1 Slot 15", "▸ Next: 05:00")
        assert watch.app.place.point in (FAN, SETPOINT)
        assert "last 12 h" not in watch.text


async def test_what_comes_next_is_in_sight_however_little_room_there_is():
    facility = FakeFacility()
    told = facility.why

    async def long(point):
        why = await told(point)
        step = why.steps[0].model_copy(update={"text": "It is so, because " + "it was so before, and " * 12})
        return why.model_copy(update={"steps": [step, *why.steps]})

    facility.why = long
    async with watching(facility) as watch:
        await open_point(watch, SETPOINT)
        await watch.until_seen("1 It is so", "▸ Next: 05:00 programme ORs turns occupied")


async def test_approving_says_that_there_is_no_device_where_there_is_none():
    async with watching(FakeFacility(role="engineer")) as watch:
        await watch.press("5", "v")
        await watch.until_seen("no device is chosen here")


@SIZES
async def test_alarms_are_by_level_then_new_then_newest(size):
    async with watching(size=size) as watch:
        await watch.press("5")
        rows = [line for line in watch.text.splitlines() if line[1:5] in ("CRIT", "HIGH", "LOW ")]
        assert [row.split()[:2] for row in rows] == [
            ["CRIT", "NEW"], ["HIGH", "NEW"], ["HIGH", "NEW"], ["HIGH", "ack"], ["LOW", "rtn"],
        ]  # fmt: skip
        assert "Pharmacy" in rows[1]  # newer than OR-3
        assert "nobody has acknowledged it" in watch.text


@SIZES
async def test_schedules_show_the_week_and_what_comes(size):
    async with watching(size=size) as watch:
        await watch.press("6")
        await watch.until_seen(
            "Clinic B occupancy", "▼ now", "Thanksgiving", "05:00 occupied", "Tonight and tomorrow", "24 points"
        )


@SIZES
async def test_links_show_devices_worst_first(size):
    async with watching(size=size) as watch:
        await watch.press("0")
        await watch.until_seen("BACnet", "degraded", "offline 21 min", "38 points are UNKNOWN")
        assert watch.text.index("2611") < watch.text.index("1307") < watch.text.index("1204")


@SIZES
async def test_links_tell_how_far_a_look_through_the_building_is(size):
    facility = FakeFacility()
    under_way = {"running": True, "phase": "reading", "who_is": 24, "devices_found": 12, "devices_to_go": 5}
    facility.look = facility.look.model_copy(update={**under_way, "points": 480})
    async with watching(facility, size=size) as watch:
        await watch.press("0")
        await watch.until_seen("reading · 24 Who-Is · 12 devices · 5 to go · 480 points")
        facility.look = facility.look.model_copy(update={"running": False, "phase": "done"})
        facility.clock.pass_time(3)
        await watch.until_seen("every line is measured")
        assert "24 Who-Is" not in watch.text


@SIZES
async def test_a_device_says_what_it_was_found_able_to_do(size):
    async with watching(size=size) as watch:
        await watch.press("0")
        await watch.until_seen("reads 24 properties at once")
        assert "strings are latin-1 · rejects ReadPropertyMultiple though advertised" in " ".join(watch.text.split())
        await watch.press("end")
        await watch.until_seen("nothing has been learned of it yet")


@SIZES
async def test_a_device_in_quarantine_comes_first_and_is_approved_with_a_reason_only(size):
    facility = FakeFacility(role="engineer")
    facility.quarantine = "was Acme X1 serial 4711, is now Acme X1 serial 4712: approve it to command it again"
    async with watching(facility, size=size) as watch:
        await watch.press("0")
        await watch.until_seen("QUARANTINE: it was Acme X1", "v approves it")
        assert watch.text.index("2203") < watch.text.index("2611")
        await watch.press("v")
        await watch.until_seen("Approve  2203 VAV OR-3", "is now Acme X1 serial 4712")
        await watch.press("enter")
        await watch.until_seen("reason is needed")
        await watch.press(*"looked at it", "enter")
        await watch.until_seen("approved: VAV OR-3 may be commanded again")
        assert facility.changes == [("approve", ("or-3", "looked at it"))]
        await watch.until(lambda: "QUARANTINE" not in watch.text)


async def test_nothing_is_approved_by_escape_a_viewer_or_where_nothing_is_wrong():
    facility = FakeFacility(role="engineer")
    facility.quarantine = "moved from 1:12 to 1:13: approve it to command it again"
    async with watching(facility) as watch:
        await watch.press("0")
        await watch.until_seen("moved from 1:12")
        await watch.press("v", *"looked at it", "escape", "end", "v")
        await watch.until_seen("is not in quarantine")
        await watch.press("4", "v")
        await watch.until_seen("no device is chosen here")
    viewer = FakeFacility(role="viewer")
    viewer.quarantine = facility.quarantine
    async with watching(viewer) as watch:
        await watch.press("0")
        await watch.until_seen("moved from 1:12")
        await watch.press("v")
        await watch.until_seen("you are a viewer")
    assert facility.changes + viewer.changes == []


async def test_a_point_of_a_device_in_quarantine_is_not_commanded_and_says_where_to_look():
    facility = FakeFacility()
    facility.catalog = [
        each.model_copy(update={"access": "monitor-only", "quarantined": True}) if each.id == SETPOINT else each
        for each in facility.catalog
    ]
    async with watching(facility) as watch:
        await open_point(watch, SETPOINT)
        await watch.press("o")
        await watch.until_seen("its device is in quarantine: 0 Links, v approves it")


async def open_point(watch, point):
    """As a person would: `:` and enough of its name."""
    await watch.press("colon", *point.rpartition("/")[2][-8:])
    await watch.until_seen(f"point   {point}")
    await watch.press("enter")
    await watch.until(lambda: watch.app.place.id == "point")
    assert watch.app.place.point == point


async def test_the_filter_narrows_while_typing_and_names_what_it_hides():
    async with watching() as watch:
        await watch.press("4", "slash", *"or-3")
        await watch.until_seen("3 of 13", "not in this view: 1 CRIT")
        assert "vav-114" not in watch.text
        await watch.press("escape")
        assert "vav-114" in watch.text
        assert "13 points" in watch.text


async def test_letters_in_the_filter_are_no_commands():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("4", "slash", *"oxaYq5R")
        assert watch.app.place.id == "points"
        assert facility.changes == []
        assert len(watch.app.screen_stack) == 1


async def test_news_never_move_rows_under_the_cursor():
    facility = FakeFacility(extra=400)
    async with watching(facility) as watch:
        await watch.press("4", "pagedown", "down")
        places = watch.app.places["points"]
        before, at = watch.text.splitlines()[4:16], places.point
        facility.push(values=[value("vav-1000/space-temp", 40.0, tag="!!"), value("or-3/humidity", 90.0, tag="!")])
        await watch.until_seen("moved, S sorts")
        assert places.point == at
        assert [line.split()[0] for line in watch.text.splitlines()[4:16]] == [line.split()[0] for line in before]
        await watch.press("S")
        assert places.point == at
        await watch.press("home")
        assert "vav-1000/space-temp" in watch.text


async def test_only_visible_cells_that_changed_are_repainted():
    facility = FakeFacility(extra=400)
    async with watching(facility) as watch:
        await watch.press("4")
        table = watch.app.places["points"].table
        painted = []
        table.refresh = lambda *regions, **_: painted.extend(regions)  # type: ignore[method-assign]
        facility.push(values=[value("vav-1090/damper", 5.0), value("ahu-2/mode", 2, age=12)])
        await watch.until(lambda: painted)
        assert {region.height for region in painted} == {1}
        assert all(region.width < 20 for region in painted)


async def test_acknowledging_low_and_high_is_one_key_and_crit_asks_why():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("5", "down", "a")
        await watch.until(lambda: facility.changes)
        assert facility.changes == [("acknowledge", ("a3", ""))]
        await watch.until_seen("acknowledged: Pharmacy")
        await watch.press("home", "a")
        assert "Acknowledge  CRIT" in watch.text
        await watch.press("enter")
        assert "reason is needed" in watch.text
        await watch.press(*"door closed", "enter")
        await watch.until(lambda: len(facility.changes) == 2)
        assert facility.changes[1] == ("acknowledge", ("a1", "door closed"))


async def test_an_ended_alarm_leaves_when_it_is_acknowledged():
    async with watching() as watch:
        await watch.press("5", "end", "a")
        await watch.until(lambda: "Pump short cycling" not in "".join(watch.text.splitlines()[:12]))
        assert "Active 4" in watch.text


async def test_a_new_alarm_comes_in_without_moving_the_cursor():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("5", "down")
        facility.push(alarms=[alarm("a9", "LIFE", "gas-1/o2-pressure", "Zone 1", "Oxygen pressure low", since=ago(1))])
        await watch.until_seen("LIFE", "Oxygen pressure low")
        assert watch.app.place.alarm == "a3"
        await watch.press("exclamation_mark")
        assert watch.app.place.alarm == "a9"


async def test_life_lamp_shows_only_when_there_is_one():
    facility = FakeFacility()
    async with watching(facility) as watch:
        assert "LIFE" not in watch.text.splitlines()[0]
        lamps = overview().lamps | {"LIFE": overview().lamps["CRIT"]}
        facility.push(overview=overview().model_copy(update={"lamps": lamps}))
        await watch.until_seen("LIFE 1/1")


async def compose_override(watch, value_keys=("1", "8"), reason="valve test"):
    await open_point(watch, SETPOINT)
    await watch.press("o", *value_keys, "tab", "tab", *reason, "enter")
    await watch.until_seen("step 2 of 3")


async def test_an_override_writes_only_with_y(monkeypatch):
    facility, present = FakeFacility(), [100.0]
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: present[0]))
    async with watching(facility) as watch:
        await compose_override(watch)
        for word in ("18.0 °C to ahu-4", "Wins?", "valve test", "04:14:07", "ALLOWED"):
            assert word in watch.text, word
        for present[0] in (100.0, 100.4):
            await watch.press("Y")  # dead at first: a repeated key must not slip through
            assert facility.changes == []
        await watch.press("y", "enter", "o")
        assert facility.changes == []
        present[0] = 100.5
        await watch.press("Y")
        await watch.until_seen("HELD", "read back")
        [(kind, wish)] = facility.changes
        assert kind == "commit"
        assert (wish.point, wish.value, wish.minutes, wish.priority) == (SETPOINT, 18.0, 120, 8)
        await watch.press("escape")
        assert "HELD" in watch.text


async def test_escape_in_a_preview_writes_nothing():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await compose_override(watch)
        await watch.press("escape")
        assert facility.changes == []
        assert len(watch.app.screen_stack) == 1


async def test_a_refused_preview_has_no_y():
    facility = FakeFacility()
    facility.verdict = "refused"
    async with watching(facility) as watch:
        await compose_override(watch)
        assert "REFUSED" in watch.text
        assert " Y " not in watch.text
        watch.dead_time_passes()
        await watch.press("Y")
        assert facility.changes == []


@SIZES
async def test_a_warning_stands_filled_before_the_y(size):
    facility = FakeFacility()
    facility.verdict = "warning"
    async with watching(facility, size) as watch:
        await compose_override(watch)
        lines = watch.text.splitlines()
        [warned] = [y for y, line in enumerate(lines) if "Rooms may pass 24.0 °C about 03:05." in line]
        [asked] = [y for y, line in enumerate(lines) if " Y  write it" in line]
        assert warned < asked
        drawn = watch.app.screen.form._drawn
        [row] = [y for y, chars in enumerate(drawn.chars) if "Rooms may pass" in "".join(chars)]
        at = "".join(drawn.chars[row]).index("Rooms")
        assert set(drawn.roles[row][at - 1 : at + 36]) == {"high_fill"}


async def test_a_stale_preview_reads_again_and_never_writes():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await compose_override(watch)
        watch.clock.pass_time(61)
        await watch.until_seen("too old")
        watch.dead_time_passes()
        await watch.press("Y")
        assert facility.changes == []
        await watch.press("enter")
        await watch.until_seen("good for")
        assert facility.asked["preview"] == 2


async def test_slots_that_changed_since_the_preview_are_named():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await compose_override(watch)
        facility._wishes.clear()  # slot 5 appears between preview and Y
        watch.dead_time_passes()
        await watch.press("Y")
        await watch.until_seen("Not done", "slot 5")
        assert facility.changes == []


async def test_composing_says_what_is_missing():
    async with watching() as watch:
        await open_point(watch, SETPOINT)
        await watch.press("o", "x", "enter")
        assert "Why is required" in watch.text
        await watch.press("tab", "tab", "3", "enter")
        assert "a number is needed" in watch.text
        assert "repair" in watch.text


async def test_states_are_chosen_by_their_texts():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await open_point(watch, "ahu-2/mode")
        await watch.press("o")
        assert "[cooling]" in watch.text
        await watch.press("left", "tab", "tab", "1", "enter")
        await watch.until_seen("step 2 of 3")
        [wish] = facility._wishes.values()
        assert wish.value == 2
        assert isinstance(wish.value, int)


async def test_release_is_a_wish_without_value():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await open_point(watch, FAN)
        await watch.press("x")
        assert "Release" in watch.text
        assert "fume complaint" in watch.text
        await watch.press("enter")
        await watch.until_seen("step 2 of 3")
        watch.dead_time_passes()
        await watch.press("Y")
        await watch.until_seen("RELEASED")
        assert facility.changes[0][1].value is None


async def test_monitor_only_points_have_no_dialog():
    async with watching() as watch:
        await open_point(watch, "gas-1/o2-pressure")
        await watch.press("o")
        assert len(watch.app.screen_stack) == 1
        assert "monitor only" in watch.text


async def test_what_was_said_goes_with_the_next_key_or_after_five_seconds(monkeypatch):
    async with watching() as watch:
        await open_point(watch, "gas-1/o2-pressure")
        hints = watch.text.splitlines()[-1]
        await watch.press("o")
        assert "monitor only" in watch.text.splitlines()[-1]
        await watch.press("down")
        assert watch.text.splitlines()[-1] == hints
        await watch.press("o")
        await watch.until_seen("monitor only")
        later = time.monotonic() + 5.1
        monkeypatch.setattr(app_module, "time", SimpleNamespace(monotonic=lambda: later))
        await watch.look()
        assert watch.text.splitlines()[-1] == hints


async def test_a_viewer_may_look_only():
    facility = FakeFacility(role="viewer")
    async with watching(facility) as watch:
        await watch.press("5", "a")
        assert "look only" in watch.text
        assert facility.changes == []
        await watch.look()
        assert not any(verb.needs for verb in watch.app.hints())


@SIZES
async def test_line_0_is_the_same_with_and_without_a_dialog(size):
    async with watching(size=size) as watch:
        await open_point(watch, SETPOINT)
        before = watch.text.splitlines()[0]
        for keys in (["o"], ["x"], ["colon"]):
            await watch.press(*keys)
            assert len(watch.app.screen_stack) == 2
            assert watch.text.splitlines()[0] == before
            await watch.press("escape")
        await watch.press("5", "home", "a")
        assert watch.text.splitlines()[0] == before


async def test_read_now_asks_the_device_once():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await open_point(watch, SETPOINT)
        await watch.press("R")
        await watch.until_seen("read now: ahu-4/supply-air-temp-sp 14.0 °C")
        assert facility.asked["read"] == 1


async def test_going_back_and_forward_keeps_filter_and_cursor():
    async with watching() as watch:
        await watch.press("4", "slash", *"or-3", "enter", "down")
        at = watch.app.place.point
        await watch.press("enter")
        assert watch.app.place.id == "point"
        await watch.press("left_square_bracket")
        assert watch.app.place.id == "points"
        assert watch.app.place.point == at
        assert "3 of 13" in watch.text
        await watch.press("right_square_bracket")
        assert watch.app.place.id == "point"


async def test_enter_on_a_class_shows_its_points():
    async with watching() as watch:
        await watch.press("enter")
        await watch.until_seen("group:operating-procedure", "or-3/space-temp", "3 of 13")


async def test_the_mouse_reaches_places_rows_lamps_and_hints_but_never_writes():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.pilot.click("#nav", offset=(8, 0))
        await watch.look()
        assert watch.app.place.id == "points"
        await watch.pilot.click("#point-table", offset=(5, 2))
        await watch.look()
        assert watch.app.place.point == "or-3/space-temp"
        await watch.pilot.click("#point-table", offset=(5, 2))
        await watch.until(lambda: watch.app.place.id == "point")
        await watch.pilot.click("#strip", offset=(18, 0))
        await watch.until(lambda: watch.app.place.id == "alarms")
        assert watch.app.place.alarm == "a3"  # the first HIGH
        await watch.pilot.click("#keybar", offset=(62, 0))
        await watch.until(lambda: watch.app.place.id == "help")
        assert facility.changes == []


async def test_help_names_only_keys_that_work_here():
    async with watching(size=LARGE) as watch:
        await watch.press("6", "question_mark")
        assert "Help: Schedules" in watch.text
        assert "override, timed" not in watch.text
        await watch.press("escape", "5", "question_mark")
        assert "acknowledge" in watch.text
        await watch.press("escape")
        assert watch.app.place.id == "alarms"


async def test_q_does_nothing_ctrl_c_asks_ctrl_q_leaves():
    async with watching() as watch:
        await watch.press("q", "ctrl+c")
        assert "Leave?" in watch.text
        assert watch.app.is_running
        await watch.pilot.press("ctrl+q")
        assert watch.app.return_code == 0


async def test_below_80x24_lamps_and_verdict_stay():
    async with watching(size=(72, 20)) as watch:
        await watch.look()
        for word in (*LAMPS, "NOT OK", "needs 80x24, is 72x20"):
            assert word in watch.text, word
        assert "Needs you" not in watch.text
        await watch.pilot.resize_terminal(80, 24)
        await watch.until_seen("Needs you")


async def test_the_theme_changes_while_it_runs():
    async with watching() as watch:
        before = watch.text
        await watch.press("T")
        assert watch.app.seat.ink.theme == "light"
        assert watch.text.splitlines()[:20] == before.splitlines()[:20]


@pytest.mark.parametrize("theme", ["dark", "16", "mono"])
async def test_every_place_is_readable_in_ascii_without_colour(theme):
    async with watching(theme=theme, plain=True) as watch:
        for key, words in {
            "1": ("NOT OK", "CRIT 1/1", "!!", "H ef-3"), "4": ("!! aii-407", "?  pharm-797", "H  ef-3"),
            "5": ("CRIT  NEW", "HIGH  ack", "LOW   rtn"), "6": ("# occupied",), "0": ("degraded", "?      2611"),
        }.items():  # fmt: skip
            await watch.press(key)
            await watch.until_seen(*words)
            assert watch.text.isascii(), key


@SIZES
async def test_ascii_units_have_no_double_blank(size):
    async with watching(size=size, plain=True) as watch:
        await open_point(watch, "or-3/space-temp")
        await watch.until_seen("25.1 C ")
        await watch.press("5", "down", "down")
        await watch.until_seen("25.1 C")


@SIZES
async def test_schedules_begin_with_today(size):
    async with watching(size=size) as watch:
        await watch.press("6")
        await watch.until_seen("Clinic B occupancy")
        days = [line for line in watch.text.splitlines() if re.match(r" [MTWFS]\w\w \d\d  ", line)]
        assert [line[1:7] for line in days] == ["Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28", "Sun 29", "Mon 30"]
        assert days[0].endswith(" today")
        assert [line for line in watch.text.splitlines() if " today" in line] == days[:1]
        watch.clock.pass_time(22 * 3600)  # past midnight, before the agent has been asked again
        watch.facility.push(overview=watch.facility.picture)
        await watch.until_seen("half day", "today, half day")
        days = [line for line in watch.text.splitlines() if "today" in line]
        assert [line[1:7] for line in days] == ["Wed 25"]


@SIZES
async def test_two_probes_of_one_place_are_told_apart(size):
    facility = FakeFacility()
    probes = [point(f"bb/probe-{side}", f"Probe {side}", "Blood bank", description=f"Shelf {side}") for side in "12"]
    facility.catalog += probes
    facility.readings |= {info.id: value(info.id, 9.1, tag="!") for info in probes}
    for info in probes:
        said = "refrigerator temperature above its limit"
        facility.standing[info.id] = alarm(info.id, "HIGH", info.id, "Blood bank", said, since=ago(3))
    async with watching(facility, size) as watch:
        assert "Probe 1: refrigerator" in watch.text
        await watch.press("5")
        rows = [line for line in watch.text.splitlines() if line[1:5] == "HIGH" and "Blood bank" in line]
        assert ["Probe 1: re" in row for row in rows].count(True) == 1
        assert ["Probe 2: re" in row for row in rows].count(True) == 1
        await watch.press("down")
        await watch.until_seen("Probe 1: Shelf 1")


@SIZES
async def test_an_overridden_point_says_so_before_anything_else(size):
    facility = FakeFacility()
    facility.readings[SETPOINT] = value(
        SETPOINT, 14.0, tag="?", quality="uncertain", reason="overridden", age=4, held="15 weekday"
    )
    async with watching(facility, size) as watch:
        await open_point(watch, SETPOINT)
        await watch.until_seen("? 14.0 °C", "overridden at the device · 4 s old")


@SIZES
async def test_out_before_its_alarm_counts_as_out_without_a_level(size):
    facility = FakeFacility()
    shown = facility.picture
    waiting = SpaceState(
        id="icu-1", name="ICU-1", type="icu", group="Intensive & newborn", state="out", why="24.6 °C, max 24.0"
    )
    groups = [
        group("Intensive & newborn", 43, 1, 0, "", "ICU-1 24.6 °C, max 24.0") if g.name == "Intensive & newborn" else g
        for g in shown.groups
    ]
    facility.picture = shown.model_copy(update={"groups": groups, "spaces": [*shown.spaces, waiting]})
    async with watching(facility, size) as watch:
        [row] = [line for line in watch.text.splitlines() if "Intensive & newborn" in line]
        assert row.startswith(" !  Intensive & newborn")
        assert row.split()[4:6] == ["43/44", "1"]
        drawn = watch.app.places["overview"].main._drawn
        [y] = [y for y, chars in enumerate(drawn.chars) if "Intensive & newborn" in "".join(chars)]
        roles = {role.rstrip("@=") for role in drawn.roles[y]}
        assert "high" in roles
        assert not roles & {"crit", "crit_fill"}
        assert ("━!" in row) == (size != SMALL)
        await watch.press("colon", *"icu-1")
        await watch.until_seen("space   ICU-1")


async def test_the_palette_puts_hits_at_word_starts_first():
    facility = FakeFacility()
    facility.catalog += [point("bb/rotor-2", "Rotor"), point("zz-ahu-or-2/space-temperature", "Room")]
    async with watching(facility) as watch:
        await watch.press("colon", *"or-2")
        await watch.until_seen("bb/rotor-2", "zz-ahu-or-2")
        assert watch.text.index("zz-ahu-or-2") < watch.text.index("bb/rotor-2")


@SNAPPED
async def test_snapshots(size):
    name = f"{size[0]}x{size[1]}"
    async with watching(size=size) as watch:
        assert_snapshot(f"overview-{name}", watch.text)
        await watch.press("4")
        await watch.until(lambda: watch.app.places["points"].trend)
        assert_snapshot(f"points-{name}", watch.text)
        await open_point(watch, SETPOINT)
        await watch.until(lambda: watch.app.places["point"].detail and watch.app.places["point"].trend)
        assert_snapshot(f"point-{name}", watch.text)
        await watch.press("5")
        await watch.until(lambda: watch.app.places["alarms"].trend)
        assert_snapshot(f"alarms-{name}", watch.text)
        await watch.press("6")
        await watch.until_seen("Clinic B")
        assert_snapshot(f"schedules-{name}", watch.text)
        await watch.press("0")
        await watch.until_seen("2611")
        assert_snapshot(f"links-{name}", watch.text)
        await watch.press("question_mark")
        assert_snapshot(f"help-{name}", watch.text)
        await watch.press("escape", "1", "colon", *"ahu")
        assert_snapshot(f"palette-{name}", watch.text)
        await watch.press("escape")
        await open_point(watch, SETPOINT)
        await watch.press("o")
        assert_snapshot(f"compose-{name}", watch.text)
        await watch.press("1", "8", "tab", "tab", *"valve test", "enter")
        await watch.until_seen("step 2 of 3")
        assert_snapshot(f"preview-{name}", watch.text)
        assert isinstance(watch.app.screen, CommandDialog)
        await watch.press("escape", "1")
        watch.facility.lose()
        await watch.until_seen("NO AGENT")
        assert_snapshot(f"lost-{name}", watch.text)
