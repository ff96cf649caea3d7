"""Known answers of domain.md section 4, rows 1, 5 and 7, and what policies never touch."""

import tomllib
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files

import pytest
from pretend_office import (
    ALL,
    BERLIN,
    COOL,
    DIMMER,
    HEAT,
    LIGHT,
    NIGHT,
    NOON,
    SENSOR,
    TEMP,
    catalog,
    decided,
    of_class,
    point,
    reading,
    timetable,
    view,
)
from steady_answers import assert_steady, follow

from points.model import Kind, Priority, Quality, Safety, Space
from schedules.calendar import Entry, Programme
from schedules.policies.lighting_sweep import LightingSweep
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.weekly import Weekly
from schedules.writable import ORDINARY_SPACES

G36 = {  # Guideline 36 zone defaults (domain row 1)
    "occupied": {"heating-setpoint": 21.0, "cooling-setpoint": 24.0},
    "unoccupied": {"heating-setpoint": 16.0, "cooling-setpoint": 32.0},
}
NIGHTLY = Programme(
    name="lights", default="swept", week=((Entry(time(6), "free"), Entry(time(22), "swept")),) * 5 + ((),) * 2
)
SETPOINTS = of_class("heating-setpoint", "cooling-setpoint")


def weekly(**changes):
    given = {"name": "hours", "timetable": timetable(), "points": SETPOINTS, "values": G36}
    return Weekly(**{**given, **changes})


def standby(**changes):
    given = {"heating": of_class("heating-setpoint"), "cooling": of_class("cooling-setpoint")}
    return OccupancyStandby(**{"name": "standby", "timetable": timetable(), **given, **changes})


def sweep(**changes):
    lights = of_class("lighting-command", "lighting-level")
    return LightingSweep(**{"name": "sweep", "timetable": timetable(NIGHTLY), "lights": lights, **changes})


def wants(policy, looked):
    return {demand.point: demand.value for demand in assert_steady(policy, looked).demands}


# --- row 1: weekly ---------------------------------------------------------------------------------------------------


def test_office_hours_hold_the_guideline_36_setpoints():
    assert wants(weekly(), view()) == {HEAT.id: 21.0, COOL.id: 24.0}
    assert wants(weekly(), view(now=NIGHT)) == {HEAT.id: 16.0, COOL.id: 32.0}
    assert {demand.priority for demand in decided(weekly(), view()).demands} == {Priority.SCHEDULE}
    assert decided(weekly(), view()).demands[0].reason == "office-hours is occupied (weekly)"


def test_a_state_without_a_value_releases():
    assert wants(weekly(values={"unoccupied": G36["unoccupied"]}), view()) == {}


def test_the_next_change_is_the_programmes():
    assert decided(weekly(), view()).until == datetime(2026, 11, 24, 18, tzinfo=UTC)
    ever = timetable(Programme(name="ever", default="x", week=((),) * 7))
    assert decided(weekly(timetable=ever), view()).until == datetime(2026, 11, 24, 23, tzinfo=UTC)  # another day's rule


@pytest.mark.parametrize(
    ("kind", "states", "wish", "written"),
    [
        (Kind.ANALOG, (), 21, 21.0),
        (Kind.ANALOG, (), True, None),
        (Kind.ANALOG, (), "on", None),
        (Kind.ANALOG, (), float("nan"), None),
        (Kind.BINARY, (), True, True),
        (Kind.BINARY, (), "On", True),
        (Kind.BINARY, ("Stop", "Run"), "run", True),
        (Kind.BINARY, ("Stop", "Run"), "on", None),
        (Kind.BINARY, (), 1, None),
        (Kind.MULTISTATE, ("Night", "Day"), "day", 2),
        (Kind.MULTISTATE, ("Night", "Day"), 2, 2),
        (Kind.MULTISTATE, ("Night", "Day"), 0, None),
        (Kind.MULTISTATE, ("Night", "Day"), True, None),
        (Kind.TEXT, (), "hello", "hello"),
        (Kind.TEXT, (), 1.0, None),
    ],
)
def test_a_value_goes_only_where_it_fits(kind, states, wish, written):
    mode = point("d/mode", "mode", kind=kind, states=states)
    policy = weekly(points=of_class("mode"), values={"occupied": wish})
    assert wants(policy, view(building=catalog(mode))) == ({} if written is None else {mode.id: written})


# --- row 5: occupancy standby ----------------------------------------------------------------------------------------


def office(temperature=21.5, *, vacant=True, minutes=5.0, quality=Quality.GOOD, now=NOON, **rest):
    return view(
        reading(SENSOR, not vacant, quality=quality),
        reading(TEMP, temperature),
        now=now,
        vacant_minutes=minutes,
        **rest,
    )


