"""The least squares behind baselines and savings; the only module that knows numpy, so it is imported late.

Errors of one hour resemble those of the hour before. So n hours are worth n (1 - rho) / (1 + rho) independent ones
(ASHRAE Guideline 14, annex on uncertainty), and every variance is larger by the inverse. Intervals are two-sided, 90 %.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import NormalDist
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, by numpy: a report takes one core, never all

import numpy as np
from numpy.typing import NDArray

from facility.energy.baseline import LEAST_H, TOWT_H, Account, Hour, PolicySaving, Quality, Saving

Array = NDArray[np.floating[Any]]

FOLDS = 5
SEGMENTS = 6
BALANCE = (10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0)
"""Outdoor temperatures (degrees Celsius) between which the change points are looked for."""
ALIKE = 0.95
"""Squared correlation, all else being equal, from which two policies cannot be told apart."""
OWN = 0.05
"""Of a policy's variation that must be its own: less is explained by the hour, the weather or the others."""
BEYOND = 0.1
"""How far, as a share of the outdoor temperatures of the reference, a baseline is told beyond them."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A way to make a row of numbers of an hour, fitted to nothing yet."""

    name: str
    columns: Callable[[Sequence[Hour]], Array]


def account(reference: Sequence[Hour], report: Sequence[Hour], policies: Sequence[str]) -> Account:
    """What was avoided in `report`, measured against `reference`: hours whose use and weather are known."""
    fitted = best(reference)
    if fitted is None:
        days = len(reference) / 24
        why = f"There are {days:.1f} days of reference in which use and weather are known; a baseline needs at least 7."
        return Account(quality=None, saving=Saving(kwh=None, why=why))
    model, quality = fitted
    if not isfinite(quality.cv_rmse):
        why = "In the reference nothing was used, or more was delivered than used: no baseline can be judged by that."
        return Account(quality=None, saving=Saving(kwh=None, why=why))
    if not quality.acceptable:
        return Account(quality=quality, saving=Saving(kwh=None, why=f"The baseline cannot be trusted: {quality.says}."))
    saving, actual, expected = _total(model, quality, reference, report)
    return Account(
        quality=quality,
        saving=saving,
        actual=actual,
        expected=expected,
        policies=tuple(_by_policy(model, quality, reference, report, policies)),
    )


def best(reference: Sequence[Hour]) -> tuple[Model, Quality] | None:
    """The model that tells unseen days of the reference best; None if there is too little of it."""
    if len(reference) < LEAST_H:
        return None
    models = [_change_points(reference)]
    if len(reference) >= TOWT_H:
        models.append(_towt(reference))
    return min(((model, _tried(model, reference)) for model in models), key=lambda pair: pair[1].cv_rmse)


def _one_of(numbers: Sequence[int], size: int) -> Array:
    found = np.zeros((len(numbers), size))
    found[np.arange(len(numbers)), np.asarray(numbers, dtype=int)] = 1.0
    return found


def _towt(reference: Sequence[Hour]) -> Model:
    """A constant for each hour of the week; straight pieces over the temperature, with knots at its quantiles."""
    outdoor = np.array([hour.outdoor for hour in reference])
    knots = np.unique(np.round(np.quantile(outdoor, np.linspace(0, 1, SEGMENTS + 1)[1:-1]), 2))

    def columns(hours: Sequence[Hour]) -> Array:
        warmth = np.array([hour.outdoor for hour in hours])
        pieces = [warmth - outdoor.mean(), *(np.maximum(0.0, warmth - knot) for knot in knots)]
        return np.column_stack([_one_of([hour.week_hour for hour in hours], 168), *pieces])

    return Model(name="time of week and temperature", columns=columns)


def _change_points(reference: Sequence[Hour]) -> Model:
    """The pair of change points that fits best."""

    def model(heating: float, cooling: float) -> Model:
        def columns(hours: Sequence[Hour]) -> Array:
            warmth = np.array([hour.outdoor for hour in hours])
            slopes = [np.maximum(0.0, heating - warmth), np.maximum(0.0, warmth - cooling)]
            return np.column_stack([_one_of([hour.day_hour for hour in hours], 48), *slopes])

        name = f"change points at {heating:.0f} and {cooling:.0f} °C"
        return Model(name=name, columns=columns)

    y = _use(reference)
    groups = _one_of([hour.day_hour for hour in reference], 48)
    per_group = np.maximum(groups.sum(axis=0), 1.0)

    def apart(column: Array) -> Array:
        """What the hour of the day does not explain: to take the means off is to have fitted them."""
        rest: Array = column - groups @ ((groups.T @ column) / per_group)
        return rest

    warmth = np.array([hour.outdoor for hour in reference])
    heats = {at: apart(np.maximum(0.0, at - warmth)) for at in BALANCE}
    cools = {at: apart(np.maximum(0.0, warmth - at)) for at in BALANCE}
    left = apart(y)

    def misses(pair: tuple[float, float]) -> float:
        x = np.column_stack([heats[pair[0]], cools[pair[1]]])
        return float(np.sum((left - x @ _solve(x, left)) ** 2))

    return model(*min(((low, high) for low in BALANCE for high in BALANCE if low <= high), key=misses))


