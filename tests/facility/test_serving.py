"""Which spaces a machine serves: what a plan says of it, and how strict that makes its points."""

import tomllib
from dataclasses import replace

import pytest
from pydantic import ValidationError
from test_witness import simulated_hospital
from watched_site import point

from facility import views
from facility.check import Findings, machines
from facility.config.model import Config
from facility.demo.play import CONFIG
from facility.profiles import Profiles
from facility.serving import NOBODY_SAID, Serving, serving_of
from facility.shape import shape_of
from facility.simulation.inventory import hospital
from facility.simulation.several import Several
from points.catalog import Catalog
from points.model import EquipmentId, Safety, Space, SpaceId
from points.selectors import parse
from points.site_rules import PointRule, SpaceRule

OR = Space(id=SpaceId("or-1"), name="OR-1", type="operating_room")
OFFICE = Space(id=SpaceId("office-1"), name="Office 1", type="admin_office")
FAN = replace(point("ahu-9/sf", "fan-speed", safety=Safety.CRITICAL), equipment=EquipmentId("ahu-9"))
PROFILES = Profiles.load()


def said(**serves):
    return serving_of(Config(equipment=[{"id": key.replace("_", "-"), "serves": of} for key, of in serves.items()]))


def touched(serving, *others, of=FAN, spaces=(OR, OFFICE)):
    catalog = Catalog.of([], [of, *others], spaces)
    shown = views.touched(of, catalog, lambda space: PROFILES.of(space.type).critical, serving)
    return [(space.name, space.critical) for space in shown]


def test_a_plan_names_the_rooms_that_an_air_handler_serves():
    assert touched(said(ahu_9=["office-1", "or-1"])) == [("OR-1", True), ("Office 1", False)]


def test_what_feeds_an_air_handler_serves_what_that_serves_and_a_circle_ends():
    serving = said(ahu_9=["chiller-1", "or-1"], chiller_1=["ahu-8", "ahu-9"], ahu_8=["office-1"])
    assert serving.spaces["chiller-1"] == {"or-1", "office-1"}
    assert serving.spaces["ahu-9"] == {"or-1", "office-1"}


def test_where_nobody_said_it_the_plan_says_so_and_takes_it_for_critical():
    assert touched(NOBODY_SAID) == [("what it serves is not known here", True)]
    there = replace(point("or-1/t", "zone-temperature", space="or-1"), equipment=EquipmentId("ahu-9"))
    assert touched(NOBODY_SAID, there) == [("OR-1", True)]
    unit = replace(FAN, equipment_type="ahu")  # it is in no one room, whatever hangs on it
    assert touched(NOBODY_SAID, there, of=unit) == [("OR-1", True), ("what it serves is not known here", True)]
    assert touched(NOBODY_SAID, of=replace(FAN, safety=Safety.COMFORT)) == []
    assert touched(NOBODY_SAID, of=replace(FAN, space=OR.id)) == [("OR-1", True)]


def test_a_space_that_is_not_there_is_named_and_critical():
    assert touched(said(ahu_9=["or-77"])) == [("or-77", True)]


# What serves a critical space is critical.


@pytest.mark.parametrize(
    ("serves", "safety"),
    [(["or-1"], Safety.CRITICAL), (["office-1"], Safety.COMFORT), (["or-77"], Safety.CRITICAL)],
)
def test_an_ordinary_machine_that_serves_a_critical_space_is_critical(serves, safety):
    ordinary = replace(FAN, safety=Safety.COMFORT)
    types = {OR.id: {OR.type}, OFFICE.id: {OFFICE.type}}
    assert said(ahu_9=serves).guarded(ordinary, types).safety is safety
    assert said(ahu_9=serves).guarded(replace(FAN, safety=Safety.MEDICAL), types).safety is Safety.MEDICAL
    assert said(ahu_8=serves).guarded(ordinary, types) is ordinary


def test_the_catalog_in_use_has_it_so_and_a_person_alone_cannot_take_it_back():
    hospital = simulated_hospital()
    before = [each for each in hospital.points.values() if each.equipment == "ahu-1" and each.commandable]
    assert {each.safety for each in before} == {Safety.COMFORT}
    named = [SpaceRule(id="office-201", name="Theatre 5", type="operating_room")]
    loose = [PointRule(match="ahu-1/*", safety=Safety.COMFORT)]
    for rules, kind in (([], "or-1"), (loose, "or-1"), ([], "office-201")):
        shaped = shape_of(rules, named if kind == "office-201" else [], serving=said(ahu_1=[kind]))(hospital)
        assert {shaped.points[each.id].safety for each in before} == {Safety.CRITICAL}, (rules, kind)


# The configuration.


def test_a_machine_is_written_once_and_serves_something():
    for wrong in ([{"id": "a", "serves": []}], [{"id": "a", "serves": ["x"]}, {"id": "a", "serves": ["y"]}]):
        with pytest.raises(ValidationError):
            Config(equipment=wrong)


def found(config, catalog):
    findings = Findings()
    machines(findings, config, catalog)
    return findings


def test_the_check_names_what_is_not_there_and_what_nobody_said():
    catalog = Catalog.of([], [replace(FAN, commandable=True)], [OR])
    wrong = found(Config(equipment=[{"id": "ahu-7", "serves": ["or-1", "or-77"]}]), catalog)
    assert wrong.errors == [
        "equipment ahu-7: no point is of such equipment",
        "equipment ahu-7: there is no space, and no [[equipment]], 'or-77'",
    ]
    assert wrong.warnings == ["nobody said what ahu-9 serves: write [[equipment]]"]
    right = found(Config(equipment=[{"id": "ahu-9", "serves": ["or-1"]}]), catalog)
    assert (right.errors, right.warnings) == ([], [])


def test_the_demo_says_what_its_machines_serve_as_the_simulation_has_it():
    config = Config(equipment=tomllib.loads(CONFIG.read_text())["equipment"])
    catalog, serving = simulated_hospital(), serving_of(config)
    findings = found(config, catalog)
    assert (findings.errors, findings.warnings) == ([], [])
    for spec in hospital():
        parts = spec.equipment.parts.values() if isinstance(spec.equipment, Several) else [spec.equipment]
        for unit in {getattr(part, "air_handler", None) for part in parts} - {None}:
            there = {
                each.space for each in catalog.points.values() if each.device == spec.name.lower().replace(" ", "-")
            }
            assert there - {None} <= serving.spaces[unit.lower()], spec.name
    assert serving.spaces["chiller-1"] >= serving.spaces["ahu-4"]


def test_serving_is_empty_where_the_site_says_nothing():
    assert serving_of(Config()) == Serving(spaces={})


def test_every_point_of_a_machine_has_its_tags_in_the_catalog_in_use():
    config = Config(equipment=[{"id": "ahu-1", "serves": ["office-1"], "tags": ["clinic-b"]}])
    catalog = shape_of((), (), serving=serving_of(config))(simulated_hospital())
    tagged = parse("tag:clinic-b")(catalog)
    assert tagged
    assert tagged == parse("equipment:ahu-1")(catalog)
