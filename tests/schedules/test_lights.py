"""Lighting sweep with its warning and override, and daylight harvesting: domain.md 4, rows 7 and 8."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, DIMMER, LIGHT, NOON, OFFICE, SENSOR, point, reading
from steady_answers import assert_steady

from points.catalog import Catalog
from points.model import Kind, Quality, Space
from schedules.calendar import Entry, Programme
from schedules.policies.daylight import Daylight
from schedules.policies.lighting_sweep import LightingSweep
from schedules.policy import View
from schedules.timetable import Timetable

TEN = datetime(2026, 11, 24, 21, tzinfo=UTC)  # 22:00 in Berlin
MINUTE = timedelta(minutes=1)
LIGHTS = Programme(
    name="lights", default="swept", week=((Entry(time(6), "open"), Entry(time(22), "swept")),) * 5 + ((),) * 2
)
BUTTON = point("panel-1/override-1", "override", kind=Kind.BINARY, states=("Off", "On"), commandable=False)
LUX = point("panel-1/lux-1", "illuminance", unit="luxes", commandable=False)
BUILDING = Catalog.of([], [LIGHT, DIMMER, SENSOR, BUTTON, LUX], [OFFICE])


def classed(*classes):
    return lambda building: [each for each in building.points.values() if each.point_class in classes]


def sweep(**changes):
    given = {
        "name": "sweep",
        "timetable": Timetable(LIGHTS, BERLIN),
        "lights": classed("lighting-command", "lighting-level"),
        "overrides": classed("override"),
        "warn_minutes": 5.0,
    }
    return LightingSweep(**(given | changes))


def night(now=TEN, *, vacant=True, level=80.0, pressed=False, building=BUILDING, **bad):
    """The office at night, vacant for long."""
    readings = {
        SENSOR.id: reading(SENSOR, not vacant),
        DIMMER.id: reading(DIMMER, level),
        LIGHT.id: reading(LIGHT, True),
        BUTTON.id: reading(BUTTON, pressed, **bad),
    }
    since = {SENSOR.id: TEN - timedelta(hours=1)} if vacant else {}
    return View(now=now, zone=BERLIN, catalog=building, readings=readings, since=since)


def wants(decision):
    return {demand.point: demand.value for demand in decision.demands}


def run(policy, *views):
    memory, decisions = None, []
    for view in views:
        decisions.append(assert_steady(policy, view, memory))
        memory = decisions[-1].memory
    return decisions


def test_row_7_warns_at_the_sweep_and_is_off_five_minutes_later():
    warned, later, off = run(sweep(), night(), night(TEN + 4 * MINUTE, level=40.0), night(TEN + 5 * MINUTE, level=40.0))
    assert wants(warned) == wants(later) == {DIMMER.id: 40.0}  # the relay stays, the dimmer warns with the half
    assert warned.until == TEN + 5 * MINUTE
    assert wants(off) == {DIMMER.id: 0.0, LIGHT.id: False}
    assert off.until == datetime(2026, 11, 25, 5, tzinfo=UTC)  # six in the morning


def test_row_7_whoever_presses_the_override_has_light_for_two_hours():
    """22:00 sweep and warning, pressed at 22:01: not off before midnight."""
    policy, memory, when, pressed_at = sweep(), None, TEN, TEN + MINUTE
    off_at = None
    while off_at is None:
        view = night(when, pressed=pressed_at <= when < pressed_at + MINUTE)
        decision = assert_steady(policy, view, memory)
        memory = decision.memory
        if wants(decision).get(LIGHT.id) is False:
            off_at = when
        when += MINUTE
    midnight = TEN + timedelta(hours=2)
    assert off_at == pressed_at + timedelta(hours=2) + 5 * MINUTE
    assert off_at >= midnight


def test_an_override_that_stays_pressed_counts_once():
    policy, memory = sweep(), None
    for minutes in range(0, 121, 10):
        decision = policy.bind(BUILDING)(night(TEN + minutes * MINUTE, pressed=True), memory)
        memory = decision.memory
    assert wants(decision) == {DIMMER.id: 40.0}  # two hours are the most that there is: it warns again


def test_an_override_that_is_not_known_has_been_pressed():
    (decision,) = run(sweep(), night(quality=Quality.STALE))
    assert wants(decision) == {}
    assert [remark.held for remark in decision.remarks] == [True]


def test_who_comes_back_during_the_warning_has_light_at_once_and_is_warned_again():
    views = [night(), night(TEN + 2 * MINUTE, vacant=False), night(TEN + 9 * MINUTE)]
    first, back, again = run(sweep(), *views)
    assert (wants(first), wants(back), wants(again)) == ({DIMMER.id: 40.0}, {}, {DIMMER.id: 40.0})


@pytest.mark.parametrize(("level", "warns_with"), [(80.0, 40.0), (20.0, 10.0), (0.0, 0.0)])
def test_a_warning_never_makes_light(level, warns_with):
    (decision,) = run(sweep(), night(level=level))
    assert wants(decision)[DIMMER.id] == warns_with


def test_a_relay_may_warn_by_going_off_for_some_seconds():
    seconds = timedelta(seconds=1)
    views = [night(TEN + after) for after in (0 * seconds, 4 * seconds, 5 * seconds, 299 * seconds, 300 * seconds)]
    decisions = run(sweep(blink_seconds=5.0), *views)
    assert [wants(each).get(LIGHT.id) for each in decisions] == [False, False, None, None, False]
    assert decisions[0].until == TEN + 5 * seconds


def test_who_was_warned_is_remembered_over_a_restart():
    first, second = run(sweep(), night(), night(TEN + 3 * MINUTE, level=40.0))
    assert second.until == TEN + 5 * MINUTE
    assert wants(second) == wants(first)


# --- row 8: daylight --------------------------------------------------------------------------------------------------


def harvest(**changes):
    given = {"name": "daylight", "timetable": Timetable(LIGHTS, BERLIN), "lights": classed("lighting-level")}
    return Daylight(**(given | changes))


def by_day(lux, level, now=NOON, *, vacant=False, **bad):
    readings = {
        SENSOR.id: reading(SENSOR, not vacant),
        DIMMER.id: reading(DIMMER, level),
        LUX.id: reading(LUX, lux, now, **bad),
    }
    since = {SENSOR.id: now - timedelta(hours=1)} if vacant else {}
    return View(now=now, zone=BERLIN, catalog=BUILDING, readings=readings, since=since)


def settled(policy, daylight, level=100.0, memory=None, *, now=NOON, full=600.0):
    """The room as it answers, until nothing is to be done any more: every level it had, and the memory."""
    levels = [level]
    for _ in range(200):
        decision = assert_steady(policy, by_day(daylight + full * levels[-1] / 100, levels[-1], now), memory)
        memory = decision.memory
        levels.append(wants(decision).get(DIMMER.id, levels[-1]))
        if decision.until is None or decision.until - now > MINUTE:
            return levels, memory
        now = decision.until
    raise AssertionError("it never settles")


def test_row_8_five_hundred_lux_of_which_two_hundred_are_daylight_are_half_the_light():
    levels, _ = settled(harvest(), 200.0)
    assert levels[-1] == 50.0
    assert max(abs(b - a) for a, b in pairwise(levels)) <= 10.0


def test_row_8_the_gain_of_the_sensor_counts():
    policy = harvest(gain=2.0)
    decision = assert_steady(policy, by_day(400.0, 100.0))  # 800 lx at the desk
    assert wants(decision)[DIMMER.id] == 90.0
    assert decision.memory.goals[OFFICE.id] == 50.0


def test_row_8_inside_the_dead_band_nothing_is_touched():
    assert wants(assert_steady(harvest(), by_day(545.0, 60.0))) == {}
    assert wants(assert_steady(harvest(), by_day(551.0, 60.0))) != {}


def test_row_8_a_fade_over_the_whole_range_takes_ten_seconds_and_more():
    policy, decide = harvest(), harvest().bind(BUILDING)
    first = decide(by_day(5_000.0, 100.0), None)
    early = decide(by_day(5_000.0, 90.0, NOON + timedelta(seconds=9)), first.memory)
    later = decide(by_day(5_000.0, 90.0, first.until), first.memory)
    assert [wants(each)[DIMMER.id] for each in (first, early, later)] == [90.0, 90.0, 80.0]
    assert 100 / policy.step_percent * policy.step_seconds >= 10


def test_row_8_never_below_the_least_light():
    levels, _ = settled(harvest(lowest_percent=20.0), 3_000.0)
    assert levels[-1] == 20.0


def test_row_8_a_sensor_that_fails_means_full_light_never_less():
    levels, memory = settled(harvest(), 200.0)
    assert levels[-1] == 50.0
    failed = assert_steady(harvest(), by_day(0.0, 50.0, quality=Quality.BAD), memory)
    assert wants(failed) == {DIMMER.id: 100.0}
    assert [remark.held for remark in failed.remarks] == [True]


def test_row_8_a_sensor_that_is_read_once_a_minute_does_not_make_the_lights_swing():
    decide, memory, level, levels = harvest().bind(BUILDING), None, 100.0, []
    for seconds in range(0, 1800, 10):
        now = NOON + timedelta(seconds=seconds)
        if seconds % 60 == 0:
            read = reading(LUX, 200.0 + 6.0 * level, now)
        looked = by_day(0.0, level, now)
        looked = replace(looked, readings={**looked.readings, LUX.id: read})
        decision = decide(looked, memory)
        memory, level = decision.memory, wants(decision).get(DIMMER.id, level)
        levels.append(level)
    assert levels == sorted(levels, reverse=True)  # down to where it belongs, and never below and up again
    assert levels[-1] == 50.0


def test_row_8_foot_candles_are_understood_and_what_is_no_light_is_not_known():
    for unit, goal in (("foot-candles", 50.0), ("volts", 100.0), ("", 100.0)):
        sensor = replace(LUX, unit=unit)
        building = Catalog.of([], [DIMMER, SENSOR, sensor], [OFFICE])
        looked = replace(by_day(800.0 / 10.76391, 100.0), catalog=building)
        assert assert_steady(harvest(), looked).memory.goals[OFFICE.id] == goal
    volts = Catalog.of([], [replace(DIMMER, unit="volts"), SENSOR, LUX], [OFFICE])
    assert wants(assert_steady(harvest(), replace(by_day(5_000.0, 100.0), catalog=volts))) == {}


def test_a_clock_that_is_put_back_does_not_freeze_the_lights():
    memory = assert_steady(harvest(), by_day(5_000.0, 100.0)).memory
    assert wants(assert_steady(harvest(), by_day(5_000.0, 90.0, NOON - MINUTE), memory)) == {DIMMER.id: 80.0}


def test_where_nobody_is_and_at_night_nothing_is_demanded():
    assert wants(assert_steady(harvest(), by_day(5_000.0, 100.0, vacant=True))) == {}
    assert wants(assert_steady(harvest(), by_day(5_000.0, 100.0, TEN))) == {}


@pytest.mark.parametrize("type_", ["operating_room", "ed_exam", "pharmacy_general", "patient_room", "unknown"])
def test_row_8_not_where_somebody_is_treated_or_medicines_are_made(type_):
    building = Catalog.of([], [DIMMER, LUX, SENSOR], [Space(id=OFFICE.id, name="x", type=type_)])
    view = by_day(5_000.0, 100.0)
    assert harvest().bind(building)(view, None).demands == ()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 3_000), st.floats(10, 100))
def test_whatever_the_daylight_it_settles_where_it_should(daylight, level):
    levels, _ = settled(harvest(), daylight, level)
    wanted = min(max((500.0 - daylight) / 6.0, 10.0), 100.0)
    assert abs(levels[-1] - wanted) <= 50.0 / 6.0 + 0.1  # within the dead band of 50 lx
