"""Domain row 4, setback with limit protection: its known answers, frost, damp, and what it never commands."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import NOON, of_class, point, reading, timetable
from pretend_zones import EVENING, SETPOINTS, SIX, Floor, told, wanted
from steady_answers import assert_steady, follow

from points.model import Kind, Priority
from schedules.policies.setback import STATES, Limits, Setback

FLOOR = Floor(6)
HEATS = {"start-stop-command": True, "heating-setpoint": 18.0}
VALUES = {
    "set-back": HEATS,
    "set-up": {"start-stop-command": True, "cooling-setpoint": 28.0},
    "freeze-protection": {"start-stop-command": True, "heating-setpoint": 12.0},
    "dehumidify": {"start-stop-command": True},
}
HELD = of_class("start-stop-command", "heating-setpoint", "cooling-setpoint")


def setback(**changes):
    given_ = {"name": "night", "timetable": timetable(), **SETPOINTS, "points": HELD, "values": VALUES}
    return Setback(**{**given_, **changes})


def modes(*courses, floor=FLOOR, policy=None, memory=None, **rest):
    """The mode after each of these temperatures, one after the other; "" where nothing is demanded."""
    views = [floor.view(celsius, now=EVENING + timedelta(minutes=n), **rest) for n, celsius in enumerate(courses)]
    said = follow(policy or setback(), views, memory)
    return [decision.demands[0].reason.partition(":")[0] if decision.demands else "" for decision in said]


def test_five_of_six_zones_below_16_is_on_four_is_not_and_all_at_17_is_off():
    assert modes([15.9] * 5 + [25.0]) == ["set-back"]
    assert modes([15.9] * 4 + [17.0] * 2) == [""]
    assert modes([15.9] * 5 + [25.0], [17.0] * 5 + [16.9], [17.1] * 6, [16.0] * 6) == ["set-back", "set-back", "", ""]
    assert modes([15.9] * 5 + [25.0], [17.0] * 6) == ["set-back", ""]


def test_the_mean_of_the_zones_counts_as_well_and_in_a_small_group_all():
    assert modes([12.0] * 4 + [17.0] * 2) == ["set-back"]
    small = Floor(3)
    assert modes([15.9, 15.9, 15.9], floor=small) == ["set-back"]
    assert modes([15.9, 15.9, 18.0], floor=small) == [""]


def test_set_up_is_the_same_upside_down():
    assert modes([32.1] * 5 + [20.0], [31.1] * 6, [31.0] * 6) == ["set-up", "set-up", ""]
    assert modes([32.1] * 4 + [25.0] * 2) == [""]


def test_the_warmest_thermometer_of_a_zone_counts_for_set_up_and_the_coldest_for_set_back():
    second = point("vav-1/temp-2", "zone-temperature", commandable=False)
    floor = Floor(1, extra=(second,))
    assert modes(25.0, floor=floor, also=[reading(second, 33.0)]) == ["set-up"]
    assert modes(25.0, floor=floor, also=[reading(second, 15.0)]) == ["set-back"]


def test_what_is_held_is_what_is_configured_at_the_level_of_occupancy():
    decision = assert_steady(setback(), FLOOR.view(15.0, now=EVENING))
    assert wanted(decision) == {FLOOR.fan.id: True, **{heat.id: 18.0 for heat in FLOOR.heat}}
    assert {demand.priority for demand in decision.demands} == {Priority.OCCUPANCY}
    assert decision.until == SIX


def test_one_zone_near_frost_is_freeze_protection_until_all_have_thawed():
    course = [[3.9] + [20.0] * 5, [7.0] + [20.0] * 5, [7.1] + [20.0] * 5]
    assert modes(*course) == ["freeze-protection", "freeze-protection", ""]
    assert modes([4.0] + [19.0] * 5) == [""]
    decision = assert_steady(setback(), FLOOR.view([3.9] + [20.0] * 5, now=EVENING))
    assert "alarm, level 3" in decision.demands[0].reason
    assert told(decision, "office-1") == ["alarm, level 3: 3.9 °C, freeze protection set-back"]


def test_frost_goes_before_set_back_and_set_back_before_damp():
    assert modes([3.0] * 6, [10.0] * 6) == ["freeze-protection", "set-back"]
    damp = Floor(1, humid=True)
    assert modes(15.0, floor=damp, percent=(90.0,)) == ["set-back"]


def test_humidity_and_dew_point_end_the_setback():
    damp = Floor(1, humid=True)
    for percent, celsius, mode in ((65.0, 20.0, ""), (65.1, 20.0, "dehumidify"), (60.0, 26.0, "dehumidify")):
        assert modes(celsius, floor=damp, percent=(percent,)) == [mode]  # 26 °C at 60 % has a dew point of 17.6 °C
    was = Limits(passed=("dehumidify",))
    assert modes(20.0, floor=damp, percent=(61.0,), memory=was) == ["dehumidify"]
    assert modes(20.0, floor=damp, percent=(60.0,), memory=was) == [""]
    assert modes(20.0, floor=damp, memory=was) == ["dehumidify"]  # not known: not yet dry


def test_a_zone_that_is_not_known_begins_nothing_and_ends_nothing():
    assert modes([15.0] * 4 + [None, 25.0]) == [""]  # four are known to be cold; the mean of the five is 17
    assert modes([15.0] * 5 + [None], [18.0] * 5 + [None], [18.0] * 6) == ["set-back", "set-back", ""]
    views = [FLOOR.view(celsius, now=EVENING) for celsius in (15.0, None, 16.5)]
    said = follow(setback(), views)
    assert [bool(decision.demands) for decision in said] == [True, False, True]
    assert told(said[1]) == ["no zone's temperature is known"]
    assert said[1].remarks[0].held


def test_by_day_there_is_no_setback_to_end():
    decision = assert_steady(setback(), FLOOR.view(10.0, now=NOON), Limits(passed=("set-back",)))
    assert (decision.demands, decision.memory) == ((), None)


def test_a_mode_without_values_demands_nothing_and_says_so():
    decision = assert_steady(setback(values={"set-up": True}), FLOOR.view(15.0, now=EVENING))
    assert not decision.demands
    assert told(decision) == ["set-back, and the configuration has no values for it"]


FREEZE_STAGES = [
    ("damper", Kind.ANALOG, 0.0),
    ("valve", Kind.ANALOG, 100.0),
    ("fan-speed", Kind.ANALOG, 0.0),
    ("airflow-setpoint", Kind.ANALOG, 0.0),
    ("start-stop-command", Kind.BINARY, False),
    ("start-stop-command", Kind.BINARY, "off"),
    ("mode", Kind.MULTISTATE, "off"),
    ("mode", Kind.MULTISTATE, 1),
    ("mode", Kind.MULTISTATE, 4),  # a state without a word
    ("mode", Kind.ANALOG, 0.0),
]


@pytest.mark.parametrize(("point_class", "kind", "value"), FREEZE_STAGES)
def test_the_stages_of_an_air_handlers_freeze_protection_are_never_commanded(point_class, kind, value):
    states = {Kind.BINARY: ("Off", "On"), Kind.MULTISTATE: ("Off", "Auto", "On")}.get(kind, ())
    stage = point("ahu-2/stage", point_class, kind=kind, unit="percent", states=states, space=None)
    floor = Floor(1, extra=(stage,))
    policy = setback(points=of_class(point_class), values=dict.fromkeys(STATES, value))
    for celsius in (2.0, 12.0, 36.0):
        assert stage.id not in wanted(assert_steady(policy, floor.view(celsius, now=EVENING)))


@pytest.mark.parametrize("type_", ["operating_room", "patient_room", "unknown", ""])
def test_only_ordinary_spaces_are_zones(type_):
    floor = Floor(6, type_=type_)
    assert not assert_steady(setback(), floor.view(2.0, now=EVENING)).demands


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.one_of(st.none(), st.floats(0, 40)), min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.sampled_from(STATES), unique=True).map(tuple),
)
def test_between_changes_the_answer_is_steady_and_asked_twice_it_is_the_same(courses, passed):
    floor, memory = Floor(3), Limits(passed=passed)
    for celsius in courses:
        decision = assert_steady(setback(), floor.view(celsius, now=EVENING), memory)
        memory = decision.memory
