"""The pretend building obeys the numbers of domain.md section 9."""

import pytest

from facility.simulation.physics import (
    CLOSED_DOUBLE_DOOR,
    CLOSED_SINGLE_DOOR,
    OPEN_DOOR,
    ColdBox,
    Zone,
    coil,
    coil_valve,
    fan_power,
    leakage,
    room_pressure,
    travel,
)

PER_HOUR = 3600.0


@pytest.mark.parametrize(
    ("area", "pressure", "flow"),
    [
        (CLOSED_SINGLE_DOOR, 2.5, 0.0525),
        (CLOSED_SINGLE_DOOR, 8.0, 0.0939),
        (CLOSED_SINGLE_DOOR, 15.0, 0.129),
        (CLOSED_SINGLE_DOOR, 25.0, 0.166),
        (CLOSED_DOUBLE_DOOR, 2.5, 0.0919),
        (CLOSED_DOUBLE_DOOR, 8.0, 0.164),
        (CLOSED_DOUBLE_DOOR, 15.0, 0.225),
        (CLOSED_DOUBLE_DOOR, 25.0, 0.290),
    ],
)
def test_leakage_table(area, pressure, flow):
    assert leakage(pressure, area) == pytest.approx(flow, rel=0.01)
    assert leakage(-pressure, area) == pytest.approx(-flow, rel=0.01)
    assert room_pressure(1.0 + flow, 1.0, area) == pytest.approx(pressure, rel=0.02)


def test_an_operating_room_holds_eight_pascals():
    assert room_pressure(2400 / PER_HOUR, 2062 / PER_HOUR, CLOSED_SINGLE_DOOR) == pytest.approx(8.0, abs=0.05)


def test_setback_of_the_supply_alone_turns_the_room_strongly_negative():
    assert room_pressure(720 / PER_HOUR, 382 / PER_HOUR, CLOSED_SINGLE_DOOR) == pytest.approx(8.0, abs=0.05)
    assert room_pressure(720 / PER_HOUR, 2062 / PER_HOUR, CLOSED_SINGLE_DOOR) < -100.0


def test_an_isolation_room_is_negative():
    assert room_pressure(411 / PER_HOUR, 600 / PER_HOUR, CLOSED_SINGLE_DOOR) == pytest.approx(-2.5, abs=0.05)


def test_an_open_door_lets_the_pressure_collapse():
    assert room_pressure(2400 / PER_HOUR, 2062 / PER_HOUR, CLOSED_SINGLE_DOOR + OPEN_DOOR) < 0.01


def test_a_refrigerator_without_power_reaches_eight_degrees_after_three_hours_and_21_minutes():
    box = ColdBox(temperature=4.0, start_above=5.5, stop_below=3.5)
    seconds = 0
    while box.temperature < 8.0:
        box = box.after(1.0, ambient=22.0, door_open=False, powered=False)
        seconds += 1
    assert seconds == pytest.approx(12_063, abs=2)


def test_a_refrigerator_cycles_within_its_hysteresis():
    box = ColdBox(temperature=4.0, start_above=5.5, stop_below=3.5)
    seen, starts = [], 0
    for _ in range(24 * 3600):
        after = box.after(1.0, ambient=22.0, door_open=False)
        starts += after.cooling and not box.cooling
        box = after
        seen.append(box.temperature)
    assert min(seen) == pytest.approx(3.5, abs=0.05)
    assert max(seen) == pytest.approx(5.5, abs=0.05)
    assert starts > 5


def test_thirty_seconds_of_open_door_warm_it_a_little():
    box = ColdBox(temperature=4.0, start_above=5.5, stop_below=3.5)
    with_door = box.after(30.0, ambient=22.0, door_open=True).temperature
    without = box.after(30.0, ambient=22.0, door_open=False).temperature
    assert with_door - without == pytest.approx(150.0 * 30.0 / 1.2e5, rel=0.01)


def test_a_zone_alone_drifts_to_the_outside_temperature():
    zone = Zone()
    for _ in range(30 * 24 * 60):
        zone = zone.after(60.0, outside=5.0, supply=20.0, flow=0.0, gains=0.0)
    assert zone.air == pytest.approx(5.0, abs=0.05)


def test_a_zone_settles_where_the_heat_balances():
    zone = Zone(air=20.0, mass=20.0)
    for _ in range(30 * 24 * 60):
        zone = zone.after(60.0, outside=20.0, supply=20.0, flow=0.0, gains=225.0)
    # To the outside there are two ways: 0.05 K/W, and 0.005 + 0.02 K/W through the structure.
    assert zone.air - 20.0 == pytest.approx(225.0 / (1 / 0.05 + 1 / 0.025), rel=0.01)


def test_a_coil_and_its_inverse():
    assert coil(25.0, 7.0, 100.0) == pytest.approx(12.4)
    assert coil(25.0, 7.0, coil_valve(25.0, 14.0, 7.0)) == pytest.approx(14.0)
    assert coil_valve(25.0, 2.0, 7.0) == 100.0
    assert coil_valve(12.0, 13.0, 12.05) == 0.0  # water that cannot help


def test_a_valve_takes_its_time():
    position = 0.0
    for second in range(1, 61):
        position = travel(position, 100.0, 1.0, full_stroke=60.0)
        assert position == pytest.approx(100.0 * second / 60.0)
    assert travel(position, 100.0, 1.0, 60.0) == 100.0


def test_half_the_fan_speed_is_an_eighth_of_the_power():
    assert fan_power(50.0, 8.0) == pytest.approx(1.0)


def test_a_refrigerator_left_open_warms_to_its_room_and_no_further():
    box = ColdBox(temperature=4.0, start_above=5.5, stop_below=3.5, door_loss=85.0)
    for _ in range(48):
        box = box.after(1800.0, ambient=22.0, door_open=True)
        assert box.temperature <= 22.0
    assert box.temperature > 15.0
