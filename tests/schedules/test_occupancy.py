"""Unknown is occupied, and vacancy needs time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import NOON, SENSOR, point, reading, view

from points.model import Kind, Quality
from schedules.decider import NotedReadings
from schedules.occupancy import is_sensor, occupancy
from schedules.steadiness import Steadiness

HOLD = timedelta(minutes=5)
SECOND = point("vav-1/occ-2", "occupancy", kind=Kind.BINARY, commandable=False)


def test_vacant_only_after_the_hold_time():
    vacant = reading(SENSOR, value=False)
    assert occupancy(view(vacant, vacant_minutes=4.9), [SENSOR], hold=HOLD).occupied
    assert not occupancy(view(vacant, vacant_minutes=5), [SENSOR], hold=HOLD).occupied
    assert occupancy(view(vacant), [SENSOR], hold=HOLD).occupied  # nobody knows since when


def test_somebody_there_is_occupied_at_once():
    assert occupancy(view(reading(SENSOR, value=True), vacant_minutes=60), [SENSOR], hold=HOLD).occupied


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.BAD, Quality.UNCERTAIN])
def test_an_unknown_sensor_is_occupied(quality):
    unknown = reading(SENSOR, value=False, quality=quality)
    verdict = occupancy(view(unknown, vacant_minutes=60), [SENSOR], hold=HOLD, scheduled=False)
    assert verdict.occupied
    assert "vav-1/occ is not known" in verdict.why
    assert occupancy(view(), [SENSOR], hold=HOLD, scheduled=False).occupied  # never read


def test_every_sensor_of_the_space_has_to_agree():
    one = reading(SENSOR, value=False)
    assert occupancy(view(one, vacant_minutes=60), [SENSOR, SECOND], hold=HOLD).occupied
    two = reading(SECOND, value=True)
    assert occupancy(view(one, two, vacant_minutes=60), [SENSOR, SECOND], hold=HOLD).occupied
    both = view(one, reading(SECOND, value=False), vacant_minutes=60)
    assert not occupancy(both, [SENSOR, SECOND], hold=HOLD).occupied


def test_without_a_sensor_the_schedule_decides_and_silence_is_occupied():
    assert not occupancy(view(), [], hold=HOLD, scheduled=False).occupied
    assert occupancy(view(), [], hold=HOLD, scheduled=True).occupied
    assert occupancy(view(), [], hold=HOLD).occupied


@pytest.mark.parametrize(
    ("kind", "states", "value", "vacant"),
    [
        (Kind.BINARY, (), False, True),
        (Kind.BINARY, ("Inactive", "Active"), False, True),
        (Kind.BINARY, ("Occupied", "Unoccupied"), False, False),  # wired the other way round, and it says so
        (Kind.BINARY, ("Occupied", "Unoccupied"), True, True),
        (Kind.MULTISTATE, ("Occupied", "Unoccupied", "Bypass"), 2, True),
        (Kind.MULTISTATE, ("Occupied", "Unoccupied", "Bypass"), 3, False),
        (Kind.MULTISTATE, ("Occupied", "Unoccupied", "Bypass"), 4, False),
        (Kind.MULTISTATE, (), 1, False),
        (Kind.ANALOG, (), 0.0, False),
        (Kind.TEXT, (), "Unoccupied", False),
    ],
)
def test_what_a_sensor_says_is_what_its_texts_say(kind, states, value, vacant):
    sensor = point("d/occ", "occupancy", kind=kind, states=states, commandable=False)
    verdict = occupancy(view(reading(sensor, value), vacant_minutes=60), [sensor], hold=HOLD)
    assert verdict.occupied is not vacant


def test_a_command_is_no_witness():
    assert is_sensor(SENSOR)
    assert not is_sensor(point("d/occ-cmd", "occupancy", kind=Kind.BINARY))


# --- since when ------------------------------------------------------------------------------------------------------


def minutes(count):
    return NOON + timedelta(minutes=count)


def test_polls_of_the_same_value_do_not_renew_its_age_but_a_doubt_ends_it():
    steady = steadiness(reading(SENSOR, value=False, at=minutes(1)), now=minutes(1))
    steady.note(reading(SENSOR, value=False, at=minutes(2)), minutes(2))
    assert dict(steady) == {SENSOR.id: minutes(1)}
    steady.note(reading(SENSOR, value=False, at=minutes(3), quality=Quality.STALE), minutes(3))
    assert dict(steady) == {}
    steady.note(reading(SENSOR, value=False, at=minutes(4)), minutes(4))
    assert dict(steady) == {SENSOR.id: minutes(4)}


def steadiness(*readings, now):
    steady = Steadiness(NOON)
    for each in readings:
        steady.note(each, now)
    return steady


def test_nothing_counts_from_before_the_watching_or_from_the_future():
    long_ago, to_come = (reading(SENSOR, value=False, at=minutes(when)) for when in (-60, 60))
    assert dict(steadiness(long_ago, now=minutes(1))) == {SENSOR.id: NOON}
    assert dict(steadiness(to_come, now=minutes(1))) == {SENSOR.id: minutes(1)}


def test_what_is_not_watched_is_forgotten():
    steady = steadiness(reading(SENSOR, value=False), now=NOON)
    steady.forget(SENSOR.id)
    assert dict(steady) == {}
    steady.note(reading(SENSOR, value=False), minutes(1))
    steady.begin_anew(minutes(2))
    assert len(steady) == 0


@pytest.mark.parametrize(
    ("again", "value", "since"),
    [(4, False, -30), (4, True, 4), (6, False, 6)],  # the same after a short break; another value; a long break
)
def test_a_short_break_is_bridged(again, value, since):
    before = Steadiness(minutes(-60))
    before.note(reading(SENSOR, value=False, at=minutes(-30)), minutes(-30))
    assert before.get(SENSOR.id) == minutes(-30)
    after = Steadiness(minutes(1), before.carried(minutes(0)))
    after.note(reading(SENSOR, value=False, at=minutes(1), quality=Quality.STALE), minutes(1))  # not read again yet
    after.note(reading(SENSOR, value=value, at=minutes(again)), minutes(again))
    assert dict(after) == {SENSOR.id: minutes(since)}


def test_only_what_somebody_asks_about_is_carried_over():
    steady = steadiness(reading(SENSOR, value=False), now=NOON)
    assert steady.carried(NOON).known == {}
    assert steady.get(SENSOR.id) == NOON
    assert steady.carried(NOON).known == {SENSOR.id: (False, NOON)}


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(1, 600)), min_size=1, max_size=30))
def test_vacant_means_that_the_whole_hold_time_was_vacant(story):
    """Against a naive model: the seconds of unbroken vacancy."""
    now, vacant_s, steady = NOON, None, Steadiness(NOON)
    for value, lasts in story:
        present = reading(SENSOR, value, at=now, quality=Quality.BAD if value is None else Quality.GOOD)
        steady.note(present, now)
        vacant_s = (vacant_s or 0) if value is False else None
        now += timedelta(seconds=lasts)
        vacant_s = None if vacant_s is None else vacant_s + lasts
        looked = replace(view(present, now=now), since=steady)
        verdict = occupancy(looked, [SENSOR], hold=HOLD)
        assert verdict.occupied != (vacant_s is not None and vacant_s >= HOLD.total_seconds())
        if vacant_s is not None and verdict.occupied:
            assert verdict.until == now + HOLD - timedelta(seconds=vacant_s)


def test_every_sensor_is_looked_at_even_if_the_first_decides():
    """Or the planner would not watch the second, and its hold time would begin only after the first one's."""
    looked = view(reading(SENSOR, value=True), reading(SECOND, value=False), vacant_minutes=60)
    noted = NotedReadings(looked.readings, Steadiness(NOON), NOON)
    occupancy(replace(looked, readings=noted), [SENSOR, SECOND], hold=HOLD)
    assert noted.looked_at.keys() == {SENSOR.id, SECOND.id}
