"""Which load goes first: the analytic hierarchy process as Intelligent Load Control uses it (domain row 10). Pure.

Somebody says of every two criteria how many times as much the one counts as the other (Saaty's scale, 1 to 9). The
weights are the row means of the matrix whose columns were normalised. A person who compares in pairs contradicts
himself; how much, the consistency ratio says, and above 0.2 there are no weights at all (the limit of ILC; Saaty's own
is 0.1). What a room is used for is no criterion and has no weight: no weight would be large enough. It is a filter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Pairs = Mapping[str, Mapping[str, float]]
"""Criterion -> other criterion -> how many times as much it counts. Each two are compared once, either way round."""

RANDOM_INDEX = (0.0, 0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49)  # Saaty; by number of criteria
MOST_INCONSISTENT = 0.2
ROOM_TYPE = frozenset({"room-type", "room_type", "space-type", "space_type"})


class UnusableRanking(ValueError):
    """The comparisons cannot be made weights of; the text says why, and what to do."""


def matrix_of(pairs: Pairs) -> tuple[list[str], list[list[float]]]:
    """The criteria in their order, and each against each. Raises `UnusableRanking`."""
    criteria = list(dict.fromkeys([*pairs, *(other for row in pairs.values() for other in row)]))
    if not criteria or len(criteria) >= len(RANDOM_INDEX):
        raise UnusableRanking(f"compare 1 to {len(RANDOM_INDEX) - 1} criteria, not {len(criteria)}")
    found: dict[tuple[str, str], float] = {}
    for one, row in pairs.items():
        for other, times in row.items():
            if one == other or (one, other) in found:
                raise UnusableRanking(f"{one} and {other} are compared more than once: leave one of the two out")
            if not 1 / 9 <= times <= 9:
                raise UnusableRanking(f"{one} counts {times:g} times as much as {other}: write 1/9 to 9")
            found[one, other], found[other, one] = times, 1 / times
    for one in criteria:
        for other in criteria:
            if one != other and (one, other) not in found:
                raise UnusableRanking(f"say how many times as much {one} counts as {other}")
    return criteria, [[1.0 if one == other else found[one, other] for other in criteria] for one in criteria]


def weights_of(pairs: Pairs) -> dict[str, float]:
    """Criterion -> its weight; all of them add up to 1. Raises `UnusableRanking`."""
    criteria, matrix = matrix_of(pairs)
    if named := ROOM_TYPE.intersection(criteria):
        raise UnusableRanking(f"{', '.join(sorted(named))} is no weight but a filter: choose the rooms by the selector")
    weights = _weights(matrix)
    ratio = consistency_ratio(matrix)
    if ratio > MOST_INCONSISTENT:
        raise UnusableRanking(
            f"the comparisons contradict each other (consistency ratio {ratio:.2f}, at most {MOST_INCONSISTENT:g}): "
            "where A counts more than B, and B more than C, A must count still more than C"
        )
    return dict(zip(criteria, weights, strict=True))


def consistency_ratio(matrix: Sequence[Sequence[float]]) -> float:
    """0: no contradiction at all; 1: as if at random. By the usual estimate of the eigenvalue, on the high side."""
    size = len(matrix)
    if size < 3:
        return 0.0
    sums: list[float] = [sum(column) for column in zip(*matrix, strict=True)]
    largest = sum(total * weight for total, weight in zip(sums, _weights(matrix), strict=True))
    return max((largest - size) / (size - 1) / RANDOM_INDEX[size], 0.0)


def scores(loads: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> dict[str, float]:
    """Load -> how well it can go first: each criterion as a share of what all loads have of it, weighted."""
    totals = {criterion: sum(load[criterion] for load in loads.values()) for criterion in weights}
    return {
        name: sum(weight * load[each] / totals[each] for each, weight in weights.items() if totals[each] > 0)
        for name, load in loads.items()
    }


def _weights(matrix: Sequence[Sequence[float]]) -> list[float]:
    sums: list[float] = [sum(column) for column in zip(*matrix, strict=True)]
    return [sum(value / total for value, total in zip(row, sums, strict=True)) / len(matrix) for row in matrix]
