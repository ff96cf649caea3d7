"""Rows 17, 18 and 20 of domain.md section 4: plant reset, lead and lag, restart after a power failure."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NOON
from pretend_plant import CRITICAL, Trace, named, sensor, sign, switch, unit_point

from points.catalog import Catalog
from schedules.policies.lead_lag import LeadLag, Unit
from schedules.policies.plant_reset import GUIDELINE, PlantReset
from schedules.policies.restart import Load, Moves, Restart, in_order
from schedules.rotation import by_run_time, order
from schedules.trim_respond import Trim


def trace(policy, *points, **rest):
    return Trace(policy, points, BERLIN, **rest)


# Row 17, plant reset.

WATER = unit_point("plant/chws-sp", "temperature-setpoint")
HEAD = unit_point("plant/dp-sp", "pressure-setpoint", unit="kilopascals")
CHILLERS = (sign("plant/ch-1"), sign("plant/ch-2"))
COILS = tuple(
    each
    for number in (1, 2)
    for each in (
        sensor(f"ahu-{number}/valve", "valve", unit="percent"),
        sensor(f"ahu-{number}/sat", "supply-air-temperature"),
        sensor(f"ahu-{number}/sat-sp", "temperature-setpoint"),
    )
)
CALM = {f"ahu-{number}/{key}": value for number in (1, 2) for key, value in (("valve", 40.0), ("sat", 13.0))}
CALM |= {f"ahu-{number}/sat-sp": 13.0 for number in (1, 2)}
RUNNING = {CHILLERS[0].id: True, CHILLERS[1].id: False}


def plant(**rest):
    given_ = {
        "temperatures": named(WATER),
        "pressures": named(HEAD),
        "coils": named(*COILS),
        "machines": named(*CHILLERS),
        "mildest_celsius": 12.0,
        "strongest_celsius": 6.0,
        "least_pascals": 40_000.0,
        "most_pascals": 120_000.0,
    }
    return PlantReset(name="chw", **{**given_, **rest})


def chilled(**rest):
    return trace(plant(**rest), WATER, HEAD, *CHILLERS, *COILS).read({**CALM, **RUNNING})


def test_row_17_five_requests_are_one_step_of_0_05():
    state = Trim(setpoint=0.4, started=NOON, due=NOON)
    assert GUIDELINE.step(state, 5, running=True, now=NOON).setpoint == 0.45  # -0.02 + min(3 x 0.03, 0.07)


@pytest.mark.parametrize(
    ("reset", "celsius", "pascals"),
    [(0.0, 12.0, 40_000.0), (0.25, 12.0, 80_000.0), (0.5, 12.0, 120_000.0), (0.75, 9.0, 120_000.0)],
)
def test_row_17_the_pressure_moves_first_and_then_the_temperature(reset, celsius, pascals):
    assert plant().setpoints(reset) == (celsius, pascals)
    assert plant(pressures=None).setpoints(1.0)[0] == 6.0


def test_row_17_it_begins_with_all_and_content_coils_let_it_go_step_by_step():
    water = chilled()
    assert water.values == {WATER.id: 6.0, HEAD.id: 120.0}
    assert water.advance(minutes=20).values == {WATER.id: 6.24, HEAD.id: 120.0}  # 0.98, after 900 s and one step
    assert water.advance(minutes=5 * 29).values[HEAD.id] < 120.0
    assert water.values[WATER.id] == 12.0
    water.read({"ahu-1/sat": 16.5, "ahu-2/sat": 15.5})  # 3 and 2 requests after 2 minutes
    before = water.memory.trim.setpoint
    assert water.advance(minutes=5).memory.trim.setpoint == pytest.approx(before + 0.05)
    assert "5 requests of 2 coils" in water.decision.demands[0].reason


def test_row_17_nothing_moves_for_15_minutes_after_a_machine_started():
    water = chilled().advance(minutes=40)
    before = water.values
    water.read({CHILLERS[1].id: True})
    assert water.advance(minutes=14, seconds=59).values == before
    assert water.advance(seconds=1).values != before


def test_row_17_hot_water_is_the_other_way_round():
    hot = trace(
        plant(mildest_celsius=45.0, strongest_celsius=65.0, heats=True, pressures=None), WATER, *CHILLERS, *COILS
    ).read({**CALM, **RUNNING})
    assert hot.values == {WATER.id: 65.0}
    assert hot.advance(hours=2).values[WATER.id] < 65.0
    hot.read({"ahu-1/sat": -5.0, "ahu-2/sat": 4.5})  # 18 and 8.5 K short: 3 and 2 requests after 5 minutes
    before = hot.memory.trim.setpoint
    assert hot.advance(minutes=10).memory.trim.setpoint > before


def test_row_17_what_is_not_known_trims_nothing_or_demands_nothing():
    water = chilled().read({"ahu-2/valve": None})
    assert water.advance(hours=2).values == {WATER.id: 6.0, HEAD.id: 120.0}
    assert water.held == ["what it needs is not known, so nothing is trimmed"]
    assert water.read({"ahu-1/valve": None}).values == {}
    assert water.read({**CALM, CHILLERS[0].id: None}).values == {}
    assert water.read({CHILLERS[0].id: False}).values == {}
    assert water.remarks == ["no machine of the plant runs"]


def test_row_17_a_plant_that_serves_critical_rooms_is_nobodys():
    critical = unit_point("plant/chws-sp", "temperature-setpoint", **CRITICAL)
    water = trace(plant(pressures=None), critical, *CHILLERS, *COILS).read({**CALM, **RUNNING})
    assert (water.values, water.remarks) == ({}, ["it selects no setpoint that a policy may hold"])


COIL_NEWS = st.fixed_dictionaries(
    {
        **{f"ahu-{number}/valve": st.one_of(st.none(), st.floats(0, 100)) for number in (1, 2)},
        **{f"ahu-{number}/sat": st.one_of(st.none(), st.floats(5, 30)) for number in (1, 2)},
        **{chiller.id: st.sampled_from([True, True, False, None]) for chiller in CHILLERS},
    }
)


@settings(max_examples=25, deadline=None)
@given(news=st.lists(st.tuples(st.integers(1, 7200), COIL_NEWS), min_size=1, max_size=6))
def test_whatever_is_read_water_and_pressure_stay_within_their_limits(news):
    water = chilled()
    for seconds, values in news:
        water.read(values).advance(seconds=seconds)
    for _, values in water.told:
        assert 6.0 <= values.get(WATER.id, 6.0) <= 12.0
        assert 40.0 <= values.get(HEAD.id, 40.0) <= 120.0
        assert len(values) in (0, 2)
        assert values.get(HEAD.id, 120.0) == 120.0 or values[WATER.id] == 12.0  # pressure first


# Row 18, lead and lag.

NAMES = ("a", "b", "c")
LOAD = sensor("plant/load", "unknown", unit="percent")
PUMPS = tuple(
    each
    for name in NAMES
    for each in (
        switch(f"pump-{name}/cmd"),
        sign(f"pump-{name}/sts"),
        sensor(f"pump-{name}/hours", "run-time", unit="hours"),
        sign(f"pump-{name}/alarm", "alarm", states=("Normal", "Alarm")),
    )
)
UNITS = tuple(
    Unit(
        name=name,
        command=f"pump-{name}/cmd",
        status=f"pump-{name}/sts",
        hours=f"pump-{name}/hours",
        alarm=f"pump-{name}/alarm",
    )
    for name in NAMES
)
OFF = {f"pump-{name}/{key}": False for name in NAMES for key in ("sts", "alarm")}
HOURS = {"pump-a/hours": 100.0, "pump-b/hours": 90.0, "pump-c/hours": 120.0}


def pumps(**rest):
    policy = LeadLag(name="pumps", units=UNITS, **{"load": named(LOAD), **rest})
    return trace(policy, LOAD, *PUMPS).read({**OFF, **HOURS, LOAD.id: 50.0})


def told(pump):
    return {point.split("/")[0][-1]: value for point, value in pump.values.items()}


def test_row_18_100_90_and_120_hours_all_off_is_b_a_c_and_with_b_in_alarm_a_c_b():
    hours = {"a": 100.0, "b": 90.0, "c": 120.0}
    assert by_run_time(NAMES, hours, {}) == ("b", "a", "c")
    assert by_run_time(NAMES, hours, {"b": NOON}) == ("a", "c", "b")
    later = {"b": NOON, "a": NOON + timedelta(seconds=1)}
    assert by_run_time(NAMES, hours, later) == ("c", "b", "a")  # the most recent alarm last
    pump = pumps()
    assert (pump.memory.order, told(pump)) == (("b", "a", "c"), {"b": True})
    pump.read({"pump-b/alarm": True})
    assert (pump.memory.order, told(pump)) == (("a", "c", "b"), {"a": True})


def test_row_18_the_others_are_off_once_the_lead_surely_runs_and_never_before():
    pump = pumps().read({"pump-b/sts": True})
    assert told(pump) == {"b": True, "a": False, "c": False}
    pump.read({"pump-b/alarm": True})  # it still runs, and is held until the next one does
    assert told(pump) == {"a": True, "b": True}
    assert told(pump.read({"pump-a/sts": True})) == {"a": True, "c": False}


def test_row_18_one_that_was_told_to_run_and_does_not_has_failed_and_is_tried_again_later():
    pump = pumps()
    assert told(pump.advance(minutes=4, seconds=59)) == {"b": True}
    assert told(pump.advance(seconds=1)) == {"a": True}
    pump.read({"pump-a/sts": True})
    assert pump.memory.order[-1] == "b"
    pump.advance(minutes=60)
    assert pump.memory.order == ("a", "b", "c")  # counted on again, behind the one that runs


def test_row_18_one_that_runs_after_all_has_not_failed():
    pump = pumps().advance(minutes=5)
    assert pump.memory.order == ("a", "c", "b")
    pump.read({"pump-b/sts": True})
    assert (pump.memory.order, told(pump)) == (("b", "a", "c"), {"b": True, "a": False, "c": False})


def test_row_18_a_stage_follows_the_load_and_lasts_its_least_time():
    pump = pumps().read({"pump-b/sts": True, LOAD.id: 95.0})
    assert told(pump.advance(minutes=14, seconds=59)) == {"b": True, "a": False, "c": False}
    assert told(pump.advance(seconds=1)) == {"b": True, "a": True}
    pump.read({"pump-a/sts": True, LOAD.id: 30.0})  # 60 % for one of them
    assert told(pump.advance(minutes=14, seconds=59)) == {"b": True, "a": True, "c": False}
    assert told(pump.advance(seconds=1)) == {"b": True, "a": False, "c": False}


def test_row_18_a_load_that_swings_faster_than_a_stage_may_last_changes_it_no_sooner():
    pump = pumps(change_minutes=5.0).read({"pump-b/sts": True, LOAD.id: 95.0}).advance(minutes=15)
    assert told(pump) == {"b": True, "a": True}
    pump.read({"pump-a/sts": True, LOAD.id: 30.0})
    assert told(pump.advance(minutes=14, seconds=59)) == {"b": True, "a": True, "c": False}
    assert told(pump.advance(seconds=1)) == {"b": True, "a": False, "c": False}


def test_row_18_a_load_that_is_not_known_changes_no_stage():
    pump = pumps().read({"pump-b/sts": True, LOAD.id: 95.0}).advance(minutes=10).read({LOAD.id: None})
    assert told(pump.advance(hours=3)) == {"b": True, "a": False, "c": False}
    assert pump.held == ["the load is not known, so the stage stays"]
    assert told(pump.read({LOAD.id: 95.0}).advance(minutes=14)) == {"b": True, "a": False, "c": False}


def test_row_18_who_has_run_a_week_longer_than_one_that_waits_swaps_with_it():
    pump = pumps().read({"pump-b/sts": True, "pump-b/hours": 268.0})
    assert told(pump) == {"b": True, "a": False, "c": False}
    pump.read({"pump-b/hours": 268.1})
    assert told(pump) == {"a": True, "b": True}
    assert told(pump.read({"pump-a/sts": True})) == {"a": True, "b": False, "c": False}


def test_row_18_one_that_is_not_known_is_skipped_but_held_if_it_was_running():
    pump = pumps().read({"pump-b/sts": None})
    assert told(pump) == {"a": True, "b": True}
    assert "its state is not known: it is not counted on" in pump.held
    assert told(pump.read({"pump-a/sts": True})) == {"a": True, "c": False}


def test_row_18_without_leave_for_all_of_them_it_says_nothing():
    units = (*UNITS[:1], Unit(name="x", command="pump-x/cmd", status="pump-a/sts", hours="pump-a/hours"))
    policy = LeadLag(name="pumps", units=units)
    critical = switch("pump-x/cmd", **CRITICAL)
    pump = trace(policy, *PUMPS, critical).read(OFF)
    assert (pump.values, pump.remarks) == ({}, ["pump-x/cmd is nothing that a policy may start and stop"])
    assert list(policy.problems(Catalog.of([], PUMPS))) == ["there is no point pump-x/cmd"]


@given(
    before=st.permutations(NAMES),
    hours=st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1e5)),
    failed=st.dictionaries(st.sampled_from(NAMES), st.datetimes()),
    on=st.lists(st.sampled_from(NAMES), unique=True),
)
def test_an_order_is_a_permutation_with_the_failed_last(before, hours, failed, on):
    line = order(before, NAMES, hours, failed, on, swap_hours=168.0)
    assert sorted(line) == sorted(NAMES)
    assert set(line[len(line) - len(failed) :]) == set(failed)
    assert list(line[len(line) - len(failed) :]) == sorted(failed, key=lambda name: (failed[name], NAMES.index(name)))


STATE = st.sampled_from([True, True, False, None])
PUMP_NEWS = st.fixed_dictionaries(
    {
        **{f"pump-{name}/sts": STATE for name in NAMES},
        **{f"pump-{name}/alarm": st.sampled_from([False, False, True, None]) for name in NAMES},
        **{f"pump-{name}/hours": st.one_of(st.none(), st.floats(0, 1000)) for name in NAMES},
        LOAD.id: st.one_of(st.none(), st.floats(0, 110)),
    }
)


@settings(max_examples=40, deadline=None)
@given(news=st.lists(st.tuples(st.integers(1, 3600), PUMP_NEWS), min_size=1, max_size=8), at_least=st.integers(1, 2))
def test_whatever_happens_one_is_only_switched_off_while_as_many_as_are_needed_surely_run(news, at_least):
    pump = pumps(at_least=at_least)
    for seconds, values in news:
        pump.read(values)
        for _ in range(2):
            orders = told(pump)
            running = [name for name in orders if orders[name] and values[f"pump-{name}/sts"]]
            if False in orders.values():
                assert len(running) >= pump.memory.stage >= at_least
            assert sorted(pump.memory.order) == sorted(NAMES)
            pump.advance(seconds=seconds)


# Row 20, restart after a power failure.

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
