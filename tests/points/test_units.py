"""Units read well, and their names are BACnet's own."""

import math

import pytest
import ucum
from bacpypes3.basetypes import EngineeringUnits
from hypothesis import given
from hypothesis import strategies as st

from points import units
from points.bacnet.wire.tags import decode_values
from points.bacnet.wire.units import NEWER_UNITS
from points.bacnet.wire.vocabulary import names_of
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Ref
from points.unit_table import TABLE


def a_point(kind: Kind = Kind.ANALOG, unit: str = "", states: tuple[str, ...] = ()) -> Point:
    ref = Ref(device=DeviceRef(network=0, address="1", instance=1), object_type="analog-value", instance=1)
    return Point(id=PointId("d/p"), device=DeviceId("d"), ref=ref, name="p", kind=kind, unit=unit, states=states)


STANDARD = names_of(EngineeringUnits) | NEWER_UNITS


def test_every_unit_of_the_standard_has_a_row_and_no_other_has():
    assert set(STANDARD.values()) == set(units.UNITS) - {""}
    assert set(range(255)) <= set(STANDARD)


def test_no_unit_has_two_numbers_or_two_rows():
    assert not set(names_of(EngineeringUnits)) & set(NEWER_UNITS)
    assert len(set(STANDARD.values())) == len(STANDARD)
    rows = [line.split()[0] for line in TABLE.strip().splitlines()]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (19, "kilowatt-hours"),
        (53, "pascals"),
        (62, "degrees-celsius"),
        (64, "degrees-fahrenheit"),
        (84, "cubic-feet-per-minute"),
        (87, "liters-per-second"),
        (95, "no-units"),
        (96, "parts-per-million"),
        (98, "percent"),
        (119, "pounds-mass-per-second"),
        (135, "cubic-meters-per-hour"),
        (206, "millimeters-of-water"),
        (254, "million-standard-cubic-feet-per-minute"),
        (47872, "delta-degrees-celsius"),
        (47969, "particles-per-cubic-meter"),
    ],
)
def test_a_unit_on_the_wire_has_its_name(number, name):
    octets = b"\x91" + bytes((number,)) if number < 256 else b"\x92" + number.to_bytes(2, "big")
    assert decode_values(octets, 0, len(octets), "analog-input", "units", None) == name
    assert name in units.UNITS


def test_every_unit_measures_something():
    assert all(unit.symbol and unit.quantity for name, unit in units.UNITS.items() if name not in {"", "no-units"})


@pytest.mark.parametrize("name", [name for name, unit in units.UNITS.items() if unit.ucum is not None])
def test_every_code_is_ucum(name):
    assert ucum.value(units.UNITS[name].ucum).factor > 0


@pytest.mark.parametrize("code", ["Cel/h", "k[Btu_IT]", "[degF].d", "furlong", "k%", "m s"])
def test_what_is_no_ucum_is_none(code):
    """So that the test above can fail."""
    with pytest.raises(ValueError, match=r"is no|cannot take part"):
        ucum.value(code)


MIXED = {"concentration": 2}  # of volumes in a volume, and of masses in one


def test_all_units_of_a_quantity_are_of_one_dimension():
    dimensions = {}
    for unit in units.UNITS.values():
        if unit.ucum is not None:
            dimensions.setdefault(unit.quantity, set()).add(ucum.value(unit.ucum).dimension)
    assert {quantity: len(found) for quantity, found in dimensions.items() if len(found) > 1} == MIXED


def test_two_units_of_a_quantity_have_one_code_only_where_they_are_the_same():
    names = {}
    for name, unit in units.UNITS.items():
        if unit.ucum is not None and unit.quantity:
            names.setdefault((unit.quantity, unit.ucum), set()).add(name)
    assert [same for same in names.values() if len(same) > 1] == [
        {"delta-degrees-kelvin", "delta-degrees-celsius"},
        {"degrees-celsius-per-hour", "degrees-kelvin-per-hour"},
        {"degrees-celsius-per-minute", "degrees-kelvin-per-minute"},
        {"kilojoules-per-kilogram", "kilojoules-per-kilogram-dry-air"},
        {"btus-per-pound", "btus-per-pound-dry-air"},
        {"cycles-per-minute", "revolutions-per-minute"},
        {"degrees-angular", "degrees-phase"},
    ]


@pytest.mark.parametrize(
    ("name", "factor", "of"),
    [
        ("pounds-force-per-square-inch", 6894.757, "pascals"),
        ("inches-of-water", 249.0889, "pascals"),
        ("inches-of-mercury", 3386.39, "pascals"),
        ("millibars", 1.0, "hectopascals"),
        ("cubic-feet-per-minute", 0.4719474, "liters-per-second"),
        ("cubic-meters-per-hour", 1 / 3.6, "liters-per-second"),
        ("us-gallons-per-minute", 0.0630902, "liters-per-second"),
        ("imperial-gallons-per-minute", 0.0757682, "liters-per-second"),
        ("feet-per-minute", 0.00508, "meters-per-second"),
        ("miles-per-hour", 1.609344, "kilometers-per-hour"),
        ("btus-per-hour", 0.2930711, "watts"),
        ("kilo-btus-per-hour", 0.2930711, "kilowatts"),
        ("horsepower", 745.6999, "watts"),
        ("kilowatt-hours", 3.6, "megajoules"),
        ("kilo-btus", 1.055056, "megajoules"),
        ("btus-per-pound", 2.326, "kilojoules-per-kilogram"),
        ("foot-candles", 10.76391, "luxes"),
        ("watts-per-square-foot", 10.76391, "watts-per-square-meter"),
        ("pounds-mass-per-hour", 0.45359237, "kilograms-per-hour"),
        ("square-feet", 0.09290304, "square-meters"),
        ("us-gallons", 3.785412, "liters"),
        ("delta-degrees-fahrenheit", 5 / 9, "delta-degrees-kelvin"),
        ("grains-of-water-per-pound-dry-air", 1 / 7, "grams-of-water-per-kilogram-dry-air"),
        ("picocuries-per-liter", 37.0, "becquerels-per-cubic-meter"),
        ("millirems", 10.0, "microsieverts"),
        ("microsiemens-per-centimeter", 1e-4, "siemens-per-meter"),
        ("particles-per-cubic-foot", 35.31467, "particles-per-cubic-meter"),
    ],
)
def test_codes_convert_as_the_units_do(name, factor, of):
    one, other = (ucum.value(units.UNITS[each].ucum) for each in (name, of))
    assert one.dimension == other.dimension
    assert one.factor / other.factor == pytest.approx(factor, rel=2e-5)
    assert units.quantity(name) == units.quantity(of)


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
        ("pascals", 1e308, "1e+308 Pa"),
        ("degrees-celsius", -1.7e308, "-1.7e+308 °C"),
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
