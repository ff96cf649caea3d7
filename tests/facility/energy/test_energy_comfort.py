"""What roll-ups say of a quarter of an hour is what its readings say, or worse; never better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.energy.comfort import Part, Seconds, at_worst, exactly, part, together
from facility.energy.intervals import QUARTER_MS
from facility.model import Severity
from facility.profiles import Abnormal, Limit
from facility.standing import Standing
from points.history import Quarter, Stretch

MS_OF_MINUTE = 60_000


def limit(low=20.0, high=24.0, *, magnitude=False, sane=90.0):
    return Limit(
        low=low, high=high, deadband=0.5, delay_s=600, severity=Severity.HIGH, text="", magnitude=magnitude,
        needed=False,
        sane=sane, source="", edition="", verified_by="",
    )  # fmt: skip


DOOR = Abnormal(states=frozenset({1}), severity=Severity.CRIT, delay_s=0, text="")
RULES = st.sampled_from(
    [limit(), limit(low=None), limit(high=None), limit(magnitude=True, low=5.0, high=None), limit(sane=None)]
)
VALUES = st.sampled_from([None, None, -30.0, -6.0, 0.0, 3.0, 19.9, 20.0, 22.0, 24.0, 24.1, 95.0])


@st.composite
def minutes(draw, values=VALUES):
    """Fifteen minutes; None: nothing was known in that one. Often the same for long."""
    told, left = [], 15
    while left:
        length = draw(st.integers(1, left))
        told += [draw(values)] * length
        left -= length
    return told


def stretches(values):
    return [
        Stretch(n * MS_OF_MINUTE, (n + 1) * MS_OF_MINUTE, value, value, value, value, MS_OF_MINUTE, 1)
        for n, value in enumerate(values)
        if value is not None
    ]


def rolled(values):
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Quarter(0, min(known), max(known), sum(known) / len(known), known[-1], 60.0 * len(known))


def judged(rules, series):
    names = {str(number): rule for number, rule in enumerate(rules)}
    exact = exactly(names, {str(number): stretches(values) for number, values in enumerate(series)}, 0)
    return exact, [part(rule, rolled(values)) for rule, values in zip(rules, series, strict=True)]


@given(st.lists(st.tuples(RULES, minutes()), min_size=1, max_size=3))
def test_roll_ups_never_flatter_and_all_three_add_up(points):
    rules, series = zip(*points, strict=True)
    exact, parts = judged(rules, series)
    assert sum(exact) == pytest.approx(900.0)
    told = together(parts)
    if told is not None:
        assert told == pytest.approx(exact)
    worst = at_worst(parts)
    assert sum(worst) == pytest.approx(900.0)
    assert worst.inside <= exact.inside + 1e-9
    assert worst.outside >= exact.outside - 1e-9


@given(minutes(st.sampled_from([None, 0.0, 1.0])))
def test_states_are_judged_like_limits(values):
    exact, parts = judged([DOOR], [values])
    assert exact == Seconds(60.0 * values.count(0.0), 60.0 * values.count(1.0), 60.0 * values.count(None))
    told = together(parts)
    assert told is None or told == pytest.approx(exact)


def test_a_value_that_cannot_be_is_unknown():
    exact, _ = judged([limit()], [[22.0] * 10 + [95.0] * 5])
    assert exact == Seconds(600.0, 0.0, 300.0)


def test_what_goes_from_below_to_above_is_not_taken_for_out_all_the_time():
    assert part(limit(), Quarter(0, 10.0, 30.0, 22.0, 22.0, 900.0)) == Part(900.0, None)
    assert part(limit(), Quarter(0, 25.0, 30.0, 26.0, 26.0, 900.0)) == Part(900.0, Standing.OUT)
    assert QUARTER_MS == 15 * MS_OF_MINUTE
