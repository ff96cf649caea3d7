import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.fitting import fitted
from facility.guard import Limits, Surroundings, judge
from facility.model import Command
from points.model import (
    Access,
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Reading,
    Ref,
    Safety,
    Source,
    StatusFlags,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REF = Ref(device=DeviceRef(network=0, address="10.0.0.1", instance=1), object_type="analog-value", instance=1)
SETPOINT = Point(
    id=PointId("ahu-1/sp"),
    device=DeviceId("ahu-1"),
    ref=REF,
    name="SP",
    kind=Kind.ANALOG,
    unit="degrees-celsius",
    low=10.0,
    high=30.0,
    commandable=True,
    safety=Safety.COMFORT,
)
FAN = replace(SETPOINT, id=PointId("ahu-1/fan"), kind=Kind.BINARY, unit="", low=None, high=None)
MODE = replace(FAN, id=PointId("ahu-1/mode"), kind=Kind.MULTISTATE, states=("Off", "Auto", "Heat"))
COUNT = replace(SETPOINT, ref=replace(REF, object_type="integer-value"), low=None, high=None)
LENGTH = replace(COUNT, ref=replace(REF, object_type="positive-integer-value"))
PRECISE = replace(COUNT, ref=replace(REF, object_type="large-analog-value"))
SIGN = replace(FAN, id=PointId("ahu-1/sign"), kind=Kind.TEXT)
GOOD = Reading(point=SETPOINT.id, value=20.0, time=NOON, at=NOON, quality=Quality.GOOD, source=Source.POLL)
OVERRIDE = Command(
    point=SETPOINT.id,
    value=18.0,
    priority=Priority.OPERATOR,
    by="user:mchen",
    reason="too warm in 4.12",
    lasts=timedelta(hours=2),
)
DEMAND = replace(OVERRIDE, by="policy:night", priority=Priority.SCHEDULE, lasts=timedelta(minutes=15))


def verdict(command=OVERRIDE, point=SETPOINT, limits=None, reading=GOOD):
    return judge(command, point, Surroundings(now=NOON, limits=limits, reading=reading))


@pytest.mark.parametrize("command", [OVERRIDE, DEMAND, replace(OVERRIDE, value=20, lasts=timedelta(minutes=15))])
def test_an_ordinary_wish_is_allowed(command):
    assert verdict(command).decision == "allowed"


@pytest.mark.parametrize("level", [-1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 16, 17])
@pytest.mark.parametrize("value", [18.0, None])
def test_levels_that_are_not_ours_are_never_used(level, value):
    said = verdict(replace(OVERRIDE, priority=level, value=value))
    assert (said.decision, said.rule) == ("refused", "level")
    assert "8, 10, 12, 13, 14, 15" in said.instead


def test_a_level_may_come_as_a_plain_number():
    assert not verdict(replace(OVERRIDE, priority=8)).refused
    assert not verdict(replace(DEMAND, priority=15)).refused


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"safety": Safety.MEDICAL}, "medical equipment"),
        ({"safety": Safety.LIFE_SAFETY}, "life-safety"),
        ({"safety": Safety.UNKNOWN}, "not known well enough"),
        ({"commandable": False}, "no priority array"),
        ({"present": False}, "did not find it"),
        ({"locked": True}, "configuration says so"),
        ({"quarantined": True}, "quarantine until somebody has looked at it (`facility approve ahu-1`)"),
        ({"quarantined": True, "safety": Safety.MEDICAL}, "medical equipment"),
        ({"quarantined": True, "commandable": False}, "no priority array"),
    ],
)
@pytest.mark.parametrize("command", [OVERRIDE, DEMAND, replace(OVERRIDE, value=None)])
def test_a_monitor_only_point_is_never_written_and_says_why(change, why, command):
    said = verdict(command, replace(SETPOINT, **change))
    assert (said.decision, said.rule) == ("refused", "monitor-only")
    assert why in said.why


def test_no_policy_holds_a_critical_point_but_an_operator_may():
    critical = replace(SETPOINT, safety=Safety.CRITICAL)
    assert verdict(DEMAND, critical).rule == "critical"
    assert verdict(DEMAND, critical).refused
    said = verdict(OVERRIDE, critical)
    assert (said.decision, said.rule) == ("warning", "critical")


