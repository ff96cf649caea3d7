"""The policy that reduces the air of vacant operating rooms."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facility.config.policies.base import FollowingBase, Given
from facility.config.section import Section, Slug
from points.model import PointId, SpaceId
from schedules.policies.room_turndown import RoomTurndown, TurndownRoom

Flow = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TurndownRoomSection(Section):
    """A room of that policy; the flows are the engineer's design figures, with the offset that keeps the pressure."""

    space: Slug
    """Which room; of a type whose air may be reduced while nobody is in (`operating_room`, `procedure_room`, ...)."""
    supply: str
    """Id of the room's supply airflow setpoint."""
    extract: str
    """Id of the room's extract airflow setpoint."""
    supply_setback: Flow
    """Supply while nobody is in, in the point's own unit."""
    extract_setback: Flow
    """Extract while nobody is in; below the supply, because these rooms are positive."""
    pressure_pa: Annotated[float, Field(ge=2.5, le=60)] = 3.75
    """Pressure that the room must have at least, in Pa above its surroundings."""

    @model_validator(mode="after")
    def _is_positive(self) -> Self:
        if self.supply == self.extract:
            raise ValueError(f"supply and extract of {self.space!r} are the same point, {self.supply!r}")
        if self.extract_setback >= self.supply_setback:
            raise ValueError(
                f"extract_setback {self.extract_setback:g} of {self.space!r} must be below "
                f"supply_setback {self.supply_setback:g}: the room would lose its positive pressure"
            )
        return self

    @property
    def room(self) -> TurndownRoom:
        return TurndownRoom(
            space=SpaceId(self.space),
            supply=PointId(self.supply),
            extract=PointId(self.extract),
            supply_setback=self.supply_setback,
            extract_setback=self.extract_setback,
            pressure_pascals=self.pressure_pa,
        )


class RoomTurndownPolicy(FollowingBase):
    """Reduces the air of operating rooms that nobody is in and nobody is expected in; off until a site writes it here.
    Have counsel look at US 2026/0094706 first: whether its claims touch this is open, the more so with
    `feeds.bookings`. With that, a booking within the lead time, or a feed that is silent, is somebody in the room.
    """

    kind: Literal["room-turndown"]
    turndown_state: str = "unoccupied"
    """The state of the programme in which nobody is expected."""
    lead_minutes: Annotated[float, Field(ge=0, le=240)] = 30.0
    """How long before the end of that state full flow begins to come back: ramp and purge."""
    vacant_minutes: Annotated[float, Field(ge=1, le=1440)] = 20.0
    """How long nobody must have been in."""
    rooms: Annotated[list[TurndownRoomSection], Field(min_length=1)]
    """The rooms it speaks for."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        spaces = [room.space for room in self.rooms]
        if twice := {space for space in spaces if spaces.count(space) > 1}:
            raise ValueError(f"policy {self.name!r} names {', '.join(sorted(twice))} more than once")
        return self

    @property
    def states(self) -> set[str]:
        return {self.turndown_state}

    @property
    def speaks_for(self) -> tuple[str, ...]:
        return tuple(point for room in self.rooms for point in (room.supply, room.extract))

    def policy(self, given: Given) -> RoomTurndown:
        return RoomTurndown(
            name=self.name,
            timetable=given.timetable(self.programme),
            rooms=tuple(room.room for room in self.rooms),
            turndown_state=self.turndown_state,
            vacant_minutes=self.vacant_minutes,
            lead_minutes=self.lead_minutes,
            bookings=given.bookings,
        )
