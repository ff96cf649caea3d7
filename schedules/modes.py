"""The operating modes of a group of zones, in Guideline 36's numbering, and what moves it between them. Pure.

Guarantees:
- One mode at a time. People first: an occupied group is occupied. Then what protects the building from frost, then what
  brings it to the occupied setpoints, because that heats and cools harder than any setback, then the limits of the
  setback, then nothing.
- Every limit has a way in and a way out that are apart, so a mode does not flutter; between the two it stays as it was.
- A zone that is not known is neither cold nor warm: it does not begin a mode, and it does not end one.

Reference: ASHRAE Guideline 36, operating modes of zone groups, as LBNL's Modelica Buildings has it (domain.md 4).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum

ENOUGH_ZONES = 5  # so many zones beyond a limit move their whole group; in a smaller group, all of them
LEAVE_KELVIN = 1.0  # how far inside its limit every zone must be before the group is let go
FROST_CELSIUS = 4.0  # one zone below this is frost protection,
THAWED_CELSIUS = 7.0  # until all are above this


class Mode(IntEnum):
    """The operating modes; the numbers are Guideline 36's."""

    OCCUPIED = 1
    COOL_DOWN = 2
    SET_UP = 3
    WARM_UP = 4
    SET_BACK = 5
    FREEZE_PROTECTION = 6
    UNOCCUPIED = 7

    @property
    def word(self) -> str:
        """What people call it: "warm-up"."""
        return self.name.lower().replace("_", "-")


_FIRST_TO_LAST = (
    Mode.OCCUPIED,
    Mode.FREEZE_PROTECTION,
    Mode.WARM_UP,
    Mode.COOL_DOWN,
    Mode.SET_BACK,
    Mode.SET_UP,
)


def mode_of(wanted: Collection[Mode]) -> Mode:
    """The mode of a group for which each of these has a reason."""
    return next((mode for mode in _FIRST_TO_LAST if mode in wanted), Mode.UNOCCUPIED)


def recovery(coldest: float, warmest: float, *, heating: float, cooling: float, dead: float) -> tuple[Mode, float]:
    """What a zone needs to be ready for people, and by how many kelvin it is off. `dead` kelvin are no need at all."""
    cold, hot = heating - coldest, warmest - cooling
    if max(cold, hot) <= dead:
        return Mode.UNOCCUPIED, 0.0
    return (Mode.WARM_UP, cold) if cold >= hot else (Mode.COOL_DOWN, hot)


def is_set_back(zones: Sequence[float | None], limit: float, *, was: bool) -> bool:
    """Whether the group is too cold for its unoccupied heating setpoint. None: the zone is not known."""
    return _is_beyond([None if celsius is None else limit - celsius for celsius in zones], was=was)


def is_set_up(zones: Sequence[float | None], limit: float, *, was: bool) -> bool:
    """Whether the group is too warm for its unoccupied cooling setpoint. None: the zone is not known."""
    return _is_beyond([None if celsius is None else celsius - limit for celsius in zones], was=was)


def is_freezing(zones: Sequence[float | None], *, was: bool) -> bool:
    """Whether one of the zones is near frost, or not all of them have thawed since. None: the zone is not known."""
    known = [celsius for celsius in zones if celsius is not None]
    if was:
        return len(known) < len(zones) or any(celsius <= THAWED_CELSIUS for celsius in known)
    return any(celsius < FROST_CELSIUS for celsius in known)


def exceeds(values: Sequence[float | None], limit: float, back: float, *, was: bool) -> bool:
    """Whether one of the values is above the limit, or not all are `back` below it since. None: it is not known."""
    known = [value for value in values if value is not None]
    if was:
        return len(known) < len(values) or any(value > limit - back for value in known)
    return any(value > limit for value in known)


def _is_beyond(by: Sequence[float | None], *, was: bool) -> bool:
    """`by`: how far each zone is beyond the limit, in kelvin; negative inside."""
    known = [kelvin for kelvin in by if kelvin is not None]
    if was:
        return len(known) < len(by) or any(kelvin > -LEAVE_KELVIN for kelvin in known)
    if not known:
        return False
    return sum(kelvin > 0 for kelvin in known) >= min(ENOUGH_ZONES, len(by)) or sum(known) > 0
