"""Which of several equal machines leads: run times balanced, the failed last (Guideline 36, lead/lag). Pure.

Guarantees:
- The order has every machine once.
- The one that ran least leads. What has failed comes last, the most recent failure at the very end.
- A machine that runs keeps its place before those that do not: run times are balanced when all are off or all are on,
  when another one has to start, and when one has run so much longer than one that waits that they swap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime


def by_run_time(machines: Sequence[str], hours: Mapping[str, float], failed: Mapping[str, datetime]) -> tuple[str, ...]:
    """All of them, the first the one to lead; a run time that is not known comes after those that are."""
    able = [machine for machine in machines if machine not in failed]
    able.sort(key=lambda machine: (machine not in hours, hours.get(machine, 0.0)))
    return (*able, *_last(machines, failed))


def order(
    before: Sequence[str],
    machines: Sequence[str],
    hours: Mapping[str, float],
    failed: Mapping[str, datetime],
    on: Sequence[str],
    *,
    swap_hours: float,
) -> tuple[str, ...]:
    """The order of now: those that run as they stood, then those that do not by their run time, then the failed.

    `swap_hours`: so much longer one that runs must have run than one that waits, for them to swap.
    """
    able = [machine for machine in machines if machine not in failed]
    running = [machine for machine in able if machine in on]
    rest = [machine for machine in able if machine not in running]
    most = max((hours[machine] for machine in running if machine in hours), default=None)
    least = min((hours[machine] for machine in rest if machine in hours), default=None)
    swap = most is not None and least is not None and most - least > swap_hours
    if not running or not rest or swap:
        return by_run_time(machines, hours, failed)
    stood = [machine for machine in before if machine in running]
    stood += [machine for machine in running if machine not in stood]
    return (*stood, *by_run_time(rest, hours, {}), *_last(machines, failed))


def _last(machines: Sequence[str], failed: Mapping[str, datetime]) -> list[str]:
    return sorted((machine for machine in machines if machine in failed), key=lambda machine: failed[machine])
