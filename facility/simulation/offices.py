"""The offices on floor 2, each with a VAV box of its own (underscore and slash style names)."""

from __future__ import annotations

from collections.abc import Iterator

from facility.simulation.rows import CLOSED_OPEN, VACANT_OCCUPIED, ai, ao, av, bi, bv, msv, sp
from facility.simulation.spec import DeviceSpec, Make, PointSpec
from facility.simulation.zones import VavRoom, at_work

BOXES = Make(vendor_id=1401, vendor="Carrow Controls", model="VMA-1630", firmware="6.3.0.2")
OFFICES = 8


def offices() -> Iterator[DeviceSpec]:
    for number in range(1, OFFICES + 1):
        room = 200 + number
        yield DeviceSpec(
            instance=10100 + number,
            name=f"VAV-2-{number:02d}",
            description=f"VAV box with reheat, office {room}, floor 2 administration, served by AHU-1",
            make=BOXES,
            points=tuple(_points(f"VAV_2_{number:02d}/", room)),
            equipment=VavRoom(air_handler="AHU-1", number=number, occupied=at_work),
        )


def _points(box: str, room: int) -> Iterator[PointSpec]:
    yield ai("zone-temperature", f"{box}ZN-T", "C", 21.5, f"Office {room} zone temperature", -10.0, 50.0)
    yield sp("heating-setpoint", f"{box}HTG-SP", "C", 20.0, 10.0, 30.0, f"Office {room} zone heating setpoint")
    yield sp("cooling-setpoint", f"{box}CLG-SP", "C", 25.0, 15.0, 35.0, f"Office {room} zone cooling setpoint")
    yield av("effective-setpoint", f"{box}EFF-SP", "C", 21.5, "Effective zone setpoint")
    yield ai("flow", f"{box}SA-F", "l/s", 60.0, "Supply airflow", 0.0, 400.0)
    yield av("flow-setpoint", f"{box}SAFLOW-SP", "l/s", 60.0, "Supply airflow setpoint")
    yield ao("damper", f"{box}DPR-O", "%", 40.0, "Supply air damper command")
    yield ai("damper-position", f"{box}DPR-POS", "%", 40.0, "Supply air damper position", 0.0, 100.0)
    yield ao("valve", f"{box}HTG-O", "%", 0.0, "Reheat valve command")
    yield ai("discharge-temperature", f"{box}DA-T", "C", 16.0, "Discharge air temperature", -10.0, 80.0)
    yield bi("occupancy", f"{box}OCC-S", VACANT_OCCUPIED, f"Office {room} occupancy sensor")
    yield ai("carbon-dioxide", f"{box}ZN-CO2", "ppm", 600.0, "Zone carbon dioxide", 0.0, 5000.0)
    yield av("cooling-loop", f"{box}CLG-LOOP", "%", 0.0, "Cooling loop output")
    yield av("heating-loop", f"{box}HTG-LOOP", "%", 0.0, "Heating loop output")
    yield msv("mode", f"{box}MODE", ("Deadband", "Heating", "Cooling"), 1, "Control mode")
    yield bi("window", f"{box}WINDOW-S", CLOSED_OPEN, "Window contact")
    yield bv("night", f"{box}NIGHT-OVR", ("Normal", "Override"), "After-hours override button")