def test_21_24_becomes_20_5_24_5_after_five_vacant_minutes():
    assert wants(standby(), office(minutes=4 + 59 / 60)) == {}
    assert wants(standby(), office(minutes=5)) == {HEAT.id: 20.5, COOL.id: 24.5}
    assert {demand.priority for demand in decided(standby(), office()).demands} == {Priority.OCCUPANCY}


def test_standby_is_for_scheduled_hours_only():
    assert wants(standby(), office(now=NIGHT)) == {}


def test_somebody_or_an_unknown_sensor_or_none_restores_the_setpoints():
    assert wants(standby(), office(vacant=False)) == {}
    assert wants(standby(), office(quality=Quality.STALE)) == {}
    assert wants(standby(), office(building=catalog(HEAT, COOL, TEMP))) == {}


@pytest.mark.parametrize(("temperature", "relaxed"), [(17.9, False), (18.0, True), (28.0, True), (28.1, False)])
def test_a_room_outside_its_protective_band_gets_its_full_setpoints(temperature, relaxed):
    assert bool(wants(standby(), office(temperature))) is relaxed


def test_a_room_of_unknown_temperature_or_humidity_gets_its_full_setpoints():
    sensor = reading(SENSOR, value=False)
    assert wants(standby(), view(sensor, vacant_minutes=10)) == {}
    assert wants(standby(), view(sensor, reading(TEMP, 21.0, quality=Quality.BAD), vacant_minutes=10)) == {}
    assert wants(standby(), office(building=catalog(HEAT, COOL, SENSOR))) == {}
    humid = point("vav-1/rh", "humidity", unit="percent-relative-humidity", commandable=False)
    damp = catalog(*ALL, humid)
    for value, quality, relaxed in ((65.0, Quality.GOOD, 2), (66.0, Quality.GOOD, 0), (50.0, Quality.STALE, 0)):
        looked = view(
            sensor,
            reading(TEMP, 21.0),
            reading(humid, value, quality=quality),
            vacant_minutes=10,
            building=damp,
        )
        assert len(wants(standby(), looked)) == relaxed


def test_a_room_at_the_edge_of_its_band_does_not_flutter():
    views = [office(each, minutes=10) for each in (28.0, 28.1, 28.0, 27.6, 27.5, 28.0)]
    assert [len(each.demands) for each in follow(standby(), views)] == [2, 0, 0, 0, 2, 2]
    back = [office(28.1), office(28.1, vacant=False), office(28.0)]
    assert [len(each.demands) for each in follow(standby(), back)] == [0, 0, 2]  # somebody was there: it is judged anew


def test_a_setpoint_in_fahrenheit_gets_fahrenheit_and_one_without_a_unit_nothing():
    heat = point("vav-1/heat-sp", "heating-setpoint", unit="degrees-fahrenheit")
    cool = point("vav-1/cool-sp", "cooling-setpoint", unit="")
    temp = point("vav-1/zone-temp", "zone-temperature", unit="degrees-fahrenheit", commandable=False)
    building = catalog(heat, cool, temp, SENSOR)
    assert wants(standby(), office(70.0, building=building)) == {heat.id: pytest.approx(68.9)}
    assert wants(standby(), office(21.0, building=building)) == {}  # 21 °F is not a protected room
    kelvin = catalog(
        point("vav-1/heat-sp", "heating-setpoint", unit="degrees-kelvin"),
        point("vav-1/zone-temp", "zone-temperature", unit="degrees-kelvin", commandable=False),
        SENSOR,
    )
    assert wants(standby(), office(294.15, building=kelvin)) == {heat.id: pytest.approx(293.65)}
    nameless = catalog(HEAT, point("vav-1/zone-temp", "zone-temperature", unit="", commandable=False), SENSOR)
    assert wants(standby(), office(21.0, building=nameless)) == {}


def test_a_setpoint_of_no_known_space_is_left_alone():
    lost = catalog(point("vav-1/heat-sp", "heating-setpoint", space=None), TEMP, SENSOR)
    assert wants(standby(), office(building=lost)) == {}


# --- row 7: lighting sweep -------------------------------------------------------------------------------------------


def lit(*, vacant=True, minutes=20.0, now=NIGHT, **rest):
    return view(reading(SENSOR, not vacant), now=now, vacant_minutes=minutes, **rest)


def test_lights_are_off_at_night_where_nobody_is_and_let_go_in_the_morning():
    assert wants(sweep(), lit()) == {LIGHT.id: False, DIMMER.id: 0.0}
    assert wants(sweep(), lit(minutes=19)) == {}
    assert wants(sweep(), lit(now=NOON)) == {}
    assert decided(sweep(), lit()).until == datetime(2026, 11, 25, 5, tzinfo=UTC)


def test_lights_stay_on_where_somebody_is_or_may_be():
    assert wants(sweep(), lit(vacant=False)) == {}
    assert wants(sweep(), view(now=NIGHT, vacant_minutes=60)) == {}  # the sensor was never read