def _tried(model: Model, reference: Sequence[Hour]) -> Quality:
    """Every fifth day is told from the other four."""
    x, y = model.columns(reference), _use(reference)
    folds = np.array([hour.day % FOLDS for hour in reference])
    errors = np.full(len(reference), np.nan)
    for fold in range(FOLDS):
        seen, left = folds != fold, folds == fold
        if not left.any() or not seen.any():
            continue
        known = left & _covered(x, x[seen])
        errors[known] = y[known] - x[known] @ _solve(x[seen], y[seen])
    told = ~np.isnan(errors)
    solved, parameters = _solved(x, y)
    mean, free = float(y.mean()), max(int(told.sum()) - parameters, 1)
    residual = y - x @ solved
    spread = float(np.sum((y - mean) ** 2))
    return Quality(
        model=model.name,
        hours=len(reference),
        parameters=parameters,
        cv_rmse=float(np.sqrt(np.sum(errors[told] ** 2) / free)) / mean if mean > 0 and told.any() else float("inf"),
        nmbe=float(np.sum(errors[told])) / (free * mean) if mean > 0 and told.any() else float("inf"),
        r_squared=1.0 - float(np.sum(residual**2)) / spread if spread > 0 else 0.0,
        rho=_rho(reference, [float(each) for each in residual]),
    )


def _total(
    model: Model, quality: Quality, reference: Sequence[Hour], report: Sequence[Hour]
) -> tuple[Saving, float | None, float | None]:
    x, y = model.columns(reference), _use(reference)
    wanted = [hour for hour in report if hour.kw is not None]
    if not wanted:
        return Saving(kwh=None, why="Nothing is known of what was used, or of the weather, in this time."), None, None
    rows = model.columns(wanted)
    covered = _covered(rows, x) & _weather_known(wanted, reference)
    if not covered.any():
        why = "The reference has no such hours of the week, or no such weather, as those of this time."
        return Saving(kwh=None, why=why), None, None
    rows, used = rows[covered], _use(wanted)[covered]
    expected, actual = float(np.sum(rows @ _solve(x, y))), float(np.sum(used))
    factor, free = _worth(quality)
    variance = _variance(x, y, quality)
    summed = rows.sum(axis=0)
    around = float(summed @ np.linalg.pinv(x.T @ x) @ summed) + len(used)
    error = _t90(free) * float(np.sqrt(variance * around * factor))
    missing = len(wanted) - len(used)
    why = f"{missing} hours have no like in the reference and are left out." if missing else ""
    return Saving(kwh=expected - actual, error=error, hours=float(len(used)), why=why), actual, expected


def _by_policy(
    model: Model, quality: Quality, reference: Sequence[Hour], report: Sequence[Hour], policies: Sequence[str]
) -> list[PolicySaving]:
    """Together with the baseline: what use is like when a policy is in force and all else is as it is."""
    pooled = list({hour.start: hour for hour in (*reference, *report) if hour.kw is not None}.values())
    pooled.sort(key=lambda hour: hour.start)
    base, y = model.columns(pooled), _use(pooled)
    told: list[PolicySaving] = []
    hours = {name: sum(hour.shares.get(name, 0.0) for hour in report) for name in policies}
    rest: dict[tuple[str, ...], Array] = {}
    for name in policies:
        if hours[name] <= 0:
            told.append(_none((name,), 0.0, "It was not in force in this time."))
            continue
        share = np.array([hour.shares.get(name, 0.0) for hour in pooled])
        own = share - base @ _solve(base, share)
        if float(own @ own) < OWN * float(np.sum((share - share.mean()) ** 2)) or float(np.ptp(share)) < OWN:
            why = "It was in force at the same hours of the week, or in the same weather, always: no hours to compare."
            told.append(_none((name,), hours[name], why))
            continue
        twin = next((names for names, other in rest.items() if _alike(own, base, other)), None)
        if twin is None:
            rest[(name,)] = share
        else:
            rest[(*twin, name)] = np.maximum(rest.pop(twin), share)
    return told + _regressed(rest, base, y, quality, pooled, {hour.start for hour in report})


