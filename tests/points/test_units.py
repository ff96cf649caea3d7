"""Units read well, and their names are BACnet's own."""

import math

import pytest
from bacpypes3.basetypes import EngineeringUnits
from hypothesis import given
from hypothesis import strategies as st

from points import units
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Ref


def a_point(kind: Kind = Kind.ANALOG, unit: str = "", states: tuple[str, ...] = ()) -> Point:
    ref = Ref(device=DeviceRef(network=0, address="1", instance=1), object_type="analog-value", instance=1)
    return Point(id=PointId("d/p"), device=DeviceId("d"), ref=ref, name="p", kind=kind, unit=unit, states=states)


def test_there_are_enough_units_for_a_building():
    assert len(units.UNITS) > 120


def test_every_name_is_one_of_bacnets():
    names = {str(EngineeringUnits(number)) for number in EngineeringUnits._enum_map.values()}
    assert set(units.UNITS) - {""} <= names | set(EngineeringUnits._enum_map)


def test_every_unit_measures_something():
    assert all(
        unit.symbol and unit.quantity for name, unit in units.UNITS.items() if name not in {"", "noUnits", "no-units"}
    )


def test_a_unit_nobody_knows_is_shown_by_its_name():
    assert units.symbol("furlongs-per-fortnight") == "furlongs-per-fortnight"
    assert units.ucum("furlongs-per-fortnight") is None
    assert units.quantity("furlongs-per-fortnight") == ""


def test_the_same_unit_in_three_tongues():
    assert units.symbol("degrees-celsius") == "°C"
    assert units.ucum("degrees-celsius") == "Cel"
    assert units.quantity("degrees-celsius") == "temperature"


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("degrees-celsius", 18.04, "18.0 °C"),
        ("degrees-celsius", -0.01, "0.0 °C"),
        ("pascals", 2.514, "2.51 Pa"),
        ("pascals", 251.4, "251 Pa"),
        ("pascals", 0.5, "0.50 Pa"),
        ("percent", 41.7, "42 %"),
        ("kilowatt-hours", 123456.7, "123457 kWh"),
        ("no-units", 3.0, "3"),
        ("", 0.25, "0.25"),
        ("degrees-celsius", math.nan, "?"),
        ("degrees-celsius", None, "?"),
    ],
)
def test_numbers_in_words(unit, value, shown):
    assert units.show(a_point(unit=unit), value) == shown


def test_states_in_words():
    fan = a_point(Kind.BINARY, states=("Stopped", "Running"))
    assert [units.show(fan, value) for value in (False, True)] == ["Stopped", "Running"]
    assert units.show(a_point(Kind.BINARY), value=True) == "on"
    mode = a_point(Kind.MULTISTATE, states=("Occupied", "Standby"))
    assert [units.show(mode, value) for value in (1, 2, 3, 0)] == ["Occupied", "Standby", "state 3", "state 0"]
    assert units.show(a_point(Kind.TEXT), "hello") == "hello"


@pytest.mark.parametrize("kind", [Kind.ANALOG, Kind.MULTISTATE, Kind.BINARY])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_number_is_not_shown_as_one(kind, value):
    assert units.show(a_point(kind), value) == "?"


@given(
    st.sampled_from(Kind),
    st.sampled_from([*units.UNITS, "odd"]),
    st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.text()),
)
def test_showing_never_fails(kind, unit, value):
    assert units.show(a_point(kind, unit), value) or value == ""
