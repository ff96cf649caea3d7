"""The ranking of loads: domain.md 4, row 10."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.ranking import MOST_INCONSISTENT, UnusableRanking, consistency_ratio, matrix_of, scores, weights_of

ILC = {  # the sample of Intelligent Load Control, with its room type under another name: here that is no criterion
    "error": {"stage": 2, "history": 5, "power": 6, "kind": 8},
    "stage": {"history": 3, "power": 4, "kind": 6},
    "history": {"power": 3, "kind": 5},
    "power": {"kind": 3},
}


def test_row_10_the_sample_matrix_of_ilc():
    weights = weights_of(ILC)
    known = {"error": 0.465, "stage": 0.275, "history": 0.144, "power": 0.077, "kind": 0.039}
    assert weights == pytest.approx(known, abs=0.0006)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert round(consistency_ratio(matrix_of(ILC)[1]), 3) == 0.074


def test_row_10_comparisons_that_contradict_each_other_are_refused():
    circle = {"a": {"b": 9, "c": 1 / 9}, "b": {"c": 9}}  # a before b before c before a
    with pytest.raises(UnusableRanking, match="contradict each other"):
        weights_of(circle)


def test_the_type_of_a_room_is_a_filter_and_no_weight():
    with pytest.raises(UnusableRanking, match="no weight but a filter"):
        weights_of({"error": {"room-type": 2}})


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ({}, "1 to 10 criteria"),
        ({"a": {"b": 2}, "b": {"a": 3}}, "more than once"),
        ({"a": {"a": 1}}, "more than once"),
        ({"a": {"b": 10}}, "1/9 to 9"),
        ({"a": {"b": 2}, "c": {}}, "how many times as much a counts as c"),
    ],
)
def test_what_is_missing_or_wrong_is_named(pairs, says):
    with pytest.raises(UnusableRanking, match=says):
        weights_of(pairs)


@given(st.lists(st.floats(0.2, 5), min_size=2, max_size=6))
def test_weights_of_somebody_who_never_contradicts_himself_are_what_he_meant(meant):
    names = [f"c{n}" for n in range(len(meant))]
    pairs = {
        names[i]: {names[j]: min(max(meant[i] / meant[j], 1 / 9), 9) for j in range(i + 1, len(meant))}
        for i in range(len(meant) - 1)
    }
    if any(not 1 / 9 < meant[i] / meant[j] < 9 for i in range(len(meant)) for j in range(i)):
        return
    weights = weights_of(pairs)
    assert consistency_ratio(matrix_of(pairs)[1]) < 1e-6 < MOST_INCONSISTENT
    for name, value in zip(names, meant, strict=True):
        assert weights[name] == pytest.approx(value / sum(meant), rel=1e-6)


def test_a_load_is_scored_by_its_share_of_each_criterion():
    loads = {"one": {"comfort": 3.0, "power": 0.0}, "two": {"comfort": 1.0, "power": 0.0}}
    assert scores(loads, {"comfort": 0.8, "power": 0.2}) == pytest.approx({"one": 0.6, "two": 0.2})