def _alike(own: Array, base: Array, other: Array) -> bool:
    left = other - base @ _solve(base, other)
    return float(own @ left) ** 2 > ALIKE * float(own @ own) * float(left @ left)


def _regressed(
    rest: dict[tuple[str, ...], Array],
    base: Array,
    y: Array,
    quality: Quality,
    pooled: Sequence[Hour],
    within: set[int],
) -> list[PolicySaving]:
    if not rest:
        return []
    x = np.column_stack([base, *rest.values()])
    solved, rank = _solved(x, y)
    residual = [float(each) for each in y - x @ solved]
    variance = sum(each**2 for each in residual) / max(len(y) - rank, 1)
    rho = max(_rho(pooled, residual), quality.rho)
    factor, free = _inflation(rho), max(len(y) / _inflation(rho) - rank, 1.0)
    spread = np.linalg.pinv(x.T @ x)
    inside = np.array([hour.start in within for hour in pooled])
    told = []
    for number, (names, share) in enumerate(rest.items(), base.shape[1]):
        hours = float(share[inside].sum())
        others = np.delete(x, number, axis=1)
        own = share - others @ _solve(others, share)
        if float(own @ own) < OWN * float(np.sum((share - share.mean()) ** 2)):
            told.append(_none(names, hours, "It cannot be told apart from the other policies together."))
            continue
        error = _t90(free) * float(np.sqrt(variance * factor * spread[number, number])) * hours
        why = "They were always in force together and cannot be told apart." if len(names) > 1 else ""
        saving = Saving(kwh=-float(solved[number]) * hours, error=error, hours=hours, why=why)
        told.append(PolicySaving(policies=names, saving=saving))
    return told


def _none(names: tuple[str, ...], hours: float, why: str) -> PolicySaving:
    return PolicySaving(policies=names, saving=Saving(kwh=None, hours=hours, why=why))


def _use(hours: Sequence[Hour]) -> Array:
    return np.array([hour.kw if hour.kw is not None else np.nan for hour in hours], dtype=float)


def _solve(x: Array, y: Array) -> Array:
    return _solved(x, y)[0]


def _solved(x: Array, y: Array) -> tuple[Array, int]:
    """The coefficients, and how many of the columns are independent."""
    coefficients, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    return coefficients, int(rank)


def _covered(rows: Array, seen: Array) -> NDArray[np.bool_]:
    """Which rows have no column that was always zero in what was seen: of those nothing is known."""
    never = ~(seen != 0.0).any(axis=0)
    covered: NDArray[np.bool_] = ~(rows[:, never] != 0.0).any(axis=1)
    return covered


def _weather_known(wanted: Sequence[Hour], reference: Sequence[Hour]) -> NDArray[np.bool_]:
    """Which hours had a weather that the reference had too, or nearly: a straight line knows nothing of the rest."""
    seen = [hour.outdoor for hour in reference]
    low, high = min(seen), max(seen)
    outdoor, more = np.array([hour.outdoor for hour in wanted]), BEYOND * (high - low)
    known: NDArray[np.bool_] = (outdoor >= low - more) & (outdoor <= high + more)
    return known


def _variance(x: Array, y: Array, quality: Quality) -> float:
    residual = y - x @ _solve(x, y)
    return float(np.sum(residual**2)) / max(len(y) - quality.parameters, 1)


def _rho(hours: Sequence[Hour], errors: Sequence[float]) -> float:
    """Correlation of errors an hour apart; not below zero."""
    pairs = [
        (one, other)
        for (hour, one), (later, other) in pairwise(zip(hours, errors, strict=True))
        if later.start - hour.start == HOUR_MS
    ]
    below = sum(one * one for one, _ in pairs)
    return min(0.99, max(0.0, sum(one * other for one, other in pairs) / below)) if below > 0 else 0.0


def _inflation(rho: float) -> float:
    return (1 + rho) / (1 - rho)


def _worth(quality: Quality) -> tuple[float, float]:
    """By what the variance is larger, and how many degrees of freedom are left."""
    factor = _inflation(quality.rho)
    return factor, max(quality.hours / factor - quality.parameters, 1.0)


def _t90(free: float) -> float:
    """The 95 % quantile of Student's t (expansion of Cornish and Fisher; below 3 degrees, that of 3 at least)."""
    z, v = NormalDist().inv_cdf(0.95), max(free, 3.0)
    return z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
