"""Rows 15 and 16 of domain.md section 4: supply air temperature and duct pressure, by the readings of boxes."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NIGHT, NOON, OFFICE_HOURS
from pretend_plant import (
    AIR_HANDLER,
    BOXES,
    CRITICAL,
    FAN,
    HUMIDITY,
    OUTSIDE,
    PRESSURE,
    SETPOINT,
    Trace,
    box,
    named,
    unit_point,
)

from schedules.calendar import Entry, Programme
from schedules.dates import DateRange
from schedules.policies.static_pressure_reset import StaticPressureReset
from schedules.policies.supply_temperature_reset import SupplyTemperatureReset
from schedules.timetable import Timetable
from schedules.trim_respond import TrimRespond

HOURS = Timetable(OFFICE_HOURS, BERLIN)


def trace(policy, *points, **rest):
    return Trace(policy, points or (*BOXES, *AIR_HANDLER), BERLIN, **rest)


# Row 16, duct static pressure.


def pressure_reset(**rest):
    given_ = {"setpoints": named(PRESSURE), "boxes": named(*BOXES), "running": named(FAN)}
    return StaticPressureReset(name="dsp", **{**given_, **rest})


def running(policy, **rest):
    return trace(policy, **rest).read({FAN.id: True}).content(1, 2, 3)


def test_row_16_content_boxes_trim_the_duct_pressure_and_starved_ones_raise_it():
    air = running(pressure_reset()).advance(seconds=720)
    assert air.values == {PRESSURE.id: 108.0}  # 600 s and one step of 120 s after the start
    air.content(1, damper=99.0, flow=20.0).content(2, damper=99.0, flow=30.0)  # 40 % and 60 % of their setpoints
    assert air.advance(seconds=120).values == {
        PRESSURE.id: 108.0 - 12 + 32
    }  # 3 and 2 requests, 2 are ignored: 45, at most 32
    assert "5 requests, most of vav-1" in air.decision.demands[0].reason
    air.content(1, 2)
    assert air.advance(seconds=120).values == {PRESSURE.id: 128.0 - 12}


def test_row_16_a_box_that_gets_too_little_with_its_damper_not_open_asks_for_nothing():
    air = running(pressure_reset()).content(1, 2, 3, damper=80.0, flow=10.0)
    assert air.advance(seconds=720).values == {PRESSURE.id: 108.0}


def test_row_16_the_vector_of_section_4_driven_by_the_readings_of_boxes():
    """Open dampers are one request each; as many are open as the vector asks, at its instants."""
    vector = TrimRespond(initial=120, low=37, high=370, delay=300, period=120, ignored=2, trim=-10, respond=15, most=37)
    boxes = [each for number in range(1, 7) for each in box(number, "office-1")]
    policy = pressure_reset(boxes=named(*boxes), reset=vector)
    air = trace(policy, *boxes, *AIR_HANDLER).read({FAN.id: True})
    for asked, wanted in ((2, 120), (2, 120), (2, 120), (3, 125), (4, 145), (4, 165), (5, 192), (5, 219), (6, 246)):
        air.content(*range(1, asked + 1), damper=99.0).content(*range(asked + 1, 7), damper=50.0)
        assert air.advance(seconds=120).values == {PRESSURE.id: wanted}


def test_row_16_never_below_the_floor_that_keeps_the_boxes_in_control():
    reset = TrimRespond(initial=120, low=90, high=400, delay=600, period=120, ignored=2, trim=-12, respond=15, most=32)
    assert running(pressure_reset(reset=reset)).advance(hours=3).values == {PRESSURE.id: 90.0}


def test_row_16_off_it_is_what_it_begins_with():
    air = running(pressure_reset()).advance(hours=1).read({FAN.id: False})
    assert air.values == {PRESSURE.id: 120.0}
    assert air.decision.until is None


def test_a_box_that_is_not_known_consents_to_nothing():
    air = running(pressure_reset()).read({"vav-2/damper": None})
    assert "what it needs is not known, so nothing is trimmed" in air.held
    assert air.advance(hours=1).values == {PRESSURE.id: 120.0}
    air.content(1, 3, damper=99.0, flow=10.0)
    assert air.advance(seconds=120).values[PRESSURE.id] > 120.0
    air.read({f"vav-{number}/damper": None for number in (1, 2, 3)})
    assert (air.values, air.held) == ({}, ["no box says what it needs"])
    assert air.read({FAN.id: None}).values == {}


def test_a_duct_that_feeds_a_critical_room_is_nobodys_to_trim():
    critical = unit_point("ahu-1/dsp-sp", "pressure-setpoint", unit="pascals", **CRITICAL)
    air = trace(pressure_reset(), *BOXES, critical, FAN).read({FAN.id: True}).content(1, 2, 3).advance(hours=1)
    assert (air.values, air.remarks) == ({}, ["it selects no setpoint that a policy may hold"])


def test_a_setpoint_is_in_its_own_unit_and_within_its_own_limits():
    inches = unit_point("ahu-1/dsp-sp", "pressure-setpoint", unit="inches-of-water", low=0.4)
    air = trace(pressure_reset(), *BOXES, inches, FAN).read({FAN.id: True}).content(1, 2, 3)
    assert air.values[inches.id] == pytest.approx(120 / 249.0889)
    assert air.advance(hours=2).values == {inches.id: 0.4}


def test_what_the_air_handler_has_reached_survives_a_restart_of_the_agent():
    air = running(pressure_reset()).advance(minutes=30)
    later = trace(pressure_reset(), start=air.now, memory=air.memory)
    later.readings = air.readings
    assert later.ask().values == air.values
    assert later.decision.until == air.decision.until


# Row 15, supply air temperature.


def supply_reset(hours=HOURS, **rest):
    given_ = {"setpoints": named(SETPOINT), "zones": named(*BOXES), "running": named(FAN), "outside": named(OUTSIDE)}
    return SupplyTemperatureReset(name="sat", timetable=hours, **{**given_, "humidities": named(HUMIDITY), **rest})


def supplied(outside, humidity=45.0, **rest):
    return running(supply_reset(**rest)).read({OUTSIDE.id: outside, HUMIDITY.id: humidity})


@pytest.mark.parametrize(
    ("outside", "wanted"), [(10.0, 18.0), (16.0, 18.0), (18.5, 15.0), (19.75, 13.5), (21.0, 12.0), (35.0, 12.0)]
)
def test_row_15_outside_18_5_and_trim_and_respond_at_its_most_is_15(outside, wanted):
    assert supplied(outside).values == {SETPOINT.id: wanted}


def test_row_15_warm_zones_bring_it_down_and_content_ones_let_it_rise():
    air = supplied(10.0).content(1, zone=27.5).content(2, zone=26.5).content(3)
    assert air.advance(seconds=720).values == {SETPOINT.id: 17.5}  # +0.1, 5 requests: -0.2 for 3 of them
    air.content(1, 2, zone=27.5)
    assert air.advance(seconds=120 * 20).values == {SETPOINT.id: 13.0}  # the design temperature, however many ask
    air.content(1, 2)
    assert air.advance(seconds=120 * 10).values == {SETPOINT.id: 14.0}


@pytest.mark.parametrize(("state", "wanted"), [("warm-up", 35.0), ("cool-down", 12.0), ("unoccupied", None)])
def test_row_15_warming_up_it_is_35_and_cooling_down_12(state, wanted):
    day = (Entry(NOON.astimezone(BERLIN).time(), state),)
    hours = Timetable(Programme(name="modes", default="occupied", week=(day,) * 7), BERLIN)
    air = supplied(18.5, hours=hours, warm_up_state="warm-up", cool_down_state="cool-down")
    assert air.values == ({} if wanted is None else {SETPOINT.id: wanted})


def test_row_15_a_setpoint_is_never_beyond_what_the_device_takes():
    small = unit_point("ahu-1/sat-sp", "temperature-setpoint", low=10.0, high=16.0)
    air = trace(supply_reset(), *BOXES, small, FAN, OUTSIDE, HUMIDITY)
    air.read({FAN.id: True, OUTSIDE.id: 10.0, HUMIDITY.id: 45.0})
    assert air.content(1, 2, 3).values == {small.id: 16.0}


def test_row_15_moist_air_holds_it_no_lower_than_the_lowest_of_a_changed_configuration():
    air = supplied(10.0).content(1, 2, 3, zone=29.0).advance(hours=1).read({OUTSIDE.id: 25.0, HUMIDITY.id: 60.0})
    assert air.values == {SETPOINT.id: 12.0}
    changed = trace(supply_reset(lowest_celsius=12.5), start=air.now, memory=air.memory)
    changed.readings = air.readings
    assert changed.ask().values == {SETPOINT.id: 12.5}


def test_row_15_moist_air_keeps_it_from_rising_but_not_from_falling():
    air = supplied(10.0).content(1, 2, zone=28.0).advance(seconds=720).content(1, 2)
    low = air.values[SETPOINT.id]
    air.read({HUMIDITY.id: 55.5})
    assert air.advance(minutes=20).values == {SETPOINT.id: low}
    assert air.read({HUMIDITY.id: 54.0}).advance(minutes=20).values == {SETPOINT.id: low}  # dry only below 53
    assert air.read({OUTSIDE.id: 21.0, HUMIDITY.id: None}).values == {SETPOINT.id: 12.0}
    assert "a humidity is not known, so the setpoint does not rise" in air.held
    assert air.read({OUTSIDE.id: 10.0}).values == {SETPOINT.id: 12.0}
    assert air.read({HUMIDITY.id: 50.0}).advance(minutes=4).values[SETPOINT.id] > low


def test_row_15_moist_air_from_the_start_is_given_nothing_but_the_lowest():
    air = supplied(10.0, humidity=70.0)
    assert air.values == {}
    assert air.advance(minutes=30).values == {}
    assert air.read({OUTSIDE.id: 30.0}).values == {SETPOINT.id: 12.0}
    assert supplied(10.0, humidity=None).values == {}
    assert air.read({OUTSIDE.id: 10.0, HUMIDITY.id: 45.0}).values == {SETPOINT.id: 18.0}


def test_row_15_a_programme_that_says_nothing_is_no_warm_up():
    summer = Programme(name="summer", default="occupied", week=((),) * 7, effective=DateRange(last=date(2001, 1, 1)))
    air = supplied(18.5, hours=Timetable(summer, BERLIN))
    assert (air.values, air.remarks) == ({}, ["summer is outside its effective period"])


def test_row_15_where_rooms_have_a_limit_the_warmest_air_is_what_dries_them():
    """24 °C at 50 % has a dew point of 12.9 °C; air of 95 % with that dew point has 13.7 °C."""
    (wanted,) = supplied(10.0, room_celsius=24.0, room_percent=50.0).values.values()
    assert wanted == pytest.approx(13.7, abs=0.1)


@pytest.mark.parametrize(
    ("lost", "held"),
    [
        (OUTSIDE.id, "the outside temperature is not known"),
        (FAN.id, "whether the fan runs is not known"),
    ],
)
def test_row_15_what_is_not_known_demands_nothing_and_forgets_nothing(lost, held):
    air = supplied(10.0).content(1, 2, zone=28.0).advance(minutes=30)
    before = air.values
    assert air.read({lost: None}).values == {}
    assert air.held == [held]
    assert air.read({lost: True if lost == FAN.id else 10.0}).values == before


def test_row_15_no_zone_known_demands_nothing_and_out_of_hours_neither():
    air = supplied(10.0).read({f"vav-{number}/zone": None for number in (1, 2, 3)})
    assert (air.values, air.held) == ({}, ["no zone says what it needs"])
    night = trace(supply_reset(), start=NIGHT).read({FAN.id: True, OUTSIDE.id: 10.0, HUMIDITY.id: 40.0})
    assert night.content(1, 2, 3).values == {}


# Properties of both.

CELSIUS = st.one_of(st.none(), st.floats(-20, 45).map(lambda number: round(number, 1)))
PERCENT = st.one_of(st.none(), st.floats(0, 100).map(lambda number: round(number, 1)))
NEWS = st.fixed_dictionaries(
    {
        "vav-1/zone": CELSIUS,
        "vav-1/cool-loop": PERCENT,
        "vav-2/damper": PERCENT,
        "vav-2/flow": PERCENT,
        FAN.id: st.sampled_from([True, True, True, False, None]),
        OUTSIDE.id: CELSIUS,
        HUMIDITY.id: PERCENT,
    }
)


@settings(max_examples=25, deadline=None)
@given(news=st.lists(st.tuples(st.integers(1, 3600), NEWS), min_size=1, max_size=6))
@pytest.mark.parametrize(
    ("policy", "low", "high"), [(supply_reset(), 12.0, 18.0), (pressure_reset(), 25.0, 400.0)], ids=["sat", "dsp"]
)
def test_whatever_is_read_a_setpoint_stays_within_its_limits(policy, low, high, news):
    air = running(policy)
    for seconds, values in news:
        air.read(values).advance(seconds=seconds)
    for _, values in air.told:
        assert all(low <= value <= high for value in values.values())
