"""Row 18 of domain.md section 4: lead and lag."""

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NOON
from pretend_plant import CRITICAL, Trace, named, sensor, sign, switch

from points.catalog import Catalog
from schedules.policies.lead_lag import LeadLag, Unit
from schedules.rotation import by_run_time, order


def trace(policy, *points, **rest):
    return Trace(policy, points, BERLIN, **rest)


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


def test_row_18_a_clock_that_was_put_back_keeps_nobody_failed_for_longer():
    pump = pumps().advance(minutes=5).read({"pump-a/sts": True})
    pump.now -= timedelta(hours=10)
    pump.ask().advance(minutes=60)
    assert pump.memory.order == ("a", "b", "c")


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


ALL_RUN = {f"pump-{name}/{what}": what == "sts" for name in NAMES for what in ("sts", "alarm")}
ALL_RUN |= {f"pump-{name}/hours": None for name in NAMES}
STILL_TOO_MUCH = [(1, ALL_RUN | {LOAD.id: None})] * 3 + [(450, ALL_RUN | {LOAD.id: 91.0})]  # for the new stage, too


@settings(max_examples=40, deadline=None)
@example(news=STILL_TOO_MUCH, at_least=1)
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
