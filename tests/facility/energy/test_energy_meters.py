import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.energy import intervals
from facility.energy.intervals import QUARTER_MS, counted, counted_demands, demands, excess, projected, summed, window
from facility.energy.meters import meters_of, outdoor_of
from points.catalog import Catalog
from points.history import Quarter, Stretch
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref

REF = DeviceRef(network=1, address="1", instance=1)


def point(key, name, unit, cls, description="", equipment=""):
    return Point(
        id=PointId(key), device=DeviceId(key.split("/")[0]), name=name, description=description, kind=Kind.ANALOG,
        ref=Ref(device=REF, object_type="analog-input", instance=1), unit=unit, point_class=cls,
        equipment_type=equipment,
    )  # fmt: skip


def catalog(*points):
    return Catalog.of([Device(id=DeviceId("m"), ref=REF, name="m")], points)


MAIN = (
    point("m/kw", "Main kW Total", "kilowatts", "power-meter", "Main incomer total active power"),
    point("m/kwh", "Main kWh", "kilowatt-hours", "energy-meter", "Main incomer active energy"),
    point("m/peak", "Main kW Peak", "kilowatts", "power-meter", "Main incomer peak demand"),
    point("m/a", "Main kW Phase A", "kilowatts", "power-meter", "Active power phase A"),
    point("m/kva", "Main kVA Total", "kilovolt-amperes", "power-meter", "Main incomer total apparent power"),
)
LIGHTS = (
    point("s/l-kw", "SM-LTG kW", "watts", "power-meter", "Lighting active power"),
    point("s/l-kwh", "SM-LTG kWh", "megawatt-hours", "energy-meter", "Lighting active energy"),
)
HEAT = (
    point("s/h-kw", "HM-1 kW", "kilowatts", "power-meter", "Boiler plant thermal power"),
    point("s/h-kwh", "HM-1 kWh", "kilowatt-hours", "energy-meter", "Boiler plant thermal energy"),
)
FAN = point("a/kw", "AHU-1.SF-KW", "kilowatts", "power-meter", "Supply fan power")


def test_a_power_and_its_counter_are_one_meter_and_phases_and_peaks_none():
    found = meters_of(catalog(*MAIN, *LIGHTS, *HEAT, FAN))
    assert (found.main.power, found.main.energy, found.main.name) == ("m/kw", "m/kwh", "Main incomer")
    assert [(meter.name, meter.carrier) for meter in found.others] == [
        ("Boiler plant", "heat"), ("Lighting", "electricity"),
    ]  # fmt: skip
    assert (found.others[1].kw, found.others[1].kwh) == (1e-3, 1e3)


def test_where_no_meter_is_surely_the_whole_one_the_note_says_what_to_write():
    found = meters_of(catalog(*LIGHTS, FAN))
    assert found.main is None
    assert "energy.main" in found.note
    assert meters_of(catalog(*LIGHTS, FAN), main="s/l-kw").main.energy == "s/l-kwh"
    assert "names 'x/y'" in meters_of(catalog(*LIGHTS, FAN), main="x/y").note


def test_the_site_chooses_which_meters_are_shown():
    found = meters_of(catalog(*MAIN, *LIGHTS, FAN), chosen=["a/kw"])
    assert [meter.id for meter in found.others] == ["a/kw"]


def test_the_weather_station_is_asked_before_any_air_handler():
    oats = [
        point("ahu-1/oat", "OAT", "degrees-celsius", "outside-air-temperature", equipment="ahu"),
        point("wx/oat", "OAT", "degrees-celsius", "outside-air-temperature", equipment="weather"),
    ]
    assert outdoor_of(catalog(*oats), None) == "wx/oat"
    assert outdoor_of(catalog(*oats), "ahu-1/oat") == "ahu-1/oat"
    assert outdoor_of(catalog(*oats), "gone/oat") is None
    assert outdoor_of(catalog(), None) is None


def quarters(*lasts, good=900.0):
    return [
        Quarter(number * QUARTER_MS, value, value, value, value, good)
        for number, value in enumerate(lasts)
        if value is not None
    ]


def test_a_gap_is_unknown_in_the_intervals_and_counted_in_the_sum():
    counter = quarters(100.0, 110.0, None, None, 150.0, 160.0)
    told = counted_demands(counter, 1.0, 0, 6 * QUARTER_MS)
    assert [interval.kw for interval in told] == [None, 40.0, None, None, None, 40.0]
    used = counted(counter, 1.0, QUARTER_MS, 6 * QUARTER_MS)
    assert (used.kwh, used.known, used.at_least) == (60.0, 1.0, False)


def test_a_counter_that_runs_over_is_added_to():
    used = counted(quarters(99_990.0, 99_998.0, 6.0, 16.0), 1.0, QUARTER_MS, 4 * QUARTER_MS)
    assert used.kwh == pytest.approx(26.0)
    assert not used.at_least
    assert used.notes == ("ran over at 100,000",)


def test_a_counter_that_was_restarted_is_counted_from_zero_and_says_so():
    counter = quarters(5_000.0, 5_010.0, 3.0, 13.0)
    used = counted(counter, 1.0, QUARTER_MS, 4 * QUARTER_MS)
    assert (used.kwh, used.at_least) == (10.0 + 3.0 + 10.0, True)
    assert "restarted or replaced" in used.notes[0]
    assert [interval.kw for interval in counted_demands(counter, 1.0, 0, 4 * QUARTER_MS)] == [None, 40.0, None, 40.0]


