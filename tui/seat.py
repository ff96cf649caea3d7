"""What every place is given: the picture, the port, the ink, and a way to say one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from facility.port import Facility
from tui.model import Picture
from tui.themes import Ink


@dataclass(frozen=True, slots=True)
class Goto:
    """A place, and what to look at there: a point, an alarm, a filter, a device."""

    place: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """A hint of the key bar that was clicked."""

    action: str


@dataclass(slots=True, kw_only=True)
class Seat:
    """One person's view of one agent."""

    facility: Facility
    picture: Picture
    ink: Ink
    say: Callable[[str], None]
