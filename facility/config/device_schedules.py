"""Which of the devices' own schedules belongs to which programme, and which of their calendars to which calendar."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from typing import Annotated, Self

from pydantic import Field, model_validator

from facility.config.section import Section

SLUG = r"^[a-z0-9][a-z0-9-]{0,47}$"


class DeviceScheduleSection(Section):
    """A device's own Schedule object that a programme is compared with, and may be written into, or its Calendar
    object, for which the same is done with a calendar (`facility device-schedules`).
    """

    device: Annotated[str, Field(pattern=SLUG)]
    """Id of the device: `lighting-panel-lp-1`; `facility devices` lists them."""
    object: Annotated[str, Field(pattern=r"^(schedule|calendar),\d{1,7}$")]
    """Which of its objects: `schedule,1`, or `calendar,1`."""
    programme: Annotated[str, Field(pattern=SLUG)] | None = None
    """The programme that a schedule should say; a schedule needs one."""
    values: dict[str, float | bool | int | str] | None = None
    """State of the programme -> value at the device; a state without one releases (NULL). A schedule needs it."""
    calendar: Annotated[str, Field(pattern=SLUG)] | None = None
    """The one of `[[calendars]]` whose days a calendar should have; a calendar needs it, and nothing else."""

    @model_validator(mode="after")
    def _says_what_its_object_needs(self) -> Self:
        if self.is_calendar and (self.calendar is None or self.programme is not None or self.values is not None):
            raise ValueError(f"object {self.object!r} needs a calendar; it has no programme and no values")
        if not self.is_calendar and (self.programme is None or self.values is None or self.calendar is not None):
            raise ValueError(f"object {self.object!r} needs a programme and values; it has no calendar")
        return self

    @property
    def is_calendar(self) -> bool:
        return self.object.startswith("calendar,")

    @property
    def belongs_to(self) -> str:
        """The programme's name, or the calendar's."""
        return self.programme or self.calendar or ""

    @property
    def id(self) -> str:
        return f"{self.device}/{self.object}"

    def must_be_known(self, states: Mapping[str, Set[str]], calendars: Collection[str]) -> None:
        """Raises a ValueError about a programme, states or calendar that there are not. `states`: of each programme."""
        if self.calendar is not None:
            if self.calendar not in calendars:
                known = ", ".join(calendars) or "none"
                raise ValueError(f"device calendar {self.id!r} belongs to calendar {self.calendar!r}; known: {known}")
            return
        if self.programme is None or self.programme not in states:
            known = ", ".join(states) or "none"
            raise ValueError(f"device schedule {self.id!r} belongs to programme {self.programme!r}; known: {known}")
        if strange := (self.values or {}).keys() - states[self.programme]:
            raise ValueError(
                f"device schedule {self.id!r} speaks of {', '.join(sorted(strange))}; "
                f"programme {self.programme!r} knows {', '.join(sorted(states[self.programme]))}"
            )
