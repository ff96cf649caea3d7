"""Refrigerators and freezers for blood, plasma and vaccines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from facility.simulation.physics import ColdBox, approach
from facility.simulation.rows import CLOSED_OPEN, NORMAL_ALARM, OFF_ON, ai, av, bi
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Value

POLARIS = Make(vendor_id=1411, vendor="Polaris Medical Refrigeration", model="i.Center B4", firmware="5.0.3")
ROOM = 22.0  # C around it
AIR_PROBE = 60.0  # s
BUFFERED_PROBE = 600.0
DOOR_OPENINGS = 3.0  # an hour by day
DOOR_SECONDS = 30.0
LEFT_OPEN_LOSS = 85.0  # W/K: wide open, 1.5 kW into a box at 4 C, more than any compressor carries
ROOM_AIR_AT_PROBE = 0.4  # share, while the door stands open
COMPRESSOR = 0.35  # kW


@dataclass(slots=True)
class Cold:
    """A cold box with its door, its two probes and its own alarm."""

    name: str  # what scenarios call it
    box: ColdBox
    low: float  # its own alarm limits
    high: float
    air: float = 0.0
    buffered: float = 0.0
    door_left: float = 0.0
    openings: int = 0

    def __post_init__(self) -> None:
        self.air = self.buffered = self.box.temperature

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        left_open = site.broken(f"{self.name}/door")
        self.door_left = max(0.0, self.door_left - seconds)
        if not site.night and site.happens(seconds, DOOR_OPENINGS):
            self.door_left = DOOR_SECONDS
            self.openings += 1
        door = left_open or self.door_left > 0.0
        box = replace(self.box, door_loss=LEFT_OPEN_LOSS) if left_open else self.box
        self.box = replace(box.after(seconds, ambient=ROOM, door_open=door), door_loss=self.box.door_loss)
        around = self.box.temperature + ROOM_AIR_AT_PROBE * left_open * (ROOM - self.box.temperature)
        self.air = approach(self.air, around, seconds, AIR_PROBE)
        self.buffered = approach(self.buffered, self.box.temperature, seconds, BUFFERED_PROBE)
        site.draw(COMPRESSOR * self.box.cooling)
        return {
            "temperature": self.buffered,
            "air-temperature": self.air + site.noise(0.02),
            "door": door,
            "compressor": self.box.cooling,
            "alarm": not self.low <= self.buffered <= self.high,
            "openings": self.openings,
        }


def cold_storage() -> Iterator[DeviceSpec]:
    refrigerator = ColdBox(temperature=4.4, start_above=5.5, stop_below=3.5, cooling=True)
    freezer = ColdBox(temperature=-33.5, start_above=-32.0, stop_below=-35.0, cooling=True, power=450.0)
    yield _device(10051, "Blood Bank Refrigerator 1", "BBR1", "blood bank, red cells", refrigerator, 1.5, 5.8)
    yield _device(10052, "Blood Bank Refrigerator 2", "BBR2", "blood bank, red cells", refrigerator, 1.5, 5.8)
    yield _device(10053, "Vaccine Refrigerator 1", "VR1", "pharmacy, vaccines", refrigerator, 2.0, 8.0)
    yield _device(10054, "Plasma Freezer 1", "PF1", "blood bank, plasma", freezer, -50.0, -28.0)


def _device(instance: int, name: str, prefix: str, where: str, box: ColdBox, low: float, high: float) -> DeviceSpec:
    return DeviceSpec(
        instance=instance,
        name=name,
        description=f"{name}, {where}",
        make=POLARIS,
        points=tuple(_points(prefix, name, box, low, high)),
        equipment=Cold(name, box, low, high),
    )


def _points(prefix: str, name: str, box: ColdBox, low: float, high: float) -> Iterator[PointSpec]:
    at = box.temperature
    yield ai("temperature", f"{prefix}.TEMP", "C", at, f"{name} product temperature, probe in glycerol", -60.0, 40.0)
    yield ai("air-temperature", f"{prefix}.AIR-TEMP", "C", at, f"{name} air temperature", -60.0, 40.0)
    yield av("high-limit", f"{prefix}.HI-LIM", "C", high, f"{name} high temperature alarm limit")
    yield av("low-limit", f"{prefix}.LO-LIM", "C", low, f"{name} low temperature alarm limit")
    yield bi("door", f"{prefix}.DOOR", CLOSED_OPEN, f"{name} door")
    yield bi("compressor", f"{prefix}.COMP-S", OFF_ON, f"{name} compressor status")
    yield bi("alarm", f"{prefix}.TEMP-ALM", NORMAL_ALARM, f"{name} temperature alarm")
    yield bi("power", f"{prefix}.PWR-FAIL", ("Normal", "Power failure"), f"{name} power failure")
    yield av("openings", f"{prefix}.DOOR-CNT", "", 0.0, f"{name} door openings since start")
    yield ai("battery", f"{prefix}.BATT-V", "V", 12.7, f"{name} monitor battery voltage", 0.0, 20.0)
