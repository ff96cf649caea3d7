"""Which sensor bears out which command, and what it says of it."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from desk_bench import make_point
from manual_clock import NOON

from facility.effectiveness import NO_SENSOR, Verdict, Write, announced, judge_effect
from facility.shape import shape_of
from facility.simulation.inventory import hospital
from facility.simulation.spec import COMMANDABLE
from facility.witness import Expectation, Rule, Test, witness_of
from points.catalog import Catalog
from points.model import Device, DeviceRef, Kind, Point, Quality, Reading, Ref, Source, StatusFlags
from points.naming import slug

KINDS = {"binary": Kind.BINARY, "multi": Kind.MULTISTATE}


@cache
def simulated_hospital():
    """Its catalog as discovery would make it; the local names are the simulation's own words for the points."""
    devices, points = [], []
    for spec in hospital():
        where = DeviceRef(network=10, address=str(spec.instance), instance=spec.instance)
        device = Device(id=slug(spec.name), ref=where, name=spec.name, description=spec.description)
        devices.append(device)
        for number, row in enumerate(spec.points):
            points.append(
                Point(
                    id=f"{device.id}/{slug(row.role)}",
                    device=device.id,
                    ref=Ref(device=where, object_type=row.kind.value, instance=number),
                    name=row.name,
                    description=row.description,
                    kind=KINDS.get(row.kind.value.split("-")[0], Kind.ANALOG),
                    unit=re.sub("([A-Z])", lambda letter: "-" + letter[0].lower(), row.unit),
                    states=row.states,
                    low=row.low,
                    high=row.high,
                    commandable=row.commandable or row.kind in COMMANDABLE,
                )
            )
    return shape_of((), ())(Catalog.of(devices, points))


# what the simulation calls a commandable point (without the room it may begin with), and what it calls its sensor
SENSOR_OF = {
    "heating-setpoint": {"zone-temperature", "room"},
    "cooling-setpoint": {"zone-temperature", "room"},
    "temperature-setpoint": {"temperature"},
    "supply-temperature-setpoint": {"supply-temperature"},
    "supply-setpoint": {"supply-temperature"},
    "store-setpoint": {"store"},
    "pressure-setpoint": {"pressure"},
    "duct-pressure-setpoint": {"duct-pressure"},
    "humidity-setpoint": {"humidity"},
    "supply-flow-setpoint": {"supply-flow"},
    "extract-flow-setpoint": {"extract-flow"},
    "supply-valve": {"supply-flow"},
    "extract-valve": {"extract-flow"},
    "reheat-valve": {"discharge-temperature"},
    "valve": {"discharge-temperature"},
    "cooling-valve": {"supply-temperature"},
    "heating-valve": {"supply-temperature"},
    "cooling": {"supply"},
    "damper": {"flow"},
    "outdoor-damper": {"outdoor-flow"},
    "return-damper": {None},
    "fan-command": {"fan-status"},
    "return-fan-command": {"return-fan-status"},
    "fan": {"status"},
    "fan-speed": {"fan-power"},
    "return-fan-speed": {"return-fan-status"},
    "tower-fan-speed": {None},
    "relay": {"light"},
    "dimmer": {"light"},
    "override": {None},
    "mode": {None},
}
MACHINES = {"chiller-{}-enable": "chiller-{}-status", "boiler-{}-enable": "boiler-{}-status"}
MACHINES |= {"pump-{}-command": "pump-{}-status"}
WITH_NUMBERS = {
    command.format(number): {sensor.format(number)} for command, sensor in MACHINES.items() for number in (1, 2)
}


def parts(point_id):
    """("icu-1", "heating-setpoint") of "icu-controller-1/icu-1-heating-setpoint"."""
    local = point_id.split("/")[1]
    known = sorted({*SENSOR_OF, *WITH_NUMBERS}, key=len, reverse=True)
    word = next(word for word in known if local == word or local.endswith(f"-{word}"))
    return local.removesuffix(word).strip("-"), word


def test_every_commandable_point_of_the_simulated_hospital_finds_its_own_sensor_or_none():
    catalog = simulated_hospital()
    commandable = [point for point in catalog.points.values() if point.commandable]
    wrong, without = [], 0
    for point in commandable:
        room, word = parts(point.id)
        expectation = witness_of(point, catalog)
        found = None if expectation is None else expectation.witness.id
        wanted = {
            None if sensor is None else f"{point.device}/{room}-{sensor}".replace("/-", "/")
            for sensor in {**SENSOR_OF, **WITH_NUMBERS}[word]
        }
        without += found is None
        if point.id == "rtu-1/damper":
            wanted = {None}  # the rooftop unit measures no flow
        if found not in wanted:
            wrong.append((point.id, found))
    assert not wrong
    assert len(commandable) > 280
    assert without < len(commandable) / 10


