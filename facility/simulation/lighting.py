"""Lighting panels: relays, dimmers, occupancy and light sensors of many zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time

from facility.simulation.rooms import OFFICES
from facility.simulation.rows import OFF_ON, VACANT_OCCUPIED, ai, bi, bo, lo
from facility.simulation.site import Site
from facility.simulation.spec import CalendarSpec, DeviceSpec, Make, PointSpec, Quirk, ScheduleSpec, Value
from facility.simulation.zones import Occupied, always, at_work, in_bed
from points.schedule_objects import (
    CalendarReference,
    Datatype,
    DatePattern,
    Scalar,
    SpecialEvent,
    TimeValue,
    WeekAndDay,
)

LUMEN = Make(vendor_id=1409, vendor="Lumenar", model="LCP-32 Lighting Control Panel", firmware="2.14")
FULL_LIGHT = 520.0  # lux on the desk
ZONE_POWER = 0.4  # kW at full light
EGRESS = 300  # seconds that the offices' dimmers warn before they go off
WINDOW_SHARE = 0.6  # of the daylight outside a window zone sees

_ON, _OFF = Scalar(Datatype.ENUMERATED, 1), Scalar(Datatype.ENUMERATED, 0)
QUIET_DAYS = CalendarSpec(
    name="Quiet days",
    description="Days without visitors in the lobby",
    dates=(DatePattern(None, 1, 1), DatePattern(None, 12, 25), WeekAndDay(5, 6, 1), WeekAndDay(9, 1, 1)),
)
LOBBY_HOURS = ScheduleSpec(
    name="Lobby lights",
    description="Lighting schedule of the lobby, kept by the panel itself",
    commands=("9/relay", "10/relay"),
    week=((TimeValue(time(5, 30), _ON), TimeValue(time(22, 30), _OFF)),) * 7,
    exceptions=(
        SpecialEvent(
            CalendarReference(1), (TimeValue(time(0), _OFF), TimeValue(time(7), _ON), TimeValue(time(20), _OFF)), 8
        ),
    ),
    default=_OFF,
)


@dataclass(frozen=True, slots=True)
class Lights:
    """Zones of one panel; each shines as bright as its dimmer says while its relay is closed."""

    zones: int
    occupied: Occupied

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        values: dict[str, Value] = {}
        lit = 0.0
        for zone in range(1, self.zones + 1):
            level = now[f"{zone}/relay"] * now[f"{zone}/dimmer"] / 100.0
            lit += level
            values[f"{zone}/light"] = FULL_LIGHT * level + WINDOW_SHARE * site.daylight
            values[f"{zone}/occupancy"] = self.occupied(site, zone)
        site.draw(ZONE_POWER * lit, "lighting")
        return values | {"power": ZONE_POWER * lit}


def lighting() -> Iterator[DeviceSpec]:
    corridors = _panel(1, "corridors and lobby", "LP1", ["Corridor"] * 8 + ["Lobby"] * 2, always)
    yield replace(corridors, timers=(LOBBY_HOURS, QUIET_DAYS))
    yield _panel(
        2,
        "floor 2 administration",
        "LP2",
        [f"Office {200 + number}" for number in range(1, OFFICES + 1)] + ["Open office"] * 16,
        at_work,
        quirks=frozenset({Quirk.SMALL_APDU}),
        egress_seconds=EGRESS,
    )
    yield _panel(3, "patient floor 3", "LP3", [f"Patient room {300 + number}" for number in range(1, 9)], in_bed)


def _panel(
    number: int,
    serves: str,
    prefix: str,
    rooms: list[str],
    occupied: Occupied,
    quirks: frozenset[Quirk] = frozenset(),
    egress_seconds: int = 0,
) -> DeviceSpec:
    return DeviceSpec(
        instance=10020 + number,
        name=f"Lighting Panel LP-{number}",
        description=f"Lighting control panel, {serves}",
        make=LUMEN,
        points=tuple(_points(prefix, rooms, egress_seconds)),
        equipment=Lights(len(rooms), occupied),
        quirks=quirks,
    )


def _points(panel: str, rooms: list[str], egress: int) -> Iterator[PointSpec]:
    for zone, room in enumerate(rooms, 1):
        name = f"{panel}-Z{zone:02d}"
        yield bo(f"{zone}/relay", f"{name} Relay", OFF_ON, f"{room} lighting relay, zone {zone}", value=True)
        yield lo(f"{zone}/dimmer", f"{name} Dim Level", 80.0, f"{room} lighting level, zone {zone}", egress)
        yield ai(f"{zone}/light", f"{name} Light Level", "lx", 400.0, f"{room} illuminance, zone {zone}", 0.0, 5000.0)
        yield bi(f"{zone}/occupancy", f"{name} Occupancy", VACANT_OCCUPIED, f"{room} occupancy sensor, zone {zone}")
    yield ai("power", f"{panel} Power", "kW", 0.0, "Lighting panel power", 0.0, 50.0)