def test_operators_and_policies_keep_to_their_levels():
    assert verdict(replace(OVERRIDE, priority=Priority.SCHEDULE)).rule == "operators-level"
    assert verdict(replace(DEMAND, priority=Priority.OPERATOR)).rule == "operators-level"


@pytest.mark.parametrize(
    "lasts", [None, timedelta(0), timedelta(seconds=-5), timedelta(seconds=59), timedelta(hours=24, seconds=1)]
)
def test_every_override_ends(lasts):
    assert verdict(replace(OVERRIDE, lasts=lasts)).rule == "expiry"


@pytest.mark.parametrize("lasts", [None, timedelta(0), timedelta(days=2)])
def test_every_hold_of_a_policy_ends(lasts):
    assert verdict(replace(DEMAND, lasts=lasts)).rule == "expiry"


@pytest.mark.parametrize("reason", ["", "abc", "  a  "])
def test_every_override_has_a_reason(reason):
    assert verdict(replace(OVERRIDE, reason=reason)).rule == "reason"


def test_to_let_go_needs_neither_reason_nor_end():
    assert verdict(replace(OVERRIDE, value=None, reason="", lasts=None)).decision == "allowed"
    assert verdict(replace(OVERRIDE, value=None), reading=None).decision == "allowed"
    assert verdict(replace(OVERRIDE, value=None, priority=Priority.SCHEDULE)).decision == "allowed"


@pytest.mark.parametrize(
    ("value", "bound"), [(9.9, "below the lowest allowed, 10"), (30.5, "above the highest allowed, 30")]
)
def test_the_device_s_own_limits(value, bound):
    said = verdict(replace(OVERRIDE, value=value))
    assert said.rule == "limits"
    assert bound in said.why
    assert (said.instead, said.source) == ("Allowed: 10 to 30 °C.", "the device's own limits")


@pytest.mark.parametrize(
    ("limits", "value", "allowed"),
    [
        (Limits(low=18, high=24, source="ASHRAE 170"), 17.0, "18 to 24 °C. [ASHRAE 170]"),
        (Limits(low=18, high=None, source="site"), 17.0, "18 or more"),
        (Limits(low=None, high=24, source="site"), 25.0, "24 or less"),
    ],
)
def test_the_limits_of_the_profile(limits, value, allowed):
    said = verdict(replace(OVERRIDE, value=value), limits=limits)
    assert said.rule == "limits"
    assert allowed in said.text


def test_limits_of_the_profile_let_pass_what_is_within():
    assert not verdict(limits=Limits(low=16, high=24, source="site")).refused


@pytest.mark.parametrize("limit", [math.nan, None])
def test_a_limit_that_is_no_number_is_no_limit(limit):
    assert not verdict(replace(OVERRIDE, value=1e6), replace(SETPOINT, low=limit, high=limit, unit="")).refused


@pytest.mark.parametrize(
    ("point", "value", "expected"),
    [
        (SETPOINT, 18, 18.0),
        (SETPOINT, True, None),
        (SETPOINT, "18", None),
        (SETPOINT, math.nan, None),
        (SETPOINT, math.inf, None),
        (replace(SETPOINT, high=None), 3.4e38, 3.4e38),
        (replace(SETPOINT, high=None), 1e39, None),
        (PRECISE, -1e39, -1e39),
        pytest.param(PRECISE, 10**400, None, id="an integer that no float can be"),
        (COUNT, -20, -20.0),
        (COUNT, 20.5, None),
        (COUNT, 2.0**31, None),
        (LENGTH, 0, 0.0),
        (LENGTH, 2**32 - 1, 2.0**32 - 1),
        (LENGTH, -1, None),
        (LENGTH, 0.5, None),
        (FAN, True, True),
        (FAN, 0, False),
        (FAN, 1.0, True),
        (FAN, 2, None),
        (FAN, " On ", True),
        (FAN, "inactive", False),
        (FAN, "maybe", None),
        (replace(FAN, states=("Stopped", "Running")), "running", True),
        (MODE, 3, 3),
        (MODE, 2.0, 2),
        (MODE, 2.5, None),
        (MODE, 0, None),
        (MODE, 4, None),
        (MODE, True, None),
        (MODE, math.nan, None),
        (MODE, math.inf, None),
        (MODE, "heat", 3),
        (MODE, "cool", None),
        (replace(MODE, states=()), 12, 12),
        (replace(MODE, states=()), 2**32, None),
        (replace(MODE, states=(), high=8.0), 9, None),
        (SIGN, "closed", "closed"),
        (SIGN, 1, None),
    ],
)
def test_values_take_the_type_of_their_point_or_are_refused(point, value, expected):
    fit = fitted(value, point)
    assert (type(fit), fit) == (type(expected), expected)
    said = verdict(replace(OVERRIDE, value=value), replace(point, low=None, high=point.high))
    assert said.refused == (expected is None)


