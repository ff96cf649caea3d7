"""The schedules that devices have of their own, as they were built: what each of them commands at a moment. Pure data.

`facility.simulation.timers` is the same on the network, where they may be written as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from facility.simulation.spec import CalendarSpec, ScheduleSpec
from facility.simulation.timers import REVISION
from points.model import DeviceRef
from points.schedule_objects import ALWAYS, CalendarObject, ScheduleObject
from schedules.device_schedule import value_at

_NOBODY = DeviceRef(network=0, address="", instance=0)


class OwnTimers:
    """All of one device."""

    def __init__(self, specs: Sequence[ScheduleSpec | CalendarSpec]) -> None:
        calendars = [spec for spec in specs if isinstance(spec, CalendarSpec)]
        self._calendars = {
            number: CalendarObject(device=_NOBODY, instance=number, dates=spec.dates)
            for number, spec in enumerate(calendars, 1)
        }
        self._schedules = [(spec, _schedule(spec)) for spec in specs if isinstance(spec, ScheduleSpec)]
        self._looked: tuple[int, int, int] | None = None

    def news(self, now: datetime) -> Iterator[tuple[str, float]]:
        """What each commanded point is to have, by the clock on the wall; looked at once a minute."""
        minute = (now.toordinal(), now.hour, now.minute)
        if not self._schedules or minute == self._looked:
            return
        self._looked = minute
        for spec, schedule in self._schedules:
            said = value_at(schedule, self._calendars, now.replace(tzinfo=None)).value
            if said is not None and isinstance(said.value, (int, float)):
                yield from ((role, float(said.value)) for role in spec.commands)


def _schedule(spec: ScheduleSpec) -> ScheduleObject:
    return ScheduleObject(
        device=_NOBODY,
        instance=1,
        revision=REVISION,
        effective=ALWAYS,
        week=spec.week,
        exceptions=spec.exceptions,
        default=spec.default,
    )