@pytest.mark.parametrize(
    "odd",
    [(0.0,), (0.0, 0.0, 1.0), (1010.5,), (99_999_999.0,), (2_000.0,)],
    ids=["0", "long", "jitter", "full", "leap"],
)
def test_a_reading_out_of_line_is_neither_use_nor_a_peak(odd):
    counter = quarters(1000.0, 1010.0, *odd, 1020.0, 1021.0)
    end = len(counter) * QUARTER_MS
    used = counted(counter, 1.0, QUARTER_MS, end)
    assert used.kwh == pytest.approx(21.0)
    peaks = [interval.kw for interval in counted_demands(counter, 1.0, 0, end) if interval.kw is not None]
    assert max(peaks) == 40.0
    if odd != (1010.5,):
        assert used.at_least
        assert used.notes == ("3 readings out of line left out" if len(odd) == 3 else "1 reading out of line left out",)


def test_a_counter_that_goes_back_has_counted_nothing_and_says_so():
    """One of a net meter, or one that was set: what it stands at was not used in a quarter of an hour."""
    used = counted(quarters(12_345.0, 12_344.0, 12_343.0, 12_343.5), 1.0, QUARTER_MS, 4 * QUARTER_MS)
    assert (used.kwh, used.at_least) == (0.5, True)
    assert used.notes[0] == "fell from 12,345.0 to 12,344.0: went back"


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30))
def test_a_counter_that_only_rises_is_counted_whole_and_none_has_counted_less_than_nothing(lasts):
    end = len(lasts) * QUARTER_MS
    used = counted(quarters(*sorted(lasts)), 1.0, 0, end)
    assert used.kwh == pytest.approx(max(lasts) - min(lasts))
    assert not used.at_least
    assert (counted(quarters(*lasts), 1.0, 0, end).kwh or 0.0) >= 0.0


@given(st.lists(st.floats(0, 500), min_size=2, max_size=40), st.floats(0, 99_999), st.sets(st.integers(1, 38)))
def test_a_sum_over_a_counter_does_not_care_about_gaps_or_turns(steps, start, unread):
    """As long as less than a tenth of its digits is used while it is not read, and it was near its end before."""
    turn, stood, read, total = 100_000.0, start, [start], 0.0
    for step in steps:
        total += step
        stood = (stood + step) % turn
        read.append(stood)
    seen = [value if number in (0, len(steps)) or number not in unread else None for number, value in enumerate(read)]
    counter = quarters(*seen)
    used = counted(counter, 1.0, QUARTER_MS, len(read) * QUARTER_MS)
    assert used.at_least or used.kwh == pytest.approx(total, abs=1e-3)


def test_an_interval_needs_nine_tenths_of_its_time():
    known = [Quarter(0, 1, 1, 100.0, 1, 810.0), Quarter(QUARTER_MS, 1, 1, 100.0, 1, 809.0)]
    assert [interval.kw for interval in demands(known, 1e-3, 0, 3 * QUARTER_MS)] == [0.1, None, None]
    used = summed(known, 1.0, 0, 2 * QUARTER_MS)
    assert used.kwh == pytest.approx(100.0 * 1619 / 3600)
    assert used.at_least
    assert used.known == pytest.approx(1619 / 1800)


def test_what_is_infinite_is_not_known():
    odd = quarters(100.0, math.inf, 110.0)
    assert [interval.kw for interval in demands(odd, 1.0, 0, 3 * QUARTER_MS)] == [100.0, None, 110.0]
    assert summed(odd, 1.0, 0, 3 * QUARTER_MS).known == pytest.approx(2 / 3)
    used = counted(odd, 1.0, QUARTER_MS, 3 * QUARTER_MS)
    assert (used.kwh, used.at_least) == (10.0, True)


def test_an_hour_is_known_if_all_its_quarters_are():
    told = demands(quarters(*[10.0] * 4, 10.0, 10.0, None, 10.0), 1.0, 0, 8 * QUARTER_MS)
    assert intervals.hourly(told) == {0: 10.0}


def test_domain_row_9_the_projection_of_the_window_and_what_must_be_shed():
    assert projected(480.0, 300.0, 540.0) == pytest.approx(520.0)
    assert excess(520.0, 500.0, 300.0) == pytest.approx(30.0)


def test_the_window_says_how_much_of_it_is_not_known():
    known = [Stretch(0, 200_000, 1, 1, 480.0, 1, 200_000, 1)]
    told = window(known, 1.0, 540.0, 0, 300_000)
    assert (told.mean, told.projected, told.unknown_s) == (480.0, pytest.approx(520.0), 100.0)
    assert window(known, 1.0, None, 0, 300_000).projected is None
    assert window(known, 1.0, 540.0, 0, 600_000).projected is None  # less than half of it is known
    assert window([], 1.0, 540.0, 0, 0).projected == 540.0


def test_every_zone_of_today_is_off_utc_by_whole_quarters():
    for name in available_timezones():
        for month in (1, 7):
            offset = datetime(2026, month, 15, tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset()
            assert offset.total_seconds() % 900 == 0, name
