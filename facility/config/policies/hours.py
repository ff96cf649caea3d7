"""Policies of the clock: values by the hour."""

from __future__ import annotations

from typing import Literal

from facility.config.policies.base import FollowingBase, Given
from facility.config.words import SelectorText
from schedules.policies.weekly import Weekly


class WeeklyPolicy(FollowingBase):
    """Holds points at the values of a programme's present state."""

    kind: Literal["weekly"]
    points: SelectorText
    """Selector of the points, e.g. `class:heating-setpoint space-type:admin_office`."""
    values: dict[str, float | bool | int | str]
    """State of the programme -> value; a state without one releases."""

    @property
    def states(self) -> set[str]:
        return set(self.values)

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return (self.points,)

    def policy(self, given: Given) -> Weekly:
        return Weekly(
            name=self.name,
            timetable=given.timetable(self.programme),
            points=self.selector(self.points),
            values=self.values,
        )
