"""Which of the devices' own schedules belongs to which programme."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated

from pydantic import Field

from facility.config.section import Section

SLUG = r"^[a-z0-9][a-z0-9-]{0,47}$"


class DeviceScheduleSection(Section):
    """A device's own Schedule object that a programme is compared with, and may be written into
    (`facility device-schedules`).
    """

    device: Annotated[str, Field(pattern=SLUG)]
    """Id of the device: `lighting-panel-lp-1`; `facility devices` lists them."""
    object: Annotated[str, Field(pattern=r"^schedule,\d{1,7}$")]
    """Which of its objects: `schedule,1`."""
    programme: Annotated[str, Field(pattern=SLUG)]
    """The programme that it should say."""
    values: dict[str, float | bool | int | str]
    """State of the programme -> value at the device; a state without one releases (NULL)."""

    @property
    def id(self) -> str:
        return f"{self.device}/{self.object}"

    def must_be_known(self, states: Mapping[str, Set[str]]) -> None:
        """Raises a ValueError about a programme or states that there are not. `states`: of each programme."""
        if self.programme not in states:
            known = ", ".join(states) or "none"
            raise ValueError(f"device schedule {self.id!r} belongs to programme {self.programme!r}; known: {known}")
        if strange := self.values.keys() - states[self.programme]:
            raise ValueError(
                f"device schedule {self.id!r} speaks of {', '.join(sorted(strange))}; "
                f"programme {self.programme!r} knows {', '.join(sorted(states[self.programme]))}"
            )
