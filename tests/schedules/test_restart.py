"""Row 20 of domain.md section 4: restart after a power failure."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from pretend_office import BERLIN
from pretend_plant import CRITICAL, Trace, named, sign, switch

from schedules.policies.restart import Load, Moves, Restart, in_order


def trace(policy, *points, **rest):
    return Trace(policy, points, BERLIN, **rest)


SWITCH = sign("ats/emergency")
LOADS = tuple(switch(f"load-{number}/cmd") for number in range(8))


def restart(*loads, cap=1000.0, **rest):
    given_ = loads or tuple(Load(point=each.id, kilowatts=10.0) for each in LOADS)
    return Restart(name="restart", on_emergency=named(SWITCH), loads=given_, cap_kilowatts=cap, **rest)


def held_off(power):
    return [int(point[5]) for point, value in power.values.items() if value is False]


def test_row_20_of_8_loads_15_seconds_apart_the_last_starts_at_105_seconds():
    power = trace(restart(), SWITCH, *LOADS).read({SWITCH.id: False})
    assert (power.values, power.decision.until) == ({}, None)  # nothing failed as long as anybody knows
    power.read({SWITCH.id: True})
    power.start = power.now
    power.told.clear()
    power.advance(minutes=10)
    assert [(at, len(values)) for at, values in power.told] == [(15.0 * n, 7 - n) for n in range(1, 8)]
    assert {demand.priority for demand in power.decision.demands} <= {13}
    power.read({SWITCH.id: False})  # the way back to normal power is staggered, too
    assert len(held_off(power)) == 7
    assert held_off(power.advance(seconds=104)) == [7]
    assert held_off(power.advance(seconds=1)) == []


def test_row_20_first_seen_on_the_generator_the_power_has_just_failed():
    assert len(held_off(trace(restart(), SWITCH, *LOADS).read({SWITCH.id: True}))) == 7


def test_row_20_on_the_generator_the_cap_is_never_exceeded_and_what_is_not_wanted_waits():
    loads = [
        Load(point=each.id, kilowatts=kilowatts, on_generator=number != 4)
        for number, (each, kilowatts) in enumerate(zip(LOADS, (30, 40, 50, 20, 5, 10, 1, 90), strict=True))
    ]
    power = trace(restart(*loads, cap=101.0), SWITCH, *LOADS).read({SWITCH.id: True}).advance(hours=1)
    assert held_off(power) == [2, 4, 7]  # 30 + 40 + 20 + 10 + 1 = 101
    assert "50 kW wait for normal power: no room under the cap" in [each.reason for each in power.decision.demands]
    assert held_off(power.read({SWITCH.id: False}).advance(seconds=105)) == []


def test_row_20_exhaust_before_supply_in_negative_rooms_and_supply_before_return_in_positive_ones():
    moves = (Moves.NEGATIVE_SUPPLY, Moves.POSITIVE_RETURN, Moves.NOTHING, Moves.POSITIVE_SUPPLY, Moves.NEGATIVE_EXHAUST)
    loads = [Load(point=each.id, kilowatts=1.0, moves=move) for each, move in zip(LOADS, moves, strict=False)]
    assert [int(load.point[5]) for load in in_order(loads)] == [2, 3, 1, 4, 0]


def test_row_20_air_is_not_blown_in_where_none_may_be_drawn_out():
    loads = (
        Load(point=LOADS[0].id, kilowatts=90.0, moves=Moves.NEGATIVE_EXHAUST),
        Load(point=LOADS[1].id, kilowatts=5.0, moves=Moves.NEGATIVE_SUPPLY),
    )
    power = trace(restart(*loads, cap=50.0), SWITCH, *LOADS).read({SWITCH.id: True}).advance(hours=1)
    assert held_off(power) == [0, 1]


def test_row_20_a_source_that_is_not_known_begins_nothing_and_ends_nothing_for_half_an_hour():
    power = trace(restart(cap=35.0), SWITCH, *LOADS).read({SWITCH.id: None})
    assert (power.values, power.held) == ({}, ["where the power comes from is not known"])
    power.read({SWITCH.id: True}).advance(seconds=20).read({SWITCH.id: None})
    assert held_off(power) == [2, 3, 4, 5, 6, 7]
    assert held_off(power.advance(minutes=29)) == [3, 4, 5, 6, 7]
    assert held_off(power.advance(minutes=1)) == []


def test_row_20_a_restart_of_the_agent_forgets_no_turn():
    power = trace(restart(), SWITCH, *LOADS).read({SWITCH.id: True}).advance(seconds=50)
    later = trace(restart(), SWITCH, *LOADS, start=power.now, memory=power.memory).read({SWITCH.id: True})
    assert later.values == power.values


def test_row_20_speaks_for_comfort_alone():
    policy = restart(Load(point=LOADS[0].id, kilowatts=1.0), Load(point="load-9/cmd", kilowatts=1.0))
    critical = switch("load-9/cmd", **CRITICAL)
    power = trace(policy, SWITCH, LOADS[0], critical, spaces=()).read({SWITCH.id: True})
    assert power.values == {}
    assert policy.problems(power.catalog) == ("load-9/cmd is nothing that a policy may hold off",)


LOAD_LISTS = st.lists(
    st.tuples(st.floats(0.1, 100), st.sampled_from(Moves), st.booleans()), min_size=1, max_size=8
).map(
    lambda drawn: tuple(
        Load(point=LOADS[n].id, kilowatts=kw, moves=moves, on_generator=on) for n, (kw, moves, on) in enumerate(drawn)
    )
)


@given(loads=LOAD_LISTS, cap=st.floats(1, 300), spacing=st.floats(10, 30))
def test_turns_are_spaced_and_in_order_and_never_above_the_cap(loads, cap, spacing):
    policy = restart(*loads, cap=cap, spacing_seconds=spacing)
    line = in_order(loads)
    assert sorted(line, key=loads.index) == list(loads)  # a permutation
    turns = policy.turns(line, emergency=True)
    started = [load for load, turn in zip(line, turns, strict=True) if turn is not None]
    assert sum(load.kilowatts for load in started) <= cap + 1e-9
    assert all(load.on_generator for load in started)
    assert [turn for turn in turns if turn is not None] == [timedelta(seconds=n * spacing) for n in range(len(started))]
    everybody = policy.turns(line, emergency=False)
    assert everybody == [timedelta(seconds=n * spacing) for n in range(len(loads))]
    moves = [load.moves for load in line]
    for waits, first in (
        (Moves.NEGATIVE_SUPPLY, Moves.NEGATIVE_EXHAUST),
        (Moves.POSITIVE_RETURN, Moves.POSITIVE_SUPPLY),
    ):
        if waits in moves and first in moves:
            assert moves.index(waits) > max(n for n, move in enumerate(moves) if move is first)
