"""Lighting panels: relays, dimmers, occupancy and light sensors of many zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facility.simulation.rooms import OFFICES
from facility.simulation.rows import OFF_ON, VACANT_OCCUPIED, ai, bi, bo, lo
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Quirk, Value
from facility.simulation.zones import Occupied, always, at_work, in_bed

LUMEN = Make(vendor_id=1409, vendor="Lumenar", model="LCP-32 Lighting Control Panel", firmware="2.14")
FULL_LIGHT = 520.0  # lux on the desk
ZONE_POWER = 0.4  # kW at full light
WINDOW_SHARE = 0.6  # of the daylight outside a window zone sees


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
    yield _panel(1, "corridors and lobby", "LP1", ["Corridor"] * 8 + ["Lobby"] * 2, always)
    yield _panel(
        2,
        "floor 2 administration",
        "LP2",
        [f"Office {200 + number}" for number in range(1, OFFICES + 1)] + ["Open office"] * 16,
        at_work,
        quirks=frozenset({Quirk.SMALL_APDU}),
    )
    yield _panel(3, "patient floor 3", "LP3", [f"Patient room {300 + number}" for number in range(1, 9)], in_bed)


def _panel(
    number: int,
    serves: str,
    prefix: str,
    rooms: list[str],
    occupied: Occupied,
    quirks: frozenset[Quirk] = frozenset(),
) -> DeviceSpec:
    return DeviceSpec(
        instance=10020 + number,
        name=f"Lighting Panel LP-{number}",
        description=f"Lighting control panel, {serves}",
        make=LUMEN,
        points=tuple(_points(prefix, rooms)),
        equipment=Lights(len(rooms), occupied),
        quirks=quirks,
    )


def _points(panel: str, rooms: list[str]) -> Iterator[PointSpec]:
    for zone, room in enumerate(rooms, 1):
        name = f"{panel}-Z{zone:02d}"
        yield bo(f"{zone}/relay", f"{name} Relay", OFF_ON, f"{room} lighting relay, zone {zone}", value=True)
        yield lo(f"{zone}/dimmer", f"{name} Dim Level", 80.0, f"{room} lighting level, zone {zone}")
        yield ai(f"{zone}/light", f"{name} Light Level", "lx", 400.0, f"{room} illuminance, zone {zone}", 0.0, 5000.0)
        yield bi(f"{zone}/occupancy", f"{name} Occupancy", VACANT_OCCUPIED, f"{room} occupancy sensor, zone {zone}")
    yield ai("power", f"{panel} Power", "kW", 0.0, "Lighting panel power", 0.0, 50.0)