@pytest.mark.parametrize(
    ("point", "accepted"),
    [
        (SETPOINT, "a finite number"),
        (COUNT, "a whole number from -2147483648 to 2147483647"),
        (LENGTH, "a whole number from 0 to 4294967295"),
        (FAN, "on or off"),
        (replace(FAN, states=("Stopped", "Running")), "Stopped or Running"),
        (MODE, "1 (Off), 2 (Auto), 3 (Heat)"),
        (replace(MODE, states=()), "a state number from 1"),
        (SIGN, "text"),
    ],
)
def test_a_refused_value_says_what_is_accepted(point, accepted):
    value = 7 if point.kind is Kind.TEXT else "nonsense"
    said = verdict(replace(OVERRIDE, value=value), point)
    assert said.rule == "value"
    assert accepted in said.instead


@pytest.mark.parametrize(
    ("point", "value", "why"),
    [
        (COUNT, 20.5, "20.5 is not a value of ahu-1/sp. It takes a whole number from -2147483648 to 2147483647."),
        (LENGTH, -1, "-1 is not a value of ahu-1/sp. It takes a whole number from 0 to 4294967295."),
        (SETPOINT, 1e39, "1e+39 is not a value of ahu-1/sp. It takes a finite number up to 3.4e+38."),
    ],
)
def test_what_the_object_s_type_cannot_hold_is_refused_in_words(point, value, why):
    assert verdict(replace(OVERRIDE, value=value), point).text == why


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (None, "not known for certain"),
        (replace(GOOD, quality=Quality.STALE), "not known for certain"),
        (replace(GOOD, quality=Quality.UNCERTAIN, flags=StatusFlags.OVERRIDDEN), "overridden by hand"),
        (replace(GOOD, quality=Quality.BAD, flags=StatusFlags.OUT_OF_SERVICE), "out of service"),
    ],
)
def test_a_plant_that_may_not_follow_is_a_warning(reading, why):
    said = verdict(reading=reading)
    assert (said.decision, said.rule) == ("warning", "unknown")
    assert why in said.text


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
POINTS = st.builds(
    replace,
    st.just(SETPOINT),
    kind=st.sampled_from(Kind),
    states=st.sampled_from([(), ("Off", "On"), ("A", "B", "C")]),
    low=st.none() | st.floats(),
    high=st.none() | st.floats(),
    commandable=st.booleans(),
    safety=st.sampled_from(Safety),
    present=st.booleans(),
    locked=st.booleans(),
)
WISHES = st.builds(
    Command,
    point=st.just(SETPOINT.id),
    value=VALUES,
    priority=st.integers(-1, 18),
    by=st.sampled_from(["user:a", "policy:p", "agent", "service:mqtt", ""]),
    reason=st.text(max_size=8),
    lasts=st.none() | st.timedeltas(),
)
LIMITS = st.none() | st.builds(
    Limits, low=st.none() | st.floats(), high=st.none() | st.floats(), source=st.just("profile")
)


@given(command=WISHES, point=POINTS, limits=LIMITS)
def test_no_wish_whatever_it_says_passes_where_it_must_not(command, point, limits):
    said = judge(command, point, Surroundings(now=NOON, limits=limits))
    if said.refused:
        assert said.rule
        assert said.why
        return
    assert point.access is Access.COMMANDABLE
    assert command.priority in {8, 10, 12, 13, 14, 15}
    if command.value is None:
        return
    assert command.lasts is not None
    assert timedelta(0) < command.lasts <= timedelta(hours=24)
    assert not (command.by.startswith("policy:") and (point.safety is Safety.CRITICAL or command.priority == 8))
    value = fitted(command.value, point)
    assert value is not None
    if isinstance(value, float):
        assert math.isfinite(value)
        for low, high in [(point.low, point.high)] + ([(limits.low, limits.high)] if limits else []):
            assert low is None or not value < low
            assert high is None or not value > high
