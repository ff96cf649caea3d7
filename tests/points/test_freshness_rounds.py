"""The pure parts of keeping time: slots, rounds and the agenda."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend import PretendDevice, a_point

from points.freshness.agenda import NEVER, Agenda
from points.freshness.rounds import POLLED_AT_ONCE, Portion, Rounds
from points.freshness.states import Cov, PointState, next_slot, phase_of
from points.model import DeviceId

DEVICE = DeviceId("ahu-1")
NOW = 1_741_000_000.0
periods = st.sampled_from([2.5, 5.0, 7.5, 15.0, 30.0, 150.0, 450.0])


def states(*deadlines: float) -> list[PointState]:
    device = PretendDevice()
    return [
        PointState(point=a_point(device, number), deadline=deadline, since=NOW)
        for number, deadline in enumerate(deadlines)
    ]


@given(now=st.floats(0, 4e9), period=periods, device=st.text(max_size=10))
def test_a_slot_lies_ahead_by_one_period_at_most(now: float, period: float, device: str) -> None:
    slot = next_slot(now, period, phase_of(DeviceId(device), period))
    assert now < slot <= now + period * (1 + 1e-6)


@given(now=st.floats(0, 4e9), period=periods, slots=st.integers(1, 1000))
def test_slots_do_not_drift(now: float, period: float, slots: int) -> None:
    phase = phase_of(DEVICE, period)
    first = slot = next_slot(now, period, phase)
    for _ in range(slots):
        slot = next_slot(slot, period, phase)
    assert slot == pytest.approx(first + slots * period, abs=1e-3)


@given(
    deadlines=st.lists(st.sampled_from([10.0, 30.0, 60.0]), min_size=1, max_size=3 * POLLED_AT_ONCE),
    takes=st.lists(st.floats(0.001, 4.0), min_size=1, max_size=20),
)
def test_every_point_is_polled_in_its_slots_and_no_slot_twice(deadlines: list[float], takes: list[float]) -> None:
    kept = states(*deadlines)
    rounds = Rounds(DEVICE, kept, NOW)
    polled: dict[PointState, list[float]] = {state: [] for state in kept}
    now, turn = NOW, 0
    while now < NOW + 200:
        now = max(now, rounds.next_at)
        round_ = rounds.due(now)
        assert round_ is not None
        for state in round_.portion().states:
            polled[state].append(now)
        now += takes[turn % len(takes)]
        turn += 1
        round_.polled(now)
    for state, times in polled.items():
        slots = [math.floor((at - phase_of(DEVICE, state.period)) / state.period + 1e-6) for at in times]
        assert all(earlier < later for earlier, later in pairwise(slots))
        if sum(takes) / len(takes) < 0.1:  # otherwise the device is too slow for all of them
            assert len(slots) >= 200 // state.period


def test_a_device_too_slow_for_all_of_its_points_still_polls_all_of_them() -> None:
    urgent, other, slow = states(10.0, 12.0, 60.0)
    rounds = Rounds(DEVICE, [urgent, other, slow], NOW)
    polled: list[PointState] = []
    now = NOW
    for _ in range(40):
        round_ = rounds.due(now)
        assert round_ is not None
        polled += round_.portion().states
        now += 6.0  # more than the periods of the urgent ones
        round_.polled(now)
        now = max(now, rounds.next_at)
    assert polled.count(slow) >= 4
    assert polled.count(urgent) >= 12


def test_the_most_urgent_round_goes_first() -> None:
    slow, urgent = states(60.0, 10.0)
    rounds = Rounds(DEVICE, [slow, urgent], NOW)
    round_ = rounds.due(NOW)
    assert round_ is not None
    assert round_.portion().states == (urgent,)


def test_a_slot_that_was_missed_is_skipped_and_counted() -> None:
    (state,) = states(10.0)
    rounds = Rounds(DEVICE, [state], NOW)
    round_ = rounds.due(NOW)
    assert round_ is not None
    round_.portion()
    round_.polled(NOW + 23.0)  # slots are five seconds apart
    assert rounds.missed == 4 + (next_slot(NOW, 5.0, phase_of(DEVICE, 5.0)) <= NOW + 3.0)
    assert NOW + 23.0 < rounds.next_at <= NOW + 28.0


def test_a_point_that_loses_its_subscription_goes_into_a_more_frequent_round() -> None:
    (state,) = states(60.0)
    state.cov, state.vouched = Cov.HELD, True
    rounds = Rounds(DEVICE, [state], NOW)
    assert not rounds.placed(state, NOW)
    state.vouched = False
    assert rounds.placed(state, NOW)
    assert NOW < rounds.next_at <= NOW + 30.0
    state.vouched = True
    assert not rounds.placed(state, NOW)


def test_who_joins_a_round_under_way_is_polled_in_its_next_slot() -> None:
    many = states(*[60.0] * (POLLED_AT_ONCE + 10))
    many[0].cov, many[0].vouched = Cov.HELD, True
    rounds = Rounds(DEVICE, many, NOW)
    round_ = rounds.due(NOW)
    assert round_ is not None
    first = round_.portion().states
    many[0].vouched = False
    rounds.placed(many[0], NOW)
    round_.polled(NOW)
    second = round_.portion().states
    round_.polled(NOW)
    assert sorted(s.point.id for s in first + second) == sorted(s.point.id for s in many[1:])
    assert many[0] in round_.portion().states


def test_points_that_are_asked_for_the_same_again_are_asked_with_the_same_tuple() -> None:
    one, other = states(60.0, 60.0)
    portion = Portion([one, other])
    portion.prepare()
    wanted = portion.wanted
    assert [property_.name for property_ in wanted] == ["present-value", "status-flags"] * 2
    portion.prepare()
    assert portion.wanted is wanted
    other.without_flags()
    portion.prepare()
    assert [property_.name for property_ in portion.wanted] == ["present-value", "status-flags", "present-value"]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(0, 5), st.floats(0, 100)),
            st.tuples(st.just("drop"), st.integers(0, 5), st.just(0.0)),
            st.tuples(st.just("take"), st.just(0), st.floats(0, 100)),
            st.tuples(st.just("hasten"), st.just(0), st.floats(0, 100)),
        ),
        max_size=200,
    )
)
def test_an_agenda_is_a_table_of_times(steps: list[tuple[str, int, float]]) -> None:
    agenda: Agenda[int] = Agenda()
    table: dict[int, float] = {}
    for what, thing, at in steps:
        match what:
            case "put":
                agenda.put(thing, at)
                table[thing] = at
            case "drop":
                agenda.drop(thing)
                table.pop(thing, None)
            case "hasten":
                agenda.hasten(at)
                table = {which: min(when, at) for which, when in table.items()}
            case _:
                taken = agenda.take(at)
                assert [table[which] for which in taken] == sorted(when for when in table.values() if when <= at)
                table = {which: when for which, when in table.items() if when > at}
        assert set(agenda) == set(table)
        assert agenda.next_at == min(table.values(), default=NEVER)


def test_an_agenda_does_not_grow_with_what_is_forgotten() -> None:
    agenda: Agenda[str] = Agenda()
    for at in range(10_000):
        agenda.put("renewal", float(at))
    assert len(agenda) == 1
    assert len(agenda._heap) < 100
    assert agenda.take(9_999.0) == ["renewal"]
