"""Rows 13 and 14 of domain.md section 4: the economizer, and ventilation by demand."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NIGHT, NOON, OFFICE_HOURS, point
from pretend_plant import (
    AIR_HANDLER,
    BOXES,
    HUMIDITY,
    OUTSIDE,
    WARD,
    Trace,
    named,
    sensor,
    sign,
    switch,
    unit_point,
)

from schedules.calendar import Programme
from schedules.dates import DateRange
from schedules.policies.economizer import HIGH_LIMITS, Economizer, HighLimit
from schedules.policies.ventilation import Ventilation
from schedules.timetable import Timetable

HOURS = Timetable(OFFICE_HOURS, BERLIN)


def trace(policy, *points, **rest):
    return Trace(policy, points or (*BOXES, *AIR_HANDLER), BERLIN, **rest)


# Row 13, the economizer.

DAMPER = unit_point("ahu-1/oad", "damper", unit="percent")
ENABLE = switch("ahu-1/econ")
RETURNED = sensor("ahu-1/rat", "return-air-temperature")
OUTSIDE_HUMIDITY = sensor("ahu-1/oah", "humidity", unit="percent-relative-humidity")
SMOKE = sign("station/smoke", "alarm", states=("No smoke", "Smoke"))
INDEX = sensor("station/aqi", "unknown", unit="no-units")
SUPPLY = sensor("ahu-1/sat", "supply-air-temperature")
ECONOMIZED = (DAMPER, ENABLE, OUTSIDE, RETURNED, OUTSIDE_HUMIDITY, HUMIDITY, SMOKE, INDEX, SUPPLY)
OPEN, SHUT = {ENABLE.id: True}, {ENABLE.id: False, DAMPER.id: 20.0}


def economizer(**rest):
    given_ = {"enables": named(ENABLE), "dampers": named(DAMPER), "outside": named(OUTSIDE), "high_celsius": 21.0}
    return trace(Economizer(name="econ", **{**given_, **rest}), *ECONOMIZED)


def test_row_13_zone_5a_is_on_at_20_9_and_off_at_21_1_with_hysteresis():
    assert HIGH_LIMITS["5a"] == 21.0
    air = economizer()
    said = [air.read({OUTSIDE.id: celsius}).values for celsius in (20.9, 21.1, 20.9, 20.1, 19.9, 20.9, 21.0, 21.1)]
    assert said == [OPEN, SHUT, SHUT, SHUT, OPEN, OPEN, OPEN, SHUT]


@pytest.mark.parametrize(("zone", "limit"), [("2b", 24.0), ("6a", 21.0), ("3a", 18.0), ("7", 24.0)])
def test_row_13_the_limit_by_climate_zone(zone, limit):
    assert HIGH_LIMITS[zone] == limit


def test_row_13_differential_dry_bulb_compares_with_the_return_air():
    air = economizer(limit=HighLimit.DIFFERENTIAL, returned=named(RETURNED))
    assert air.read({OUTSIDE.id: 22.9}).values == {}
    assert air.held == ["the return air temperature is not known"]
    assert air.read({RETURNED.id: 23.0}).values == OPEN
    assert air.read({OUTSIDE.id: 23.1}).values == SHUT


def test_row_13_fixed_enthalpy_looks_at_both_and_66_kj_kg_is_reached_at_24_degrees_and_88_percent():
    air = economizer(
        limit=HighLimit.ENTHALPY, outside_humidity=named(OUTSIDE_HUMIDITY), high_celsius=24.0, high_kilojoules=66.0
    )
    assert air.read({OUTSIDE.id: 23.9, OUTSIDE_HUMIDITY.id: 80.0}).values == OPEN
    assert air.read({OUTSIDE_HUMIDITY.id: 92.0}).values == SHUT
    assert air.read({OUTSIDE_HUMIDITY.id: 80.0, OUTSIDE.id: 24.1}).values == SHUT
    assert air.read({OUTSIDE.id: 20.0, OUTSIDE_HUMIDITY.id: None}).values == {}


def test_row_13_smoke_or_bad_air_closes_to_the_least_outdoor_air_whatever_else_is_known():
    air = economizer(events=named(SMOKE, INDEX)).read({OUTSIDE.id: 15.0, SMOKE.id: False, INDEX.id: 40.0})
    assert air.values == OPEN
    assert air.read({SMOKE.id: True}).values == SHUT
    assert air.read({OUTSIDE.id: None}).values == SHUT
    assert air.read({OUTSIDE.id: 15.0, SMOKE.id: False, INDEX.id: 151.0}).values == SHUT
    assert air.read({INDEX.id: None}).values == {}
    assert air.held == ["whether there is smoke or bad air outside is not known"]


def test_row_13_moist_rooms_let_no_outdoor_air_cool_until_they_are_clearly_dry():
    air = economizer(humidities=named(HUMIDITY)).read({OUTSIDE.id: 15.0, HUMIDITY.id: 58.0})
    said = [air.values, *(air.read({HUMIDITY.id: percent}).values for percent in (61.0, 58.0, 54.0))]
    assert said == [OPEN, SHUT, SHUT, OPEN]


def test_freeze_protection_is_told_and_never_commanded():
    """Notes of section 4: below 4.4 °C for 5 min, below 3.3 °C for 5 min, below 3.3 for 15 or below 1 for 5 min."""
    air = economizer(supply=named(SUPPLY)).read({OUTSIDE.id: 2.0, SUPPLY.id: 4.0})

    def stage(celsius, minutes):
        air.read({SUPPLY.id: celsius}).advance(minutes=minutes)
        (told,) = air.remarks or [""]
        return told.partition(":")[0], told[told.find("(") + 1 : told.find(")")], air.values == {}

    assert stage(4.0, 4) == ("", "", False)
    assert stage(4.1, 1) == ("alarm level 3", "stage 1", True)
    assert stage(3.0, 4) == ("alarm level 3", "stage 1", True)
    assert stage(3.1, 1) == ("alarm level 3", "stage 2", True)
    assert stage(3.0, 10) == ("alarm level 2", "stage 3", True)
    assert stage(8.0, 5) == ("alarm level 2", "stage 3", True)  # for an hour at least
    assert stage(8.1, 60) == ("", "", False)
    assert stage(0.9, 5) == ("alarm level 2", "stage 3", True)


def test_a_clock_that_was_put_back_keeps_no_frost_for_longer():
    air = economizer(supply=named(SUPPLY)).read({OUTSIDE.id: 2.0, SUPPLY.id: 3.0}).advance(minutes=5)
    assert air.memory.frost.stage == 2
    air.now -= timedelta(hours=10)
    assert air.read({SUPPLY.id: 8.0}).advance(hours=1).memory.frost.stage == 0


def test_row_13_what_is_not_known_demands_nothing_and_forgets_nothing():
    air = economizer().read({OUTSIDE.id: 21.1}).read({OUTSIDE.id: None})
    assert (air.values, air.held) == ({}, ["the outside temperature is not known"])
    assert air.read({OUTSIDE.id: 20.9}).values == SHUT  # as before the gap


# Row 14, demand-controlled ventilation.

LEAST = unit_point("ahu-1/oa-min", "airflow-setpoint", unit="liters-per-second")
CO2 = [
    point(f"vav-{number}/co2", "co2", unit="parts-per-million", commandable=False, space=f"office-{number}")
    for number in (1, 2)
]


def ventilation(*sensors, start=NOON, hours=HOURS):
    policy = Ventilation(
        name="dcv",
        timetable=hours,
        outdoor_air=named(LEAST),
        sensors=named(*(sensors or CO2)),
        least=100.0,
        most=500.0,
    )
    return trace(policy, LEAST, *(sensors or CO2), start=start)


@pytest.mark.parametrize(("ppm", "flow"), [(500, 100.0), (694, 100.0), (794, 300.0), (894, 500.0), (1500, 500.0)])
def test_row_14_the_worst_sensor_asks_for_outdoor_air_in_a_straight_line(ppm, flow):
    assert ventilation().read({CO2[0].id: 450.0, CO2[1].id: float(ppm)}).values == {LEAST.id: flow}


def test_row_14_984_ppm_for_10_minutes_at_a_setpoint_of_894_is_level_2():
    air = ventilation().read({CO2[0].id: 984.0, CO2[1].id: 500.0})
    assert air.advance(minutes=9, seconds=59).remarks == []
    assert air.advance(seconds=1).remarks == ["alarm level 2: 984 ppm carbon dioxide for 10 min"]
    assert air.read({CO2[0].id: 983.0}).remarks == []


def test_row_14_below_300_ppm_a_sensor_is_broken_and_not_gone_by():
    air = ventilation().read({CO2[0].id: 299.0, CO2[1].id: 900.0})
    assert air.values == {}
    assert air.held == ["alarm level 3: it reads 299 ppm, which cannot be: look at the sensor"]


def test_row_14_above_600_ppm_two_hours_after_everybody_left_a_sensor_is_broken():
    air = ventilation(start=NIGHT).read({CO2[0].id: 601.0, CO2[1].id: 600.0})
    assert not any("alarm" in text for text in air.advance(hours=1, minutes=59, seconds=59).remarks)
    assert [text for text in air.advance(seconds=1).remarks if "alarm" in text] == [
        "alarm level 3: it reads 601 ppm, which cannot be: look at the sensor"
    ]


def test_row_14_no_sensor_is_broken_because_a_programme_says_nothing():
    term = Programme(name="term", default="free", week=((),) * 7, effective=DateRange(last=date(2001, 1, 1)))
    air = ventilation(hours=Timetable(term, BERLIN)).read({CO2[0].id: 700.0, CO2[1].id: 500.0})
    assert air.advance(hours=3).remarks == ["term is outside its effective period"]


def test_row_14_not_where_ashrae_170_sets_the_outdoor_air():
    ward = point("vav-9/co2", "co2", unit="parts-per-million", commandable=False, space=WARD.id)
    air = ventilation(CO2[0], ward).read({CO2[0].id: 1500.0, ward.id: 1500.0})
    assert air.values == {}
    assert "ASHRAE 170" in air.remarks[0]


def test_row_14_a_sensor_that_is_not_known_and_the_night_demand_nothing():
    assert ventilation().read({CO2[0].id: 900.0, CO2[1].id: None}).values == {}
    assert ventilation(start=NIGHT).read({CO2[0].id: 500.0, CO2[1].id: 500.0}).values == {}


# Properties of both.

CELSIUS = st.one_of(st.none(), st.floats(-20, 45).map(lambda number: round(number, 1)))
PERCENT = st.one_of(st.none(), st.floats(0, 100).map(lambda number: round(number, 1)))
FREE_NEWS = st.fixed_dictionaries(
    {
        OUTSIDE.id: CELSIUS,
        RETURNED.id: CELSIUS,
        OUTSIDE_HUMIDITY.id: PERCENT,
        HUMIDITY.id: PERCENT,
        SUPPLY.id: CELSIUS,
        SMOKE.id: st.sampled_from([False, False, True, None]),
    }
)


@settings(max_examples=25, deadline=None)
@given(
    news=st.lists(st.tuples(st.integers(1, 4000), FREE_NEWS), min_size=1, max_size=6), limit=st.sampled_from(HighLimit)
)
def test_whatever_is_read_an_economizer_says_on_or_least_and_smoke_is_obeyed(news, limit):
    air = economizer(
        limit=limit,
        returned=named(RETURNED),
        outside_humidity=named(OUTSIDE_HUMIDITY),
        humidities=named(HUMIDITY),
        events=named(SMOKE),
        supply=named(SUPPLY),
    )
    for seconds, values in news:
        air.read(values)
        assert air.values in (OPEN, SHUT, {})
        if values[SMOKE.id]:
            assert air.values == SHUT
        if None in (values[OUTSIDE.id], values[HUMIDITY.id], values[SMOKE.id]):
            assert air.values != OPEN
        air.advance(seconds=seconds)


PPM = st.one_of(st.none(), st.floats(200, 2000).map(round).map(float))


@settings(max_examples=25, deadline=None)
@given(
    news=st.lists(st.tuples(st.integers(1, 20_000), PPM, PPM), min_size=1, max_size=6),
    hours=st.integers(0, 24),
)
def test_whatever_is_read_outdoor_air_is_between_its_least_and_its_most(news, hours):
    air = ventilation(start=NOON + timedelta(hours=hours))
    for seconds, *values in news:
        air.read({sensor.id: value for sensor, value in zip(CO2, values, strict=True)})
        assert all(100.0 <= value <= 500.0 for value in air.values.values())
        if None in values:
            assert air.values == {}
        air.advance(seconds=seconds)
