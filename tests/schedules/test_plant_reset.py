"""Row 17 of domain.md section 4: plant reset."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NOON
from pretend_plant import CRITICAL, Trace, named, sensor, sign, unit_point

from schedules.policies.plant_reset import GUIDELINE, PlantReset
from schedules.trim_respond import Trim


def trace(policy, *points, **rest):
    return Trace(policy, points, BERLIN, **rest)


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