SUPPLY_FAN = make_point("SF-C", kind=Kind.BINARY, states=("Off", "On"), point_class="start-stop-command", equipment="a")
STATUS = replace(
    make_point("SF-S", kind=Kind.BINARY, states=("Off", "On"), point_class="status", equipment="a"), commandable=False
)


def test_a_return_fan_says_nothing_about_a_supply_fan_even_if_it_is_the_only_one_with_a_status():
    other = replace(STATUS, id="ahu-1/rf-s", name="RF-S")
    assert witness_of(SUPPLY_FAN, Catalog.of([], [SUPPLY_FAN, other])) is None
    assert witness_of(SUPPLY_FAN, Catalog.of([], [SUPPLY_FAN, other, STATUS])).witness == STATUS


def test_of_two_sensors_that_could_be_meant_none_is_taken():
    twin = replace(STATUS, id="ahu-1/sf-s-2", name="SF-S")
    assert witness_of(SUPPLY_FAN, Catalog.of([], [SUPPLY_FAN, STATUS, twin])) is None


@pytest.mark.parametrize("changes", [{"commandable": True}, {"present": False}, {"quarantined": True}])
def test_what_can_be_written_or_is_not_trusted_is_no_sensor(changes):
    assert witness_of(SUPPLY_FAN, Catalog.of([], [SUPPLY_FAN, replace(STATUS, **changes)])) is None


def test_a_sensor_of_another_device_in_the_same_room_counts_and_one_of_another_room_does_not():
    setpoint = make_point(
        "flow sp", point_class="airflow-setpoint", space="or-1", description="Supply airflow setpoint"
    )
    flow = make_point("flow", device="meter", point_class="flow", space="or-1", description="Supply airflow")
    flow = replace(flow, commandable=False)
    assert witness_of(setpoint, Catalog.of([], [setpoint, flow])).witness == flow
    assert witness_of(setpoint, Catalog.of([], [setpoint, replace(flow, space="or-2")])) is None


def test_in_one_controller_of_many_rooms_only_the_same_room_counts():
    setpoint = make_point("1 sp", point_class="temperature-setpoint", space="icu-1")
    there = make_point("t", point_class="zone-temperature", space="icu-2", commandable=False)
    assert witness_of(setpoint, Catalog.of([], [setpoint, there])) is None
    assert witness_of(setpoint, Catalog.of([], [setpoint, replace(there, space="icu-1")])) is not None


def test_a_pump_says_nothing_about_its_neighbour():
    pump = replace(SUPPLY_FAN, description="Hot water pump 1 command")
    other = replace(STATUS, description="Hot water pump 2 status")
    assert witness_of(pump, Catalog.of([], [pump, other])) is None
    assert witness_of(pump, Catalog.of([], [pump, replace(other, description="Hot water pump 1 status")])) is not None


def test_flow_that_is_taken_from_a_room_says_nothing_about_what_it_is_given():
    setpoint = make_point("sp", point_class="airflow-setpoint", space="or-1", description="Supply airflow setpoint")
    flow = make_point("f", point_class="flow", space="or-1", description="Exhaust airflow", commandable=False)
    assert witness_of(setpoint, Catalog.of([], [setpoint, flow])) is None


def good(value, seconds=60, point=STATUS, quality=Quality.GOOD, reason=""):
    time = NOON + timedelta(seconds=seconds)
    return Reading(
        point=point.id,
        value=value,
        time=time,
        at=time,
        quality=quality,
        source=Source.COV,
        reason=reason,
        flags=StatusFlags.NONE,
    )


FAN = witness_of(SUPPLY_FAN, Catalog.of([], [SUPPLY_FAN, STATUS]))
STARTED = Write(at=NOON, value=True, previous=False, before=good(False, -10))


def verdict(expectation, write, reading, seconds):
    return judge_effect(expectation, write, reading, NOON + timedelta(seconds=seconds)).verdict


def test_a_fan_that_says_it_runs_confirms_its_start_and_says_after_how_long():
    effect = judge_effect(FAN, STARTED, good(True, 14), NOON + timedelta(seconds=20))
    assert (effect.verdict, effect.text) == (Verdict.CONFIRMED, "confirmed by ahu-1/SF-S 14 s after the write")


def test_a_seized_fan_has_until_the_end_of_its_window():
    assert verdict(FAN, STARTED, good(False, 100), 119) is Verdict.PENDING
    effect = judge_effect(FAN, STARTED, good(False, 119), NOON + timedelta(minutes=2))
    assert (effect.verdict, effect.text) == (
        Verdict.INEFFECTIVE,
        "not effective: ahu-1/SF-S is Off 2 min after the write",
    )


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (None, Verdict.UNKNOWN),
        (good(True, 10, quality=Quality.STALE, reason="stale"), Verdict.UNKNOWN),
        (good(True, 10, quality=Quality.UNCERTAIN, reason="overridden"), Verdict.UNKNOWN),
        (good(None, 10, quality=Quality.BAD, reason="nan"), Verdict.UNKNOWN),
        (good(False, -5), Verdict.UNREAD),  # from before the write
    ],
)
def test_a_sensor_that_is_not_known_to_be_right_proves_nothing(reading, expected):
    assert verdict(FAN, STARTED, reading, 130) is expected


