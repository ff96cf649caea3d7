from datetime import timedelta

import pytest
from desk_bench import FAN, SETPOINT
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import NOON, ManualClock

from facility.pace import STEP, Pace, Paces, next_step, ramp_lasts, too_fast
from facility.profiles.model import CommandRule

SECOND = timedelta(seconds=1)


def test_two_writes_are_spaced_as_the_rule_says():
    rule, pace = CommandRule(spacing_s=60, source="the maker"), Pace((NOON,))
    said = too_fast(SETPOINT, 18.0, rule, pace, NOON + 20 * SECOND)
    assert (said.rule, said.later) == ("spacing", 40 * SECOND)
    assert "the maker; not verified at this site" in said.text
    assert too_fast(SETPOINT, 18.0, rule, pace, NOON + 60 * SECOND) is None


def test_writes_of_an_hour_are_counted():
    rule, pace = CommandRule(per_hour=2), Pace((NOON, NOON + 60 * SECOND))
    said = too_fast(SETPOINT, 18.0, rule, pace, NOON + 120 * SECOND)
    assert (said.rule, said.later) == ("per-hour", timedelta(hours=1) - 120 * SECOND)
    assert too_fast(SETPOINT, 18.0, rule, pace, NOON + timedelta(hours=1)) is None


@pytest.mark.parametrize("on", [True, False])
def test_what_was_switched_stays_so_for_its_minimum_time(on):
    rule = CommandRule(minimum_on_s=300, minimum_off_s=600)
    pace = Pace((NOON,), NOON, NOON, on)
    least = 300 if on else 600
    said = too_fast(FAN, not on, rule, pace, NOON + 100 * SECOND)
    assert (said.rule, said.later) == (f"minimum-{'on' if on else 'off'}", (least - 100) * SECOND)
    assert too_fast(FAN, on, rule, pace, NOON + SECOND) is None  # the same again switches nothing
    assert too_fast(FAN, not on, rule, pace, NOON + least * SECOND) is None


def test_the_steps_of_a_ramp_hold_nobody_up():
    paces = Paces(ManualClock().now)
    paces.wrote(SETPOINT, 18.0, is_step=True)
    assert too_fast(SETPOINT, 18.0, CommandRule(spacing_s=60, per_hour=1), paces.of(SETPOINT.id), NOON) is None


def test_a_clock_that_was_put_back_holds_nothing_up():
    rule = CommandRule(spacing_s=60, per_hour=1)
    assert too_fast(SETPOINT, 18.0, rule, Pace((NOON,)), NOON - timedelta(hours=2)) is None


def test_switching_is_remembered_from_the_last_change_and_letting_go_ends_it():
    clock = ManualClock()
    paces = Paces(clock.now)
    paces.wrote(FAN, True)
    clock.advance(seconds=60)
    paces.wrote(FAN, True)
    assert (paces.of(FAN.id).switched, len(paces.of(FAN.id).writes)) == (NOON, 2)
    paces.wrote(FAN, None)
    assert paces.of(FAN.id).on is None
    clock.advance(hours=2)
    paces.wrote(FAN, False)
    assert len(paces.of(FAN.id).writes) == 1


def test_what_stands_from_before_a_restart_has_its_minimum_time_too():
    paces = Paces(ManualClock().now)
    paces.stood(FAN.id, True, NOON - 60 * SECOND)
    said = too_fast(FAN, False, CommandRule(minimum_on_s=300), paces.of(FAN.id), NOON)
    assert (said.rule, said.later) == ("minimum-on", 240 * SECOND)


@given(at=st.floats(0, 1000), goal=st.floats(0, 1000), percent=st.floats(1, 500), full=st.floats(1, 1000))
def test_a_ramp_arrives_in_time_never_overshoots_and_never_goes_faster(at, goal, percent, full):
    rule = CommandRule(ramp_per_minute=percent)
    lasts, reach, steps = ramp_lasts(at, goal, rule, full), full * percent / 100 * (STEP / timedelta(minutes=1)), 0
    while at != goal:
        step = next_step(at, goal, rule, full)
        assert abs(step - at) <= reach + 2e-3 + 1e-5 * full
        assert min(at, goal) - 1e-3 <= step <= max(at, goal) + 1e-3
        at, steps = step, steps + 1
        assert steps * STEP <= lasts * 1.3 + 2 * STEP or reach < 0.05
        if steps > 500:
            return


def test_without_a_ramp_or_a_range_the_goal_is_written_at_once():
    assert next_step(0.0, 50.0, CommandRule(), 100.0) == 50.0
    assert next_step(0.0, 50.0, CommandRule(ramp_per_minute=25), 0.0) == 50.0
