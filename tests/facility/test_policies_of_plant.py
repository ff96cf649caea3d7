"""The sections of air handlers and plants: what they mean, which mistakes they name, and what the demo's select."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError
from session_bench import CONFIG
from test_witness import simulated_hospital
from watched_site import point

from facility.config.model import Config
from facility.demo.play import CONFIG as DEMO
from facility.guard import Surroundings, judge
from facility.model import Command
from facility.pace import STEP, next_step
from facility.profiles import Profiles
from facility.rulebook import Rulebook
from facility.serving import serving_of
from facility.shape import shape_of
from facility.strategy import Strategy, rules_of
from points.catalog import Catalog, CatalogBook
from points.model import Kind, Quality, Reading, Safety, Source
from points.naming import point_slugs
from points.selectors import parse
from schedules.boxes import boxes_of
from schedules.plan import LEASE, why_not
from schedules.policy import View

PROGRAMMES = [{"name": "hours", "weekdays": ["07:00 occupied", "19:00 unoccupied"]}]
SUPPLY = {
    "kind": "supply-temperature-reset",
    "name": "sat",
    "programme": "hours",
    "setpoint": "class:temperature-setpoint",
    "zones": "equipment:vav-*",
    "running": "class:status",
    "outside": "class:outside-air-temperature",
}
DUCT = {
    "kind": "static-pressure-reset",
    "name": "dsp",
    "setpoint": "class:pressure-setpoint",
    "zones": "equipment:vav-*",
    "running": "class:status",
    "high_pa": 300,
}
FREE = {
    "kind": "economizer",
    "name": "econ",
    "dampers": "class:damper",
    "outside": "class:outside-air-temperature",
    "climate_zone": "5a",
}
FRESH = {
    "kind": "ventilation",
    "name": "dcv",
    "programme": "hours",
    "outdoor_air": "class:airflow-setpoint",
    "sensors": "class:co2",
    "least": 100,
    "most": 500,
}
WATER = {
    "kind": "plant-reset",
    "name": "chw",
    "service": "chilled-water",
    "temperature": "class:temperature-setpoint",
    "coils": "class:valve",
    "machines": "class:status",
    "mildest_c": 12,
    "strongest_c": 6,
}
UNITS = [{"name": name, "command": f"p-{name}/c", "status": f"p-{name}/s", "hours": f"p-{name}/h"} for name in "ab"]
PUMPS = {"kind": "lead-lag", "name": "pumps", "units": UNITS}
BACK = {
    "kind": "restart",
    "name": "back",
    "on_emergency": "class:power-transfer",
    "loads": [{"point": "fan/c", "kw": 7.5}],
    "generator_kw": 100,
}


def policies(*sections):
    config = Config(**(CONFIG | {"programmes": PROGRAMMES, "policies": list(sections)}))
    return {policy.name: policy for policy in Strategy(config, date(2026, 3, 1)).policies}


def test_what_stands_in_the_configuration_is_what_the_policy_goes_by():
    known = policies(
        SUPPLY | {"warmest_c": 17, "design_c": 13.5, "room_humidity_percent": 60},
        DUCT | {"low_pa": 40, "step_minutes": 3, "delay_minutes": 5},
        FREE | {"high_limit": "fixed-enthalpy", "outside_humidity": "class:humidity", "high_kj_kg": 47},
        FRESH | {"setpoint_ppm": 950},
        WATER | {"pressure": "class:pressure-setpoint", "least_kpa": 40, "most_kpa": 120, "dew_point_c": 14},
        PUMPS | {"swap_hours": 24},
        BACK | {"spacing_seconds": 20},
    )
    reset = known["sat"].reset
    assert (reset.initial, reset.low, reset.high, reset.trim) == (17.0, 13.5, 17.0, 0.1)
    assert known["sat"].room_percent == 60.0
    reset = known["dsp"].reset
    assert (reset.low, reset.high, reset.period, reset.delay, reset.trim) == (40.0, 300.0, 180.0, 300.0, -12.0)
    assert (known["econ"].high_celsius, known["econ"].high_kilojoules) == (24.0, 47.0)
    assert known["dcv"].setpoint_ppm == 950.0
    assert (known["chw"].mildest_celsius, known["chw"].least_pascals) == (9.0, 40_000.0)
    assert (known["pumps"].swap_hours, [unit.name for unit in known["pumps"].units]) == (24.0, ["a", "b"])
    assert (known["back"].spacing_seconds, known["back"].loads[0].kilowatts) == (20.0, 7.5)
    assert policies(FREE)["econ"].high_celsius == 21.0


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (SUPPLY | {"design_c": 19}, "must rise"),
        (SUPPLY | {"mild_c": 25}, "mild_c 25 must be below hot_c 21"),
        (SUPPLY | {"occupied_state": "open"}, "speaks of open"),
        (DUCT | {"initial_pa": 20}, "must rise"),
        (FREE | {"dampers": ""}, "nothing to command"),
        (FREE | {"climate_zone": "9"}, "climate_zone"),
        (FREE | {"high_limit": "differential-dry-bulb"}, "needs returned"),
        (FREE | {"high_limit": "fixed-enthalpy"}, "needs outside_humidity"),
        (
            FREE | {"climate_zone": "3a", "high_limit": "differential-dry-bulb", "returned": "class:damper"},
            "not allowed in climate zone 3a",
        ),
        (FRESH | {"least": 600}, "least 600 must be below most 500"),
        (WATER | {"mildest_c": 5}, "mildest_c must be above strongest_c"),
        (WATER | {"service": "hot-water"}, "mildest_c must be below strongest_c"),
        (WATER | {"dew_point_c": 9}, "colder than strongest_c"),
        (WATER | {"pressure": "class:pressure-setpoint"}, "least_kpa must be below most_kpa"),
        (PUMPS | {"at_least": 2}, "must leave one unit"),
        (PUMPS | {"units": [UNITS[0], UNITS[0]]}, "two units of one name"),
        (PUMPS | {"down_percent": 95}, "down_percent must be below up_percent"),
        (BACK | {"loads": [{"point": "fan/c", "kw": 1}] * 2}, "names fan/c more than once"),
        (BACK | {"spacing_seconds": 5}, "greater than or equal to 10"),
    ],
)
def test_a_mistake_is_named_with_what_is_right(section, says):
    with pytest.raises(ValidationError, match=says):
        policies(section)


def test_a_selector_that_only_reads_is_checked_too():
    with pytest.raises(ValidationError, match=r"supply\n.*there is no 'clas'"):
        policies(FREE | {"supply": "clas:damper"})


# Row 19 of domain.md section 4: minimum on and off times and ramps are the guard's, whoever asks.

PROFILES = Profiles.load()


def office(point_class, **rest):
    """A point of an air handler of offices."""
    return replace(
        point("ahu-9/x", point_class, safety=Safety.COMFORT), **{"equipment": "ahu-9", "space": None, **rest}
    )


@pytest.mark.parametrize("point_class", ["fan-speed", "damper", "valve", "airflow-setpoint"])
def test_row_19_0_to_100_percent_takes_4_minutes_or_more(point_class):
    rule = PROFILES.command_rule(office(point_class), None)
    at, steps = 0.0, 0
    while at < 100.0:
        at, steps = next_step(at, 100.0, rule, 100.0), steps + 1
    assert steps * max(STEP.total_seconds(), rule.spacing_s) >= 240.0


def test_row_19_fans_and_compressors_stay_on_and_off_for_5_minutes_and_start_6_times_an_hour_at_most():
    rule = PROFILES.command_rule(office("start-stop-command", kind=Kind.BINARY), None)
    assert rule.minimum_on_s >= 180.0
    assert rule.minimum_off_s >= 300.0
    assert rule.per_hour <= 6


# The demo.

MORNING = datetime(2026, 3, 4, 16, tzinfo=UTC)  # a Wednesday, 10:00 in Chicago; its Monday is a holiday in Illinois


@pytest.fixture(scope="module")
def demo():
    """The hospital as its agent knows it, with the ids that discovery gives."""
    raw, found = simulated_hospital(), []
    for device in raw.devices.values():
        own = {each.id: each for each in raw.points_of(device.id)}
        names = {id_: (each.name, each.ref.object_type, each.ref.instance) for id_, each in own.items()}
        slugs = point_slugs(device.name, names)
        found += [replace(each, id=f"{device.id}/{slugs[id_]}") for id_, each in own.items()]
    config = Config(**tomllib.loads(DEMO.read_text()))
    catalog = shape_of(*rules_of(config), serving=serving_of(config))(Catalog.of(raw.devices.values(), found))
    return Strategy(config, MORNING.date()), catalog


def readings(catalog, **of_class):
    """Something ordinary for every point; `of_class` for those of a class."""
    given = {name.replace("_", "-"): value for name, value in of_class.items()}

    def value(point):
        usual = {Kind.BINARY: True, Kind.MULTISTATE: 1, Kind.ANALOG: 22.0}[point.kind]
        return given.get(point.point_class, usual)

    return {
        point.id: Reading(
            point=point.id,
            value=value(point),
            time=MORNING,
            at=MORNING,
            quality=Quality.GOOD,
            source=Source.COV,
        )
        for point in catalog.points.values()
        if point.kind is not Kind.TEXT
    }


def test_the_boxes_of_the_offices_are_found_with_all_that_they_tell(demo):
    _, catalog = demo
    boxes = boxes_of(parse("equipment:vav-2-*")(catalog))
    assert [box.name for box in boxes] == [f"vav-2-0{number}" for number in range(1, 9)]
    first = boxes[0]
    assert [each.id for each in (first.temperature, first.setpoint, first.cooling, first.flow_setpoint)] == [
        f"vav-2-01/{name}" for name in ("zn-t", "clg-sp", "clg-loop", "saflow-sp")
    ]
    assert [each.id for each in (first.flow, first.damper)] == ["vav-2-01/sa-f", "vav-2-01/dpr-pos"]


def test_a_controller_of_several_rooms_is_as_many_boxes(demo):
    _, catalog = demo
    assert len({box.name for box in boxes_of(parse("device:corridor-controller-1")(catalog))}) == 3


@pytest.mark.parametrize(
    ("name", "outside", "holds"),
    [
        ("office-supply-temperature", 18.5, {"ahu-1/sat-sp": 15.0}),
        ("office-duct-pressure", 18.5, {"ahu-1/dsp-sp": 120.0}),
        ("office-economizer", 25.0, {"ahu-1/oad": 20.0}),
        ("office-economizer", 15.0, {}),
    ],
)
def test_the_demo_speaks_for_its_office_air_handler_and_the_guard_lets_it(demo, name, outside, holds):
    strategy, catalog = demo
    policy = next(each for each in strategy.policies if each.name == name)
    read = readings(catalog, outside_air_temperature=outside, humidity=45.0, request=20.0, damper=50.0)
    view = View(now=MORNING, zone=strategy.zone, catalog=catalog, readings=read)
    decision = policy.bind(catalog)(view, None)
    assert {demand.point: demand.value for demand in decision.demands} == holds
    assert [remark.text for remark in decision.remarks if remark.held] == []
    assert {point.id for point in strategy.points_of(name, catalog)} >= set(holds)
    book = CatalogBook(catalog)
    rules = Rulebook(PROFILES, book)
    for demand in decision.demands:
        point = catalog.points[demand.point]
        assert why_not(demand, catalog) == ""
        command = Command(
            point=point.id,
            value=demand.value,
            priority=demand.priority,
            by=f"policy:{name}",
            reason=demand.reason,
            lasts=LEASE,
        )
        known = Surroundings(
            now=MORNING,
            limits=rules.command_limits(point),
            reading=read[point.id],
            rule=rules.command_rule(point),
        )
        assert judge(command, point, known).decision == "allowed"