def test_a_reading_from_before_the_write_confirms_nothing():
    assert verdict(FAN, replace(STARTED, before=None), good(True, -1), 30) is Verdict.PENDING


def test_nothing_is_expected_of_a_fan_that_runs_already():
    assert verdict(FAN, replace(STARTED, before=good(True, -10)), good(True), 10) is Verdict.NOTHING


def test_a_fan_that_stands_although_it_was_commanded_to_run_before_is_flagged_as_well():
    assert verdict(FAN, replace(STARTED, previous=True), good(False), 300) is Verdict.INEFFECTIVE


def test_to_allow_a_boiler_to_run_does_not_make_it_run_and_to_forbid_it_stops_it():
    boiler = Expectation(
        point=SUPPLY_FAN,
        witness=STATUS,
        rule=Rule(test=Test.STATE, classes=("status",), window_s=120, only_off=True),
    )
    assert verdict(boiler, STARTED, good(False), 500) is Verdict.NOTHING
    stopped = Write(at=NOON, value=False, previous=True, before=good(True, -10))
    assert verdict(boiler, stopped, good(True, 400), 500) is Verdict.INEFFECTIVE


def measured(test, **rule):
    number = make_point("number", unit="degrees-celsius", commandable=False)
    return Expectation(point=make_point("command"), witness=number, rule=Rule(test=test, classes=(), **rule))


FLOW = measured(Test.REACH, window_s=180, share=0.1)


@pytest.mark.parametrize(("flow", "expected"), [(275, Verdict.CONFIRMED), (265, Verdict.INEFFECTIVE)])
def test_an_airflow_must_come_within_a_tenth_of_its_setpoint(flow, expected):
    write = Write(at=NOON, value=300.0, previous=600.0, before=good(600.0, -1))
    assert verdict(FLOW, write, good(float(flow)), 200) is expected


HEATING = measured(Test.TOWARD, window_s=1800, band=0.5, step=0.3, side=1)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (18.0, 18.4, Verdict.CONFIRMED),  # on its way
        (18.0, 18.1, Verdict.INEFFECTIVE),
        (18.0, 17.0, Verdict.INEFFECTIVE),
        (23.0, 22.0, Verdict.NOTHING),  # warmer than asked for
        (20.8, 20.8, Verdict.NOTHING),
    ],
)
def test_a_room_that_is_to_be_heated_must_become_warmer_unless_it_is_warm_enough(before, now, expected):
    write = Write(at=NOON, value=21.0, previous=17.0, before=good(before, -1))
    assert verdict(HEATING, write, good(now), 1800) is expected


def test_degrees_fahrenheit_are_smaller():
    sensor = replace(HEATING.witness, unit="degrees-fahrenheit")
    write = Write(at=NOON, value=70.0, previous=60.0, before=good(65.0, -1))
    assert verdict(replace(HEATING, witness=sensor), write, good(65.4), 1800) is Verdict.INEFFECTIVE
    assert verdict(replace(HEATING, witness=sensor), write, good(65.6), 1800) is Verdict.CONFIRMED


COIL = measured(Test.FALL, window_s=600, band=0.4, change=10.0)


@pytest.mark.parametrize(
    ("value", "now", "expected"),
    [
        (60.0, 15.5, Verdict.CONFIRMED),
        (60.0, 15.8, Verdict.INEFFECTIVE),
        (60.0, 17.0, Verdict.INEFFECTIVE),  # the wrong way
        (10.0, 16.5, Verdict.CONFIRMED),
        (35.0, 16.0, Verdict.NOTHING),  # too small a step to be seen
    ],
)
def test_air_behind_a_cooling_coil_must_move_against_its_valve(value, now, expected):
    write = Write(at=NOON, value=value, previous=30.0, before=good(16.0, -1))
    assert verdict(COIL, write, good(now), 600) is expected


@pytest.mark.parametrize("missing", ["previous", "before"])
def test_a_change_cannot_be_missed_where_it_is_not_known_what_was_before(missing):
    write = replace(Write(at=NOON, value=60.0, previous=30.0, before=good(16.0, -1)), **{missing: None})
    assert verdict(COIL, write, good(16.0), 900) is Verdict.UNKNOWN


def test_what_will_be_checked_is_said_before_the_write():
    assert announced(FAN, True) == "will check that ahu-1/SF-S is On within 2 min"
    assert announced(FLOW, 300.0) == "will check that ahu-1/number comes within 10% of 300 within 3 min"
    assert announced(COIL, 60.0, 30.0) == "will check that ahu-1/number falls within 10 min"
    assert announced(COIL, 35.0, 30.0) == "nothing to check: ahu-1/number need not follow such a command"
    assert announced(None, 1.0) == NO_SENSOR
    assert announced(FAN, None) == ""
