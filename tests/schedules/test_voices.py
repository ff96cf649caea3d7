"""What each witness says, who is believed, and that doubt is somebody."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import (
    BERLIN,
    COOL,
    HEAT,
    LIGHT,
    NOON,
    OFFICE_HOURS,
    SENSOR,
    TEMP,
    catalog,
    of_class,
    point,
    reading,
    view,
)
from steady_answers import assert_steady

from points.model import Kind, Quality
from schedules.breath import Breathing, breathing
from schedules.feeds import BOOKINGS, Booking, Feeds
from schedules.occupancy import occupancy
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.timetable import Timetable
from schedules.voices import Voice, of_access, of_air, of_bookings, of_lights

HOLD = timedelta(minutes=5)
LEAD = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
DOOR = point("acs/door", "door", kind=Kind.BINARY, commandable=False)
AIR = point("vav-1/co2", "co2", unit="parts-per-million", commandable=False)
VACANT = reading(SENSOR, value=False)


def booked(start, end, *, silent=0):
    booking = Booking(space="or-1", start=NOON + start * MINUTE, end=NOON + end * MINUTE)
    return Feeds(bookings={"or-1": (booking,)}, heard={BOOKINGS: NOON - silent * MINUTE})


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [(31, 90, "nothing"), (30, 90, "occupied"), (-60, 1, "occupied"), (-60, 0, "nothing")],
)
def test_a_booking_counts_from_the_lead_time_to_its_end(start, end, says):
    assert of_bookings(booked(start, end), "or-1", NOON, lead=LEAD).says == says


def test_a_silent_calendar_is_somebody_and_an_empty_one_is_not():
    assert of_bookings(booked(200, 300, silent=31), "or-1", NOON, lead=LEAD).unknown
    assert of_bookings(Feeds(), "or-1", NOON, lead=LEAD).says == "occupied"
    assert of_bookings(booked(200, 300), "or-2", NOON, lead=LEAD).says == "nothing"


def test_a_booking_that_comes_closer_is_asked_for_again_in_time():
    assert of_bookings(booked(40, 90), "or-1", NOON, lead=LEAD).until == NOON + 10 * MINUTE


def test_a_door_that_has_moved_is_somebody_for_a_while():
    closed = reading(DOOR, value=False)
    assert of_access(view(closed, vacant_minutes=4), [DOOR], hold=HOLD).until == NOON + MINUTE
    assert of_access(view(closed, vacant_minutes=5), [DOOR], hold=HOLD).says == "nothing"
    assert of_access(view(closed), [DOOR], hold=HOLD).unknown
    assert of_access(view(reading(DOOR, False, quality=Quality.STALE), vacant_minutes=9), [DOOR], hold=HOLD).unknown


def test_a_lamp_that_is_on_is_somebody_and_one_that_is_off_says_nothing():
    assert of_lights(view(reading(LIGHT, value=True)), [LIGHT]).says == "occupied"
    assert of_lights(view(reading(LIGHT, value=False)), [LIGHT]).says == "nothing"
    assert of_lights(view(), [LIGHT]).unknown


@pytest.mark.parametrize(("ppm", "says"), [(620, "nothing"), (621, "occupied"), (None, "occupied")])
def test_carbon_dioxide_above_that_outdoors_is_somebody(ppm, says):
    assert of_air(view(reading(AIR, ppm)), [AIR], Breathing()).says == says


def breaths(*values, every=5):
    memory = None
    for number, ppm in enumerate(values):
        now = NOON + number * every * MINUTE
        memory = breathing(memory, view(reading(AIR, ppm, at=now), now=now), [AIR])
    return memory, NOON + (len(values) - 1) * every * MINUTE


def test_a_rise_is_somebody_until_it_has_faded():
    memory, now = breaths(450, 470, 491)
    seen = view(reading(AIR, 491), now=now)
    voice = of_air(seen, [AIR], memory)
    assert (voice.says, voice.until) == ("occupied", now + 20 * MINUTE)
    assert of_air(view(reading(AIR, 491), now=now + 20 * MINUTE), [AIR], memory).says == "nothing"


def test_a_rise_that_is_yet_to_come_was_told_by_another_clock():
    memory, now = breaths(450, 470, 491)
    earlier = now - 300 * MINUTE
    memory = breathing(memory, view(reading(AIR, 491, at=earlier), now=earlier), [AIR])
    assert of_air(view(reading(AIR, 491), now=earlier), [AIR], memory).says == "nothing"


@pytest.mark.parametrize("values", [(450, 460, 470, 480, 490, 500), (500, 490, 480), (450, None, 489)])
def test_a_slow_drift_is_nobody(values):
    memory, now = breaths(*values)
    known = [value for value in values if value is not None][-1]
    assert of_air(view(reading(AIR, known), now=now), [AIR], memory).says == "nothing"


VOICES = st.builds(
    Voice,
    says=st.sampled_from(["occupied", "vacant", "nothing"]),
    until=st.none() | st.just(NOON + MINUTE),
    can_clear=st.booleans(),
)


@given(st.lists(VOICES, max_size=4), st.lists(VOICES, max_size=4), st.booleans(), st.none() | st.booleans())
def test_somebody_beats_everybody(before, after, sensor, scheduled):
    sensors = [SENSOR] if sensor else []
    verdict = occupancy(
        view(VACANT, vacant_minutes=60), sensors, hold=HOLD, scheduled=scheduled, before=before, after=after
    )
    said = {voice.says for voice in (*before, *after)}
    if "occupied" in said:
        assert verdict.occupied
    if not verdict.occupied:
        assert sensor or "vacant" in said or scheduled is False


def test_beds_answer_in_the_place_of_the_clock():
    beds = Voice(says="occupied", why="not free yet", until=NOON + MINUTE, can_clear=True)
    verdict = occupancy(view(), [], hold=HOLD, scheduled=True, before=[beds])
    assert (verdict.why, verdict.until) == ("not free yet", NOON + MINUTE)
    free = Voice(says="vacant", why="free", can_clear=True)
    assert not occupancy(view(), [], hold=HOLD, scheduled=True, before=[free]).occupied


@pytest.mark.parametrize(
    ("asks", "other", "relaxed"),
    [
        ((), reading(LIGHT, value=True), True),
        (("lights",), reading(LIGHT, value=True), False),
        (("lights",), reading(LIGHT, value=False), True),
        (("co2",), reading(AIR, 900.0), False),
        (("co2",), reading(AIR, 450.0), True),
        (("doors",), reading(DOOR, value=False), True),
    ],
)
def test_standby_asks_whom_the_site_wants(asks, other, relaxed):

    policy = OccupancyStandby(
        name="standby",
        timetable=Timetable(OFFICE_HOURS, BERLIN),
        heating=of_class("heating-setpoint"),
        cooling=of_class("cooling-setpoint"),
        asks=frozenset(asks),
    )
    lamp = [LIGHT] if other.point == LIGHT.id else []
    extra = [each for each in (AIR, DOOR) if each.id == other.point]
    building = catalog(HEAT, COOL, TEMP, SENSOR, *lamp, *extra)
    seen = view(VACANT, reading(TEMP, 22.0), other, building=building, vacant_minutes=60)
    assert bool(assert_steady(policy, seen).demands) is relaxed