def test_a_sensor_that_vanished_is_not_a_zone_without_one():
    vanished = point("vav-1/occ", "occupancy", kind=Kind.BINARY, commandable=False, present=False)
    assert wants(sweep(), view(now=NIGHT, building=catalog(LIGHT, vanished))) == {}


def test_a_zone_without_a_sensor_follows_the_clock():
    assert wants(sweep(), view(now=NIGHT, building=catalog(LIGHT))) == {LIGHT.id: False}


def test_a_relay_whose_texts_are_swapped_is_switched_off_all_the_same():
    swapped = point("panel-1/relay-1", "lighting-command", kind=Kind.BINARY, states=("On", "Off"))
    assert wants(sweep(), view(now=NIGHT, building=catalog(swapped))) == {swapped.id: True}


@pytest.mark.parametrize(
    "exempt",
    [
        {"name": "L3 EGRESS corridor"},
        {"description": "Emergency lighting"},
        {"safety": Safety.LIFE_SAFETY},
        {"safety": Safety.UNKNOWN},
        {"space": None},
        {"space": "ward-1"},
        {"point_class": "heating-setpoint"},
        {"kind": Kind.MULTISTATE},
        {"commandable": False},
    ],
)
def test_what_a_sweep_never_switches(exempt):
    ward = Space(id="ward-1", name="Ward 1", type="patient_room")
    given = {"point_class": "lighting-command", "kind": Kind.BINARY, **exempt}
    name = given.pop("name", None)
    relay = point("panel-1/relay-1", given.pop("point_class"), **given)
    if name is not None:
        object.__setattr__(relay, "name", name)
    building = catalog(relay, spaces=(ward,))
    assert wants(sweep(lights=lambda all_: list(all_.points.values())), view(now=NIGHT, building=building)) == {}


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("safety", [safety for safety in Safety if safety is not Safety.COMFORT])
@pytest.mark.parametrize("policy", [weekly(), standby(), sweep()], ids=lambda policy: policy.name)
def test_no_policy_speaks_for_anything_but_comfort(policy, safety):
    def unsafe(each):
        return point(
            each.id,
            each.point_class,
            kind=each.kind,
            unit=each.unit,
            safety=safety,
            commandable=each.commandable,
        )

    building = catalog(*map(unsafe, ALL))
    for now in (NOON, NIGHT):
        assert wants(policy, office(now=now, minutes=60, building=building)) == {}


@pytest.mark.parametrize("policy", [weekly(), standby(), sweep()], ids=lambda policy: policy.name)
@pytest.mark.parametrize("how", [{"commandable": False}, {"locked": True}, {"present": False}], ids=str)
def test_no_policy_speaks_for_a_monitor_only_point(policy, how):
    def monitored(each):
        changed = {"commandable": each.commandable, **how}
        return point(each.id, each.point_class, kind=each.kind, unit=each.unit, **changed)

    building = catalog(*map(monitored, ALL))
    for now in (NOON, NIGHT):
        assert wants(policy, office(now=now, minutes=60, building=building)) == {}


def test_ordinary_is_only_what_the_shipped_profiles_allow():
    shipped = tomllib.loads((files("facility") / "profiles" / "rooms.toml").read_text())
    assert {shipped[type_]["energy_measures"] for type_ in ORDINARY_SPACES} == {"allowed"}
    assert not any(shipped[type_]["critical"] for type_ in ORDINARY_SPACES)


@pytest.mark.parametrize("type_", ["operating_room", "patient_room", "icu", "patient_corridor", "unknown"])
@pytest.mark.parametrize("policy", [weekly(), standby(), sweep()], ids=lambda policy: policy.name)
def test_no_policy_runs_a_space_by_the_clock_that_is_not_plainly_ordinary(policy, type_):
    building = catalog(spaces=(Space(id="office-1", name="not an office", type=type_),))
    for now in (NOON, NIGHT):
        assert wants(policy, office(now=now, minutes=60, building=building)) == {}


def test_the_evening_from_minute_to_minute():
    """Standby and sweep together, from six in the evening until midnight: what is wanted, and when it changes."""
    seen = []
    for minute in range(6 * 60):
        now = datetime(2026, 11, 24, 17, tzinfo=UTC) + timedelta(minutes=minute)
        looked = office(now=now, minutes=minute)  # the last one left at 18:00
        wanted = {**wants(weekly(), looked), **wants(standby(), looked), **wants(sweep(), looked)}
        if not seen or seen[-1][1] != wanted:
            seen.append((f"{now.astimezone(BERLIN):%H:%M}", wanted))
    assert seen == [
        ("18:00", {HEAT.id: 21.0, COOL.id: 24.0}),
        ("18:05", {HEAT.id: 20.5, COOL.id: 24.5}),
        ("19:00", {HEAT.id: 16.0, COOL.id: 32.0}),
        ("22:00", {HEAT.id: 16.0, COOL.id: 32.0, LIGHT.id: False, DIMMER.id: 0.0}),
    ]
